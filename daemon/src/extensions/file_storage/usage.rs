//! How much disk the logs of one extension occupy, and how much they may.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use tapline_pipeline::{Counter, Gauge, Meters};

use super::names;

/// The size at which a segment is finished and the next one begins.
const SEGMENT_BYTES: u64 = 32 << 20;
/// Segments are not smaller than this because of a quota.
const SEGMENT_BYTES_MIN: u64 = 64 << 10;
/// A quota is at least this many segments, so that space comes back in small steps.
const SEGMENTS_PER_QUOTA: u64 = 16;

/// Returns the size at which a segment is finished, given a quota; 0 is none.
pub(super) fn segment_bytes(quota: u64) -> u64 {
    match quota {
        0 => SEGMENT_BYTES,
        _ => (quota / SEGMENTS_PER_QUOTA).clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES),
    }
}

/// What the open logs of one extension occupy together.
#[derive(Debug)]
pub(super) struct Usage {
    used: AtomicU64,
    quota: u64,
}

impl Usage {
    /// Nothing used, of so many bytes; 0 is no limit.
    pub(super) fn new(quota: u64) -> Self {
        Self {
            used: AtomicU64::new(0),
            quota,
        }
    }
}

/// The part of one log in it, and its metrics. Dropped, it gives its part back.
pub(super) struct Counted {
    usage: Arc<Usage>,
    bytes: u64,
    gauge: Gauge,
    /// Records skipped as damaged.
    pub(super) damaged: Counter,
}

impl Counted {
    pub(super) fn new(usage: &Arc<Usage>, meters: &Meters, owner: &str) -> Self {
        let owner = [("owner", owner)];
        Self {
            usage: Arc::clone(usage),
            bytes: 0,
            gauge: meters.gauge(names::BYTES.0, names::BYTES.1, &owner),
            damaged: meters.counter(names::DAMAGED.0, names::DAMAGED.1, &owner),
        }
    }

    /// Counts elsewhere from now on, under another limit. What is there already may exceed it.
    pub(super) fn move_to(&mut self, usage: &Arc<Usage>) {
        usage.used.fetch_add(self.bytes, Relaxed);
        self.usage.used.fetch_sub(self.bytes, Relaxed);
        self.usage = Arc::clone(usage);
    }

    /// Returns the limit.
    pub(super) fn quota(&self) -> u64 {
        self.usage.quota
    }

    /// Takes bytes that are about to be written, unless that is more than there may be.
    pub(super) fn reserve(&mut self, bytes: u64) -> bool {
        let quota = self.usage.quota;
        let fits = |used: u64| {
            let sum = used.saturating_add(bytes);
            (quota == 0 || sum <= quota).then_some(sum)
        };
        let is_taken = self.usage.used.fetch_update(Relaxed, Relaxed, fits).is_ok();
        if is_taken {
            self.set(self.bytes + bytes);
        }
        is_taken
    }

    /// Takes bytes that are on disk already, whatever the limit.
    pub(super) fn found(&mut self, bytes: u64) {
        self.usage.used.fetch_add(bytes, Relaxed);
        self.set(self.bytes + bytes);
    }

    /// Gives bytes back that are no longer on disk.
    pub(super) fn release(&mut self, bytes: u64) {
        debug_assert!(bytes <= self.bytes, "only what was taken is given back");
        self.usage.used.fetch_sub(bytes, Relaxed);
        self.set(self.bytes - bytes);
    }

    fn set(&mut self, bytes: u64) {
        self.bytes = bytes;
        self.gauge.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

impl Drop for Counted {
    /// What is on disk stays there, and so in the gauge; the next to open it counts it again.
    fn drop(&mut self) {
        self.usage.used.fetch_sub(self.bytes, Relaxed);
    }
}
