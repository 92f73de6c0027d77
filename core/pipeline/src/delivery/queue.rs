//! The sending queue: bounded in requests, items or bytes, first in, first out.
//!
//! A batch keeps its place until it is settled, so the bound covers what is being sent as well.
//! The queue must not know what happens to a batch afterwards.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
};

use tapline_pdata::{Batch, Signal};
use tokio::sync::{
    AcquireError, Notify, OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot,
};

use super::ledger::{Outcome, Ticket};
use crate::{
    Fault, Refusal,
    meter::{Gauge, Meters, names},
};

/// What the size of a queue is counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sizer {
    /// Batches.
    #[default]
    Requests,
    /// Spans, data points, log records, samples.
    Items,
    /// Bytes on the wire.
    Bytes,
}

/// What happens to a batch when the queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// It is refused.
    #[default]
    Refuse,
    /// The caller waits for room.
    Block,
}

/// When the caller gets its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reply {
    /// As soon as the batch is queued.
    #[default]
    OnceQueued,
    /// When the batch was sent or given up.
    OnceSent,
}

/// How a sending queue behaves. The defaults are the Collector's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// How many batches are sent at once. With 1, batches are sent in order.
    pub num_consumers: usize,
    /// How much fits, in units of the sizer.
    pub capacity: usize,
    /// What is counted.
    pub sizer: Sizer,
    /// What happens when it is full.
    pub overflow: Overflow,
    /// When the caller gets its answer.
    pub reply: Reply,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            num_consumers: 10,
            capacity: 1000,
            sizer: Sizer::default(),
            overflow: Overflow::default(),
            reply: Reply::default(),
        }
    }
}

/// A batch in the queue.
pub(super) struct Job {
    pub(super) batch: Batch,
    pub(super) ticket: Ticket,
    pub(super) place: Place,
    pub(super) reply: Option<oneshot::Sender<Result<(), Refusal>>>,
}

/// The room one batch takes up, given back when dropped.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    units: i64,
    size: Gauge,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.size.add(-self.units);
    }
}

pub(super) struct Queue {
    capacity: usize,
    sizer: Sizer,
    overflow: Overflow,
    room: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
    ready: Notify,
    size: Gauge,
}

struct Waiting {
    jobs: VecDeque<Job>,
    open: bool,
}

impl Queue {
    pub(super) fn new(settings: &QueueSettings, signal: Signal, meters: &Meters) -> Self {
        let capacity = settings.capacity.min(Semaphore::MAX_PERMITS);
        let labels = [("data_type", signal.name())];
        let (size, size_help) = names::EXPORTER_QUEUE_SIZE;
        let (bound, bound_help) = names::EXPORTER_QUEUE_CAPACITY;
        meters
            .gauge(bound, bound_help, &labels)
            .set(capacity.cast_signed() as i64);
        Self {
            capacity,
            sizer: settings.sizer,
            overflow: settings.overflow,
            room: Arc::new(Semaphore::new(capacity)),
            waiting: Mutex::new(Waiting {
                jobs: VecDeque::new(),
                open: true,
            }),
            ready: Notify::new(),
            size: meters.gauge(size, size_help, &labels),
        }
    }

    /// Finds room for a batch, waiting for it if the settings say so. Cancel-safe.
    pub(super) async fn place(&self, batch: &Batch) -> Result<Place, Refusal> {
        let units = self.units(batch);
        let fitting = u32::try_from(units).ok().filter(|_| units <= self.capacity);
        let Some(permits) = fitting else {
            let cause = format!(
                "element size too large: the batch has {units} {}, the whole sending queue {}",
                self.unit_name(),
                self.capacity,
            );
            return Err(Refusal::never(Fault::Tapline, cause));
        };
        let room = Arc::clone(&self.room);
        let permit = match self.overflow {
            Overflow::Refuse => {
                room.try_acquire_many_owned(permits)
                    .map_err(|error| match error {
                        TryAcquireError::NoPermits => Refusal::full("sending queue is full"),
                        TryAcquireError::Closed => closed(),
                    })?
            }
            Overflow::Block => {
                let waited = room.acquire_many_owned(permits).await;
                waited.map_err(|_: AcquireError| closed())?
            }
        };
        let units = i64::from(permits);
        self.size.add(units);
        Ok(Place {
            _permit: permit,
            units,
            size: self.size.clone(),
        })
    }

    /// Puts a batch at the end.
    pub(super) fn push(&self, job: Job) -> Result<(), Refusal> {
        let mut waiting = self.waiting();
        if !waiting.open {
            drop(waiting);
            job.ticket.settle(Outcome::TurnedAway);
            return Err(closed());
        }
        waiting.jobs.push_back(job);
        drop(waiting);
        self.ready.notify_one();
        Ok(())
    }

    /// Waits for the first batch; `None` once the queue is closed and empty. Cancel-safe.
    pub(super) async fn next(&self) -> Option<Job> {
        loop {
            // Created before looking: a close in between is not missed.
            let ready = self.ready.notified();
            {
                let mut waiting = self.waiting();
                if let Some(job) = waiting.jobs.pop_front() {
                    // Two pushes can leave one wake-up: pass it on.
                    if !waiting.jobs.is_empty() {
                        self.ready.notify_one();
                    }
                    return Some(job);
                }
                if !waiting.open {
                    return None;
                }
            }
            ready.await;
        }
    }

    /// Takes no more batches; those that wait for room are refused.
    pub(super) fn close(&self) {
        self.waiting().open = false;
        self.room.close();
        self.ready.notify_waiters();
    }

    /// Lets go of everything that waits.
    pub(super) fn clear(&self) {
        let jobs = std::mem::take(&mut self.waiting().jobs);
        // Dropped outside the lock: a ticket books, a reply wakes somebody.
        drop(jobs);
    }

    fn units(&self, batch: &Batch) -> usize {
        let units = match self.sizer {
            Sizer::Requests => 1,
            Sizer::Items => batch.items() as usize,
            Sizer::Bytes => batch.size_bytes(),
        };
        // An empty batch takes up memory, too.
        units.max(1)
    }

    fn unit_name(&self) -> &'static str {
        match self.sizer {
            Sizer::Requests => "requests",
            Sizer::Items => "items",
            Sizer::Bytes => "bytes",
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting
            .lock()
            .expect("nothing panics while the queue is held")
    }
}

fn closed() -> Refusal {
    Refusal::later(Fault::Tapline, "sending queue is shutting down", None)
}
