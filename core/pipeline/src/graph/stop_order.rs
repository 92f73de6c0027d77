//! Stopping: one pass, one deadline, and an account of what was lost.
//!
//! Long waits for retries end first, because a receiver may be waiting for one. Then receivers
//! finish what they hold, stages drain in the order of the flow, deliveries drain, exporters close,
//! extensions stop. No phase gets all that is left of the deadline, so that one hung component
//! leaves time for the rest. A reload stops what it has left over by the same rules.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt, future::join_all};
use tokio::time::{Instant, timeout};

use super::{
    Loss, Node, Running,
    losses::{self, Books},
    run::{RunningExtension, RunningStage},
    supervise::Task,
};
use crate::{Delivery, Status, StatusTable};

/// How stopping went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// What was lost meanwhile, place by place.
    pub losses: Vec<Loss>,
    /// Items that wait on disk for the next start.
    pub spilled_items: u64,
    /// Components that had to be cut off.
    pub unfinished: Vec<Node>,
}

impl Stopped {
    /// Returns how many items were lost.
    pub fn lost_items(&self) -> u64 {
        self.losses.iter().map(|loss| loss.items).sum()
    }

    /// Says what was lost, if anything was: who lost how much, and then the sum.
    pub(super) fn log(&self, message: &'static str) {
        if self.losses.is_empty() && self.unfinished.is_empty() {
            return;
        }
        self.losses.iter().for_each(Loss::log);
        let unfinished: Vec<String> = self.unfinished.iter().map(Node::to_string).collect();
        tracing::warn!(
            lost_items = self.lost_items(),
            spilled_items = self.spilled_items,
            ?unfinished,
            "{message}"
        );
    }
}

impl Running {
    /// Stops everything within the deadline, losing as little as possible, and says what was lost.
    pub async fn stop(mut self) -> Stopped {
        let budget = Budget::starting_now(self.settings.shutdown_deadline);
        let mut stopped = Stopped::default();
        let books = Books::read(&self.meters);
        // There is something if a reload was cut short.
        self.retire();
        self.deliveries
            .values()
            .for_each(|delivery| delivery.hurry());
        let status = self.status.clone();
        let reporting = Some(&status);
        for (node, receiver) in &self.receivers {
            status.report(node, Status::Stopping, "");
            receiver.stop.request();
        }
        let receivers = mem::take(&mut self.receivers).into_values();
        let receivers = receivers.map(|receiver| receiver.work).collect();
        finish_all(receivers, budget, reporting, &mut stopped.unfinished).await;
        // What was replaced before may still flush into these stages.
        self.leaving_stages.close();
        let _late = timeout(budget.half(), self.leaving_stages.wait()).await;
        let stages = mem::take(&mut self.stages).into_values().collect();
        drain_stages(stages, budget, reporting, &mut stopped.unfinished).await;
        // And into these deliveries.
        self.wait_for_retiring(budget).await;
        for node in self.deliveries.keys() {
            status.report(node, Status::Stopping, "");
        }
        let deliveries = mem::take(&mut self.deliveries).into_values().collect();
        drain_deliveries(deliveries, budget, &mut stopped).await;
        for extension in self.extensions.drain(..).rev() {
            stop_extension(extension, budget.left(), reporting).await;
        }
        for (node, _) in status.snapshot() {
            status.report(&node, Status::Stopping, "");
            status.report(&node, Status::Stopped, "");
        }
        stopped.losses.extend(books.losses_since());
        stopped.log("stopped before everything was delivered");
        stopped
    }

    /// What was replaced before may still be finishing; it logs its own losses.
    async fn wait_for_retiring(&mut self, budget: Budget) {
        let all = async { while self.retiring.join_next().await.is_some() {} };
        if timeout(budget.half(), all).await.is_err() {
            tracing::warn!("components that a reload removed did not finish in time");
        }
    }
}

/// Waits for tasks that were asked to end.
pub(super) async fn finish_all(
    tasks: Vec<Task>,
    budget: Budget,
    status: Option<&StatusTable>,
    unfinished: &mut Vec<Node>,
) {
    let share = budget.half();
    let ended = join_all(tasks.into_iter().map(|task| finish(task, share, status))).await;
    unfinished.extend(ended.into_iter().flatten());
}

/// Drains stages, those of all pipelines at once, place by place: a hung one must not use up the
/// time of the others.
pub(super) async fn drain_stages(
    stages: Vec<RunningStage>,
    budget: Budget,
    status: Option<&StatusTable>,
    unfinished: &mut Vec<Node>,
) {
    for here in by_place(stages) {
        let share = budget.half();
        let here = here.into_iter();
        let ended = join_all(here.map(|stage| drain(stage, share, status))).await;
        unfinished.extend(ended.into_iter().flatten());
    }
}

/// Puts stages together that may drain at once: none of them leads to another of them.
pub(super) fn by_place(stages: Vec<RunningStage>) -> Vec<Vec<RunningStage>> {
    let mut places: BTreeMap<usize, Vec<_>> = BTreeMap::new();
    for stage in stages {
        places.entry(stage.place).or_default().push(stage);
    }
    places.into_values().collect()
}

/// Drains deliveries, then closes each exporter once.
pub(super) async fn drain_deliveries(
    mut deliveries: Vec<Arc<Delivery>>,
    budget: Budget,
    stopped: &mut Stopped,
) {
    let share = budget.most();
    let drained = join_all(deliveries.iter().map(|delivery| delivery.drain(share))).await;
    for (delivery, drained) in deliveries.iter().zip(drained) {
        let lost = losses::of_delivery(delivery.node(), &drained);
        stopped.losses.extend(lost);
        stopped.spilled_items += drained.spilled_items;
    }
    let mut closed = BTreeSet::new();
    // One instance may serve several signals.
    deliveries.retain(|delivery| closed.insert(delivery.exporter_address()));
    let close = deliveries.iter().map(|delivery| async {
        let ended = timeout(budget.left(), delivery.close()).await.is_ok();
        (!ended).then(|| delivery.node().clone())
    });
    stopped
        .unfinished
        .extend(join_all(close).await.into_iter().flatten());
}

/// Ends the work of an extension, and waits for it.
pub(super) async fn stop_extension(
    running: RunningExtension,
    limit: Duration,
    status: Option<&StatusTable>,
) {
    report(status, &running.node, Status::Stopping);
    running.stop.request();
    if let Some(task) = running.work {
        let node = finish(task, limit, status).await;
        if let Some(node) = node {
            tracing::warn!(component = %node, "did not stop in time");
        }
    }
    report(status, &running.node, Status::Stopped);
}

/// Waits for a task, and cuts it off when its time is over.
async fn finish(mut task: Task, limit: Duration, status: Option<&StatusTable>) -> Option<Node> {
    let ended = timeout(limit, task.ended()).await.is_ok();
    if !ended {
        task.cut_off().await;
    }
    report(status, &task.node, Status::Stopped);
    (!ended).then_some(task.node)
}

/// Drains a stage while its work still runs, then ends the work.
async fn drain(
    running: RunningStage,
    limit: Duration,
    status: Option<&StatusTable>,
) -> Option<Node> {
    let RunningStage {
        node,
        stage,
        stop,
        work,
        ..
    } = running;
    report(status, &node, Status::Stopping);
    let until = Instant::now() + limit;
    let drained = AssertUnwindSafe(stage.drain(limit)).catch_unwind();
    let drained = matches!(timeout(limit, drained).await, Ok(Ok(())));
    stop.request();
    let left = until.saturating_duration_since(Instant::now());
    let cut_off = match work {
        Some(task) => finish(task, left, status).await.is_some(),
        None => false,
    };
    report(status, &node, Status::Stopped);
    (!drained || cut_off).then_some(node)
}

fn report(table: Option<&StatusTable>, node: &Node, status: Status) {
    if let Some(table) = table {
        table.report(node, status, "");
    }
}

/// What is left of the deadline.
#[derive(Clone, Copy)]
pub(super) struct Budget {
    end: Instant,
}

impl Budget {
    pub(super) fn starting_now(deadline: Duration) -> Self {
        Self {
            end: Instant::now() + deadline,
        }
    }

    fn left(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// The share of a phase after which others still have much to do.
    pub(super) fn half(self) -> Duration {
        self.left() / 2
    }

    /// The share of a phase after which little is left to do.
    fn most(self) -> Duration {
        self.left() * 9 / 10
    }
}
