//! What is registered: series by name and labels, books by component, and who is told of them.
//!
//! It must not know how series come to be, nor who reads them.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use super::{
    Counter, Follower, Gauge, Histogram, Kind, Labels, Value,
    account::{Account, Reason},
};

pub(super) type Series = BTreeMap<(Cow<'static, str>, Labels), (&'static str, Instrument)>;

#[derive(Default)]
pub(super) struct Registry(Mutex<State>);

#[derive(Default)]
pub(super) struct State {
    pub(super) series: Series,
    pub(super) accounts: BTreeMap<Labels, (Account, &'static [Reason])>,
    pub(super) follower: Option<Arc<dyn Follower>>,
}

impl Registry {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics while registering")
    }

    /// Tells the follower, without holding the lock: it may read the registry.
    pub(super) fn tell(
        &self,
        name: &str,
        help: &'static str,
        labels: &Labels,
        instrument: &Instrument,
    ) {
        let Instrument::Histogram(histogram) = instrument else {
            return self.tell_of(name, help, instrument.kind());
        };
        let Some(follower) = self.lock().follower.clone() else {
            return;
        };
        if let Some(listener) = follower.histogram(name, help, labels, histogram.bounds()) {
            histogram.tell(listener);
        }
    }

    /// Tells the follower of a name that is no histogram.
    pub(super) fn tell_of(&self, name: &str, help: &'static str, kind: Kind) {
        let follower = self.lock().follower.clone();
        if let Some(follower) = follower {
            follower.appeared(name, help, kind);
        }
    }
}

/// A handle of any kind.
#[derive(Clone)]
pub(super) enum Instrument {
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
    pub(super) fn read(&self) -> (Kind, Value) {
        let value = match self {
            Self::Counter(counter) => Value::Number(counter.get() as f64),
            Self::Gauge(gauge) => Value::Number(gauge.get() as f64),
            Self::Histogram(histogram) => Value::Distribution(histogram.read()),
            Self::Observed(_, read) => Value::Number(read()),
        };
        (self.kind(), value)
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Counter(_) => Kind::Counter,
            Self::Gauge(_) => Kind::Gauge,
            Self::Histogram(_) => Kind::Histogram,
            Self::Observed(kind, _) => *kind,
        }
    }
}
