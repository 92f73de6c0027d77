//! Who reads next: requests of one signal are read a few at a time, counted in bytes.
//!
//! A request that is not read yet waits in the buffers of its connection, which are bounded; one
//! that was read waits in our memory for a pipeline that is busy anyway. Turns keep that small.
//! They are a courtesy, not a lock: nobody waits longer for a slow client than [`WAIT_TIME_MAX`],
//! and a client that has not sent its request by then has had its turn.

use std::{
    pin::pin,
    sync::{Arc, LazyLock},
    thread,
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// How many bytes are being read or handed over at once, as far as turns go: some for every core.
static BYTES_AT_ONCE: LazyLock<usize> = LazyLock::new(|| {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    cores.min(CORES_MAX) * (2 << 20)
});
/// More cores than this would only fill memory: permits are counted in 32 bits.
const CORES_MAX: usize = 256;
/// How long a request waits for its turn before it is read anyway, and how long it may keep others
/// waiting before it is whole.
const WAIT_TIME_MAX: Duration = Duration::from_millis(100);
/// How much larger a packed request is believed to become.
const PACKED_GROWTH: usize = 8;
/// What a request weighs of which nobody knows the size.
const UNKNOWN_BYTES: usize = 64 << 10;
/// What turns are counted in.
const UNIT_BYTES: usize = 1 << 10;

/// The turns of one signal.
pub(super) struct Turns(Arc<Semaphore>);

/// A turn, unless it was waited for too long or has been given up; over when dropped.
pub(super) struct Turn(Option<OwnedSemaphorePermit>);

/// Whether the size of a request is that before unpacking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// It is as large as it seems.
    Plain,
    /// It grows.
    Packed,
}

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(*BYTES_AT_ONCE / UNIT_BYTES)))
    }
}

impl Turns {
    /// Waits for the turn of a request of so many bytes; zero means that nobody knows. After
    /// [`WAIT_TIME_MAX`] the request is read without. Cancel-safe.
    pub(super) async fn next(&self, bytes: usize, packing: Packing) -> Turn {
        let bytes = if bytes == 0 { UNKNOWN_BYTES } else { bytes };
        let weight = match packing {
            Packing::Plain => bytes,
            Packing::Packed => bytes.saturating_mul(PACKED_GROWTH),
        };
        let units = weight.min(*BYTES_AT_ONCE).div_ceil(UNIT_BYTES);
        let turn = Arc::clone(&self.0).acquire_many_owned(units as u32);
        let turn = timeout(WAIT_TIME_MAX, turn).await;
        Turn(turn.ok().and_then(Result::ok))
    }
}

impl Turn {
    /// Reads a request, and gives the turn up if that takes long: who sends slowly does so beside
    /// the others, not before them. Sets a timer only if there is something to wait for.
    pub(super) async fn reading<T>(&mut self, read: impl Future<Output = T>) -> T {
        let mut read = pin!(read);
        if let Ok(whole) = timeout(WAIT_TIME_MAX, read.as_mut()).await {
            return whole;
        }
        self.0 = None;
        read.await
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_turn_waits_for_others_to_be_over_but_not_for_long() {
        let turns = Turns::default();
        let first = turns.next(*BYTES_AT_ONCE / 2, Packing::Plain).await;
        let second = turns.next(*BYTES_AT_ONCE / 16, Packing::Packed).await;
        assert!(first.0.is_some() && second.0.is_some());
        let before = Instant::now();
        assert!(turns.next(1, Packing::Plain).await.0.is_none());
        assert_eq!(before.elapsed(), WAIT_TIME_MAX);
        drop(first);
        assert!(turns.next(usize::MAX, Packing::Packed).await.0.is_none());
        assert!(turns.next(1, Packing::Plain).await.0.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_slow_to_send_loses_the_turn_and_who_is_quick_keeps_it() {
        let turns = Turns::default();
        let mut quick = turns.next(*BYTES_AT_ONCE, Packing::Plain).await;
        let (short, rest) = (WAIT_TIME_MAX / 10, WAIT_TIME_MAX * 9 / 10);
        quick.reading(tokio::time::sleep(short)).await;
        assert!(turns.next(1, Packing::Plain).await.0.is_none());
        drop(quick);
        let mut slow = turns.next(*BYTES_AT_ONCE, Packing::Plain).await;
        let trickling = slow.reading(tokio::time::sleep(Duration::from_mins(1)));
        let beside = async {
            tokio::time::sleep(short).await;
            let before = Instant::now();
            for _ in 0..10 {
                assert!(turns.next(1, Packing::Plain).await.0.is_some());
            }
            assert_eq!(before.elapsed(), rest, "only the first one waits");
        };
        tokio::join!(trickling, beside);
    }
}
