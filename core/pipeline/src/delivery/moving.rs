//! Moving a queue to another disk, in bounded time: what a disk does not give or take stays where
//! it is, and is sent from there.
//!
//! Who waits for a move may walk away at any moment: every batch is on the one side or the other.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    time::Duration,
};

use tapline_pdata::{Batch, Signal};
use tokio::{sync::oneshot, time::timeout};

use super::{
    Delivery,
    disk::{self, Disk, Record},
    job::{Body, Job},
    keys,
    ledger::Outcome,
    settings::QueueSettings,
};
use crate::{RecordLog, StartError, Storage};

/// How long one batch may take to be read, written or removed before that counts as a failure.
const STEP_TIME_MAX: Duration = Duration::from_secs(5);
/// How often a disk may fail before it is asked for nothing more.
const FAILURES_MAX: u32 = 3;

/// The disk that a queue moves to.
pub(super) enum Destination {
    /// One that nothing of this queue is on, as far as we know: it has to be looked through.
    New(Disk),
    /// One that has never been closed, because something of this queue is still on it.
    Known(Disk),
}

/// Disks that the queue has moved away from, for as long as something is still on them.
#[derive(Default)]
pub(super) struct Former(BTreeMap<String, Weak<dyn RecordLog>>);

impl Former {
    /// Remembers a disk, and forgets those that are closed.
    pub(super) fn remember(&mut self, disk: &Disk) {
        self.0.retain(|_, log| log.strong_count() > 0);
        self.0.insert(disk.location().to_owned(), disk.weak());
    }

    fn find(&self, location: &str) -> Option<Disk> {
        let log = self.0.get(location)?.upgrade()?;
        Some(Disk::known(log, location.to_owned()))
    }
}

/// How a move goes.
#[derive(Default)]
struct Progress {
    failed_reads: u32,
    failed_writes: u32,
    batches: usize,
    items: u64,
    error: String,
}

/// What went wrong with a batch.
enum Trouble {
    Reading(String),
    Writing(String),
    /// It has moved, and the other disk still has it, too.
    Removing(String),
}

impl Delivery {
    /// Opens the disk of this storage if it is another than the one there is. One that is open
    /// takes on the settings of this storage.
    pub(super) async fn destination(
        &self,
        storage: &dyn Storage,
    ) -> Result<Option<Destination>, StartError> {
        let location = storage.location();
        let same = |disk: &Disk| disk.location() == location;
        if let Some(disk) = self.core.disk().filter(same) {
            disk.adopt(storage).await.map_err(StartError)?;
            return Ok(None);
        }
        let known = {
            let former = self.former.lock().expect("only copied");
            former.find(&location)
        };
        if let Some(disk) = known {
            disk.adopt(storage).await.map_err(StartError)?;
            return Ok(Some(Destination::Known(disk)));
        }
        let opened = Disk::open(storage, &self.owner).await;
        let opened = opened.map_err(StartError)?;
        Ok(Some(Destination::New(opened)))
    }

    /// Writes jobs to the disk of now. One that was cut stays where it is, as does one that a disk
    /// does not give or take; a disk that keeps failing is left alone.
    pub(super) async fn moved(&self, jobs: &mut [Job]) {
        let (Some(disk), Some(settings)) = (self.core.disk(), self.core.settings()) else {
            return;
        };
        let mut progress = Progress::default();
        for job in jobs {
            if !is_movable(job, &disk) {
                continue;
            }
            if !progress.may_go_on(job) {
                progress.stays(job);
                continue;
            }
            if let Err(trouble) = self.move_job(job, &disk, &settings).await {
                if !matches!(trouble, Trouble::Removing(_)) {
                    progress.stays(job);
                }
                progress.note(trouble);
            }
        }
        if progress.batches > 0 {
            let Progress {
                batches,
                items,
                error,
                ..
            } = progress;
            let component = self.node();
            let text = "part of the queue stays where it is, and is sent from there";
            tracing::warn!(%component, batches, items, error, "{text}");
        }
    }

    async fn move_job(
        &self,
        job: &mut Job,
        disk: &Disk,
        settings: &Arc<QueueSettings>,
    ) -> Result<(), Trouble> {
        let batch = match &job.body {
            Body::Here(batch) => batch.clone(),
            Body::Stored => match read(job, self.core.signal).await? {
                Some(batch) => batch,
                // Whoever is to send it finds out, and counts it.
                None => return Ok(()),
            },
        };
        let batch = batch.with_origin(job.origin.clone());
        let record = self.write(disk, batch.clone(), settings).await?;
        let part = &mut job.parts[0];
        part.ticket.outcome = Outcome::Spilled;
        let old = part.whole.moved_to(record);
        job.body = disk.cached(batch);
        let Some(old) = old else { return Ok(()) };
        // Not cut short with the move: it would come back with the next process.
        let removal = self.writes.spawn(disk::remove(vec![old]));
        let removed = timeout(STEP_TIME_MAX, removal).await;
        removed.map_or_else(
            |_elapsed| Err(Trouble::Removing(no_answer())),
            |_removed| Ok(()),
        )
    }

    /// Writes a batch. If nobody waits any more when it is written, it is removed again: a record
    /// must not be left without an owner.
    async fn write(
        &self,
        disk: &Disk,
        batch: Batch,
        settings: &Arc<QueueSettings>,
    ) -> Result<Record, Trouble> {
        let (give, taken) = oneshot::channel();
        let (disk, settings) = (disk.clone(), Arc::clone(settings));
        self.writes.spawn(async move {
            let written = disk.append(&batch, keys(&settings)).await;
            if let Err(Ok(unwanted)) = give.send(written) {
                disk::remove(vec![unwanted]).await;
            }
        });
        match timeout(STEP_TIME_MAX, taken).await {
            Ok(Ok(Ok(record))) => Ok(record),
            Ok(Ok(Err(refusal))) => Err(Trouble::Writing(refusal.cause)),
            Ok(Err(_gone)) => Err(Trouble::Writing("writing was cut off".to_owned())),
            Err(_elapsed) => Err(Trouble::Writing(no_answer())),
        }
    }
}

/// Says whether all of what was one batch is in this job, elsewhere than on this disk.
fn is_movable(job: &Job, disk: &Disk) -> bool {
    let [only] = job.parts.as_slice() else {
        return false;
    };
    let is_here = only.whole.record().is_some_and(|record| disk.has(&record));
    only.is_alone() && !only.is_awaited() && !is_here
}

/// What is said of a disk that hangs.
fn no_answer() -> String {
    format!("no answer within {STEP_TIME_MAX:?}")
}

impl Progress {
    fn may_go_on(&self, job: &Job) -> bool {
        let needs_reading = matches!(job.body, Body::Stored);
        self.failed_writes < FAILURES_MAX && (!needs_reading || self.failed_reads < FAILURES_MAX)
    }

    fn note(&mut self, trouble: Trouble) {
        let (failures, error) = match trouble {
            Trouble::Reading(error) | Trouble::Removing(error) => (&mut self.failed_reads, error),
            Trouble::Writing(error) => (&mut self.failed_writes, error),
        };
        *failures += 1;
        self.error = error;
    }

    fn stays(&mut self, job: &Job) {
        self.batches += 1;
        self.items += job.size.items;
    }
}

/// Reads a job's batch from disk in bounded time; `None` if it is damaged.
async fn read(job: &Job, signal: Signal) -> Result<Option<Batch>, Trouble> {
    let record = job.parts.first().and_then(|part| part.whole.record());
    let Some(record) = record else {
        return Ok(None);
    };
    let read = timeout(STEP_TIME_MAX, record.load(signal)).await;
    let read = read.unwrap_or_else(|_elapsed| Err(no_answer()));
    read.map_err(Trouble::Reading)
}
