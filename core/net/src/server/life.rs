//! The tasks of one server: who owns them, and how they are asked, then made, to end.

use std::{future::Future, time::Duration};

use hyper::rt::Executor;
use tokio::time;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// How long tasks may take to notice that their connection was cut.
const CUT_TIME_MAX: Duration = Duration::from_secs(1);

/// The tasks of a server. Dropping it cuts them off.
#[derive(Debug)]
pub(crate) struct Owned {
    life: Life,
    _cut: DropGuard,
}

/// What a connection knows about the end of its server. Also where it spawns its own tasks.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    tasks: TaskTracker,
    draining: CancellationToken,
    cut: CancellationToken,
}

impl Default for Owned {
    fn default() -> Self {
        let cut = CancellationToken::new();
        Self {
            life: Life {
                tasks: TaskTracker::new(),
                draining: CancellationToken::new(),
                cut: cut.clone(),
            },
            _cut: cut.drop_guard(),
        }
    }
}

impl Owned {
    pub(crate) fn life(&self) -> Life {
        self.life.clone()
    }

    /// Spawns a connection, which ends at the latest when it is cut.
    pub(crate) fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        let cut = self.life.cut.clone();
        self.life.tasks.spawn(async move {
            tokio::select! {
                () = cut.cancelled() => {}
                () = connection => {}
            }
        });
    }

    /// Asks every connection to finish, waits, and cuts those that did not.
    pub(crate) async fn end(self, time_max: Duration) {
        self.life.draining.cancel();
        self.life.tasks.close();
        if time::timeout(time_max, self.life.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                left = self.life.tasks.len(),
                "cutting connections that did not finish in time"
            );
            self.life.cut.cancel();
            // What outlives even this has nobody to answer to any more.
            let _late = time::timeout(CUT_TIME_MAX, self.life.tasks.wait()).await;
        }
    }
}

impl Life {
    /// Returns what is cancelled when no more requests should be taken.
    pub(crate) fn draining(&self) -> &CancellationToken {
        &self.draining
    }
}

/// Runs what hyper spawns: a task per HTTP/2 request, which ends with its connection.
impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Life {
    fn execute(&self, task: F) {
        self.tasks.spawn(task);
    }
}
