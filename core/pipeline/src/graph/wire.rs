//! Connects what a plan joins: every way out of a component leads to the entrances of the next.

use std::{collections::BTreeMap, sync::Arc};

use tapline_pdata::Signal;

use super::{Node, Plan, fan_out::fan_out, slot::Slot};
use crate::Consumer;

/// The ways into and out of components, by node.
pub(super) struct Ends<'r> {
    /// Where batches enter a stage or a delivery.
    pub(super) entrances: BTreeMap<&'r Node, Arc<dyn Consumer>>,
    /// Where they leave a stage.
    pub(super) stage_ways: BTreeMap<&'r Node, &'r Arc<Slot>>,
    /// Where they leave a receiver.
    pub(super) receiver_ways: BTreeMap<&'r Node, &'r BTreeMap<Signal, Arc<Slot>>>,
}

/// Connects every way, downstream first. A way that led elsewhere leads to its new end at once.
pub(super) fn wire(plan: &Plan, ends: &Ends<'_>) {
    let mut heads = BTreeMap::new();
    for pipeline in plan.pipelines() {
        let signal = pipeline.id.signal;
        let exporters = pipeline.exporters.iter().filter_map(|id| {
            let id = id.clone();
            ends.entrances.get(&Node::Exporter { id, signal }).cloned()
        });
        let mut head = fan_out(exporters.collect());
        for id in pipeline.processors.iter().rev() {
            let node = Node::Stage {
                pipeline: pipeline.id.clone(),
                id: id.clone(),
            };
            let (Some(way), Some(entrance)) =
                (ends.stage_ways.get(&node), ends.entrances.get(&node))
            else {
                continue;
            };
            way.connect(head);
            head = Arc::clone(entrance);
        }
        heads.insert(&pipeline.id, head);
    }
    for (id, signals) in plan.receivers() {
        let node = Node::Receiver { id: id.clone() };
        let Some(ways) = ends.receiver_ways.get(&node) else {
            continue;
        };
        for (signal, pipelines) in signals {
            let heads = pipelines.iter().map(|id| Arc::clone(&heads[id])).collect();
            if let Some(way) = ways.get(&signal) {
                way.connect(fan_out(heads));
            }
        }
    }
}
