//! Stopping a graph: one pass, one deadline, and an account of what was lost.
//!
//! Long waits for retries end first, because a receiver may be waiting for one. Then receivers finish what they
//! hold, stages drain in the order of the flow, deliveries drain, exporters close. No phase gets
//! all that is left of the deadline, so that one hung component leaves time for the rest.

use std::{collections::BTreeSet, panic::AssertUnwindSafe, time::Duration};

use futures_util::{FutureExt, future::join_all};
use tokio::time::{Instant, timeout};

use super::{Node, Running, run::RunningStage, supervise::Task};
use crate::{Drained, Status, StatusTable};

/// How stopping went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// Items that deliveries still held and could not ship in time.
    pub lost_items: u64,
    /// Items that queues on disk keep for the next process.
    pub spilled_items: u64,
    /// Components that had to be cut off.
    pub unfinished: Vec<Node>,
}

impl Running {
    /// Stops everything within the deadline, losing as little as possible, and says what was lost.
    pub async fn stop(mut self) -> Stopped {
        let budget = Budget::starting_now(self.settings.shutdown_deadline);
        let mut unfinished = Vec::new();
        self.deliveries.iter().for_each(|delivery| delivery.hurry());
        self.stop_receivers(budget, &mut unfinished).await;
        self.stop_stages(budget, &mut unfinished).await;
        let Drained {
            lost_items,
            spilled_items,
        } = self.stop_deliveries(budget, &mut unfinished).await;
        if lost_items > 0 || !unfinished.is_empty() {
            let unfinished: Vec<String> = unfinished.iter().map(Node::to_string).collect();
            tracing::warn!(
                lost_items,
                ?unfinished,
                "stopped before everything was delivered"
            );
        }
        Stopped {
            lost_items,
            spilled_items,
            unfinished,
        }
    }

    async fn stop_receivers(&mut self, budget: Budget, unfinished: &mut Vec<Node>) {
        for task in &self.receivers {
            self.status.report(&task.node, Status::Stopping, "");
        }
        self.receiver_stop.request();
        let share = budget.half();
        let tasks = self.receivers.drain(..);
        let ended = join_all(tasks.map(|task| finish(task, share, &self.status))).await;
        unfinished.extend(ended.into_iter().flatten());
    }

    async fn stop_stages(&mut self, budget: Budget, unfinished: &mut Vec<Node>) {
        let mut stages = std::mem::take(&mut self.stages);
        // All pipelines at once, place by place: a hung one must not use up the others' time.
        let places: BTreeSet<usize> = stages.iter().map(|stage| stage.place).collect();
        for place in places {
            let here = stages.extract_if(.., |stage| stage.place == place);
            let share = budget.half();
            let ended = join_all(here.map(|stage| drain(stage, share, &self.status))).await;
            unfinished.extend(ended.into_iter().flatten());
        }
    }

    async fn stop_deliveries(&mut self, budget: Budget, unfinished: &mut Vec<Node>) -> Drained {
        for delivery in &self.deliveries {
            self.status.report(delivery.node(), Status::Stopping, "");
        }
        let share = budget.most();
        let drained = join_all(self.deliveries.iter().map(|delivery| delivery.drain(share))).await;
        let mut closed = BTreeSet::new();
        // One instance may serve several signals.
        self.deliveries
            .retain(|delivery| closed.insert(delivery.exporter_address()));
        let close = self.deliveries.iter().map(|delivery| async {
            let ended = timeout(budget.left(), delivery.close()).await.is_ok();
            (!ended).then(|| delivery.node().clone())
        });
        unfinished.extend(join_all(close).await.into_iter().flatten());
        for (node, _) in self.status.snapshot() {
            self.status.report(&node, Status::Stopped, "");
        }
        Drained {
            lost_items: drained.iter().map(|each| each.lost_items).sum(),
            spilled_items: drained.iter().map(|each| each.spilled_items).sum(),
        }
    }
}

/// Waits for a task, and cuts it off when its time is over.
async fn finish(task: Task, limit: Duration, status: &StatusTable) -> Option<Node> {
    let Task { node, handle } = task;
    let ended = timeout(limit, handle).await.is_ok();
    status.report(&node, Status::Stopped, "");
    (!ended).then_some(node)
}

/// Drains a stage while its work still runs, then ends the work.
async fn drain(stage: RunningStage, limit: Duration, status: &StatusTable) -> Option<Node> {
    let RunningStage {
        node,
        stage,
        stop,
        work,
        ..
    } = stage;
    status.report(&node, Status::Stopping, "");
    let until = Instant::now() + limit;
    let drained = AssertUnwindSafe(stage.drain(limit)).catch_unwind();
    let drained = matches!(timeout(limit, drained).await, Ok(Ok(())));
    stop.request();
    let left = until.saturating_duration_since(Instant::now());
    let cut_off = match work {
        Some(task) => finish(task, left, status).await.is_some(),
        None => false,
    };
    status.report(&node, Status::Stopped, "");
    (!drained || cut_off).then_some(node)
}

/// What is left of the deadline.
#[derive(Clone, Copy)]
struct Budget {
    end: Instant,
}

impl Budget {
    fn starting_now(deadline: Duration) -> Self {
        Self {
            end: Instant::now() + deadline,
        }
    }

    fn left(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// The share of a phase after which others still have much to do.
    fn half(self) -> Duration {
        self.left() / 2
    }

    /// The share of a phase after which little is left to do.
    fn most(self) -> Duration {
        self.left() * 9 / 10
    }
}
