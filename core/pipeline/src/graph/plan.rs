//! From pipelines to nodes and edges: pure, no component is touched.
//!
//! The instances are the Collector's: a receiver per id, shared by its signals; a processor per
//! pipeline and id; an exporter per signal and id; a connector per id and pair of signals. How the
//! pipelines follow each other is found out in `flow`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use tapline_config::ComponentId;
use tapline_pdata::Signal;

use super::{
    Node, PipelineId,
    flow::{self, Flow},
};

/// What one pipeline asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// Which pipeline.
    pub id: PipelineId,
    /// Where its data comes from: receivers, and connectors that other pipelines end in.
    pub receivers: Vec<ComponentId>,
    /// What happens to it, in order.
    pub processors: Vec<ComponentId>,
    /// Where it goes: exporters, and connectors that other pipelines begin with. Every one gets all
    /// of it.
    pub exporters: Vec<ComponentId>,
}

/// The connectors there are, and for each the pairs of a signal it takes and one it gives for it.
pub type Connectors = BTreeMap<ComponentId, BTreeSet<(Signal, Signal)>>;

/// Why pipelines cannot be made into a graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is nothing to run.
    #[error("service must have at least one pipeline")]
    NoPipelines,
    /// Two pipelines have one id.
    #[error("pipeline \"{0}\" is defined twice")]
    DefinedTwice(PipelineId),
    /// Nothing feeds a pipeline.
    #[error("pipeline \"{0}\": must have at least one receiver")]
    NoReceiver(PipelineId),
    /// A pipeline leads nowhere.
    #[error("pipeline \"{0}\": must have at least one exporter")]
    NoExporter(PipelineId),
    /// A pipeline names one component twice in one role.
    #[error("pipeline \"{0}\": references {1} \"{2}\" multiple times")]
    ReferencedTwice(PipelineId, &'static str, ComponentId),
    /// Pipelines end in a connector, and none begins with it that it could feed.
    #[error(
        "connector \"{0}\" used as exporter in [{pipelines}] pipeline but not used in any \
         supported receiver pipeline",
        pipelines = flow::listed(.1)
    )]
    LeadsNowhere(ComponentId, Vec<PipelineId>),
    /// Pipelines begin with a connector, and none ends in it that could feed it.
    #[error(
        "connector \"{0}\" used as receiver in [{pipelines}] pipeline but not used in any \
         supported exporter pipeline",
        pipelines = flow::listed(.1)
    )]
    ComesFromNowhere(ComponentId, Vec<PipelineId>),
    /// Data would go round: from the first node to the last, which is the first again.
    #[error("cycle detected: {}", flow::path(.0))]
    Cycle(Vec<Node>),
}

/// A valid graph on paper. Prints one edge per line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    extensions: Vec<ComponentId>,
    pipelines: Vec<Pipeline>,
    connectors: Connectors,
    flow: Flow,
}

impl Plan {
    /// Checks pipelines between which there are no connectors.
    pub fn new(pipelines: Vec<Pipeline>) -> Result<Self, Vec<PlanError>> {
        Self::joined(pipelines, Connectors::new())
    }

    /// Checks the pipelines and what joins them; reports everything that is wrong with them.
    pub fn joined(
        pipelines: Vec<Pipeline>,
        connectors: Connectors,
    ) -> Result<Self, Vec<PlanError>> {
        let mut errors = Vec::new();
        if pipelines.is_empty() {
            errors.push(PlanError::NoPipelines);
        }
        let mut seen = BTreeSet::new();
        for pipeline in &pipelines {
            if !seen.insert(&pipeline.id) {
                errors.push(PlanError::DefinedTwice(pipeline.id.clone()));
            }
            check(pipeline, &mut errors);
        }
        let flow = Flow::of(&pipelines, &connectors, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            extensions: Vec::new(),
            pipelines,
            connectors,
            flow,
        })
    }

    /// Makes the plan of a graph that has nothing in it yet.
    pub(super) fn empty() -> Self {
        Self {
            extensions: Vec::new(),
            pipelines: Vec::new(),
            connectors: Connectors::new(),
            flow: Flow::default(),
        }
    }

    /// Adds the extensions, in the order in which they are to be started.
    #[must_use]
    pub fn with_extensions(mut self, extensions: Vec<ComponentId>) -> Self {
        self.extensions = extensions;
        self
    }

    /// Returns the extensions, in the order in which they are started.
    pub fn extensions(&self) -> &[ComponentId] {
        &self.extensions
    }

    /// Returns the pipelines, in the order they were given.
    pub fn pipelines(&self) -> &[Pipeline] {
        &self.pipelines
    }

    /// Returns every receiver, and by signal the pipelines it feeds.
    pub fn receivers(&self) -> BTreeMap<&ComponentId, BTreeMap<Signal, Vec<&PipelineId>>> {
        let mut receivers: BTreeMap<_, BTreeMap<_, Vec<_>>> = BTreeMap::new();
        for pipeline in &self.pipelines {
            for id in self.without_connectors(&pipeline.receivers) {
                let signals = receivers.entry(id).or_default();
                signals
                    .entry(pipeline.id.signal)
                    .or_default()
                    .push(&pipeline.id);
            }
        }
        receivers
    }

    /// Returns every exporter instance.
    pub fn exporters(&self) -> BTreeSet<(&ComponentId, Signal)> {
        let mut exporters = BTreeSet::new();
        for pipeline in &self.pipelines {
            let ids = self.without_connectors(&pipeline.exporters);
            exporters.extend(ids.map(|id| (id, pipeline.id.signal)));
        }
        exporters
    }

    /// Returns every connector instance, and the pipelines it feeds.
    pub fn connectors(&self) -> &BTreeMap<Node, Vec<PipelineId>> {
        self.flow.connectors()
    }

    /// Returns where stages and connectors stand in the flow: whatever one leads to has a higher
    /// place.
    pub(super) fn places(&self) -> BTreeMap<Node, usize> {
        self.flow.places(&self.pipelines)
    }

    /// Lists what feeds a pipeline.
    pub fn sources(&self, pipeline: &Pipeline) -> Vec<Node> {
        let receivers = self.without_connectors(&pipeline.receivers);
        let receivers = receivers.map(|id| Node::Receiver { id: id.clone() });
        receivers.chain(self.flow.beginning(pipeline)).collect()
    }

    /// Lists what a pipeline ends in.
    pub fn sinks(&self, pipeline: &Pipeline) -> Vec<Node> {
        let signal = pipeline.id.signal;
        let exporters = self.without_connectors(&pipeline.exporters);
        let exporters = exporters.map(|id| Node::Exporter {
            id: id.clone(),
            signal,
        });
        exporters.chain(self.flow.ending(pipeline)).collect()
    }

    /// Lists every component instance once, upstream before downstream.
    pub fn nodes(&self) -> Vec<Node> {
        let extensions = self.extensions.iter().cloned();
        let extensions = extensions.map(|id| Node::Extension { id });
        let receivers = self.receivers().into_keys();
        let receivers = receivers.map(|id| Node::Receiver { id: id.clone() });
        let mut nodes: Vec<Node> = extensions.chain(receivers).collect();
        for pipeline in self.flow.in_order(&self.pipelines) {
            let joints = self.flow.beginning(pipeline);
            let new: Vec<Node> = joints.filter(|node| !nodes.contains(node)).collect();
            nodes.extend(new);
            nodes.extend(stages(pipeline));
        }
        nodes.extend(self.exporters().into_iter().map(|(id, signal)| {
            let id = id.clone();
            Node::Exporter { id, signal }
        }));
        nodes
    }

    /// Lists who feeds whom, upstream before downstream within a pipeline.
    pub fn edges(&self) -> Vec<(Node, Node)> {
        let mut edges = Vec::new();
        for pipeline in &self.pipelines {
            let mut feeding = self.sources(pipeline);
            for stage in stages(pipeline) {
                edges.extend(feeding.drain(..).map(|from| (from, stage.clone())));
                feeding.push(stage);
            }
            for to in self.sinks(pipeline) {
                edges.extend(feeding.iter().map(|from| (from.clone(), to.clone())));
            }
        }
        edges
    }

    fn without_connectors<'p>(
        &'p self,
        ids: &'p [ComponentId],
    ) -> impl Iterator<Item = &'p ComponentId> {
        ids.iter().filter(|id| !self.connectors.contains_key(*id))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.edges()
            .iter()
            .try_for_each(|(from, to)| writeln!(f, "{from} -> {to}"))
    }
}

/// Lists the processors of a pipeline.
pub(super) fn stages(pipeline: &Pipeline) -> impl Iterator<Item = Node> {
    let stage = |id: &ComponentId| Node::Stage {
        pipeline: pipeline.id.clone(),
        id: id.clone(),
    };
    pipeline.processors.iter().map(stage)
}

fn check(pipeline: &Pipeline, errors: &mut Vec<PlanError>) {
    let at = &pipeline.id;
    if pipeline.receivers.is_empty() {
        errors.push(PlanError::NoReceiver(at.clone()));
    }
    if pipeline.exporters.is_empty() {
        errors.push(PlanError::NoExporter(at.clone()));
    }
    let roles = [
        ("receiver", &pipeline.receivers),
        ("processor", &pipeline.processors),
        ("exporter", &pipeline.exporters),
    ];
    for (role, ids) in roles {
        let mut seen = BTreeSet::new();
        for id in ids.iter().filter(|id| !seen.insert(*id)) {
            errors.push(PlanError::ReferencedTwice(at.clone(), role, id.clone()));
        }
    }
}
