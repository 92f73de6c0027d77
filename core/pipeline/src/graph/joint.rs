//! Connectors in the graph: how they are made, and the meters around them.
//!
//! A connector is a stage that several ways lead out of. It makes batches that were not there
//! before, so its edges also put their bytes on the account.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use tapline_pdata::{Batch, Signal};

use super::{
    Branches, Node, PipelineId,
    build::{BuildError, Builder, BuiltStage},
    edge::{IntoStage, OutOfStage},
    slot::{Slot, Ways},
};
use crate::{
    Consumer, Memory, Refusal,
    meter::{Meters, names},
};

impl Builder<'_> {
    /// Makes every connector instance that is not kept.
    pub(super) fn connectors(&mut self) {
        let plan = self.graph.plan.clone();
        for (node, pipelines) in plan.connectors() {
            let Node::Connector { from, to, .. } = node else {
                continue;
            };
            if !self.wanted.contains(node) {
                continue;
            }
            match self.connector(node, (*from, *to), pipelines) {
                Ok(built) => drop(self.graph.stages.insert(node.clone(), built)),
                Err(cause) => self.errors.push(BuildError {
                    node: node.clone(),
                    cause,
                }),
            }
        }
    }

    fn connector(
        &self,
        node: &Node,
        signals: (Signal, Signal),
        pipelines: &[PipelineId],
    ) -> Result<BuiltStage, String> {
        let context = self.context("connector", node, signals.0);
        let meters = &context.meters;
        let ways = pipelines.iter().map(|id| (id.clone(), Slot::new()));
        let ways: BTreeMap<PipelineId, Arc<Slot>> = ways.collect();
        let branch = |(id, way): (&PipelineId, &Arc<Slot>)| -> (PipelineId, Arc<dyn Consumer>) {
            let memory = self.shared.memory.clone();
            let edge = OutOfConnector::new(Arc::clone(way), signals, id, meters, memory);
            (id.clone(), Arc::new(edge))
        };
        let branches = Branches::new(ways.iter().map(branch).collect());
        let make = self.factories.connector(&context, signals.0, signals.1)?;
        let stage = make(branches)?;
        let metrics = [names::CONNECTOR_CONSUMED, names::CONNECTOR_DURATION];
        let entrance = IntoStage::counting(
            Arc::clone(&stage),
            node.clone(),
            meters,
            metrics,
            &labels(signals),
            self.graph.status.clone(),
        );
        Ok(BuiltStage {
            stage,
            entrance: Arc::new(entrance),
            ways: Ways::Branches(ways),
        })
    }
}

fn labels((from, to): (Signal, Signal)) -> [(&'static str, &'static str); 2] {
    [
        ("otel_signal", from.name()),
        ("otel_signal_output", to.name()),
    ]
}

/// Counts what a connector passes into one pipeline, and puts bytes that are new on the account.
struct OutOfConnector {
    next: OutOfStage,
    memory: Memory,
}

impl OutOfConnector {
    fn new(
        next: Arc<Slot>,
        signals: (Signal, Signal),
        pipeline: &PipelineId,
        meters: &Meters,
        memory: Memory,
    ) -> Self {
        let [from, to] = labels(signals);
        let pipeline = pipeline.to_string();
        let (name, help) = names::CONNECTOR_PRODUCED;
        let outgoing = meters.counter(name, help, &[from, to, ("pipeline", &pipeline)]);
        Self {
            next: OutOfStage::counting(next, outgoing),
            memory,
        }
    }
}

#[async_trait]
impl Consumer for OutOfConnector {
    async fn consume(&self, mut batch: Batch) -> Result<(), Refusal> {
        if !batch.is_held() {
            let held = self.memory.hold(batch.size_bytes());
            batch = batch.with_hold(Arc::new(held));
        }
        self.next.consume(batch).await
    }

    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.next.admit(bytes)
    }
}
