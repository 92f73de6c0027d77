//! Connects what a plan joins: every way out of a component leads to the entrances of the next.

use std::{collections::BTreeMap, mem, sync::Arc};

use tapline_pdata::Signal;

use super::{
    Node, Pipeline, Plan,
    fan_out::fan_out,
    fused::{Member, fused},
    slot::{Slot, Ways},
};
use crate::{Consumer, StatusTable};

/// The ways into and out of components, by node.
pub(super) struct Ends<'r> {
    /// Where batches enter a stage, a connector or a delivery.
    pub(super) entrances: BTreeMap<&'r Node, Arc<dyn Consumer>>,
    /// Where they leave a stage or a connector.
    pub(super) stage_ways: BTreeMap<&'r Node, &'r Ways>,
    /// What is fused with its neighbours.
    pub(super) transforms: &'r BTreeMap<Node, Arc<Member>>,
    /// Where they leave a receiver.
    pub(super) receiver_ways: BTreeMap<&'r Node, &'r BTreeMap<Signal, Arc<Slot>>>,
    /// Where a transform that panics is noted.
    pub(super) status: &'r StatusTable,
}

/// Connects every way, downstream first. A way that led elsewhere leads to its new end at once.
pub(super) fn wire(plan: &Plan, ends: &Ends<'_>) {
    let pipelines = plan.pipelines().iter();
    let heads: BTreeMap<_, _> = pipelines.map(|at| (&at.id, head(plan, at, ends))).collect();
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
    for node in plan.connectors().keys() {
        if let Some(Ways::Branches(ways)) = ends.stage_ways.get(node) {
            for (pipeline, way) in ways {
                way.connect(Arc::clone(&heads[pipeline]));
            }
        }
    }
}

/// Connects one pipeline, and returns where it begins.
fn head(plan: &Plan, pipeline: &Pipeline, ends: &Ends<'_>) -> Arc<dyn Consumer> {
    let sinks = plan.sinks(pipeline).into_iter();
    let exporters = sinks.filter_map(|node| ends.entrances.get(&node).cloned());
    let mut head = fan_out(exporters.collect());
    // Transforms that lead to this head. They come last one first.
    let mut waiting = Vec::new();
    for id in pipeline.processors.iter().rev() {
        let node = Node::Stage {
            pipeline: pipeline.id.clone(),
            id: id.clone(),
        };
        if let Some(transform) = ends.transforms.get(&node) {
            waiting.push(Arc::clone(transform));
            continue;
        }
        let (Some(Ways::Next(way)), Some(entrance)) =
            (ends.stage_ways.get(&node), ends.entrances.get(&node))
        else {
            continue;
        };
        waiting.reverse();
        way.connect(fused(mem::take(&mut waiting), head, ends.status));
        head = Arc::clone(entrance);
    }
    waiting.reverse();
    fused(waiting, head, ends.status)
}
