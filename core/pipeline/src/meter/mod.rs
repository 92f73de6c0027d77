//! Own metrics: a registry of plain atomics under the Collector's names.
//!
//! Components register counters and gauges while they are built and keep the handles; whoever
//! exposes them lists the registry with [`Meters::snapshot`]. This module must not know how
//! readings are exposed. The registry holds at most [`MAX_SERIES`] series.

mod instrument;
pub mod names;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

pub use instrument::{Counter, Distribution, Gauge, Histogram};

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
        let made = Instrument::Histogram(Histogram::new(bounds));
        match self.register(name.into(), help, labels, made) {
            Instrument::Histogram(histogram) => histogram,
            _ => Histogram::new(bounds),
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
        let mut series = self.registry.series();
        if series.contains_key(&key) || series.len() < MAX_SERIES {
            series.insert(key, (help, made));
        }
    }

    /// Lists every series, in the order of names and labels.
    pub fn snapshot(&self) -> Vec<Reading> {
        // The handles are cloned out first: an observer may itself register something.
        let series = self.registry.series().clone();
        series
            .into_iter()
            .map(|((name, labels), (help, instrument))| {
                let (kind, value) = instrument.read();
                Reading {
                    name,
                    help,
                    kind,
                    labels,
                    value,
                }
            })
            .collect()
    }

    /// Sums the counters and gauges of one name that have these labels; 0 if that is negative.
    ///
    /// Takes a whole snapshot: for tests and summaries.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole numbers"
    )]
    pub fn total(&self, name: &str, labels: &[(&'static str, &str)]) -> u64 {
        let wanted = |reading: &Reading| {
            let has = |(key, value): &(&'static str, &str)| {
                reading.labels.get(key).is_some_and(|found| found == value)
            };
            reading.name == name && labels.iter().all(has)
        };
        let number = |reading: Reading| match reading.value {
            Value::Number(number) => number,
            Value::Distribution(_) => 0.0,
        };
        self.snapshot()
            .into_iter()
            .filter(wanted)
            .map(number)
            .sum::<f64>() as u64
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
        let mut series = self.registry.series();
        if let Some((_, known)) = series.get(&key) {
            return known.clone();
        }
        if series.len() < MAX_SERIES {
            series.insert(key, (help, made.clone()));
        }
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

type Series = BTreeMap<(Cow<'static, str>, Labels), (&'static str, Instrument)>;

#[derive(Default)]
struct Registry(Mutex<Series>);

impl Registry {
    fn series(&self) -> MutexGuard<'_, Series> {
        self.0.lock().expect("nothing panics while registering")
    }
}

#[derive(Clone)]
enum Instrument {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
    Observed(Kind, Arc<dyn Fn() -> f64 + Send + Sync>),
}

impl Instrument {
    #[expect(
        clippy::cast_precision_loss,
        reason = "readings are floats, exact up to 2^53"
    )]
    fn read(&self) -> (Kind, Value) {
        match self {
            Self::Counter(counter) => (Kind::Counter, Value::Number(counter.get() as f64)),
            Self::Gauge(gauge) => (Kind::Gauge, Value::Number(gauge.get() as f64)),
            Self::Histogram(histogram) => (Kind::Histogram, Value::Distribution(histogram.read())),
            Self::Observed(kind, read) => (*kind, Value::Number(read())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_a_new_counter_at_zero_with_all_labels() {
        let meters = Meters::new();
        let view = meters.labelled(&[("receiver", "ebpf")]);
        let _lost = view.counter("tapline_ebpf_lost_events", "Events lost.", &[("cpu", "3")]);
        let listed = meters.snapshot();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].value, Value::Number(0.0));
        assert_eq!(listed[0].kind, Kind::Counter);
        let labels: Vec<_> = listed[0]
            .labels
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        assert_eq!(labels, ["cpu=3", "receiver=ebpf"]);
    }

    #[test]
    fn returns_the_same_counter_when_registered_again() {
        let meters = Meters::new();
        meters.counter("a", "", &[("x", "1")]).add(2);
        meters.counter("a", "", &[("x", "1")]).add(3);
        meters.counter("a", "", &[("x", "2")]).add(4);
        assert_eq!(meters.total("a", &[("x", "1")]), 5);
        assert_eq!(meters.total("a", &[]), 9);
    }

    #[test]
    fn counts_detached_beyond_the_limit_of_series() {
        let meters = Meters::new();
        for series in 0..=MAX_SERIES {
            meters
                .counter("a", "", &[("x", &series.to_string())])
                .add(1);
        }
        assert_eq!(meters.snapshot().len(), MAX_SERIES);
    }

    #[test]
    fn sorts_values_into_buckets_by_upper_bound() {
        let meters = Meters::new();
        let sizes = meters.histogram("sizes", "", &[], &[10.0, 20.0]);
        for size in [1, 10, 11, 21] {
            sizes.record(size);
        }
        let expected = Distribution {
            bounds: vec![10.0, 20.0],
            counts: vec![2, 1, 1],
            sum: 43.0,
        };
        assert_eq!(meters.snapshot()[0].value, Value::Distribution(expected));
    }

    #[test]
    fn asks_an_observer_at_every_snapshot() {
        let meters = Meters::new();
        let level = Gauge::default();
        let seen = level.clone();
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        meters.observed("up", "", &[], Kind::Gauge, move || seen.get() as f64);
        level.add(7);
        assert_eq!(meters.snapshot()[0].value, Value::Number(7.0));
    }
}
