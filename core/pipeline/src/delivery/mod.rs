//! Delivery: everything between a pipeline and an exporter that sends one batch once.
//!
//! *queue* holds batches, *retry* says when to try again, *timeout* bounds one attempt, *send* puts
//! those two together, *ledger* accounts for every item:
//!
//! ```text
//! received = sent + refused + dropped + queued
//! ```
//!
//! A delivery must not know what kind of exporter it has.

mod ledger;
mod queue;
mod retry;
mod send;
#[cfg(test)]
mod tests;
mod timeout;

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::FutureExt;
use tapline_pdata::Batch;
use tokio::{sync::oneshot, task::JoinSet};

use self::{
    ledger::{Ledger, Outcome, Ticket},
    queue::{Job, Queue},
    send::Sender,
};
pub use self::{
    queue::{Overflow, QueueSettings, Reply, Sizer},
    retry::RetrySettings,
};
use crate::{BuildContext, Consumer, Exporter, Fault, Refusal, StatusTable, graph::Node};

/// How long cut-off workers get to let go of what they hold.
const CUT_OFF_GRACE: Duration = Duration::from_millis(100);

/// How one exporter is delivered to. The defaults are the Collector's.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliverySettings {
    /// The limit of one attempt, if it has one.
    pub timeout: Option<Duration>,
    /// The sending queue; without one the caller waits for the backend.
    pub queue: Option<QueueSettings>,
    /// When to try again; without it a batch gets one attempt.
    pub retry: Option<RetrySettings>,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            timeout: Some(Duration::from_secs(5)),
            queue: Some(QueueSettings::default()),
            retry: Some(RetrySettings::default()),
        }
    }
}

/// An exporter with its queue, retry and timeout.
pub struct Delivery {
    sender: Arc<Sender>,
    ledger: Arc<Ledger>,
    queue: Option<(QueueSettings, Arc<Queue>)>,
    workers: Mutex<JoinSet<()>>,
}

impl Delivery {
    /// Wraps an exporter.
    pub fn new(
        exporter: Arc<dyn Exporter>,
        settings: DeliverySettings,
        context: &BuildContext,
        status: StatusTable,
    ) -> Arc<Self> {
        let meters = &context.meters;
        let node = Node::Exporter {
            id: context.id.clone(),
            signal: context.signal,
        };
        let DeliverySettings {
            timeout,
            queue,
            retry,
        } = settings;
        let ledger = Arc::new(Ledger::new(context.signal, meters));
        let queue = queue.map(|settings| {
            let queue = Queue::new(&settings, context.signal, meters);
            (settings, Arc::new(queue))
        });
        let sender = Sender::new(exporter, timeout, retry, node, status, Arc::clone(&ledger));
        let workers = Mutex::default();
        Arc::new(Self {
            sender: Arc::new(sender),
            ledger,
            queue,
            workers,
        })
    }

    /// Returns which exporter this delivers to.
    pub fn node(&self) -> &Node {
        self.sender.node()
    }

    /// Starts the consumers of the queue.
    pub fn start(&self) {
        let Some((settings, queue)) = &self.queue else {
            return;
        };
        let mut workers = self.workers.lock().expect("nothing panics while spawning");
        for _ in 0..settings.num_consumers.max(1) {
            workers.spawn(work(Arc::clone(queue), Arc::clone(&self.sender)));
        }
    }

    /// Ends back-off now and for good: every batch gets at most one more attempt.
    pub fn hurry(&self) {
        self.sender.hurry();
    }

    /// Ships what is queued within the deadline, and returns how many items shutting down lost.
    pub async fn drain(&self, deadline: Duration) -> u64 {
        self.hurry();
        if let Some((_, queue)) = &self.queue {
            queue.close();
            let mut workers =
                std::mem::take(&mut *self.workers.lock().expect("nothing panics while spawning"));
            let all =
                async |workers: &mut JoinSet<()>| while workers.join_next().await.is_some() {};
            if tokio::time::timeout(deadline, all(&mut workers))
                .await
                .is_err()
            {
                workers.abort_all();
                // A worker that blocks its thread cannot be waited for.
                let _blocked = tokio::time::timeout(CUT_OFF_GRACE, all(&mut workers)).await;
            }
            queue.clear();
        }
        self.ledger.lost_to_shutdown()
    }

    /// Closes the exporter, after the last export.
    pub async fn close(&self) {
        let closed = AssertUnwindSafe(self.sender.exporter().close())
            .catch_unwind()
            .await;
        if closed.is_err() {
            tracing::error!(component = %self.node(), "component panicked while closing");
        }
    }

    /// Returns where the exporter lives, to find out whether two deliveries share it.
    pub(crate) fn exporter_address(&self) -> usize {
        std::ptr::from_ref(self.sender.exporter())
            .cast::<()>()
            .addr()
    }

    async fn enqueue(
        &self,
        settings: &QueueSettings,
        queue: &Queue,
        batch: Batch,
        mut ticket: Ticket,
    ) -> Result<(), Refusal> {
        let place = match queue.place(&batch).await {
            Ok(place) => place,
            Err(refusal) => {
                self.sender.turned_away(&refusal, u64::from(batch.items()));
                return Err(refusal);
            }
        };
        ticket.is_ours();
        let (reply, answer) = match settings.reply {
            Reply::OnceQueued => (None, None),
            Reply::OnceSent => {
                let (reply, answer) = oneshot::channel();
                (Some(reply), Some(answer))
            }
        };
        queue.push(Job {
            batch,
            ticket,
            place,
            reply,
        })?;
        let Some(answer) = answer else { return Ok(()) };
        answer.await.unwrap_or_else(|_gone| {
            Err(Refusal::later(
                Fault::Tapline,
                "shut down before the batch was sent",
                None,
            ))
        })
    }
}

#[async_trait]
impl Consumer for Delivery {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        if let Some((settings, queue)) = &self.queue {
            let ticket = Ticket::new(&self.ledger, &batch, Outcome::TurnedAway);
            return self.enqueue(settings, queue, batch, ticket).await;
        }
        let ticket = Ticket::new(&self.ledger, &batch, Outcome::HandedBack);
        match self.sender.send(batch).await {
            Ok(()) => {
                ticket.settle(Outcome::Sent);
                Ok(())
            }
            Err(failure) => Err(failure.refusal),
        }
    }
}

/// One consumer of the queue: batches in order, one at a time.
async fn work(queue: Arc<Queue>, sender: Arc<Sender>) {
    while let Some(Job {
        batch,
        ticket,
        place,
        reply,
    }) = queue.next().await
    {
        let answer = match sender.send(batch).await {
            Ok(()) => {
                ticket.settle(Outcome::Sent);
                Ok(())
            }
            Err(failure) => {
                ticket.settle(Outcome::Dropped(failure.reason));
                Err(failure.refusal)
            }
        };
        drop(place);
        if let Some(reply) = reply {
            // Nobody listens any more: the caller gave up waiting.
            let _unheard = reply.send(answer);
        }
    }
}
