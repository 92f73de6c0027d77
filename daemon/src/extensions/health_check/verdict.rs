//! Whether the process is well: pure, from what the host knows and the rules of who asks.

use std::time::Duration;

use tapline_config::ComponentId;
use tapline_pdata::Signal;
use tapline_pipeline::{
    Health, Moment, Status, StatusTable,
    graph::{Node, Pipeline, PipelineId},
};
use tokio::time::Instant;

use crate::host_view::{Phase, Scene};

/// Which errors of components count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rules {
    /// Whether those that need a person do.
    pub(super) permanent: bool,
    /// After how long those that may go away do, if ever.
    pub(super) recoverable: Option<Duration>,
}

/// One component of a pipeline.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// `receiver:otlp`.
    pub(super) name: String,
    pub(super) health: Health,
    pub(super) is_well: bool,
}

/// The components of one pipeline.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    /// `traces/backup`.
    pub(super) pipeline: String,
    pub(super) parts: Vec<Part>,
}

/// What there is to say.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub(super) is_well: bool,
    /// The worst state there is.
    pub(super) status: Status,
    /// Why, when a component is in an error state.
    pub(super) cause: String,
    /// Since when.
    pub(super) since: Option<Moment>,
    pub(super) pipelines: Vec<Whole>,
}

/// Judges everything, or one pipeline; `None` when there is no such pipeline.
pub(super) fn judge(
    scene: &Scene,
    only: Option<&str>,
    rules: Rules,
    now: Instant,
) -> Option<Verdict> {
    let wanted = |pipeline: &&Pipeline| only.is_none_or(|only| pipeline.id.to_string() == only);
    let pipelines: Vec<Whole> = scene
        .pipelines
        .iter()
        .filter(wanted)
        .map(|pipeline| whole(pipeline, scene, rules, now))
        .collect();
    if only.is_some() && pipelines.is_empty() {
        return None;
    }
    let mut verdict = Verdict {
        is_well: matches!(scene.phase, Phase::Running(_)),
        status: match scene.phase {
            Phase::Starting => Status::Starting,
            Phase::Running(_) => Status::Ok,
            Phase::Stopping => Status::Stopping,
        },
        cause: String::new(),
        since: match scene.phase {
            Phase::Running(moment) => Some(moment),
            Phase::Starting | Phase::Stopping => None,
        },
        pipelines,
    };
    let parts = verdict.pipelines.iter().flat_map(|whole| &whole.parts);
    let is_well = parts.clone().all(|part| part.is_well);
    let worst = parts.max_by_key(|part| badness(part.health.status));
    let is_news = |part: &&Part| badness(part.health.status) > badness(verdict.status);
    if let Some(worst) = worst.filter(is_news) {
        verdict.cause = format!("{}: {}", worst.name, worst.health.cause);
        verdict.since = worst.health.since;
        verdict.status = worst.health.status;
    }
    verdict.is_well &= is_well;
    Some(verdict)
}

fn whole(pipeline: &Pipeline, scene: &Scene, rules: Rules, now: Instant) -> Whole {
    let parts = nodes(pipeline, &scene.status).filter_map(|(name, node)| {
        let health = scene.status.get(&node)?;
        let is_well = is_well(&health, rules, now);
        Some(Part {
            name,
            health,
            is_well,
        })
    });
    Whole {
        pipeline: pipeline.id.to_string(),
        parts: parts.collect(),
    }
}

/// Lists the components of a pipeline in the order of the flow. Which of them are connectors is
/// told by the table of states.
pub(crate) fn nodes(
    pipeline: &Pipeline,
    status: &StatusTable,
) -> impl Iterator<Item = (String, Node)> {
    let PipelineId { signal, .. } = pipeline.id;
    let states = status.snapshot().into_iter();
    let connectors: Vec<Node> = states
        .map(|(node, _)| node)
        .filter(|node| matches!(node, Node::Connector { .. }))
        .collect();
    let joints = |id: &ComponentId, side: fn(&Node) -> Option<Signal>| -> Vec<Node> {
        let here = connectors.iter();
        let here = here.filter(|node| node.id() == id && side(node) == Some(signal));
        here.cloned().collect()
    };
    let sources = pipeline.receivers.iter().flat_map(|id| {
        let joints = joints(id, gives);
        let receiver = joints.is_empty().then(|| Node::Receiver { id: id.clone() });
        joints.into_iter().chain(receiver)
    });
    let stages = pipeline.processors.iter().map(|id| Node::Stage {
        pipeline: pipeline.id.clone(),
        id: id.clone(),
    });
    let sinks = pipeline.exporters.iter().flat_map(|id| {
        let joints = joints(id, takes);
        let id = id.clone();
        let exporter = joints.is_empty().then_some(Node::Exporter { id, signal });
        joints.into_iter().chain(exporter)
    });
    let named = |node: Node| (format!("{}:{}", node.role(), node.id()), node);
    let nodes: Vec<_> = sources.chain(stages).chain(sinks).map(named).collect();
    nodes.into_iter()
}

fn takes(node: &Node) -> Option<Signal> {
    match node {
        Node::Connector { from, .. } => Some(*from),
        _ => None,
    }
}

fn gives(node: &Node) -> Option<Signal> {
    match node {
        Node::Connector { to, .. } => Some(*to),
        _ => None,
    }
}

fn is_well(health: &Health, rules: Rules, now: Instant) -> bool {
    match health.status {
        Status::FatalError => false,
        Status::PermanentError => !rules.permanent,
        Status::RecoverableError => {
            let lasted = health.since.map(|since| now.duration_since(since.instant));
            let lasted = lasted.unwrap_or_default();
            rules.recoverable.is_none_or(|patience| lasted < patience)
        }
        // Whether these are as they should be depends on the phase, which is judged for itself.
        Status::None | Status::Starting | Status::Ok | Status::Stopping | Status::Stopped => true,
    }
}

/// Orders states from good to bad.
fn badness(status: Status) -> u8 {
    match status {
        Status::None | Status::Ok => 0,
        Status::Starting | Status::Stopping | Status::Stopped => 1,
        Status::RecoverableError => 2,
        Status::PermanentError => 3,
        Status::FatalError => 4,
    }
}
