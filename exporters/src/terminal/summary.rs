//! What is said at the end: how many, how bad, how fast. Its size is fixed, however long it ran.

use std::{collections::HashSet, fmt::Write, time::Duration};

use tokio::time::Instant;

use super::{
    line::{Direction, Event, Kind},
    measure,
};

/// How many names of services are remembered; a machine has fewer.
const SERVICES_MAX: usize = 1_024;
/// Steps per doubling of a duration: each is at most 6 % wide.
const STEPS: u64 = 16;
const BUCKETS: usize = 64 * 16;

/// Counts what was shown.
#[derive(Debug)]
pub(super) struct Summary {
    started: Instant,
    requests: u64,
    errors: u64,
    failed_connects: u64,
    services: HashSet<String>,
    durations: Histogram,
}

impl Summary {
    pub(super) fn new(started: Instant) -> Self {
        Self {
            started,
            requests: 0,
            errors: 0,
            failed_connects: 0,
            services: HashSet::new(),
            durations: Histogram::default(),
        }
    }

    pub(super) fn add(&mut self, event: &Event<'_>) {
        match event.kind {
            // Work inside a service is shown, but nobody asked for it.
            Kind::Request if event.direction == Direction::Inside => {}
            Kind::Request => {
                self.requests += 1;
                self.errors += u64::from(event.outcome.is_error());
                self.durations.add(event.duration.unwrap_or_default());
            }
            Kind::FailedConnect => self.failed_connects += 1,
        }
        let is_new = !event.service.is_empty() && !self.services.contains(event.service);
        if is_new && self.services.len() < SERVICES_MAX {
            self.services.insert(event.service.to_owned());
        }
    }

    /// Returns the last line.
    pub(super) fn text(&self, now: Instant) -> String {
        let elapsed = measure::duration(now.duration_since(self.started));
        let counted = |count: u64, one: &str, more: &str| {
            format!("{count} {}", if count == 1 { one } else { more })
        };
        if self.requests == 0 && self.failed_connects == 0 {
            return format!("\nno requests seen in {elapsed}\n");
        }
        let mut text = format!(
            "\n{} in {elapsed}: {}, {}, {}",
            counted(self.requests, "request", "requests"),
            counted(self.errors, "error", "errors"),
            counted(self.failed_connects, "failed connect", "failed connects"),
            counted(self.services.len() as u64, "service", "services"),
        );
        if let (Some(p50), Some(p95)) = (self.durations.quantile(50), self.durations.quantile(95)) {
            let (p50, p95) = (measure::duration(p50), measure::duration(p95));
            // Writing to a string cannot fail.
            let _infallible = write!(text, ", p50 {p50}, p95 {p95}");
        }
        text.push('\n');
        text
    }
}

/// Durations in buckets of logarithmic width, 8 KiB of them.
#[derive(Debug)]
struct Histogram {
    counts: Box<[u64]>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS].into_boxed_slice(),
            total: 0,
        }
    }
}

impl Histogram {
    fn add(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
    }

    /// Returns the middle of the bucket that holds the given percentile.
    fn quantile(&self, percent: u64) -> Option<Duration> {
        let rank = (self.total * percent).div_ceil(100);
        let mut below = 0;
        let found = self.counts.iter().position(|count| {
            below += count;
            rank > 0 && below >= rank
        })?;
        let (low, high) = (lowest(found), lowest(found + 1));
        Some(Duration::from_nanos(low + (high - low) / 2))
    }
}

/// Values below 16 have a bucket each; above, every power of two is cut into 16.
fn bucket(nanos: u64) -> usize {
    if nanos < STEPS {
        return nanos as usize;
    }
    let power = u64::from(nanos.ilog2());
    let step = (nanos >> (power - 4)) & (STEPS - 1);
    ((power - 3) * STEPS + step) as usize
}

/// Returns the smallest value of a bucket.
fn lowest(bucket: usize) -> u64 {
    let (octave, step) = (bucket as u64 / STEPS, bucket as u64 % STEPS);
    if octave == 0 {
        return step;
    }
    (STEPS + step)
        .checked_shl(octave as u32 - 1)
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{BUCKETS, Histogram, bucket, lowest};

    #[test]
    fn every_duration_has_a_bucket_that_holds_it() {
        let values = (0..64).flat_map(|power| [1_u64 << power, (1 << power) + 1, (1 << power) - 1]);
        for nanos in values.chain([u64::MAX, 12_345_678]) {
            let at = bucket(nanos);
            assert!(at < BUCKETS && lowest(at) <= nanos, "{nanos}");
            assert!(
                nanos < lowest(at + 1) || lowest(at + 1) <= lowest(at),
                "{nanos}"
            );
        }
    }

    #[test]
    fn quantiles_are_close() {
        let mut durations = Histogram::default();
        assert_eq!(durations.quantile(50), None);
        for millis in 1..=100 {
            durations.add(Duration::from_millis(millis));
        }
        let close = |percent, expected: u64| {
            let found = durations.quantile(percent).expect("has values");
            let error = found.as_secs_f64() / Duration::from_millis(expected).as_secs_f64() - 1.0;
            assert!(error.abs() < 0.06, "p{percent}: {found:?}");
        };
        close(50, 50);
        close(95, 95);
        close(100, 100);
    }
}
