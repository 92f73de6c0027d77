//! Accounting: every item offered is held until it is sent, refused or dropped, and never twice.
//!
//! A [`Ticket`] stands for the items of one batch. However its holder ends - by an answer, by
//! cancellation, by being cut off - dropping the ticket books the items.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use tapline_pdata::{Batch, Origin, Signal};

use super::room::Size;
pub(super) use crate::meter::account::Reason;
use crate::{
    Refusal,
    meter::{
        Counter, Gauge, Histogram, Meters,
        account::{self, Account},
        names,
    },
    refusal::OTHER_KIND,
};

/// The losses that are listed before they happen.
const LOSSES: &[Reason] = &[
    Reason::Permanent,
    Reason::RetriesExhausted,
    Reason::Shutdown,
];

/// What became of the items of one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The backend has them.
    Sent,
    /// The queue had no place; the caller still has them.
    TurnedAway,
    /// Sending failed while the caller waited; the caller still has them.
    HandedBack,
    /// They are lost.
    Dropped(Reason),
    /// The process ended first, and they are on disk.
    Spilled,
}

/// What is told of items that nobody tried to send, such as those the disk did not give back.
const UNSENT: FailureKind = FailureKind {
    kind: OTHER_KIND,
    is_permanent: true,
};

/// How sending failed, as the metrics tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FailureKind {
    kind: &'static str,
    is_permanent: bool,
}

impl FailureKind {
    /// Nothing was tried, or not to the end, because everything ends.
    const SHUTDOWN: Self = Self {
        kind: "Shutdown",
        is_permanent: false,
    };

    pub(super) fn of(refusal: &Refusal) -> Self {
        Self {
            kind: refusal.kind,
            is_permanent: !refusal.is_retryable(),
        }
    }
}

/// The counters of one delivery.
pub(super) struct Ledger {
    meters: Meters,
    signal: Signal,
    account: Account,
    recovered: Counter,
    queued_batches: Gauge,
    sent: Counter,
    enqueue_failed: Counter,
    in_flight: Gauge,
    is_ending: AtomicBool,
    /// This delivery's own share of what is lost since its end began: the book is the component's.
    lost: Mutex<BTreeMap<Reason, u64>>,
    /// This delivery's own share of what is stored.
    left_on_disk: Counter,
    enqueue_size: Histogram,
    enqueue_bytes: Histogram,
}

impl Ledger {
    pub(super) fn new(signal: Signal, meters: &Meters) -> Self {
        let per_signal = |metric: names::Metric| {
            meters.counter(names::per_signal(metric, signal), metric.1, &[])
        };
        let (in_flight, in_flight_help) = names::EXPORTER_IN_FLIGHT;
        let (recovered, recovered_help) = names::DELIVERY_RECOVERED;
        let own = [("otel_signal", signal.name())];
        let sizes =
            |(name, help): names::Metric, bounds: &[f64]| meters.histogram(name, help, &[], bounds);
        // Listed at 0; what fails is counted beside it, by how it failed.
        let _none_failed = per_signal(names::EXPORTER_SEND_FAILED);
        Self {
            meters: meters.clone(),
            signal,
            account: meters.account(signal, LOSSES),
            recovered: meters.counter(recovered, recovered_help, &own),
            queued_batches: Gauge::default(),
            sent: per_signal(names::EXPORTER_SENT),
            enqueue_failed: per_signal(names::EXPORTER_ENQUEUE_FAILED),
            in_flight: meters.gauge(in_flight, in_flight_help, &[]),
            is_ending: AtomicBool::new(false),
            lost: Mutex::default(),
            left_on_disk: Counter::default(),
            enqueue_size: sizes(names::EXPORTER_ENQUEUE_SIZE, &names::ITEM_BOUNDS),
            enqueue_bytes: sizes(names::EXPORTER_ENQUEUE_BYTES, &names::BYTE_BOUNDS),
        }
    }

    /// Returns how many batches are held, waiting or being sent.
    pub(super) fn queued_batches(&self) -> i64 {
        self.queued_batches.get()
    }

    pub(super) fn in_flight(&self) -> &Gauge {
        &self.in_flight
    }

    /// Notes that what is lost from here on is lost to the end of this delivery.
    pub(super) fn begin_end(&self) {
        self.is_ending.store(true, Relaxed);
    }

    /// Returns how many items the end of this delivery lost, and why.
    pub(super) fn lost_to_the_end(&self) -> BTreeMap<Reason, u64> {
        self.lost().clone()
    }

    fn lost(&self) -> MutexGuard<'_, BTreeMap<Reason, u64>> {
        self.lost.lock().expect("nothing panics while adding")
    }

    /// Returns how many items the end of this delivery left on disk.
    pub(super) fn left_on_disk(&self) -> u64 {
        self.left_on_disk.get()
    }

    /// Notes the size of a batch that a queue took.
    pub(super) fn enqueued(&self, size: Size) {
        self.enqueue_size.record(size.items);
        self.enqueue_bytes.record(size.bytes);
    }

    fn book(&self, items: u64, outcome: Outcome, failure: FailureKind) {
        let entry = match outcome {
            Outcome::Sent => account::Outcome::Sent,
            Outcome::TurnedAway => account::Outcome::Refused(Reason::QueueFull),
            Outcome::HandedBack => account::Outcome::Refused(Reason::Downstream),
            Outcome::Dropped(reason) => account::Outcome::Dropped(reason),
            Outcome::Spilled => account::Outcome::Stored,
        };
        self.account.settle(items, entry);
        match outcome {
            Outcome::Sent => self.sent.add(items),
            Outcome::TurnedAway => self.enqueue_failed.add(items),
            Outcome::Dropped(Reason::Shutdown) => self.failed(items, FailureKind::SHUTDOWN),
            Outcome::HandedBack | Outcome::Dropped(_) => self.failed(items, failure),
            Outcome::Spilled => self.left_on_disk.add(items),
        }
        // A part of nothing is nobody's loss.
        if let Outcome::Dropped(reason) = outcome
            && items > 0
            && self.is_ending.load(Relaxed)
        {
            *self.lost().entry(reason).or_default() += items;
        }
    }

    /// Registers on use: few of the series there could be ever happen.
    fn failed(&self, items: u64, failure: FailureKind) {
        let (_, help) = names::EXPORTER_SEND_FAILED;
        let name = names::per_signal(names::EXPORTER_SEND_FAILED, self.signal);
        let permanent = if failure.is_permanent {
            "true"
        } else {
            "false"
        };
        let [kind, is_permanent] = names::FAILURE_LABELS;
        let labels = [(kind, failure.kind), (is_permanent, permanent)];
        self.meters.counter(name, help, &labels).add(items);
    }
}

/// The items of one batch while a delivery holds it.
pub(super) struct Ticket {
    ledger: Arc<Ledger>,
    pub(super) items: u64,
    /// What is booked in the end.
    pub(super) outcome: Outcome,
    /// How sending failed, if it did.
    pub(super) failure: FailureKind,
    /// Whether this stands for a batch, too, or for a part of one.
    batches: i64,
    /// Who sent the items.
    pub(super) origin: Option<Arc<Origin>>,
}

impl Ticket {
    /// Receives a batch; `outcome` is what is booked if nothing else is said.
    pub(super) fn new(ledger: &Arc<Ledger>, batch: &Batch, outcome: Outcome) -> Self {
        let items = u64::from(batch.items());
        let origin = batch.origin().cloned();
        Self::held(ledger, items, outcome, origin)
    }

    /// Takes on items that an earlier process left on disk.
    pub(super) fn recovered(ledger: &Arc<Ledger>, items: u64, origin: Option<Arc<Origin>>) -> Self {
        ledger.recovered.add(items);
        Self::held(ledger, items, Outcome::Spilled, origin)
    }

    fn held(
        ledger: &Arc<Ledger>,
        items: u64,
        outcome: Outcome,
        origin: Option<Arc<Origin>>,
    ) -> Self {
        ledger.account.receive(items);
        ledger.queued_batches.add(1);
        Self {
            ledger: Arc::clone(ledger),
            items,
            outcome,
            failure: UNSENT,
            batches: 1,
            origin,
        }
    }

    /// Moves some of the items to a ticket of their own.
    pub(super) fn split_off(&mut self, items: u64) -> Self {
        debug_assert!(
            items <= self.items,
            "a ticket has no more items than it has"
        );
        self.items -= items;
        Self {
            ledger: Arc::clone(&self.ledger),
            items,
            outcome: self.outcome,
            failure: self.failure,
            batches: 0,
            origin: self.origin.clone(),
        }
    }

    /// Books the items.
    pub(super) fn settle(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.ledger.book(self.items, self.outcome, self.failure);
        self.ledger.queued_batches.add(-self.batches);
    }
}
