//! Delivery: everything between a pipeline and an exporter that sends one batch once.
//!
//! *room* says whether a batch may come in, *disk* keeps it if it must survive, *queue* says whose
//! turn it is, *pace* slows down who fills it, *job* joins and cuts, *retry* says when to try
//! again, *timeout* bounds one attempt, *send* puts those two together, *worker* does all this in
//! turn, *moving* takes what waits to another disk. *ledger* accounts for every item:
//!
//! ```text
//! received = sent + refused + dropped + stored + queued
//! ```
//!
//! A delivery must not know what kind of exporter it has.

mod disk;
mod job;
mod ledger;
mod moving;
mod pace;
mod queue;
mod replace;
mod retry;
mod room;
mod send;
mod settings;
#[cfg(test)]
mod tests;
mod timeout;
mod worker;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use tapline_pdata::Batch;
use tokio::{sync::oneshot, task::JoinSet};
use tokio_util::task::TaskTracker;

use self::{
    disk::{Disk, Found},
    job::{Body, Job, Part, Whole},
    ledger::{FailureKind, Ledger, Outcome, Reason, Ticket},
    moving::{Destination, Former},
    room::{Place, Size, closed},
    send::{Patience, Sender, Target},
    worker::{Core, work},
};
pub use self::{
    replace::{RetiredExporter, close_retired},
    retry::RetrySettings,
    settings::{
        BatchSettings, DeliverySettings, MAX_QUEUE_BYTES, Overflow, QueueSettings, Reply, Sizer,
    },
};
use crate::{BuildContext, Consumer, Exporter, Refusal, StartError, StatusTable, graph::Node};

/// How long cut-off workers get to let go of what they hold.
const CUT_OFF_GRACE: Duration = Duration::from_millis(100);

/// An exporter with its queue, retry and timeout.
pub struct Delivery {
    core: Arc<Core>,
    /// The name of the queue on disk.
    owner: String,
    workers: Mutex<JoinSet<()>>,
    /// Writes to disk, which end even if the caller walks away.
    writes: TaskTracker,
    former: Mutex<Former>,
}

/// What draining left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Items that are lost since the end began, by why.
    pub lost: BTreeMap<Reason, u64>,
    /// Items that are on disk, where the next process finds them.
    pub spilled_items: u64,
}

impl Drained {
    /// Returns how many items are lost.
    pub fn lost_items(&self) -> u64 {
        self.lost.values().sum()
    }
}

impl Delivery {
    /// Wraps an exporter.
    pub fn new(
        exporter: Arc<dyn Exporter>,
        settings: DeliverySettings,
        context: &BuildContext,
        status: StatusTable,
    ) -> Arc<Self> {
        let (meters, signal) = (&context.meters, context.signal);
        let node = Node::Exporter {
            id: context.id.clone(),
            signal,
        };
        let DeliverySettings {
            timeout,
            queue,
            retry,
        } = settings;
        let ledger = Arc::new(Ledger::new(signal, meters));
        let target = Target::new(exporter, timeout, retry);
        let sender = Sender::new(target, node, status, Arc::clone(&ledger));
        let (kind, name) = (&context.id.kind, &context.id.name);
        Arc::new(Self {
            core: Arc::new(Core::new(signal, sender, ledger, queue, meters)),
            owner: format!("exporter_{kind}_{name}_{}", signal.name()),
            workers: Mutex::default(),
            writes: TaskTracker::new(),
            former: Mutex::default(),
        })
    }

    /// Returns which exporter this delivers to.
    pub fn node(&self) -> &Node {
        self.core.sender.node()
    }

    /// Opens the queue on disk, if there is one, and starts the consumers.
    pub async fn start(&self) -> Result<(), StartError> {
        let Some(settings) = self.core.settings() else {
            return Ok(());
        };
        if let Some(storage) = &settings.storage {
            let opened = Disk::open(&**storage, &self.owner).await;
            self.recover(opened.map_err(StartError)?).await?;
        }
        self.employ(settings.num_consumers);
        Ok(())
    }

    /// Replaces the exporter and how it is delivered to; what is queued stays, in its order.
    ///
    /// Attempts that have begun end with the old exporter, which is added to `retired`; what waits
    /// for another attempt makes it at once, with the new one. When the queue moves to another
    /// disk, so does what waits in it, as far as the disks can; when it moves from disk to memory,
    /// what is on disk is still read from there. Fails without having changed anything.
    ///
    /// Cancel-safe: what has not moved by then stays where it is.
    pub async fn replace(
        &self,
        exporter: Arc<dyn Exporter>,
        settings: DeliverySettings,
        retired: &mut Vec<RetiredExporter>,
    ) -> Result<(), StartError> {
        let DeliverySettings {
            timeout,
            queue,
            retry,
        } = settings;
        let storage = queue.as_ref().and_then(|queue| queue.storage.clone());
        let destination = match &storage {
            Some(storage) => self.destination(&**storage).await?,
            None => None,
        };
        // A disk that is configured away stays open for what is still on it, and for its return.
        let was_on_disk = self
            .core
            .settings()
            .is_some_and(|queue| queue.storage.is_some());
        let moves = destination.is_some() || (storage.is_some() && !was_on_disk);
        let paused = moves.then(|| self.core.queue.pause());
        match destination {
            Some(Destination::New(disk)) => self.recover(disk).await?,
            Some(Destination::Known(disk)) => self.keep(disk),
            None => {}
        }
        let target = self
            .core
            .sender
            .retarget(Target::new(exporter, timeout, retry));
        retired.push(RetiredExporter {
            target,
            node: self.node().clone(),
        });
        if let Some(queue) = &queue {
            self.core.room.resize(queue);
            self.core.queue.regroup(queue.batch.as_ref());
        }
        let consumers = queue.as_ref().map(|queue| queue.num_consumers);
        *self.core.settings.lock().expect("only copied") = queue.map(Arc::new);
        if let Some(mut paused) = paused {
            self.moved(&mut paused.jobs).await;
        }
        if let Some(consumers) = consumers {
            self.employ(consumers);
        }
        Ok(())
    }

    /// Ends long waits now and for good. What would be lost is tried again soon and again; what
    /// somebody waits for gets one more attempt; what is on disk stays there.
    pub fn hurry(&self) {
        self.core.ledger.begin_end();
        self.core.sender.hurry();
    }

    /// Ships what is queued in memory, trying until the deadline.
    pub async fn drain(&self, deadline: Duration) -> Drained {
        self.hurry();
        self.core.room.close();
        self.core.queue.close();
        self.writes.close();
        let mut workers =
            std::mem::take(&mut *self.workers.lock().expect("nothing panics while spawning"));
        let all = async |workers: &mut JoinSet<()>| while workers.join_next().await.is_some() {};
        let everything = async {
            tokio::join!(all(&mut workers), self.writes.wait());
        };
        if tokio::time::timeout(deadline, everything).await.is_err() {
            workers.abort_all();
            // A worker that blocks its thread cannot be waited for.
            let _blocked = tokio::time::timeout(CUT_OFF_GRACE, all(&mut workers)).await;
        }
        self.core.queue.clear();
        *self.core.disk.lock().expect("only copied") = None;
        Drained {
            lost: self.core.ledger.lost_to_the_end(),
            spilled_items: self.core.ledger.left_on_disk(),
        }
    }

    /// Closes the exporter, after the last export.
    pub async fn close(&self) {
        replace::close(&*self.core.sender.exporter(), self.node()).await;
    }

    /// Returns where the exporter lives, to find out whether two deliveries share it.
    pub(crate) fn exporter_address(&self) -> usize {
        replace::address(&*self.core.sender.exporter())
    }

    fn employ(&self, consumers: usize) {
        let missing = self.core.queue.want_consumers(consumers.max(1));
        let mut workers = self.workers.lock().expect("nothing panics while spawning");
        // Those that were let go have no result.
        while workers.try_join_next().is_some() {}
        for _ in 0..missing {
            workers.spawn(work(Arc::clone(&self.core)));
        }
    }

    /// Puts what an earlier process left at the front of the queue, and keeps the disk.
    async fn recover(&self, disk: Disk) -> Result<(), StartError> {
        let (found, senseless) = disk.found(self.core.signal).await.map_err(StartError)?;
        if senseless > 0 {
            tracing::warn!(component = %self.node(), records = senseless, "records make no sense");
        }
        if !found.is_empty() {
            tracing::info!(component = %self.node(), batches = found.len(), "queue found on disk");
        }
        let job = |found: Found| {
            let ticket =
                Ticket::recovered(&self.core.ledger, found.size.items, found.origin.clone());
            let place = self.core.room.occupy(found.size);
            let whole = Whole::new(place, None, Some(found.record));
            Job {
                body: Body::Stored,
                size: found.size,
                parts: vec![Part::all_of(whole, ticket)],
                origin: found.origin,
                since: tokio::time::Instant::now(),
            }
        };
        self.core
            .queue
            .put_back(found.into_iter().map(job).collect());
        self.keep(disk);
        Ok(())
    }

    /// Writes to this disk from now on.
    fn keep(&self, disk: Disk) {
        let before = self.core.disk.lock().expect("only copied").replace(disk);
        if let Some(before) = before {
            let mut former = self.former.lock().expect("only copied");
            former.remember(&before);
        }
    }

    async fn enqueue(
        &self,
        settings: Arc<QueueSettings>,
        batch: Batch,
        ticket: Ticket,
    ) -> Result<(), Refusal> {
        let (core, size) = (&self.core, Size::of(&batch));
        // Before the batch is ours: who walks away meanwhile still has it, and knows.
        if settings.storage.is_none() && settings.reply == Reply::OnceQueued {
            pace::pace(core).await;
        }
        let place = match core.room.place(size, settings.overflow).await {
            Ok(place) => place,
            Err(refusal) => {
                core.sender.turned_away(&refusal, size.items);
                return Err(refusal);
            }
        };
        core.ledger.enqueued(size);
        if settings.storage.is_some()
            && let Some(disk) = core.disk()
        {
            let core = Arc::clone(core);
            // Not cut short when the caller walks away: a record must not be left without an owner.
            let write = self
                .writes
                .spawn(async move { store(&core, &disk, &settings, batch, ticket, place).await });
            return write.await.unwrap_or_else(|_cut_off| Err(closed()));
        }
        let mut ticket = ticket;
        ticket.outcome = Outcome::Dropped(Reason::Shutdown);
        let (reply, answer) = match settings.reply {
            Reply::OnceQueued => (None, None),
            Reply::OnceSent => {
                let (reply, answer) = oneshot::channel();
                (Some(reply), Some(answer))
            }
        };
        let whole = Whole::new(place, reply, None);
        let job = Job::new(batch, Part::all_of(whole, ticket));
        if let Err(mut job) = core.queue.push(job) {
            job.parts[0].ticket.outcome = Outcome::TurnedAway;
            return Err(closed());
        }
        let Some(answer) = answer else { return Ok(()) };
        answer.await.unwrap_or_else(|_gone| {
            let cause = "shut down before the batch was sent";
            Err(Refusal::later(crate::Fault::Tapline, cause, None))
        })
    }
}

/// Writes a batch to disk, then queues it.
async fn store(
    core: &Core,
    disk: &Disk,
    settings: &QueueSettings,
    batch: Batch,
    mut ticket: Ticket,
    place: Place,
) -> Result<(), Refusal> {
    let record = match disk.append(&batch, keys(settings)).await {
        Ok(record) => record,
        Err(refusal) => {
            core.sender.turned_away(&refusal, ticket.items);
            return Err(refusal);
        }
    };
    ticket.outcome = Outcome::Spilled;
    let part = Part::all_of(Whole::new(place, None, Some(record)), ticket);
    let mut job = Job::new(batch, part);
    if let Body::Here(batch) = std::mem::replace(&mut job.body, Body::Stored) {
        job.body = disk.cached(batch);
    }
    // A queue that has closed in between lets go of it; it is on disk, as was promised.
    drop(core.queue.push(job));
    Ok(())
}

fn keys(settings: &QueueSettings) -> &[String] {
    let batch = settings.batch.as_ref();
    batch.map_or(&[], |batch| &batch.metadata_keys)
}

#[async_trait]
impl Consumer for Delivery {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        if let Some(settings) = self.core.settings() {
            let ticket = Ticket::new(&self.core.ledger, &batch, Outcome::TurnedAway);
            return self.enqueue(settings, batch, ticket).await;
        }
        let mut ticket = Ticket::new(&self.core.ledger, &batch, Outcome::HandedBack);
        match self.core.sender.send(batch, Patience::Caller).await {
            Ok(()) => {
                ticket.settle(Outcome::Sent);
                Ok(())
            }
            Err(failure) => {
                ticket.failure = FailureKind::of(&failure.refusal);
                Err(failure.refusal)
            }
        }
    }
}
