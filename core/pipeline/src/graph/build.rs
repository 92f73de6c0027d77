//! From a plan to components. Nothing is started, nothing is wired and nothing is acquired here.
//!
//! When a graph is running already, only what differs from it is built: see [`Keep`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tapline_config::ComponentId;
use tapline_pdata::{Signal, rewrite::Transform};

use super::{
    Branches, Node, Plan,
    edge::{IntoStage, OutOfReceiver, OutOfStage},
    fused::Member,
    slot::{Slot, Ways},
};
use crate::{
    BuildContext, Consumer, DeliverySettings, Exporter, Extension, Outlets, Receiver, Reporter,
    ServiceTable, Services, Shared, Stage, StatusTable, meter::Meters,
};

/// Makes components from their configuration, without side effects. The daemon's component table.
pub trait Factories {
    /// Returns a text that differs when the settings of a component differ, or those of something
    /// it uses. A running component whose fingerprint stays is kept by a reload.
    fn fingerprint(&self, node: &Node) -> String;

    /// Makes an extension.
    fn extension(&self, context: &BuildContext) -> Result<Arc<dyn Extension>, String>;

    /// Makes the receiver that serves all these signals.
    fn receiver(
        &self,
        context: &BuildContext,
        signals: &[Signal],
    ) -> Result<Box<dyn Receiver>, String>;

    /// Makes a processor.
    fn processor(&self, context: &BuildContext) -> Result<Processor, String>;

    /// Makes the connector from one signal to another; the context's signal is the first.
    fn connector(
        &self,
        context: &BuildContext,
        from: Signal,
        to: Signal,
    ) -> Result<MakeConnector, String>;

    /// Makes the exporter for one signal. Several signals may be handed one shared instance.
    fn exporter(&self, context: &BuildContext) -> Result<Ship, String>;
}

/// A processor, by what it needs.
pub enum Processor {
    /// Changes one thing at a time and holds nothing: neighbours are run in one pass over a batch.
    Transform(Arc<dyn Transform>),
    /// Decides itself when it passes on what.
    Stage(MakeStage),
}

/// Makes a stage that passes on to the given consumer.
pub type MakeStage = Box<dyn FnOnce(Arc<dyn Consumer>) -> Result<Arc<dyn Stage>, String>>;

/// Makes a connector that passes on to the given pipelines: a stage that leads to several.
pub type MakeConnector = Box<dyn FnOnce(Branches) -> Result<Arc<dyn Stage>, String>>;

/// An exporter, and how to deliver to it.
pub struct Ship {
    /// Sends one batch once.
    pub exporter: Arc<dyn Exporter>,
    /// Its queue, retry and timeout.
    pub delivery: DeliverySettings,
}

/// A component could not be made from its configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot build {node}: {cause}")]
pub struct BuildError {
    /// Which component.
    pub node: Node,
    /// What its factory said.
    pub cause: String,
}

/// What a running graph has that a new one can keep.
#[derive(Default)]
pub struct Keep {
    pub(super) fingerprints: BTreeMap<Node, String>,
    pub(super) services: BTreeMap<ComponentId, Services>,
    pub(super) status: StatusTable,
}

/// Components that have not been started: all of a plan, or those that a running graph lacks.
pub struct Graph {
    pub(super) plan: Plan,
    pub(super) fingerprints: BTreeMap<Node, String>,
    pub(super) extensions: BTreeMap<Node, Arc<dyn Extension>>,
    pub(super) receivers: BTreeMap<Node, BuiltReceiver>,
    /// Connectors too.
    pub(super) stages: BTreeMap<Node, BuiltStage>,
    pub(super) transforms: BTreeMap<Node, Arc<Member>>,
    pub(super) ships: BTreeMap<Node, (Ship, BuildContext)>,
    pub(super) status: StatusTable,
    pub(super) meters: Meters,
}

pub(super) struct BuiltReceiver {
    pub(super) receiver: Box<dyn Receiver>,
    pub(super) outlets: Outlets,
    pub(super) ways: BTreeMap<Signal, Arc<Slot>>,
}

pub(super) struct BuiltStage {
    pub(super) stage: Arc<dyn Stage>,
    pub(super) entrance: Arc<dyn Consumer>,
    pub(super) ways: Ways,
}

/// Builds the components of a plan that are not kept; reports every one that cannot be built.
/// What extensions offer is added to what the components share.
pub fn build(
    plan: &Plan,
    factories: &dyn Factories,
    meters: &Meters,
    shared: &Shared,
    keep: Keep,
) -> Result<Graph, Vec<BuildError>> {
    let mut fingerprints = BTreeMap::new();
    for node in plan.nodes() {
        let fingerprint = factories.fingerprint(&node) + &told(plan, &node);
        fingerprints.insert(node, fingerprint);
    }
    let wanted = |node: &&Node| keep.fingerprints.get(*node) != fingerprints.get(*node);
    let wanted: BTreeSet<Node> = fingerprints.keys().filter(wanted).cloned().collect();
    let mut builder = Builder {
        factories,
        meters,
        shared: shared.clone(),
        wanted,
        errors: Vec::new(),
        graph: Graph {
            plan: plan.clone(),
            fingerprints,
            extensions: BTreeMap::new(),
            receivers: BTreeMap::new(),
            stages: BTreeMap::new(),
            transforms: BTreeMap::new(),
            ships: BTreeMap::new(),
            status: keep.status,
            meters: meters.clone(),
        },
    };
    builder.extensions(&keep.services);
    builder.exporters();
    builder.processors();
    builder.connectors();
    builder.receivers();
    if builder.errors.is_empty() {
        Ok(builder.graph)
    } else {
        Err(builder.errors)
    }
}

/// Writes down what a component is told beyond its settings: a receiver its signals, a connector
/// the pipelines behind it.
fn told(plan: &Plan, node: &Node) -> String {
    let told: Vec<String> = match node {
        Node::Receiver { id } => {
            let signals = plan.receivers().remove(id).unwrap_or_default();
            signals.keys().map(ToString::to_string).collect()
        }
        Node::Connector { .. } => {
            let pipelines = plan.connectors().get(node).into_iter().flatten();
            pipelines.map(ToString::to_string).collect()
        }
        _ => Vec::new(),
    };
    told.join(",")
}

pub(super) struct Builder<'f> {
    pub(super) factories: &'f dyn Factories,
    pub(super) meters: &'f Meters,
    pub(super) shared: Shared,
    pub(super) wanted: BTreeSet<Node>,
    pub(super) errors: Vec<BuildError>,
    pub(super) graph: Graph,
}

impl Builder<'_> {
    fn extensions(&mut self, kept: &BTreeMap<ComponentId, Services>) {
        let mut services = Vec::new();
        for id in self.graph.plan.extensions().to_vec() {
            let node = Node::Extension { id: id.clone() };
            if !self.wanted.contains(&node) {
                services.extend(kept.get(&id).map(|kept| (id, kept.clone())));
                continue;
            }
            let context = self.context("extension", &node, Signal::Traces);
            match self.factories.extension(&context) {
                Ok(extension) => {
                    services.push((id, extension.offers()));
                    self.graph.extensions.insert(node, extension);
                }
                Err(cause) => self.errors.push(BuildError { node, cause }),
            }
        }
        self.shared.services = ServiceTable::new(services);
    }

    fn exporters(&mut self) {
        let plan = self.graph.plan.clone();
        for (id, signal) in plan.exporters() {
            let node = Node::Exporter {
                id: id.clone(),
                signal,
            };
            if !self.wanted.contains(&node) {
                continue;
            }
            let context = self.context("exporter", &node, signal);
            match self.factories.exporter(&context) {
                Ok(ship) => drop(self.graph.ships.insert(node, (ship, context))),
                Err(cause) => self.errors.push(BuildError { node, cause }),
            }
        }
    }

    fn processors(&mut self) {
        let plan = self.graph.plan.clone();
        for pipeline in plan.pipelines() {
            for id in &pipeline.processors {
                let node = Node::Stage {
                    pipeline: pipeline.id.clone(),
                    id: id.clone(),
                };
                if !self.wanted.contains(&node) {
                    continue;
                }
                if let Err(cause) = self.processor(&node, pipeline.id.signal) {
                    self.errors.push(BuildError { node, cause });
                }
            }
        }
    }

    fn processor(&mut self, node: &Node, signal: Signal) -> Result<(), String> {
        let context = self.context("processor", node, signal);
        let meters = &context.meters;
        let make = match self.factories.processor(&context)? {
            Processor::Stage(make) => make,
            Processor::Transform(transform) => {
                let member = Member::new(node.clone(), transform, signal, meters);
                self.graph.transforms.insert(node.clone(), member);
                return Ok(());
            }
        };
        let way = Slot::new();
        let next = OutOfStage::new(Arc::clone(&way), signal, meters);
        let stage = make(Arc::new(next))?;
        let status = self.graph.status.clone();
        let entrance = IntoStage::new(Arc::clone(&stage), node.clone(), signal, meters, status);
        let built = BuiltStage {
            stage,
            entrance: Arc::new(entrance),
            ways: Ways::Next(way),
        };
        self.graph.stages.insert(node.clone(), built);
        Ok(())
    }

    fn receivers(&mut self) {
        let plan = self.graph.plan.clone();
        for (id, signals) in plan.receivers() {
            let node = Node::Receiver { id: id.clone() };
            if !self.wanted.contains(&node) {
                continue;
            }
            let signals: Vec<Signal> = signals.into_keys().collect();
            let context = self.context("receiver", &node, signals[0]);
            match self.factories.receiver(&context, &signals) {
                Ok(receiver) => {
                    let (outlets, ways) = self.outlets(&signals, context.meters);
                    let built = BuiltReceiver {
                        receiver,
                        outlets,
                        ways,
                    };
                    self.graph.receivers.insert(node, built);
                }
                Err(cause) => self.errors.push(BuildError { node, cause }),
            }
        }
    }

    fn outlets(
        &self,
        signals: &[Signal],
        meters: Meters,
    ) -> (Outlets, BTreeMap<Signal, Arc<Slot>>) {
        let ways: BTreeMap<_, _> = signals.iter().map(|at| (*at, Slot::new())).collect();
        let (memory, slots) = (self.shared.memory.clone(), ways.clone());
        let lead = move |signal, transport: Option<&'static str>| -> Arc<dyn Consumer> {
            let next = Arc::clone(&slots[&signal]);
            let memory = memory.clone();
            Arc::new(OutOfReceiver::new(next, signal, transport, &meters, memory))
        };
        (Outlets::leading(signals.to_vec(), Arc::new(lead)), ways)
    }

    pub(super) fn context(&self, role: &'static str, node: &Node, signal: Signal) -> BuildContext {
        BuildContext {
            id: node.id().clone(),
            signal,
            meters: self.meters.labelled(&[(role, &node.id().to_string())]),
            shared: self.shared.clone(),
            health: Reporter::new(self.graph.status.clone(), node.clone()),
        }
    }
}
