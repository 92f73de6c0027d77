//! Measuring with and without in turn, so that a slow minute of the machine falls on both.
//!
//! Knows when the tap runs, not what is measured.

use std::collections::BTreeSet;

use anyhow::Result;

use super::counters::Counters;
use super::machine;
use super::spread::{Comparison, Spread, compare};
use super::tap::{Running, Tap};

/// Every measurement with the tap stands between two without it.
pub(super) struct Rounds<T> {
    pub(super) without: Vec<T>,
    pub(super) with: Vec<T>,
    /// What the tap counted in all rounds.
    pub(super) counters: Counters,
    /// Who else had something in the kernel while we had not.
    pub(super) foreign: BTreeSet<String>,
}

impl<T> Rounds<T> {
    /// Compares one value of each measurement.
    pub(super) fn comparison(&self, value: impl Fn(&T) -> f64) -> Comparison {
        let values = |rounds: &[T]| rounds.iter().map(&value).collect::<Vec<f64>>();
        compare(&values(&self.without), &values(&self.with))
    }

    /// Sums up a value that only exists with the tap.
    pub(super) fn spread_with(&self, value: impl Fn(&T) -> f64) -> Spread {
        Spread::of(self.with.iter().map(value).collect())
    }
}

/// A piece of work, and what the daemon used for it: nothing where there was none.
pub(super) struct Measured<T> {
    pub(super) work: T,
    cpu_ms: f64,
    pub(super) rss_kib: u64,
}

impl<T> Measured<T> {
    /// Returns what a thousand of so many requests cost the daemon.
    pub(super) fn cpu_ms_per_thousand(&self, requests: u64) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "nobody makes 2^53 requests in a benchmark"
        )]
        let requests = requests as f64;
        self.cpu_ms / (requests / 1e3)
    }
}

/// Does a piece of work, and waits until the daemon has done its part of it.
pub(super) fn measured<T>(
    running: Option<&Running>,
    work: impl FnOnce() -> Result<T>,
) -> Result<Measured<T>> {
    let Some(running) = running else {
        return Ok(Measured {
            work: work()?,
            cpu_ms: 0.0,
            rss_kib: 0,
        });
    };
    let idle_ms = running.usage()?.cpu_ms;
    let work = work()?;
    let used = running.settle()?;
    Ok(Measured {
        work,
        cpu_ms: used.cpu_ms - idle_ms,
        rss_kib: used.rss_kib,
    })
}

/// Measures without, with, without, with, …, without. The tap is started for each and stopped.
pub(super) fn interleave<T>(
    tap: &Tap,
    rounds: usize,
    mut measure: impl FnMut(Option<&Running>) -> Result<T>,
) -> Result<Rounds<T>> {
    let mut foreign = machine::bpf_link_holders();
    let mut without = vec![measure(None)?];
    let mut with = Vec::new();
    let mut counters = Counters::default();
    for _ in 0..rounds {
        let running = tap.start()?;
        running.settle()?;
        with.push(measure(Some(&running))?);
        running.settle()?;
        counters.add(&running.stop()?);
        foreign.extend(machine::bpf_link_holders());
        without.push(measure(None)?);
    }
    Ok(Rounds {
        without,
        with,
        counters,
        foreign,
    })
}
