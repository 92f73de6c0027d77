//! What a reload has left over: it finishes what it holds, in the order of the flow, and goes.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{
    Stopped,
    run::{RunningExtension, RunningStage},
    stop_order::{self, Budget},
    supervise::Task,
};
use crate::{Delivery, RetiredExporter, close_retired};

/// How often to look whether anybody still refers to a component.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Components that are not part of the graph any more. Their states are nobody's business: their
/// places in the table may belong to successors.
#[derive(Default)]
pub(super) struct Retired {
    pub(super) receivers: Vec<Task>,
    pub(super) stages: Vec<RunningStage>,
    pub(super) deliveries: Vec<Arc<Delivery>>,
    /// Replaced, while their deliveries live on.
    pub(super) exporters: Vec<RetiredExporter>,
    pub(super) extensions: Vec<RunningExtension>,
}

impl Retired {
    /// Lets everything finish within the deadline, and says what was lost. Lets go of `stages` when
    /// no stage has anything left.
    pub(super) async fn finish(self, deadline: Duration, stages: TaskTrackerToken) -> Stopped {
        let budget = Budget::starting_now(deadline);
        let mut stopped = Stopped::default();
        let unfinished = &mut stopped.unfinished;
        stop_order::finish_all(self.receivers, budget, None, unfinished).await;
        // In turn: a stage refers to what follows it until it has drained.
        for here in stop_order::by_place(self.stages) {
            for stage in &here {
                unreferenced(&stage.entrance, budget.half()).await;
            }
            stop_order::drain_stages(here, budget, None, unfinished).await;
        }
        drop(stages);
        for delivery in &self.deliveries {
            unreferenced(delivery, budget.half()).await;
            delivery.hurry();
        }
        stop_order::drain_deliveries(self.deliveries, budget, &mut stopped).await;
        let closing = close_retired(self.exporters);
        if timeout(budget.half(), closing).await.is_err() {
            tracing::warn!("exporters that a reload replaced did not finish in time");
        }
        for extension in self.extensions {
            stop_order::stop_extension(extension, budget.half(), None).await;
        }
        stopped.log("components that a reload removed lost data");
        stopped
    }
}

/// Waits until nobody else refers to a consumer: every batch on its way to it has arrived by then.
async fn unreferenced<T: ?Sized>(consumer: &Arc<T>, limit: Duration) {
    let until = Instant::now() + limit;
    while Arc::strong_count(consumer) > 1 && Instant::now() < until {
        sleep(LOOK_EVERY).await;
    }
}
