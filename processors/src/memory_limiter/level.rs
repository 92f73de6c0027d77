//! How much memory is used: looked up now and then, reckoned in between.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tapline_pipeline::Memory;
use tokio::time::Instant;

/// A look that is younger is not repeated, however close the limit is: it costs some 20 us.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// The resident memory of the process, as far as anybody knows.
pub(super) struct Level {
    memory: Memory,
    look: fn() -> Option<u64>,
    born: Instant,
    /// What the last look saw.
    seen_bytes: AtomicU64,
    /// What was on the account then.
    held_bytes: AtomicU64,
    /// When that was, in microseconds after birth.
    looked_at_us: AtomicU64,
}

impl Level {
    /// Looks for the first time.
    pub(super) fn new(memory: Memory, look: fn() -> Option<u64>) -> Self {
        let level = Self {
            memory,
            look,
            born: Instant::now(),
            seen_bytes: AtomicU64::new(0),
            held_bytes: AtomicU64::new(0),
            looked_at_us: AtomicU64::new(0),
        };
        level.look();
        level
    }

    /// Looks how much memory is used. Where that cannot be seen, the account is all there is.
    pub(super) fn look(&self) {
        self.held_bytes.store(self.memory.held_bytes(), Relaxed);
        let seen = (self.look)().unwrap_or_else(|| self.memory.held_bytes());
        self.seen_bytes.store(seen, Relaxed);
        self.looked_at_us.store(self.age_us(), Relaxed);
    }

    /// Says whether less than `limit` will be used with so many bytes more. Near the limit it looks
    /// before it answers.
    pub(super) fn stays_below(&self, limit: u64, more_bytes: u64) -> bool {
        let near = self.used_bytes().saturating_add(more_bytes) > limit / 2;
        if near && self.is_stale() {
            self.look();
        }
        self.used_bytes().saturating_add(more_bytes) <= limit
    }

    /// Returns what was seen, and what payloads have grown by since.
    pub(super) fn used_bytes(&self) -> u64 {
        let grown = self
            .memory
            .held_bytes()
            .saturating_sub(self.held_bytes.load(Relaxed));
        self.seen_bytes.load(Relaxed).saturating_add(grown)
    }

    fn is_stale(&self) -> bool {
        let age = self.age_us() - self.looked_at_us.load(Relaxed).min(self.age_us());
        u128::from(age) >= LOOK_AGAIN_AFTER.as_micros()
    }

    fn age_us(&self) -> u64 {
        self.born.elapsed().as_micros() as u64
    }
}
