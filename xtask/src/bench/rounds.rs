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
