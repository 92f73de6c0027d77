//! Who reads next: requests of one signal are read a few at a time, counted in bytes.
//!
//! A request that is not read yet waits in the buffers of its connection, which are bounded; one
//! that was read waits in our memory for a pipeline that is busy anyway. Turns keep that small.
//! They are a courtesy, not a lock: nobody waits longer for a slow client than [`WAIT_TIME_MAX`].

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// How many bytes are being read or handed over at once, as far as turns go.
const BYTES_AT_ONCE: usize = 4 << 20;
/// How long a request waits for its turn before it is read anyway.
const WAIT_TIME_MAX: Duration = Duration::from_millis(100);
/// How much larger a packed request is believed to become.
const PACKED_GROWTH: usize = 8;
/// What a request weighs of which nobody knows the size.
const UNKNOWN_BYTES: usize = 64 << 10;
/// What turns are counted in.
const UNIT_BYTES: usize = 1 << 10;

/// The turns of one signal.
pub(super) struct Turns(Arc<Semaphore>);

/// A turn; over when dropped.
pub(super) type Turn = OwnedSemaphorePermit;

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
        Self(Arc::new(Semaphore::new(BYTES_AT_ONCE / UNIT_BYTES)))
    }
}

impl Turns {
    /// Waits for the turn of a request of so many bytes; zero means that nobody knows. `None` means
    /// that it was waited for long enough. Cancel-safe.
    pub(super) async fn next(&self, bytes: usize, packing: Packing) -> Option<Turn> {
        let bytes = if bytes == 0 { UNKNOWN_BYTES } else { bytes };
        let weight = match packing {
            Packing::Plain => bytes,
            Packing::Packed => bytes.saturating_mul(PACKED_GROWTH),
        };
        let units = weight.min(BYTES_AT_ONCE).div_ceil(UNIT_BYTES);
        let turn = Arc::clone(&self.0).acquire_many_owned(units as u32);
        timeout(WAIT_TIME_MAX, turn).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_turn_waits_for_others_to_be_over_but_not_for_long() {
        let turns = Turns::default();
        let first = turns.next(BYTES_AT_ONCE / 2, Packing::Plain).await;
        let second = turns.next(BYTES_AT_ONCE / 16, Packing::Packed).await;
        assert!(first.is_some() && second.is_some());
        let before = Instant::now();
        assert!(turns.next(1, Packing::Plain).await.is_none());
        assert_eq!(before.elapsed(), WAIT_TIME_MAX);
        drop(first);
        assert!(turns.next(usize::MAX, Packing::Packed).await.is_none());
        assert!(turns.next(1, Packing::Plain).await.is_some());
    }
}
