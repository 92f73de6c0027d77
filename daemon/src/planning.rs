//! From what was written to the plan of the graph, every mistake at its place.
//!
//! Ids and references have been checked by then. What is left needs to know components: which
//! signals each takes, and what connectors join.

use std::collections::BTreeMap;

use tapline_config::{ComponentId, Document, Layout, Located, Node, Place, Problem, Problems};
use tapline_pdata::Signal;
use tapline_pipeline::graph::{Connectors, Pipeline, PipelineId, Plan, PlanError};

use crate::{
    components::{self, MakeConnector},
    stability::Stability,
};

/// Makes the plan, adding what speaks against it to a list.
pub(crate) fn plan(
    document: &Document,
    layout: &Layout,
    connectors: &BTreeMap<ComponentId, MakeConnector>,
    problems: &mut Problems,
) -> Option<Plan> {
    check_signals(layout, problems);
    let pipelines: Vec<Pipeline> = layout
        .service
        .pipelines
        .iter()
        .filter_map(pipeline)
        .collect();
    let ids = layout.connectors.iter().map(|(id, _)| id.value.clone());
    let with_joins = |id: ComponentId| match connectors.get(&id) {
        Some(known) => (id, known.joins.iter().copied().collect()),
        // Its own mistake is told already.
        None => (id, every_pair().collect()),
    };
    let connectors: Connectors = ids.map(with_joins).collect();
    let is_whole = pipelines.len() == written_pipelines(document);
    match Plan::joined(pipelines, connectors) {
        Ok(plan) => {
            let started = layout.service.extensions.iter();
            Some(plan.with_extensions(started.map(|id| id.value.clone()).collect()))
        }
        Err(errors) => {
            let is_news = !problems.has_errors();
            for error in errors {
                match place_of(&error, layout) {
                    // A pipeline that could not be read may be the one that is missed.
                    Some(place) if is_whole => {
                        problems.push(Problem::error(&place, error.to_string()));
                    }
                    None if is_news => problems.push(Problem::unplaced(error.to_string())),
                    _ => {}
                }
            }
            None
        }
    }
}

fn every_pair() -> impl Iterator<Item = (Signal, Signal)> {
    let from = Signal::ALL.into_iter();
    from.flat_map(|from| Signal::ALL.map(|to| (from, to)))
}

fn written_pipelines(document: &Document) -> usize {
    let service = document.root().get("service");
    let pipelines = service.and_then(|service| service.get("pipelines"));
    pipelines.map_or(0, |pipelines| Node::entries(pipelines).len())
}

/// `None` for a signal that does not exist, which `Layout::read` has reported.
fn pipeline(written: &tapline_config::Pipeline) -> Option<Pipeline> {
    let ids = |list: &[Located<ComponentId>]| list.iter().map(|id| id.value.clone()).collect();
    Some(Pipeline {
        id: graph_id(written)?,
        receivers: ids(&written.receivers),
        processors: ids(&written.processors),
        exporters: ids(&written.exporters),
    })
}

fn graph_id(written: &tapline_config::Pipeline) -> Option<PipelineId> {
    let id = &written.id.value;
    let signal = Signal::from_name(&id.signal)?;
    let name = id.name.clone();
    Some(PipelineId { signal, name })
}

/// Finds where a mistake with a connector was written; other mistakes have been told.
fn place_of(error: &PlanError, layout: &Layout) -> Option<Place> {
    match error {
        PlanError::LeadsNowhere(id, pipelines) => {
            reference(layout, &pipelines[0], id, |at| &at.exporters)
        }
        PlanError::ComesFromNowhere(id, pipelines) => {
            reference(layout, &pipelines[0], id, |at| &at.receivers)
        }
        PlanError::Cycle(nodes) => {
            let id = nodes.first()?.id();
            let mut written = layout.connectors.iter();
            let (found, _) = written.find(|(other, _)| other.value == *id)?;
            Some(found.place.clone())
        }
        _ => None,
    }
}

/// Finds where a pipeline refers to a component.
fn reference(
    layout: &Layout,
    pipeline: &PipelineId,
    id: &ComponentId,
    list: fn(&tapline_config::Pipeline) -> &Vec<Located<ComponentId>>,
) -> Option<Place> {
    let mut pipelines = layout.service.pipelines.iter();
    let written = pipelines.find(|at| graph_id(at).as_ref() == Some(pipeline))?;
    let found = list(written).iter().find(|other| other.value == *id)?;
    Some(found.place.clone())
}

/// Reports components in pipelines of signals that they do not take.
fn check_signals(layout: &Layout, problems: &mut Problems) {
    for pipeline in &layout.service.pipelines {
        let Some(signal) = Signal::from_name(&pipeline.id.value.signal) else {
            continue;
        };
        let parts = [
            ("receivers", &pipeline.receivers),
            ("processors", &pipeline.processors),
            ("exporters", &pipeline.exporters),
        ];
        for (section, ids) in parts {
            for id in ids {
                let Some(takes) = signals(section, &id.value.kind) else {
                    continue;
                };
                if !takes.contains(&signal) {
                    let what = section.trim_end_matches('s');
                    let message = format!(
                        "{what} `{}` in pipeline `{}`: telemetry type is not supported",
                        id.value, pipeline.id.value
                    );
                    let takes: Vec<&str> = takes.iter().map(|signal| signal.name()).collect();
                    let label = format!("it takes {}", takes.join(", "));
                    problems.push(Problem::error(&id.place, message).with_label(label));
                }
            }
        }
    }
}

/// Returns the signals that a component takes, if it is one that carries any.
fn signals(section: &str, kind: &str) -> Option<Vec<Signal>> {
    match components::stability(section, kind)? {
        Stability::Signals(signals) => Some(signals.iter().map(|(signal, _)| *signal).collect()),
        Stability::Routes(_) | Stability::Whole(_) => None,
    }
}
