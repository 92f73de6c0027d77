//! Owned background work: a task per component, whose end, error or panic becomes its status.

use std::{any::Any, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::{Fatal, Node};
use crate::{Status, StatusTable, Work};

/// The work of one component. Dropping it ends the work.
pub(super) struct Task {
    pub(super) node: Node,
    pub(super) handle: AbortOnDropHandle<()>,
}

impl Task {
    /// Waits until the work has ended. May be asked again.
    pub(super) async fn ended(&mut self) {
        if !self.handle.is_finished() {
            // Its end, error or panic has been reported by the task itself.
            let _reported = (&mut self.handle).await;
        }
    }

    /// Cuts the work off, and waits for what it lets go of to be counted. Work that blocks its
    /// thread cannot be waited for.
    pub(super) async fn cut_off(&mut self) {
        self.handle.abort();
        let _blocked = timeout(CUT_OFF_GRACE, self.ended()).await;
    }
}

/// How long work that was cut off gets to let go of what it holds.
const CUT_OFF_GRACE: Duration = Duration::from_millis(100);

/// Spawns work and reports how it ended.
pub(super) struct Supervisor {
    status: StatusTable,
    fatal: mpsc::Sender<Fatal>,
    tracker: TaskTracker,
}

impl Supervisor {
    pub(super) fn new(status: StatusTable, fatal: mpsc::Sender<Fatal>) -> Self {
        Self {
            status,
            fatal,
            tracker: TaskTracker::new(),
        }
    }

    /// Runs work whose error is fatal for the process: a receiver's.
    pub(super) fn vital(&self, node: Node, work: Work) -> Task {
        let fatal = self.fatal.clone();
        self.spawn(node, work, Status::FatalError, move |end| {
            // Never full: there is one place per receiver.
            let _unheard = fatal.try_send(end);
        })
    }

    /// Runs work without which the others go on: a stage's.
    pub(super) fn local(&self, node: Node, work: Work) -> Task {
        self.spawn(node, work, Status::PermanentError, |_| ())
    }

    fn spawn(
        &self,
        node: Node,
        work: Work,
        on_error: Status,
        tell: impl FnOnce(Fatal) + Send + 'static,
    ) -> Task {
        let status = self.status.clone();
        let at = node.clone();
        let watched = async move {
            match AssertUnwindSafe(work).catch_unwind().await {
                Ok(Ok(())) => tracing::debug!(component = %at, "component finished"),
                Ok(Err(cause)) => {
                    tracing::error!(component = %at, error = %cause, "component failed");
                    status.report(&at, on_error, &cause);
                    tell(Fatal { node: at, cause });
                }
                Err(panic) => {
                    let cause = panic_text(&*panic);
                    tracing::error!(component = %at, error = %cause, "component panicked");
                    status.report(&at, Status::PermanentError, &cause);
                }
            }
        };
        Task {
            node,
            handle: AbortOnDropHandle::new(self.tracker.spawn(watched)),
        }
    }
}

/// Returns what a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("unknown panic").to_owned()
}
