//! Own metrics: a registry of plain atomics under the Collector's names.
//!
//! Components register counters and gauges while they are built and keep the handles; whoever
//! exposes them lists the registry with [`Meters::snapshot`], or follows it. This module must not
//! know how readings are exposed. The registry holds at most [`MAX_SERIES`] series.

pub mod account;
mod instrument;
pub mod names;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use account::{Account, Reason};
use tapline_pdata::Signal;

use instrument::NANOSECONDS;
pub use instrument::{Counter, Distribution, Gauge, Histogram, Listener};

/// The number of series one registry holds; what comes later still counts, but is not listed.
pub const MAX_SERIES: usize = 10_000;

/// The number of books one registry lists; later ones still count, but are not listed.
const MAX_ACCOUNTS: usize = 1_000;

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

    /// Opens the book of this view's component for one signal, listed as [`account::NAME`].
    ///
    /// `expected` are the losses to list even before they happen. Opening a book twice gives the
    /// same one, so it survives a rebuild of the graph.
    pub fn account(&self, signal: Signal, expected: &'static [Reason]) -> Account {
        let owner = OWNERS
            .iter()
            .find_map(|kind| self.labels.get_key_value(*kind));
        let mut labels = Labels::from([("signal", signal.name().to_owned())]);
        if let Some((kind, component)) = owner {
            labels.insert("component", component.clone());
            labels.insert("kind", (*kind).to_owned());
        }
        let account = {
            let mut state = self.registry.lock();
            if let Some((known, _)) = state.accounts.get(&labels) {
                return known.clone();
            }
            let account = Account::new();
            if state.accounts.len() < MAX_ACCOUNTS {
                state.accounts.insert(labels, (account.clone(), expected));
            }
            account
        };
        self.registry.tell(
            account::NAME,
            account::HELP,
            &Labels::new(),
            &Instrument::Gauge(Gauge::default()),
        );
        account
    }

    /// Tells a follower of every series there is and of every one that comes; replaces an earlier
    /// follower. A follower may be told of one series twice.
    pub fn follow(&self, follower: Arc<dyn Follower>) {
        let (series, has_accounts) = {
            let mut state = self.registry.lock();
            state.follower = Some(follower);
            (state.series.clone(), !state.accounts.is_empty())
        };
        for ((name, labels), (help, instrument)) in &series {
            self.registry.tell(name, help, labels, instrument);
        }
        if has_accounts {
            let gauge = Instrument::Gauge(Gauge::default());
            self.registry
                .tell(account::NAME, account::HELP, &Labels::new(), &gauge);
        }
    }

    /// Lists the series of one name.
    pub fn read(&self, name: &str) -> Vec<(Labels, Value)> {
        if name == account::NAME {
            return self.accounts().collect();
        }
        let from = (Cow::Owned(name.to_owned()), Labels::new());
        let series: Vec<(Labels, Instrument)> = {
            let state = self.registry.lock();
            let found = state.series.range(from..);
            found
                .take_while(|((known, _), _)| known == name)
                .map(|((_, labels), (_, instrument))| (labels.clone(), instrument.clone()))
                .collect()
        };
        let read = |(labels, instrument): (Labels, Instrument)| (labels, instrument.read().1);
        series.into_iter().map(read).collect()
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

    /// Lists every series, in the order of names and labels, then the books.
    pub fn snapshot(&self) -> Vec<Reading> {
        // The handles are cloned out first: an observer may itself register something.
        let series = self.registry.lock().series.clone();
        let accounts = self.accounts().map(|(labels, value)| Reading {
            name: Cow::Borrowed(account::NAME),
            help: account::HELP,
            kind: Kind::Gauge,
            labels,
            value,
        });
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
            .chain(accounts)
            .collect()
    }

    /// Lists the rows of every book; each book is read at one moment.
    #[expect(
        clippy::cast_precision_loss,
        reason = "readings are floats, exact up to 2^53"
    )]
    fn accounts(&self) -> impl Iterator<Item = (Labels, Value)> + use<> {
        let accounts = self.registry.lock().accounts.clone();
        accounts
            .into_iter()
            .flat_map(|(labels, (account, expected))| {
                let rows = account.tally().rows(expected);
                rows.into_iter().map(move |(state, reason, count)| {
                    let mut labels = labels.clone();
                    labels.insert("state", state.to_owned());
                    if let Some(reason) = reason {
                        labels.insert("reason", reason.to_owned());
                    }
                    (labels, Value::Number(count as f64))
                })
            })
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

type Series = BTreeMap<(Cow<'static, str>, Labels), (&'static str, Instrument)>;

/// The labels that name a component, which are also the kinds of components with a book.
const OWNERS: [&str; 4] = ["receiver", "processor", "connector", "exporter"];

#[derive(Default)]
struct Registry(Mutex<State>);

#[derive(Default)]
struct State {
    series: Series,
    accounts: BTreeMap<Labels, (Account, &'static [Reason])>,
    follower: Option<Arc<dyn Follower>>,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics while registering")
    }

    /// Tells the follower, without holding the lock: it may read the registry.
    fn tell(&self, name: &str, help: &'static str, labels: &Labels, instrument: &Instrument) {
        let Some(follower) = self.lock().follower.clone() else {
            return;
        };
        let Instrument::Histogram(histogram) = instrument else {
            return follower.appeared(name, help, instrument.kind());
        };
        if let Some(listener) = follower.histogram(name, help, labels, histogram.bounds()) {
            histogram.tell(listener);
        }
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
        let value = match self {
            Self::Counter(counter) => Value::Number(counter.get() as f64),
            Self::Gauge(gauge) => Value::Number(gauge.get() as f64),
            Self::Histogram(histogram) => Value::Distribution(histogram.read()),
            Self::Observed(_, read) => Value::Number(read()),
        };
        (self.kind(), value)
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Counter(_) => Kind::Counter,
            Self::Gauge(_) => Kind::Gauge,
            Self::Histogram(_) => Kind::Histogram,
            Self::Observed(kind, _) => *kind,
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
    fn measures_durations_in_seconds() {
        let meters = Meters::new();
        let times = meters.durations("times", "", &[], &[0.5, 1.0]);
        times.record_duration(std::time::Duration::from_millis(750));
        let expected = Distribution {
            bounds: vec![0.5, 1.0],
            counts: vec![0, 1, 0],
            sum: 0.75,
        };
        assert_eq!(meters.snapshot()[0].value, Value::Distribution(expected));
    }

    #[test]
    fn lists_the_book_of_a_component_and_finds_it_again() {
        let view = Meters::new().labelled(&[("exporter", "otlp/backup")]);
        let book = || view.account(Signal::Traces, &[Reason::Shutdown]);
        book().receive(7);
        book().settle(4, account::Outcome::Sent);
        let rows: Vec<String> = view
            .read(account::NAME)
            .iter()
            .map(|(labels, value)| format!("{labels:?} {value:?}"))
            .collect();
        let row = |state: &str, rest: &str, count: &str| {
            format!(
                "{{\"component\": \"otlp/backup\", \"kind\": \"exporter\", {rest}\
                 \"signal\": \"traces\", \"state\": \"{state}\"}} Number({count})"
            )
        };
        assert_eq!(
            rows,
            [
                row("received", "", "7.0"),
                row("sent", "", "4.0"),
                row("queued", "", "3.0"),
                row("dropped", "\"reason\": \"shutdown\", ", "0.0"),
            ]
        );
        assert_eq!(view.total(account::NAME, &[("state", "queued")]), 3);
    }

    /// Writes down what it is told.
    #[derive(Default)]
    struct Scribe(Mutex<Vec<String>>);

    impl Follower for Scribe {
        fn appeared(&self, name: &str, _help: &'static str, kind: Kind) {
            let line = format!("{name} {kind:?}");
            self.0.lock().expect("not poisoned").push(line);
        }

        fn histogram(
            &self,
            name: &str,
            _help: &'static str,
            labels: &Labels,
            _bounds: &[f64],
        ) -> Option<Listener> {
            let line = format!("{name} {labels:?}");
            self.0.lock().expect("not poisoned").push(line);
            None
        }
    }

    #[test]
    fn a_follower_learns_of_what_was_and_of_what_comes() {
        let meters = Meters::new();
        meters.counter("before", "", &[]);
        let scribe = Arc::new(Scribe::default());
        meters.follow(Arc::<Scribe>::clone(&scribe));
        meters.gauge("after", "", &[]);
        meters.histogram("sizes", "", &[("x", "1")], &[1.0]);
        meters.account(Signal::Logs, &[]);
        assert_eq!(
            *scribe.0.lock().expect("not poisoned"),
            [
                "before Counter",
                "after Gauge",
                "sizes {\"x\": \"1\"}",
                "tapline_items Gauge"
            ]
        );
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
