//! From a plan to wired components. Nothing is started and nothing is acquired here.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use tapline_config::ComponentId;
use tapline_pdata::{Batch, Signal};

use super::{Node, Plan, edge::Edge, fan_out::fan_out};
use crate::{
    BuildContext, Consumer, Delivery, DeliverySettings, Exporter, Fault, Outlets, Receiver,
    Refusal, Shared, Stage, StatusTable, meter::Meters,
};

/// Makes components from their configuration, without side effects. The daemon's component table.
pub trait Factories {
    /// Makes the receiver that serves all these signals.
    fn receiver(
        &self,
        context: &BuildContext,
        signals: &[Signal],
    ) -> Result<Box<dyn Receiver>, String>;

    /// Makes a processor that passes on to `next`.
    fn stage(
        &self,
        context: &BuildContext,
        next: Arc<dyn Consumer>,
    ) -> Result<Arc<dyn Stage>, String>;

    /// Makes the exporter for one signal. Several signals may be handed one shared instance.
    fn exporter(&self, context: &BuildContext) -> Result<Ship, String>;
}

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

/// Wired components that have not been started.
pub struct Graph {
    pub(super) receivers: Vec<(Node, Box<dyn Receiver>, Outlets)>,
    /// With their place in their pipeline, which is the order of draining.
    pub(super) stages: Vec<(Node, usize, Arc<dyn Stage>)>,
    pub(super) deliveries: Vec<Arc<Delivery>>,
    pub(super) status: StatusTable,
}

/// Builds every component of a plan, downstream first; reports every one that cannot be built.
pub fn build(
    plan: &Plan,
    factories: &dyn Factories,
    meters: &Meters,
    shared: &Shared,
) -> Result<Graph, Vec<BuildError>> {
    let graph = Graph {
        receivers: Vec::new(),
        stages: Vec::new(),
        deliveries: Vec::new(),
        status: StatusTable::new(plan.nodes()),
    };
    let mut builder = Builder {
        factories,
        meters,
        shared,
        graph,
        errors: Vec::new(),
    };
    let tails = builder.exporters(plan);
    let heads = builder.pipelines(plan, &tails);
    builder.receivers(plan, &heads);
    if builder.errors.is_empty() {
        Ok(builder.graph)
    } else {
        Err(builder.errors)
    }
}

type Tails<'p> = BTreeMap<(&'p ComponentId, Signal), Arc<dyn Consumer>>;
type Heads<'p> = BTreeMap<&'p super::PipelineId, Arc<dyn Consumer>>;

struct Builder<'f> {
    factories: &'f dyn Factories,
    meters: &'f Meters,
    shared: &'f Shared,
    graph: Graph,
    errors: Vec<BuildError>,
}

impl Builder<'_> {
    fn exporters<'p>(&mut self, plan: &'p Plan) -> Tails<'p> {
        let mut tails: Tails<'p> = BTreeMap::new();
        for (id, signal) in plan.exporters() {
            let node = Node::Exporter {
                id: id.clone(),
                signal,
            };
            let context = self.context("exporter", id, signal);
            let tail: Arc<dyn Consumer> = match self.factories.exporter(&context) {
                Ok(Ship { exporter, delivery }) => {
                    let status = self.graph.status.clone();
                    let made = Delivery::new(exporter, delivery, &context, status);
                    self.graph.deliveries.push(Arc::clone(&made));
                    made
                }
                Err(cause) => self.failed(node, cause),
            };
            tails.insert((id, signal), tail);
        }
        tails
    }

    fn pipelines<'p>(&mut self, plan: &'p Plan, tails: &Tails<'p>) -> Heads<'p> {
        let mut heads: Heads<'p> = BTreeMap::new();
        for pipeline in plan.pipelines() {
            let signal = pipeline.id.signal;
            let tail = |id| tails.get(&(id, signal)).map(Arc::clone);
            let mut head = fan_out(pipeline.exporters.iter().filter_map(tail).collect());
            for (place, id) in pipeline.processors.iter().enumerate().rev() {
                let node = Node::Stage {
                    pipeline: pipeline.id.clone(),
                    id: id.clone(),
                };
                head = self.stage(node, place, signal, head);
            }
            heads.insert(&pipeline.id, head);
        }
        heads
    }

    fn stage(
        &mut self,
        node: Node,
        place: usize,
        signal: Signal,
        next: Arc<dyn Consumer>,
    ) -> Arc<dyn Consumer> {
        let context = self.context("processor", node.id(), signal);
        let meters = &context.meters;
        let next = Edge::out_of_stage(next, signal, meters);
        let stage = match self.factories.stage(&context, next) {
            Ok(stage) => stage,
            Err(cause) => return self.failed(node, cause),
        };
        self.graph
            .stages
            .push((node.clone(), place, Arc::clone(&stage)));
        Edge::into_stage(stage, node, signal, meters, self.graph.status.clone())
    }

    fn receivers(&mut self, plan: &Plan, heads: &Heads<'_>) {
        for (id, signals) in plan.receivers() {
            let node = Node::Receiver { id: id.clone() };
            let first = *signals.keys().next().expect("a receiver has a pipeline");
            let context = self.context("receiver", id, first);
            let mut outlets = Outlets::default();
            for (signal, pipelines) in &signals {
                let head = |at: &&_| heads.get(*at).map(Arc::clone);
                let next = fan_out(pipelines.iter().filter_map(head).collect());
                outlets.0.insert(
                    *signal,
                    Edge::out_of_receiver(next, *signal, &context.meters),
                );
            }
            let signals: Vec<Signal> = signals.into_keys().collect();
            match self.factories.receiver(&context, &signals) {
                Ok(receiver) => self.graph.receivers.push((node, receiver, outlets)),
                Err(cause) => drop(self.failed(node, cause)),
            }
        }
    }

    fn context(&self, role: &'static str, id: &ComponentId, signal: Signal) -> BuildContext {
        BuildContext {
            id: id.clone(),
            signal,
            meters: self.meters.labelled(&[(role, &id.to_string())]),
            shared: self.shared.clone(),
        }
    }

    /// Notes the failure and stands in for the component, so that the rest is still checked.
    fn failed(&mut self, node: Node, cause: String) -> Arc<dyn Consumer> {
        self.errors.push(BuildError { node, cause });
        Arc::new(Nowhere)
    }
}

/// Takes the place of a component that could not be built; the graph is thrown away anyway.
struct Nowhere;

#[async_trait]
impl Consumer for Nowhere {
    async fn consume(&self, _batch: Batch) -> Result<(), Refusal> {
        Err(Refusal::never(Fault::Tapline, "not built"))
    }
}
