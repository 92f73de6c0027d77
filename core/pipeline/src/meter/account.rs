//! Where items went: a book per component in which every item is somewhere, at every look.
//!
//! An item that is received is queued until it is sent, refused, dropped or stored, and never two
//! of these. The book has one lock and is read under it, so that `received = sent + refused +
//! dropped + stored + queued` holds whenever somebody looks, and for any sum of books too. The
//! lock is taken twice per batch, for a few additions. This module must not know who queues what,
//! or why.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

/// Why items were refused or dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// A backend will never take them.
    Permanent,
    /// A backend did not take them in time, or retrying is off.
    RetriesExhausted,
    /// The process ended first.
    Shutdown,
    /// A queue had no place.
    QueueFull,
    /// The disk had no place, or did not take them.
    Disk,
    /// The disk did not give them back.
    Damaged,
    /// There was no memory.
    Memory,
    /// Whoever comes next did not take them.
    Downstream,
    /// Whoever offered them went away before there was an answer.
    Cancelled,
    /// The configuration says so.
    Filtered,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::Permanent,
        Self::RetriesExhausted,
        Self::Shutdown,
        Self::QueueFull,
        Self::Disk,
        Self::Damaged,
        Self::Memory,
        Self::Downstream,
        Self::Cancelled,
        Self::Filtered,
    ];

    /// Returns the value of the label `reason`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::RetriesExhausted => "retries_exhausted",
            Self::Shutdown => "shutdown",
            Self::QueueFull => "queue_full",
            Self::Disk => "disk",
            Self::Damaged => "damaged",
            Self::Memory => "memory",
            Self::Downstream => "downstream",
            Self::Cancelled => "cancelled",
            Self::Filtered => "filtered",
        }
    }
}

/// What became of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody else has taken responsibility.
    Sent,
    /// Whoever offered them still has them.
    Refused(Reason),
    /// They are lost.
    Dropped(Reason),
    /// They are on disk and nobody holds them any more: who finds them there receives them anew.
    Stored,
}

const REASONS: usize = Reason::ALL.len();

/// A book, read at one moment.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    received: u64,
    sent: u64,
    refused: [u64; REASONS],
    dropped: [u64; REASONS],
    stored: u64,
}

impl Tally {
    /// Returns how many were offered.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Returns how many were passed on.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Returns how many were handed back.
    pub fn refused(&self) -> u64 {
        self.refused.iter().sum()
    }

    /// Returns how many are lost.
    pub fn dropped(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// Lists how many are lost for which reason, without the zeros.
    pub fn losses(&self) -> impl Iterator<Item = (Reason, u64)> {
        let counts = Reason::ALL.into_iter().zip(self.dropped);
        counts.filter(|(_, count)| *count > 0)
    }

    /// Returns how many were left on disk.
    pub fn stored(&self) -> u64 {
        self.stored
    }

    /// Returns how many are still held.
    pub fn queued(&self) -> u64 {
        self.received - self.sent - self.refused() - self.dropped() - self.stored
    }

    /// Lists state, reason and count of all that only grows, which is everything but what is
    /// queued; of refusals and losses those that happened or are `expected`.
    pub(super) fn rows(
        &self,
        expected: &[Reason],
    ) -> Vec<(&'static str, Option<&'static str>, u64)> {
        let mut rows = vec![("received", None, self.received), ("sent", None, self.sent)];
        for (state, counts) in [("refused", &self.refused), ("dropped", &self.dropped)] {
            let told = Reason::ALL.iter().zip(counts).filter(|(reason, count)| {
                **count > 0 || (state == "dropped" && expected.contains(reason))
            });
            rows.extend(told.map(|(reason, count)| (state, Some(reason.name()), *count)));
        }
        if self.stored > 0 {
            rows.push(("stored", None, self.stored));
        }
        rows
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("received=")?;
        write!(f, "{} sent={}", self.received, self.sent)?;
        for (state, counts) in [("refused", &self.refused), ("dropped", &self.dropped)] {
            for (reason, count) in Reason::ALL.iter().zip(counts).filter(|(_, n)| **n > 0) {
                write!(f, " {state}({})={count}", reason.name())?;
            }
        }
        if self.stored > 0 {
            write!(f, " stored={}", self.stored)?;
        }
        write!(f, " queued={}", self.queued())
    }
}

/// The book of one component and signal. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Account(Arc<Mutex<Tally>>);

impl Account {
    /// Opens a book that nobody lists.
    pub fn new() -> Self {
        Self::default()
    }

    /// Receives items: from here on they are queued.
    pub fn receive(&self, items: u64) {
        self.lock().received += items;
    }

    /// Says what became of items that were received, all or a part of a batch.
    ///
    /// More than are queued cannot be settled: what is too much is not booked.
    pub fn settle(&self, items: u64, outcome: Outcome) {
        let mut tally = self.lock();
        debug_assert!(items <= tally.queued(), "settled more than was received");
        let items = items.min(tally.queued());
        *match outcome {
            Outcome::Sent => &mut tally.sent,
            Outcome::Refused(reason) => &mut tally.refused[reason as usize],
            Outcome::Dropped(reason) => &mut tally.dropped[reason as usize],
            Outcome::Stored => &mut tally.stored,
        } += items;
    }

    /// Receives items and settles them when the ticket goes, as `otherwise` unless told better.
    pub fn ticket(&self, items: u64, otherwise: Outcome) -> Ticket {
        self.receive(items);
        Ticket {
            account: self.clone(),
            items,
            outcome: otherwise,
        }
    }

    /// Reads the book.
    pub fn tally(&self) -> Tally {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().expect("nothing panics over the book")
    }
}

/// Items that are queued for as long as this lives, however its holder ends.
#[derive(Debug)]
pub struct Ticket {
    account: Account,
    items: u64,
    outcome: Outcome,
}

impl Ticket {
    /// Returns how many items it stands for.
    pub fn items(&self) -> u64 {
        self.items
    }

    /// Changes what is booked if nothing else is said.
    pub fn otherwise(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// Settles the items.
    pub fn settle(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.account.settle(self.items, self.outcome);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn every_item_is_in_one_state() {
        let account = Account::new();
        account.receive(100);
        account.settle(60, Outcome::Sent);
        account.settle(5, Outcome::Refused(Reason::QueueFull));
        account.settle(7, Outcome::Dropped(Reason::Permanent));
        account.settle(8, Outcome::Dropped(Reason::Shutdown));
        account.settle(9, Outcome::Stored);
        assert_eq!(
            format!("{:?}", account.tally()),
            "received=100 sent=60 refused(queue_full)=5 dropped(permanent)=7 \
             dropped(shutdown)=8 stored=9 queued=11"
        );
    }

    #[test]
    fn a_ticket_that_is_dropped_is_settled_all_the_same() {
        let account = Account::new();
        let ticket = account.ticket(3, Outcome::Refused(Reason::Cancelled));
        assert_eq!(account.tally().queued(), 3);
        drop(ticket);
        let mut taken = account.ticket(4, Outcome::Refused(Reason::Cancelled));
        taken.otherwise(Outcome::Dropped(Reason::Shutdown));
        drop(taken);
        account
            .ticket(5, Outcome::Refused(Reason::Cancelled))
            .settle(Outcome::Sent);
        assert_eq!(
            format!("{:?}", account.tally()),
            "received=12 sent=5 refused(cancelled)=3 dropped(shutdown)=4 queued=0"
        );
    }

    #[test]
    fn the_sum_holds_at_every_look_while_others_write() {
        const ROUNDS: u64 = 2_000;
        let account = Account::new();
        thread::scope(|scope| {
            for worker in 0..4_u64 {
                let account = account.clone();
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        let ticket = account.ticket(3, Outcome::Dropped(Reason::Shutdown));
                        if !(round + worker).is_multiple_of(3) {
                            ticket.settle(Outcome::Sent);
                        }
                    }
                });
            }
            let mut last = Tally::default();
            for _ in 0..ROUNDS {
                let now = account.tally();
                let settled = now.sent() + now.refused() + now.dropped();
                assert_eq!(now.received(), settled + now.queued());
                assert!(now.queued() <= 4 * 3, "only what is in hand is queued");
                assert!(now.sent() >= last.sent() && now.received() >= last.received());
                last = now;
            }
        });
        assert_eq!(account.tally().received(), 4 * 3 * ROUNDS);
        assert_eq!(account.tally().queued(), 0);
    }

    #[test]
    fn lists_expected_losses_at_zero_and_others_when_they_happen() {
        let account = Account::new();
        account.receive(1);
        account.settle(1, Outcome::Dropped(Reason::Disk));
        let rows: Vec<String> = account
            .tally()
            .rows(&[Reason::Permanent])
            .into_iter()
            .map(|(state, reason, count)| format!("{state}:{}:{count}", reason.unwrap_or("")))
            .collect();
        assert_eq!(
            rows,
            [
                "received::1",
                "sent::0",
                "dropped:permanent:0",
                "dropped:disk:1"
            ]
        );
    }
}
