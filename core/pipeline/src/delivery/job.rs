//! What a queue holds: batches, and for each of their items, to whom an answer is owed.
//!
//! A [`Whole`] is a batch as it was offered. When batches are joined or cut, its items end up in
//! several jobs; each has a [`Part`] of it. The last part that is settled completes the whole.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use tapline_pdata::{Batch, Origin};
use tokio::{sync::oneshot, time::Instant};

use super::{
    disk::Record,
    ledger::{FailureKind, Outcome, Ticket},
    room::{Place, Size},
    settings::{BatchSettings, Sizer},
};
use crate::Refusal;

/// Where an answer goes to.
pub(super) type Answer = oneshot::Sender<Result<(), Refusal>>;

/// A batch in the queue.
pub(super) struct Job {
    pub(super) body: Body,
    pub(super) size: Size,
    pub(super) parts: Vec<Part>,
    pub(super) origin: Option<Arc<Origin>>,
    pub(super) since: Instant,
}

/// The bytes of a job.
pub(super) enum Body {
    /// They are in memory.
    Here(Batch),
    /// They are on disk only, as the record of the only part.
    Stored,
}

/// Some items of a whole.
pub(super) struct Part {
    pub(super) ticket: Ticket,
    pub(super) whole: Arc<Whole>,
    settled: bool,
}

/// A batch as it was offered, until the last of its items is settled.
pub(super) struct Whole {
    /// Kept for as long as the whole is.
    _place: Place,
    /// Told the outcome; dropped without, it says that we shut down.
    reply: Option<Answer>,
    record: Mutex<Option<Record>>,
    refusal: Mutex<Option<Refusal>>,
    cut_off: AtomicBool,
}

impl Whole {
    pub(super) fn new(place: Place, reply: Option<Answer>, record: Option<Record>) -> Self {
        Self {
            _place: place,
            reply,
            record: Mutex::new(record),
            refusal: Mutex::default(),
            cut_off: AtomicBool::new(false),
        }
    }

    pub(super) fn record(&self) -> Option<Record> {
        self.record.lock().expect("only copied").clone()
    }

    /// Replaces the record, and returns the one there was.
    pub(super) fn moved_to(&self, record: Record) -> Option<Record> {
        self.record.lock().expect("only copied").replace(record)
    }

    /// Returns the record that is no longer needed, if every item was settled.
    pub(super) fn spent_record(&self) -> Option<Record> {
        (!self.cut_off.load(Relaxed)).then(|| self.record())?
    }

    /// Answers whoever waits.
    pub(super) fn answer(self) {
        if self.cut_off.load(Relaxed) {
            return;
        }
        let refusal = self.refusal.into_inner().expect("only copied");
        if let Some(reply) = self.reply {
            // Nobody may listen any more: the caller gave up waiting.
            let _unheard = reply.send(refusal.map_or(Ok(()), Err));
        }
    }
}

impl Part {
    /// Makes all of a whole one part.
    pub(super) fn all_of(whole: Whole, ticket: Ticket) -> Self {
        let whole = Arc::new(whole);
        Self {
            ticket,
            whole,
            settled: false,
        }
    }

    /// Returns whether somebody waits for the outcome.
    pub(super) fn is_awaited(&self) -> bool {
        self.whole.reply.is_some()
    }

    /// Returns whether this is everything that is left of its whole.
    pub(super) fn is_alone(&self) -> bool {
        Arc::strong_count(&self.whole) == 1
    }

    /// Books the items, and returns the whole if these were the last.
    pub(super) fn settle(mut self, outcome: Outcome, refusal: Option<&Refusal>) -> Option<Whole> {
        self.settled = true;
        self.ticket.outcome = outcome;
        if let Some(refusal) = refusal {
            self.ticket.failure = FailureKind::of(refusal);
            let mut first = self.whole.refusal.lock().expect("only copied");
            first.get_or_insert_with(|| refusal.clone());
        }
        let whole = Arc::clone(&self.whole);
        drop(self);
        Arc::into_inner(whole)
    }

    /// Moves some of the items to a part of their own.
    fn split_off(&mut self, items: u64) -> Self {
        Self {
            ticket: self.ticket.split_off(items),
            whole: Arc::clone(&self.whole),
            settled: false,
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.settled {
            self.whole.cut_off.store(true, Relaxed);
        }
    }
}

impl Job {
    /// Makes a job of a batch that was just offered.
    pub(super) fn new(batch: Batch, part: Part) -> Self {
        Self {
            size: Size::of(&batch),
            origin: batch.origin().cloned(),
            body: Body::Here(batch),
            parts: vec![part],
            since: Instant::now(),
        }
    }

    /// Returns whether a restart would bring this back.
    pub(super) fn is_on_disk(&self) -> bool {
        self.parts.iter().all(|part| part.whole.record().is_some())
    }
}

/// Joins what was loaded, then cuts it to size: the first job is to be sent, the others are not.
pub(super) fn assemble(
    loaded: Vec<(Batch, Job)>,
    settings: Option<&BatchSettings>,
) -> Option<(Batch, Vec<Part>, Vec<Job>)> {
    let mut parts = Vec::new();
    let mut batches = Vec::with_capacity(loaded.len());
    let mut since = Instant::now();
    for (batch, job) in loaded {
        since = since.min(job.since);
        batches.push(batch);
        parts.extend(job.parts);
    }
    let mut batches = batches.into_iter();
    let first = batches.next()?;
    let Some(settings) = settings else {
        return Some((first, parts, Vec::new()));
    };
    let mut joined = first.join(batches);
    if !settings.metadata_keys.is_empty() {
        // What is joined may have only this much in common.
        joined = with_common_origin(joined, &parts, settings);
    }
    let pieces = cut(joined, settings);
    let mut jobs = dealt(pieces, parts).into_iter();
    let (batch, parts) = jobs.next()?;
    let rest = jobs.map(|(batch, parts)| Job {
        size: Size::of(&batch),
        origin: batch.origin().cloned(),
        body: Body::Here(batch),
        parts,
        since,
    });
    Some((batch, parts, rest.collect()))
}

fn with_common_origin(batch: Batch, parts: &[Part], settings: &BatchSettings) -> Batch {
    let origin = parts.first().and_then(|part| part.ticket.origin.clone());
    let reduced = origin.map(|origin| Arc::new(origin.reduced_to(&settings.metadata_keys)));
    batch.with_origin(reduced)
}

/// Cuts a batch into pieces of the largest size there may be; an item is never cut.
fn cut(batch: Batch, settings: &BatchSettings) -> Vec<Batch> {
    let Some(max) = settings.max_size.filter(|max| *max > 0) else {
        return vec![batch];
    };
    match settings.sizer {
        Sizer::Requests | Sizer::Items => {
            let max = u32::try_from(max).unwrap_or(u32::MAX);
            batch.split(max)
        }
        Sizer::Bytes => cut_to_bytes(batch, max),
    }
}

/// Cuts by the mean size of an item, and again where that was too much. Each round at least takes
/// one item away, so the depth is bounded, and in practice 2 or 3.
fn cut_to_bytes(batch: Batch, max: u64) -> Vec<Batch> {
    let Size { items, bytes } = Size::of(&batch);
    if bytes <= max || items <= 1 {
        return vec![batch];
    }
    let fitting = (u128::from(items) * u128::from(max) / u128::from(bytes)).max(1);
    let fitting = u32::try_from(fitting).unwrap_or(u32::MAX);
    let pieces = batch.split(fitting);
    let again = |piece| cut_to_bytes(piece, max);
    pieces.into_iter().flat_map(again).collect()
}

/// Gives each piece the parts of the items it has: both are in the order of the items.
fn dealt(pieces: Vec<Batch>, parts: Vec<Part>) -> Vec<(Batch, Vec<Part>)> {
    let mut parts = VecDeque::from(parts);
    let last = pieces.len().saturating_sub(1);
    let deal = |(at, piece): (usize, Batch)| {
        let mut missing = u64::from(piece.items());
        let mut mine = Vec::new();
        while let Some(part) = parts.front_mut() {
            let items = part.ticket.items;
            if items > missing && at < last {
                if missing > 0 {
                    mine.push(part.split_off(missing));
                }
                break;
            }
            missing = missing.saturating_sub(items);
            mine.extend(parts.pop_front());
        }
        (piece, mine)
    };
    pieces.into_iter().enumerate().map(deal).collect()
}
