//! Pacing: a queue that fills up while its backend takes batches slows down those who fill it.
//!
//! Without this, receiving wins over sending on a busy core, and the queue becomes large for no
//! good: measured on one core at 650,000 spans a second, 600 MiB instead of 60. A queue whose
//! backend takes nothing fills as fast as its senders want: that is what it is for.

use std::{sync::LazyLock, thread, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::worker::Core;

/// A queue of fewer bytes slows nobody down: one batch to send, and for every core one to pack.
static UNPACED_BYTES: LazyLock<u64> = LazyLock::new(|| {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    BATCH_BYTES * (1 + cores as u64)
});
/// A small batch, as batches go. Large ones fill the queue sooner, and that is meant.
const BATCH_BYTES: u64 = 2 << 20;
/// How long one caller is slowed down at most.
const WAIT_TIME_MAX: Duration = Duration::from_millis(50);

/// Waits until the queue is short again, if that is to be expected. Cancel-safe.
pub(super) async fn pace(core: &Core) {
    let until = Instant::now() + WAIT_TIME_MAX;
    loop {
        // Created before looking: what is freed in between is not missed.
        let freed = core.room.freed.notified();
        if core.room.bytes() <= *UNPACED_BYTES || !core.sender.flows() {
            return;
        }
        if timeout_at(until, freed).await.is_err() {
            return;
        }
    }
}
