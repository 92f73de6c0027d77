//! Own metrics: a registry of plain atomics under the Collector's names.
//!
//! *registry* holds what is registered, *listing* says it, *books* are those of items; *account* is
//! one such book, *instrument* what is counted with, *names* what everything is called.
//!
//! Components register counters and gauges while they are built and keep the handles; whoever
//! exposes them lists the registry with [`Meters::snapshot`], or follows it. This module must not
//! know how readings are exposed. The registry holds at most [`MAX_SERIES`] series.

pub mod account;
mod books;
mod instrument;
mod listing;
pub mod names;
mod registry;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc};

pub use books::{Books, MAX_BOOKS};
use instrument::NANOSECONDS;
pub use instrument::{Counter, Distribution, Gauge, Histogram, Listener};
use registry::{Instrument, Registry};

/// The number of series one registry holds; what comes later still counts, but is not listed.
pub const MAX_SERIES: usize = 10_000;

/// The labels of one series. Names are ours and few; values come from the configuration.
pub type Labels = BTreeMap<&'static str, String>;

/// What kind of number a series is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values by size.
    Histogram,
}

/// What a series says now.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The value of a counter or gauge.
    Number(f64),
    /// The state of a histogram.
    Distribution(Distribution),
}

/// One series, read at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The name, such as `otelcol_exporter_sent_spans`.
    pub name: Cow<'static, str>,
    /// One line that says what is counted.
    pub help: &'static str,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// The labels, in the order of their names.
    pub labels: Labels,
    /// The value.
    pub value: Value,
}

/// Learns what is registered, then and later: how another library's registry is kept equal.
pub trait Follower: Send + Sync {
    /// Is told of a series. Its name may be known already, with other labels.
    fn appeared(&self, name: &str, help: &'static str, kind: Kind);

    /// Is told of a histogram; returns who wants its values, if anybody.
    fn histogram(
        &self,
        name: &str,
        help: &'static str,
        labels: &Labels,
        bounds: &[f64],
    ) -> Option<Listener>;
}

/// A view on the registry that adds its own labels to whatever is registered through it.
///
/// Cloning is cheap. Registering a name and labels twice returns the same instrument, so counters
/// survive a rebuild of the graph.
#[derive(Clone, Default)]
pub struct Meters {
    registry: Arc<Registry>,
    labels: Labels,
}

impl Meters {
    /// Makes an empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a view that adds these labels to everything registered through it.
    #[must_use]
    pub fn labelled(&self, labels: &[(&'static str, &str)]) -> Self {
        Self {
            registry: Arc::clone(&self.registry),
            labels: self.joined(labels),
        }
    }

    /// Returns one of the labels of this view, such as the `processor` it was made for.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }

    /// Registers a counter, at 0.
    pub fn counter(
        &self,
        name: impl Into<Cow<'static, str>>,
        help: &'static str,
        labels: &[(&'static str, &str)],
    ) -> Counter {
        let made = Instrument::Counter(Counter::default());
        match self.register(name.into(), help, labels, made) {
            Instrument::Counter(counter) => counter,
            _ => Counter::default(),
        }
    }

    /// Registers a gauge, at 0.
    pub fn gauge(
        &self,
        name: impl Into<Cow<'static, str>>,
        help: &'static str,
        labels: &[(&'static str, &str)],
    ) -> Gauge {
        let made = Instrument::Gauge(Gauge::default());
        match self.register(name.into(), help, labels, made) {
            Instrument::Gauge(gauge) => gauge,
            _ => Gauge::default(),
        }
    }

    /// Registers a histogram with these upper bounds, which must ascend.
    pub fn histogram(
        &self,
        name: impl Into<Cow<'static, str>>,
        help: &'static str,
        labels: &[(&'static str, &str)],
        bounds: &[f64],
    ) -> Histogram {
        self.scaled_histogram(name.into(), help, labels, bounds, 1.0)
    }

    /// Registers a histogram of durations with upper bounds in seconds, which must ascend.
    pub fn durations(
        &self,
        name: impl Into<Cow<'static, str>>,
        help: &'static str,
        labels: &[(&'static str, &str)],
        bounds: &[f64],
    ) -> Histogram {
        self.scaled_histogram(name.into(), help, labels, bounds, NANOSECONDS)
    }

    fn scaled_histogram(
        &self,
        name: Cow<'static, str>,
        help: &'static str,
        labels: &[(&'static str, &str)],
        bounds: &[f64],
        scale: f64,
    ) -> Histogram {
        let made = Instrument::Histogram(Histogram::new(bounds, scale));
        match self.register(name, help, labels, made) {
            Instrument::Histogram(histogram) => histogram,
            _ => Histogram::new(bounds, scale),
        }
    }

    /// Registers a number that is asked for at every snapshot, replacing an earlier one.
    ///
    /// `read` runs on the thread that takes the snapshot and must not block.
    pub fn observed(
        &self,
        name: impl Into<Cow<'static, str>>,
        help: &'static str,
        labels: &[(&'static str, &str)],
        kind: Kind,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        let key = (name.into(), self.joined(labels));
        let made = Instrument::Observed(kind, Arc::new(read));
        {
            let mut state = self.registry.lock();
            if !state.series.contains_key(&key) && state.series.len() >= MAX_SERIES {
                return;
            }
            state.series.insert(key.clone(), (help, made.clone()));
        }
        self.registry.tell(&key.0, help, &key.1, &made);
    }

    fn joined(&self, labels: &[(&'static str, &str)]) -> Labels {
        let mut joined = self.labels.clone();
        joined.extend(
            labels
                .iter()
                .map(|(key, value)| (*key, (*value).to_owned())),
        );
        joined
    }

    fn register(
        &self,
        name: Cow<'static, str>,
        help: &'static str,
        labels: &[(&'static str, &str)],
        made: Instrument,
    ) -> Instrument {
        let key = (name, self.joined(labels));
        {
            let mut state = self.registry.lock();
            if let Some((_, known)) = state.series.get(&key) {
                return known.clone();
            }
            if state.series.len() >= MAX_SERIES {
                return made;
            }
            state.series.insert(key.clone(), (help, made.clone()));
        }
        self.registry.tell(&key.0, help, &key.1, &made);
        made
    }
}

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meters")
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}
