//! How a graph comes to run, in place of the one that ran before.
//!
//! What both have in common keeps running: its listeners, its queues, what it holds. New components
//! start downstream first, then every way is connected to its new end, then receivers start. What
//! is left over finishes what it holds, in the background. A batch that is on its way meanwhile
//! arrives: nothing stops before nobody refers to it any more.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    mem,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt, future::join_all};
use tokio::time::timeout;

use super::{
    Graph, Node, Plan, Running, Ship, StartFailure,
    build::{BuiltReceiver, BuiltStage},
    fused::Member,
    run::{RunningExtension, RunningReceiver, RunningStage},
    stop_order,
    supervise::panic_text,
    wire::{Ends, wire},
};
use crate::{BuildContext, Delivery, Extension, StartError, Status, Stop};

/// How long a component that is replaced may take to finish before its successor starts, which may
/// need the same address. Connections that come meanwhile wait in the backlog of its socket.
const HANDOVER_TIME_MAX: Duration = Duration::from_secs(5);

impl Running {
    /// Takes over a graph that was built to follow this one.
    ///
    /// When a component cannot start, what was changed until then stays changed: the caller takes
    /// over a graph built from the former settings to return to them.
    ///
    /// Cancel-safe as far as stopping goes: whoever walks away can only [stop](Self::stop) what
    /// runs, which then delivers what old and new components hold.
    pub async fn take_over(&mut self, graph: Graph) -> Result<(), StartFailure> {
        let taken = self.exchange(graph).await;
        if taken.is_err() {
            self.keep_for_the_former();
        }
        let wanted = self.plan.nodes();
        for (node, _) in self.status.snapshot() {
            if !wanted.contains(&node) {
                self.status.forget(&node);
            }
        }
        self.retire();
        // Those that have finished are reaped here: what they lost they have logged.
        while self.retiring.try_join_next().is_some() {}
        taken
    }

    /// Lets what leaves finish in the background.
    pub(super) fn retire(&mut self) {
        let deadline = self.settings.shutdown_deadline;
        let leaving = mem::take(&mut self.leaving);
        let stages = self.leaving_stages.token();
        self.retiring.spawn(leaving.finish(deadline, stages));
    }

    /// Takes back what was to leave and has not been asked to stop: the former graph has a place
    /// for it, where it is replaced as itself instead of beside itself.
    fn keep_for_the_former(&mut self) {
        self.extensions.append(&mut self.leaving.extensions);
        for delivery in self.leaving.deliveries.drain(..) {
            self.deliveries.insert(delivery.node().clone(), delivery);
        }
    }

    async fn exchange(&mut self, graph: Graph) -> Result<(), StartFailure> {
        let Graph {
            plan,
            mut fingerprints,
            extensions,
            mut receivers,
            stages,
            transforms,
            ships,
            status: _,
            meters: _,
        } = graph;
        for node in plan.nodes() {
            self.status.list(&node);
        }
        // Until a component runs it must not pass for one that can be kept.
        self.fingerprints
            .retain(|node, text| fingerprints.get(node) == Some(text));
        let others_listen = !receivers.is_empty();
        self.extensions(&plan, extensions, others_listen).await?;
        self.deliveries(&plan, ships).await?;
        self.stop_leaving_receivers(&plan, &receivers).await;
        // Nothing is waited for until the ways lead to where they should, so that a stage that
        // leaves is never left in the middle of them.
        self.processors(&plan, stages, transforms);
        self.plan = plan;
        self.wire(&receivers);
        while let Some((node, built)) = receivers.pop_first() {
            self.start_receiver(node.clone(), built).await?;
            let text = fingerprints.remove(&node).unwrap_or_default();
            self.fingerprints.insert(node, text);
        }
        self.fingerprints.append(&mut fingerprints);
        Ok(())
    }

    /// Starts new extensions. Those that leave stop before that, all of them: a new one, or a
    /// receiver, may need the port that any of them has. Their sockets collect connections
    /// meanwhile.
    async fn extensions(
        &mut self,
        plan: &Plan,
        mut new: BTreeMap<Node, Arc<dyn Extension>>,
        others_listen: bool,
    ) -> Result<(), StartFailure> {
        let place = |node: &Node| plan.extensions().iter().position(|id| id == node.id());
        let leaves =
            |it: &mut RunningExtension| new.contains_key(&it.node) || place(&it.node).is_none();
        let leaving: Vec<_> = self.extensions.extract_if(.., leaves).collect();
        if new.is_empty() && !others_listen {
            self.leaving.extensions.extend(leaving);
            return Ok(());
        }
        let status = self.status.clone();
        let stop = |leaving| stop_order::stop_extension(leaving, HANDOVER_TIME_MAX, Some(&status));
        join_all(leaving.into_iter().map(stop)).await;
        for id in plan.extensions() {
            let node = Node::Extension { id: id.clone() };
            if let Some(extension) = new.remove(&node) {
                let running = self.start_extension(&node, extension).await?;
                self.extensions.push(running);
            }
        }
        // They stop in the opposite order.
        self.extensions.sort_by_key(|it| place(&it.node));
        Ok(())
    }

    async fn start_extension(
        &self,
        node: &Node,
        extension: Arc<dyn Extension>,
    ) -> Result<RunningExtension, StartFailure> {
        // One of this name may have stopped before.
        self.status.renew(node);
        self.status.report(node, Status::Starting, "");
        let stop = Stop::new();
        let start = Arc::clone(&extension).start(stop.clone());
        let started = AssertUnwindSafe(start).catch_unwind().await;
        let work = started
            .unwrap_or_else(|panic| Err(StartError(format!("panicked: {}", panic_text(&*panic)))))
            .map_err(|error| self.not_started(node, error))?;
        self.status.report(node, Status::Ok, "");
        Ok(RunningExtension {
            node: node.clone(),
            extension,
            stop,
            work: work.map(|work| self.supervisor.local(node.clone(), work)),
        })
    }

    async fn deliveries(
        &mut self,
        plan: &Plan,
        ships: BTreeMap<Node, (Ship, BuildContext)>,
    ) -> Result<(), StartFailure> {
        for (node, (ship, context)) in ships {
            if let Some(running) = self.deliveries.get(&node) {
                let leaving = &mut self.leaving.exporters;
                let replaced = running.replace(ship.exporter, ship.delivery, leaving).await;
                replaced.map_err(|error| self.not_started(&node, error))?;
                continue;
            }
            let Ship { exporter, delivery } = ship;
            let made = Delivery::new(exporter, delivery, &context, self.status.clone());
            self.status.report(&node, Status::Starting, "");
            let started = made.start().await;
            started.map_err(|error| self.not_started(&node, error))?;
            self.status.report(&node, Status::Ok, "");
            self.deliveries.insert(node, made);
        }
        let wanted = plan.nodes();
        let leaving = self
            .deliveries
            .extract_if(.., |node, _| !wanted.contains(node));
        self.leaving
            .deliveries
            .extend(leaving.map(|(_, delivery)| delivery));
        Ok(())
    }

    fn processors(
        &mut self,
        plan: &Plan,
        stages: BTreeMap<Node, BuiltStage>,
        transforms: BTreeMap<Node, Arc<Member>>,
    ) {
        let wanted = plan.nodes();
        let new: BTreeSet<&Node> = stages.keys().chain(transforms.keys()).collect();
        let leaves = |node: &Node| !wanted.contains(node) || new.contains(node);
        // A transform has nothing to finish: batches on their way hold on to it.
        let leaving = self.transforms.extract_if(.., |node, _| leaves(node));
        let mut former: BTreeSet<Node> = leaving.map(|(node, _)| node).collect();
        for (node, stage) in self.stages.extract_if(.., |node, _| leaves(node)) {
            former.insert(node);
            self.leaving.stages.push(stage);
        }
        for node in new {
            if former.contains(node) {
                self.status.renew(node);
            }
            self.status.report(node, Status::Starting, "");
        }
        for node in transforms.keys() {
            self.status.report(node, Status::Ok, "");
        }
        self.transforms.extend(transforms);
        self.start_stages(stages, &plan.places());
    }

    /// Starts stages and connectors, downstream first. Those that run already may have got another
    /// neighbour, and with it another place.
    fn start_stages(&mut self, stages: BTreeMap<Node, BuiltStage>, places: &BTreeMap<Node, usize>) {
        let place_of = |node: &Node| places.get(node).copied().unwrap_or_default();
        for (node, stage) in &mut self.stages {
            stage.place = place_of(node);
        }
        let mut stages: Vec<_> = stages.into_iter().collect();
        stages.sort_by_key(|(node, _)| Reverse(place_of(node)));
        for (node, built) in stages {
            let stop = Stop::new();
            let work = Arc::clone(&built.stage).start(stop.clone());
            let work = work.map(|work| self.supervisor.local(node.clone(), work));
            self.status.report(&node, Status::Ok, "");
            let running = RunningStage {
                node: node.clone(),
                place: place_of(&node),
                stage: built.stage,
                entrance: built.entrance,
                ways: built.ways,
                stop,
                work,
            };
            self.stages.insert(node, running);
        }
    }

    /// Asks receivers that leave to finish. They get a while to do so when others are to start,
    /// which may need their addresses.
    async fn stop_leaving_receivers(&mut self, plan: &Plan, new: &BTreeMap<Node, BuiltReceiver>) {
        let wanted = plan.nodes();
        let leaves = |node: &Node| !wanted.contains(node) || new.contains_key(node);
        let leaving = self.receivers.extract_if(.., |node, _| leaves(node));
        for (node, receiver) in leaving {
            self.status.report(&node, Status::Stopping, "");
            receiver.stop.request();
            self.leaving.receivers.push(receiver.work);
        }
        if new.is_empty() {
            return;
        }
        for task in &mut self.leaving.receivers {
            let ended = timeout(HANDOVER_TIME_MAX, task.ended()).await;
            if ended.is_err() {
                tracing::warn!(component = %task.node, "still busy, others start anyway");
            }
            if new.contains_key(&task.node) {
                self.status.renew(&task.node);
            }
        }
    }

    fn wire(&self, starting: &BTreeMap<Node, BuiltReceiver>) {
        let stages = self.stages.iter();
        let mut entrances: BTreeMap<_, _> = stages
            .map(|(node, stage)| (node, Arc::clone(&stage.entrance)))
            .collect();
        for (node, delivery) in &self.deliveries {
            entrances.insert(node, Arc::<Delivery>::clone(delivery));
        }
        let kept = self.receivers.iter().map(|(node, at)| (node, &at.ways));
        let starting = starting.iter().map(|(node, at)| (node, &at.ways));
        let ends = Ends {
            entrances,
            stage_ways: self.stages.iter().map(|(at, it)| (at, &it.ways)).collect(),
            transforms: &self.transforms,
            receiver_ways: kept.chain(starting).collect(),
            status: &self.status,
        };
        wire(&self.plan, &ends);
    }

    async fn start_receiver(
        &mut self,
        node: Node,
        built: BuiltReceiver,
    ) -> Result<(), StartFailure> {
        self.status.report(&node, Status::Starting, "");
        let stop = Stop::new();
        let start = built.receiver.start(built.outlets, stop.clone());
        let started = AssertUnwindSafe(start).catch_unwind().await;
        let work = started
            .unwrap_or_else(|panic| Err(StartError(format!("panicked: {}", panic_text(&*panic)))))
            .map_err(|error| self.not_started(&node, error))?;
        self.status.report(&node, Status::Ok, "");
        let work = self.supervisor.vital(node.clone(), work);
        let ways = built.ways;
        self.receivers
            .insert(node, RunningReceiver { ways, stop, work });
        Ok(())
    }

    fn not_started(&self, node: &Node, StartError(cause): StartError) -> StartFailure {
        self.status.report(node, Status::PermanentError, &cause);
        let node = node.clone();
        StartFailure { node, cause }
    }
}
