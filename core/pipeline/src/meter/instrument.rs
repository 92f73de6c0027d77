//! The instruments themselves: atomics that are cheap to clone and to add to.
//!
//! An instrument must not know its name; a detached one counts just as well.

use std::{
    fmt,
    sync::{
        Arc, RwLock,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// A number that only grows.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds to the count.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Relaxed);
    }

    /// Returns the count.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicI64>);

impl Gauge {
    /// Replaces the level.
    pub fn set(&self, level: i64) {
        self.0.store(level, Relaxed);
    }

    /// Changes the level; a negative amount lowers it.
    pub fn add(&self, amount: i64) {
        self.0.fetch_add(amount, Relaxed);
    }

    /// Returns the level.
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

/// Counts values by size.
#[derive(Clone, Debug)]
pub struct Histogram(Arc<Buckets>);

struct Buckets {
    bounds: Vec<f64>,
    counts: Vec<AtomicU64>,
    /// In what was recorded.
    sum: AtomicU64,
    /// How much of the unit one recorded 1 is.
    scale: f64,
    listener: RwLock<Option<Listener>>,
}

/// Is told every value of a histogram, in its unit.
pub type Listener = Box<dyn Fn(f64) + Send + Sync>;

/// Seconds per nanosecond, which is what durations are recorded in.
pub(super) const NANOSECONDS: f64 = 1e-9;

const UNBROKEN: &str = "listeners do not panic";

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets")
            .field("bounds", &self.bounds)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

/// The state of a histogram: `counts[i]` values were at most `bounds[i]`, the last ones larger.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// Upper bounds, inclusive, ascending.
    pub bounds: Vec<f64>,
    /// The number of values per bucket, one more than there are bounds; not cumulative.
    pub counts: Vec<u64>,
    /// The sum of all values.
    pub sum: f64,
}

impl Histogram {
    pub(super) fn new(bounds: &[f64], scale: f64) -> Self {
        debug_assert!(bounds.is_sorted(), "bounds ascend");
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Buckets {
            bounds: bounds.to_vec(),
            counts,
            sum: AtomicU64::new(0),
            scale,
            listener: RwLock::default(),
        }))
    }

    /// Counts one value.
    #[expect(clippy::cast_precision_loss, reason = "sizes stay far below 2^53")]
    pub fn record(&self, value: u64) {
        let scaled = value as f64 * self.0.scale;
        let bucket = self.0.bounds.partition_point(|bound| *bound < scaled);
        self.0.counts[bucket].fetch_add(1, Relaxed);
        self.0.sum.fetch_add(value, Relaxed);
        let listener = self.0.listener.read();
        if let Some(listener) = listener.expect(UNBROKEN).as_ref() {
            listener(scaled);
        }
    }

    /// Counts one duration, in a histogram of seconds.
    pub fn record_duration(&self, duration: Duration) {
        self.record(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Returns whether somebody is told the values: what costs something to measure asks first.
    pub fn is_followed(&self) -> bool {
        self.0.listener.read().expect(UNBROKEN).is_some()
    }

    /// Tells `listener` every value from here on, and nobody else.
    pub(super) fn tell(&self, listener: Listener) {
        *self.0.listener.write().expect(UNBROKEN) = Some(listener);
    }

    /// Returns the upper bounds.
    pub(super) fn bounds(&self) -> &[f64] {
        &self.0.bounds
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "readings are floats, exact up to 2^53"
    )]
    pub(super) fn read(&self) -> Distribution {
        Distribution {
            bounds: self.0.bounds.clone(),
            counts: self
                .0
                .counts
                .iter()
                .map(|count| count.load(Relaxed))
                .collect(),
            sum: self.0.sum.load(Relaxed) as f64 * self.0.scale,
        }
    }
}
