//! Compresses beside the runtime: what takes milliseconds must not hold up other tasks.

use std::{
    io,
    sync::{Arc, LazyLock},
    thread,
};

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::compression::Compression;

/// What takes longer than a hand-over to another thread: about a millisecond of gzip.
const ASIDE_BYTES_MIN: usize = 256 << 10;

/// How much is compressed at once: one batch per core. More would not be done sooner, and every
/// thread that compresses keeps memory of its own for the next time.
static AT_ONCE: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    Arc::new(Semaphore::new(cores))
});

impl Compression {
    /// Compresses like [`compress`](Self::compress), on a thread that may block if it is much.
    pub async fn compress_aside(self, level: i32, chunks: Vec<Bytes>) -> io::Result<Bytes> {
        let size: usize = chunks.iter().map(Bytes::len).sum();
        if self == Self::None || size < ASIDE_BYTES_MIN {
            return self.compress(level, &chunks);
        }
        let turn = Arc::clone(&AT_ONCE).acquire_owned().await;
        let turn = turn.expect("nobody closes it");
        let work = tokio::task::spawn_blocking(move || {
            // Kept by the work itself: it goes on when nobody waits for it any more.
            let _turn = turn;
            self.compress(level, &chunks)
        });
        work.await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use tokio::{task::JoinSet, time::timeout};

    use super::{ASIDE_BYTES_MIN, Compression};

    fn chunks() -> Vec<Bytes> {
        vec![Bytes::from(vec![b'x'; ASIDE_BYTES_MIN])]
    }

    #[tokio::test]
    async fn what_there_is_no_core_for_waits_its_turn() {
        let mut works = JoinSet::new();
        for _ in 0..64 {
            works.spawn(Compression::Gzip.compress_aside(0, chunks()));
        }
        let packed = works.join_all().await;
        assert!(packed.iter().all(Result::is_ok));
    }

    #[tokio::test]
    async fn whoever_walks_away_keeps_nobody_waiting() {
        for _ in 0..64 {
            let work = Compression::Gzip.compress_aside(0, chunks());
            let _given_up = timeout(Duration::ZERO, work).await;
        }
        let packed = Compression::Gzip.compress_aside(0, chunks()).await;
        assert!(packed.is_ok());
    }
}
