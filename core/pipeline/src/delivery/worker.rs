//! What all parts of one delivery share, and the consumers of its queue.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tapline_pdata::{Batch, Signal};

use super::{
    disk::{self, Disk},
    job::{Body, Job, Part, Whole, assemble},
    ledger::{Ledger, Outcome, Reason},
    queue::{Queue, Taken},
    room::{Room, Size},
    send::{Failure, Patience, Sender},
    settings::QueueSettings,
};
use crate::{Histogram, Meters, meter::names};

/// The wait before a disk that failed is read again.
const READ_AGAIN: Duration = Duration::from_secs(1);
/// How often a batch is read in vain before others get their turn.
const READS_MAX: u32 = 60;

/// What reading a batch from disk gave.
enum Loaded {
    Batch(Batch),
    /// It is not there any more as it was written.
    Damaged,
    /// The disk fails, and may give it back another day.
    Unreadable,
}

/// The shared state of one delivery.
pub(super) struct Core {
    pub(super) signal: Signal,
    pub(super) sender: Sender,
    pub(super) ledger: Arc<Ledger>,
    pub(super) queue: Queue,
    pub(super) room: Arc<Room>,
    pub(super) settings: Mutex<Option<Arc<QueueSettings>>>,
    pub(super) disk: Mutex<Option<Disk>>,
    meters: Meters,
}

impl Core {
    pub(super) fn new(
        signal: Signal,
        sender: Sender,
        ledger: Arc<Ledger>,
        settings: Option<QueueSettings>,
        meters: &Meters,
    ) -> Self {
        let initial = settings.clone().unwrap_or_default();
        Self {
            signal,
            sender,
            ledger,
            queue: Queue::new(&initial),
            room: Room::new(&initial, signal, meters),
            settings: Mutex::new(settings.map(Arc::new)),
            disk: Mutex::default(),
            meters: meters.clone(),
        }
    }

    pub(super) fn settings(&self) -> Option<Arc<QueueSettings>> {
        self.settings.lock().expect("only copied").clone()
    }

    pub(super) fn disk(&self) -> Option<Disk> {
        self.disk.lock().expect("only copied").clone()
    }

    /// Loads what is on disk only, and puts it together.
    async fn assemble(&self, taken: Taken) -> Option<(Batch, Vec<Part>)> {
        let mut loaded = Vec::with_capacity(taken.jobs.len());
        for mut job in taken.jobs {
            let body = std::mem::replace(&mut job.body, Body::Stored);
            match body {
                Body::Here(batch) => loaded.push((batch, job)),
                Body::Stored => match self.load(&job).await {
                    Loaded::Batch(batch) => loaded.push((batch, job)),
                    Loaded::Damaged => {
                        let outcome = Outcome::Dropped(Reason::Damaged);
                        self.settle(job.parts, outcome, None).await;
                    }
                    // It is on disk, where the next process looks for it.
                    Loaded::Unreadable => drop(job),
                },
            }
        }
        let (batch, parts, rest) = assemble(loaded, taken.settings.as_deref())?;
        self.queue.put_back(rest);
        if taken.settings.is_some() {
            let size = Size::of(&batch);
            self.batch_sizes(names::EXPORTER_BATCH_SIZE, &names::ITEM_BOUNDS)
                .record(size.items);
            self.batch_sizes(names::EXPORTER_BATCH_BYTES, &names::BYTE_BOUNDS)
                .record(size.bytes);
        }
        Some((batch, parts))
    }

    /// Reads a job's batch from disk. Waits for a disk that fails, but not for ever, and not when
    /// everything ends.
    async fn load(&self, job: &Job) -> Loaded {
        let record = job.parts.first().and_then(|part| part.whole.record());
        let Some(record) = record else {
            return Loaded::Damaged;
        };
        let component = self.sender.node();
        for _ in 0..READS_MAX {
            match record.load(self.signal).await {
                Ok(Some(batch)) => return Loaded::Batch(batch),
                Ok(None) => return Loaded::Damaged,
                Err(error) => tracing::warn!(%error, %component, "cannot read the queue"),
            }
            tokio::select! {
                () = tokio::time::sleep(READ_AGAIN) => {}
                () = self.sender.hurried() => break,
            }
        }
        let text = "a batch that cannot be read stays on disk until the next start";
        tracing::warn!(%component, items = job.size.items, "{text}");
        Loaded::Unreadable
    }

    /// Registered on first use: they exist only when batching is configured.
    fn batch_sizes(&self, (name, help): names::Metric, bounds: &[f64]) -> Histogram {
        self.meters.histogram(name, help, &[], bounds)
    }

    /// Books parts; what they complete is removed from disk, then answered.
    pub(super) async fn settle(
        &self,
        parts: Vec<Part>,
        outcome: Outcome,
        refusal: Option<&crate::Refusal>,
    ) {
        let complete: Vec<Whole> = parts
            .into_iter()
            .filter_map(|part| part.settle(outcome, refusal))
            .collect();
        let spent: Vec<_> = complete.iter().filter_map(Whole::spent_record).collect();
        if !spent.is_empty() {
            disk::remove(spent).await;
        }
        complete.into_iter().for_each(Whole::answer);
    }
}

/// One consumer of the queue: batches in order, one at a time.
pub(super) async fn work(core: Arc<Core>) {
    while let Some(taken) = core.queue.next().await {
        let Some((batch, parts)) = core.assemble(taken).await else {
            continue;
        };
        match core.sender.send(batch, patience(&parts)).await {
            Ok(()) => core.settle(parts, Outcome::Sent, None).await,
            Err(Failure {
                reason: Reason::Shutdown,
                refusal,
            }) => cut_off(&core, parts, &refusal).await,
            Err(Failure { reason, refusal }) => {
                core.settle(parts, Outcome::Dropped(reason), Some(&refusal))
                    .await;
            }
        }
    }
}

fn patience(parts: &[Part]) -> Patience {
    if parts.iter().all(|part| part.whole.record().is_some()) {
        Patience::Disk
    } else if parts.iter().all(Part::is_awaited) {
        Patience::Caller
    } else {
        Patience::Memory
    }
}

/// What is on disk stays there; the rest is lost, or handed back to whoever waits.
async fn cut_off(core: &Core, parts: Vec<Part>, refusal: &crate::Refusal) {
    let (on_disk, lost): (Vec<_>, Vec<_>) = parts
        .into_iter()
        .partition(|part| part.whole.record().is_some());
    drop(on_disk);
    let outcome = Outcome::Dropped(Reason::Shutdown);
    core.settle(lost, outcome, Some(refusal)).await;
}
