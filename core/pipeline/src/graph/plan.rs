//! From pipelines to nodes and edges: pure, no component is touched.
//!
//! The instances are the Collector's: a receiver per id, shared by its signals; a processor per
//! pipeline and id; an exporter per signal and id.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use tapline_config::ComponentId;
use tapline_pdata::Signal;

/// `signal[/name]`: which pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PipelineId {
    /// What flows through it.
    pub signal: Signal,
    /// What follows the slash; empty when there is none.
    pub name: String,
}

impl fmt::Display for PipelineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.signal.name())?;
        if self.name.is_empty() {
            Ok(())
        } else {
            write!(f, "/{}", self.name)
        }
    }
}

/// What one pipeline asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// Which pipeline.
    pub id: PipelineId,
    /// Where its data comes from.
    pub receivers: Vec<ComponentId>,
    /// What happens to it, in order.
    pub processors: Vec<ComponentId>,
    /// Where it goes; every one gets all of it.
    pub exporters: Vec<ComponentId>,
}

/// One component instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    /// An extension.
    Extension {
        /// Its id in the configuration.
        id: ComponentId,
    },
    /// A receiver, serving every signal it is used for.
    Receiver {
        /// Its id in the configuration.
        id: ComponentId,
    },
    /// A processor in one pipeline.
    Stage {
        /// The pipeline it belongs to.
        pipeline: PipelineId,
        /// Its id in the configuration.
        id: ComponentId,
    },
    /// An exporter for one signal.
    Exporter {
        /// Its id in the configuration.
        id: ComponentId,
        /// The signal this instance ships.
        signal: Signal,
    },
}

impl Node {
    /// Returns the id in the configuration.
    pub fn id(&self) -> &ComponentId {
        match self {
            Self::Extension { id }
            | Self::Receiver { id }
            | Self::Stage { id, .. }
            | Self::Exporter { id, .. } => id,
        }
    }

    /// Returns what it is, in the user's words: `receiver`, `processor`, `exporter`, `extension`.
    pub fn role(&self) -> &'static str {
        match self {
            Self::Extension { .. } => "extension",
            Self::Receiver { .. } => "receiver",
            Self::Stage { .. } => "processor",
            Self::Exporter { .. } => "exporter",
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Extension { id } => write!(f, "extension {id}"),
            Self::Receiver { id } => write!(f, "receiver {id}"),
            Self::Stage { pipeline, id } => write!(f, "processor {id} in {pipeline}"),
            Self::Exporter { id, signal } => write!(f, "exporter {id} for {signal}"),
        }
    }
}

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
}

/// A valid graph on paper. Prints one edge per line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    extensions: Vec<ComponentId>,
    pipelines: Vec<Pipeline>,
}

impl Plan {
    /// Checks the pipelines; reports everything that is wrong with them.
    pub fn new(pipelines: Vec<Pipeline>) -> Result<Self, Vec<PlanError>> {
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
        if errors.is_empty() {
            Ok(Self {
                extensions: Vec::new(),
                pipelines,
            })
        } else {
            Err(errors)
        }
    }

    /// Makes the plan of a graph that has nothing in it yet.
    pub(super) fn empty() -> Self {
        Self {
            extensions: Vec::new(),
            pipelines: Vec::new(),
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
            for id in &pipeline.receivers {
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
        let pipelines = self.pipelines.iter();
        pipelines
            .flat_map(|p| p.exporters.iter().map(|id| (id, p.id.signal)))
            .collect()
    }

    /// Lists every component instance once, upstream before downstream.
    pub fn nodes(&self) -> Vec<Node> {
        let extensions = self.extensions.iter().cloned();
        let extensions = extensions.map(|id| Node::Extension { id });
        let receivers = self
            .receivers()
            .into_keys()
            .map(|id| Node::Receiver { id: id.clone() });
        let stages = self.pipelines.iter().flat_map(stages);
        let exporters = self.exporters().into_iter();
        let exporters = exporters.map(|(id, signal)| Node::Exporter {
            id: id.clone(),
            signal,
        });
        extensions
            .chain(receivers)
            .chain(stages)
            .chain(exporters)
            .collect()
    }

    /// Lists who feeds whom, upstream before downstream within a pipeline.
    pub fn edges(&self) -> Vec<(Node, Node)> {
        let mut edges = Vec::new();
        for pipeline in &self.pipelines {
            let signal = pipeline.id.signal;
            let mut feeding: Vec<Node> = pipeline
                .receivers
                .iter()
                .map(|id| Node::Receiver { id: id.clone() })
                .collect();
            for stage in stages(pipeline) {
                edges.extend(feeding.drain(..).map(|from| (from, stage.clone())));
                feeding.push(stage);
            }
            for id in &pipeline.exporters {
                let to = Node::Exporter {
                    id: id.clone(),
                    signal,
                };
                edges.extend(feeding.iter().map(|from| (from.clone(), to.clone())));
            }
        }
        edges
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.edges()
            .iter()
            .try_for_each(|(from, to)| writeln!(f, "{from} -> {to}"))
    }
}

fn stages(pipeline: &Pipeline) -> impl Iterator<Item = Node> {
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
