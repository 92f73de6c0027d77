//! Accounting: every item offered is held until it is sent, refused or dropped, and never twice.
//!
//! A [`Ticket`] stands for the items of one batch. However its holder ends - by an answer, by
//! cancellation, by being cut off - dropping the ticket books the items.

use std::sync::Arc;

use tapline_pdata::{Batch, Signal};

use crate::meter::{Counter, Gauge, Meters, names};

/// Why items were lost after they had been taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The backend will never take them.
    Permanent,
    /// The backend did not take them in time, or retrying is off.
    RetriesExhausted,
    /// The process ended first.
    Shutdown,
}

impl Reason {
    const ALL: [Self; 3] = [Self::Permanent, Self::RetriesExhausted, Self::Shutdown];

    fn name(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::RetriesExhausted => "retries_exhausted",
            Self::Shutdown => "shutdown",
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
}

/// The counters of one delivery.
pub(super) struct Ledger {
    received: Counter,
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
        let (received, received_help) = names::DELIVERY_RECEIVED;
        let (refused, refused_help) = names::DELIVERY_REFUSED;
        let (queued, queued_help) = names::DELIVERY_QUEUED;
        Self {
            received: meters.counter(received, received_help, &own),
            refused: meters.counter(refused, refused_help, &own),
            dropped: Reason::ALL.map(dropped),
            queued_items: meters.gauge(queued, queued_help, &own),
            queued_batches: Gauge::default(),
            sent: per_signal(names::EXPORTER_SENT),
            send_failed: per_signal(names::EXPORTER_SEND_FAILED),
            enqueue_failed: per_signal(names::EXPORTER_ENQUEUE_FAILED),
            in_flight: meters.gauge(in_flight, in_flight_help, &[]),
            lost: Counter::default(),
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

    fn receive(&self, items: u64) {
        self.received.add(items);
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
        }
        self.queued_items.add(-items.cast_signed());
        self.queued_batches.add(-1);
    }
}

/// The items of one batch while a delivery holds it.
pub(super) struct Ticket {
    ledger: Arc<Ledger>,
    items: u64,
    outcome: Outcome,
}

impl Ticket {
    /// Receives a batch; `outcome` is what is booked if nothing else is said.
    pub(super) fn new(ledger: &Arc<Ledger>, batch: &Batch, outcome: Outcome) -> Self {
        let items = u64::from(batch.items());
        ledger.receive(items);
        Self {
            ledger: Arc::clone(ledger),
            items,
            outcome,
        }
    }

    /// Notes that the caller was told `Ok`: from here on, only the end of the process loses it.
    pub(super) fn is_ours(&mut self) {
        self.outcome = Outcome::Dropped(Reason::Shutdown);
    }

    /// Books the items.
    pub(super) fn settle(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.ledger.book(self.items, self.outcome);
    }
}
