//! How pipelines follow each other through connectors: which comes first, and that none comes
//! before itself.

use std::collections::{BTreeMap, BTreeSet};

use super::{Connectors, Node, Pipeline, PipelineId, PlanError, plan::stages};

/// The connector instances of a plan, and the pipelines in the order of the flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Flow {
    /// By instance, the pipelines that begin with it.
    connectors: BTreeMap<Node, Vec<PipelineId>>,
    /// By pipeline, the instances it ends in.
    ends: BTreeMap<PipelineId, Vec<Node>>,
    /// Positions of the pipelines, upstream before downstream, else as they were given.
    order: Vec<usize>,
}

impl Flow {
    /// Finds the connector instances; reports those that join nothing, and circles.
    pub(super) fn of(
        pipelines: &[Pipeline],
        known: &Connectors,
        errors: &mut Vec<PlanError>,
    ) -> Self {
        let mut flow = Self::default();
        for (id, pairs) in known {
            let ending: Vec<_> = pipelines
                .iter()
                .filter(|at| at.exporters.contains(id))
                .collect();
            let beginning: Vec<_> = pipelines
                .iter()
                .filter(|at| at.receivers.contains(id))
                .collect();
            let mut joined = BTreeSet::new();
            for (end, begin) in ending
                .iter()
                .flat_map(|end| beginning.iter().map(move |at| (end, at)))
            {
                let (from, to) = (end.id.signal, begin.id.signal);
                if !pairs.contains(&(from, to)) {
                    continue;
                }
                joined.insert((true, from));
                joined.insert((false, to));
                let node = Node::Connector {
                    id: id.clone(),
                    from,
                    to,
                };
                note(flow.connectors.entry(node.clone()).or_default(), &begin.id);
                note(flow.ends.entry(end.id.clone()).or_default(), &node);
            }
            let loose = |those: &[&Pipeline], is_end| -> Vec<PipelineId> {
                let ids = those.iter().map(|at| at.id.clone());
                ids.filter(|at| !joined.contains(&(is_end, at.signal)))
                    .collect()
            };
            let (ends, begins) = (loose(&ending, true), loose(&beginning, false));
            if !ends.is_empty() {
                errors.push(PlanError::LeadsNowhere(id.clone(), ends));
            }
            if !begins.is_empty() {
                errors.push(PlanError::ComesFromNowhere(id.clone(), begins));
            }
        }
        match flow.sorted(pipelines) {
            Ok(order) => flow.order = order,
            Err(circle) => errors.push(PlanError::Cycle(circle)),
        }
        flow
    }

    /// Returns every instance, and the pipelines that begin with it.
    pub(super) fn connectors(&self) -> &BTreeMap<Node, Vec<PipelineId>> {
        &self.connectors
    }

    /// Lists the instances that a pipeline begins with.
    pub(super) fn beginning(&self, pipeline: &Pipeline) -> impl Iterator<Item = Node> {
        let begins = |(node, ids): (&Node, &Vec<PipelineId>)| {
            ids.contains(&pipeline.id).then(|| node.clone())
        };
        self.connectors.iter().filter_map(begins)
    }

    /// Lists the instances that a pipeline ends in.
    pub(super) fn ending(&self, pipeline: &Pipeline) -> impl Iterator<Item = Node> {
        self.ends.get(&pipeline.id).into_iter().flatten().cloned()
    }

    /// Lists the pipelines, upstream before downstream.
    pub(super) fn in_order<'p>(
        &self,
        pipelines: &'p [Pipeline],
    ) -> impl Iterator<Item = &'p Pipeline> {
        self.order.iter().map(|at| &pipelines[*at])
    }

    /// Numbers stages and connectors so that whatever one leads to has a higher number.
    pub(super) fn places(&self, pipelines: &[Pipeline]) -> BTreeMap<Node, usize> {
        let mut places: BTreeMap<Node, usize> = BTreeMap::new();
        for pipeline in self.in_order(pipelines) {
            let before = self
                .beginning(pipeline)
                .filter_map(|node| places.get(&node).copied());
            let mut next = before.max().map_or(0, |place| place + 1);
            for stage in stages(pipeline) {
                places.insert(stage, next);
                next += 1;
            }
            for node in self.ending(pipeline) {
                let place = places.entry(node).or_default();
                *place = next.max(*place);
            }
        }
        places
    }

    /// Sorts the pipelines by the flow, keeping the given order where it does not matter; a circle
    /// if there is one.
    fn sorted(&self, pipelines: &[Pipeline]) -> Result<Vec<usize>, Vec<Node>> {
        let all = 0..pipelines.len();
        let feeding = |to: &Pipeline| -> Vec<usize> {
            let leads = |from: &usize| self.leads(&pipelines[*from], to);
            all.clone().filter(leads).collect()
        };
        let feeding: Vec<Vec<usize>> = pipelines.iter().map(feeding).collect();
        let mut is_sorted = vec![false; pipelines.len()];
        let mut order = Vec::new();
        while order.len() < pipelines.len() {
            let is_next =
                |at: &usize| !is_sorted[*at] && feeding[*at].iter().all(|at| is_sorted[*at]);
            let Some(next) = all.clone().find(is_next) else {
                return Err(self.circle(pipelines, &order));
            };
            is_sorted[next] = true;
            order.push(next);
        }
        Ok(order)
    }

    fn leads(&self, from: &Pipeline, to: &Pipeline) -> bool {
        self.joint(from, to).is_some()
    }

    /// Returns a connector that leads from the end of one pipeline to the beginning of another.
    fn joint(&self, from: &Pipeline, to: &Pipeline) -> Option<Node> {
        self.ending(from)
            .find(|node| self.connectors[node].contains(&to.id))
    }

    /// Walks against the flow among pipelines that wait for each other until one comes again.
    fn circle(&self, pipelines: &[Pipeline], sorted: &[usize]) -> Vec<Node> {
        let stuck: Vec<&Pipeline> = (0..pipelines.len())
            .filter(|at| !sorted.contains(at))
            .map(|at| &pipelines[at])
            .collect();
        let mut walk = vec![stuck[0]];
        let again = loop {
            let here = walk[walk.len() - 1];
            let feeding = stuck.iter().find(|other| self.leads(other, here));
            let feeding = *feeding.expect("whatever is stuck waits for something that is");
            if let Some(at) = walk.iter().position(|seen| seen.id == feeding.id) {
                break at;
            }
            walk.push(feeding);
        };
        let mut ring: Vec<&Pipeline> = walk.split_off(again);
        ring.reverse();
        // The flow goes from each to the next, and from the last to the first.
        let mut nodes = Vec::new();
        for (at, pipeline) in ring.iter().enumerate() {
            let before = ring[(at + ring.len() - 1) % ring.len()];
            nodes.extend(self.joint(before, pipeline));
            nodes.extend(stages(pipeline));
        }
        nodes.extend(nodes.first().cloned());
        nodes
    }
}

fn note<T: Clone + PartialEq>(list: &mut Vec<T>, item: &T) {
    if !list.contains(item) {
        list.push(item.clone());
    }
}

/// Writes pipelines one after the other, as the Collector does.
pub(super) fn listed(pipelines: &[PipelineId]) -> String {
    let texts: Vec<String> = pipelines.iter().map(ToString::to_string).collect();
    texts.join(" ")
}

/// Writes nodes as a way.
pub(super) fn path(nodes: &[Node]) -> String {
    let texts: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    texts.join(" -> ")
}
