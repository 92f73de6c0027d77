//! Accounting: every item offered is held until it is sent, refused or dropped, and never twice.
//!
//! A [`Ticket`] stands for the items of one batch. However its holder ends - by an answer, by
//! cancellation, by being cut off - dropping the ticket books the items.

use std::sync::Arc;

use tapline_pdata::{Batch, Origin, Signal};

use super::room::Size;

use crate::meter::{Counter, Gauge, Histogram, Meters, names};

/// Why items were lost after they had been taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The backend will never take them.
    Permanent,
    /// The backend did not take them in time, or retrying is off.
    RetriesExhausted,
    /// The process ended first.
    Shutdown,
    /// The disk did not give them back.
    Damaged,
}

impl Reason {
    const ALL: [Self; 4] = [
        Self::Permanent,
        Self::RetriesExhausted,
        Self::Shutdown,
        Self::Damaged,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::RetriesExhausted => "retries_exhausted",
            Self::Shutdown => "shutdown",
            Self::Damaged => "damaged",
        }
    }
}

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

/// The counters of one delivery.
pub(super) struct Ledger {
    received: Counter,
    recovered: Counter,
    spilled: Counter,
    refused: Counter,
    dropped: [Counter; Reason::ALL.len()],
    queued_items: Gauge,
    queued_batches: Gauge,
    sent: Counter,
    send_failed: Counter,
    enqueue_failed: Counter,
    in_flight: Gauge,
    /// This delivery's own share of `dropped`, which lives on when a graph is rebuilt.
    lost: Counter,
    /// This delivery's own share of `spilled`.
    left_on_disk: Counter,
    enqueue_size: Histogram,
    enqueue_bytes: Histogram,
}

impl Ledger {
    pub(super) fn new(signal: Signal, meters: &Meters) -> Self {
        let own = [("otel_signal", signal.name())];
        let per_signal = |metric: names::Metric| {
            meters.counter(names::per_signal(metric, signal), metric.1, &[])
        };
        let dropped = |reason: Reason| {
            let (name, help) = names::DELIVERY_DROPPED;
            meters.counter(name, help, &[own[0], ("reason", reason.name())])
        };
        let (in_flight, in_flight_help) = names::EXPORTER_IN_FLIGHT;
        let total = |(name, help): names::Metric| meters.counter(name, help, &own);
        let sizes =
            |(name, help): names::Metric, bounds: &[f64]| meters.histogram(name, help, &[], bounds);
        let (queued, queued_help) = names::DELIVERY_QUEUED;
        Self {
            received: total(names::DELIVERY_RECEIVED),
            recovered: total(names::DELIVERY_RECOVERED),
            spilled: total(names::DELIVERY_SPILLED),
            refused: total(names::DELIVERY_REFUSED),
            dropped: Reason::ALL.map(dropped),
            queued_items: meters.gauge(queued, queued_help, &own),
            queued_batches: Gauge::default(),
            sent: per_signal(names::EXPORTER_SENT),
            send_failed: per_signal(names::EXPORTER_SEND_FAILED),
            enqueue_failed: per_signal(names::EXPORTER_ENQUEUE_FAILED),
            in_flight: meters.gauge(in_flight, in_flight_help, &[]),
            lost: Counter::default(),
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

    /// Returns how many items the end of this delivery lost.
    pub(super) fn lost_to_shutdown(&self) -> u64 {
        self.lost.get()
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

    fn hold(&self, items: u64) {
        self.queued_items.add(items.cast_signed());
        self.queued_batches.add(1);
    }

    fn book(&self, items: u64, outcome: Outcome) {
        match outcome {
            Outcome::Sent => self.sent.add(items),
            Outcome::TurnedAway => {
                self.refused.add(items);
                self.enqueue_failed.add(items);
            }
            Outcome::HandedBack => {
                self.refused.add(items);
                self.send_failed.add(items);
            }
            Outcome::Dropped(reason) => {
                self.dropped[reason as usize].add(items);
                if reason == Reason::Shutdown {
                    self.lost.add(items);
                }
                self.send_failed.add(items);
            }
            Outcome::Spilled => {
                self.spilled.add(items);
                self.left_on_disk.add(items);
            }
        }
        self.queued_items.add(-items.cast_signed());
    }
}

/// The items of one batch while a delivery holds it.
pub(super) struct Ticket {
    ledger: Arc<Ledger>,
    pub(super) items: u64,
    /// What is booked in the end.
    pub(super) outcome: Outcome,
    /// Whether this stands for a batch, too, or for a part of one.
    batches: i64,
    /// Who sent the items.
    pub(super) origin: Option<Arc<Origin>>,
}

impl Ticket {
    /// Receives a batch; `outcome` is what is booked if nothing else is said.
    pub(super) fn new(ledger: &Arc<Ledger>, batch: &Batch, outcome: Outcome) -> Self {
        let items = u64::from(batch.items());
        ledger.received.add(items);
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
        ledger.hold(items);
        Self {
            ledger: Arc::clone(ledger),
            items,
            outcome,
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
        self.ledger.book(self.items, self.outcome);
        self.ledger.queued_batches.add(-self.batches);
    }
}
