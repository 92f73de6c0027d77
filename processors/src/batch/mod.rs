//! `batch`: joins small batches into large ones, and cuts those that are too large.
//!
//! A caller gets its answer as soon as its batch is held, as in the Collector; what happens
//! downstream afterwards is counted and logged here. Memory is bounded: one batch being filled or
//! sent, of at most `MAX_HELD_BYTES` and one incoming batch more, and `WAITING_BATCHES` that
//! wait. When downstream is slow these fill up, and callers wait.

mod filling;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use serde::Deserialize;
use tapline_config::{Invalid, Validate};
use tapline_pdata::Batch;
use tapline_pipeline::{
    Account, BuildContext, Consumer, Fault, Refusal, Stage, Stop, Work,
    meter::account::{Outcome, Reason},
};
use tokio::sync::{mpsc, oneshot};

use self::filling::{Filling, Message};

/// How many incoming batches wait while one is being sent.
const WAITING_BATCHES: usize = 8;
/// A batch of this many bytes is sent, however few items it has.
const MAX_HELD_BYTES: usize = 32 << 20;

/// How items can be lost here.
const LOSSES: [Reason; 2] = [Reason::Downstream, Reason::Shutdown];

/// What the user wrote.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long a batch waits to be filled; zero sends whatever comes at once.
    pub timeout: tapline_config::Duration,
    /// A batch of this many items is sent without waiting; zero sends whatever comes at once.
    pub send_batch_size: u32,
    /// A batch never has more items than this; zero means that none is cut.
    pub send_batch_max_size: u32,
    /// Client metadata whose distinct values each get a batch. Not supported yet.
    pub metadata_keys: Vec<String>,
    /// How many distinct values of those there may be.
    pub metadata_cardinality_limit: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            timeout: tapline_config::Duration::from_millis(200),
            send_batch_size: 8192,
            send_batch_max_size: 0,
            metadata_keys: Vec::new(),
            metadata_cardinality_limit: 1000,
        }
    }
}

impl Validate for Config {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        if self.send_batch_max_size != 0 && self.send_batch_max_size < self.send_batch_size {
            let rule = "must be greater or equal to send_batch_size";
            invalid.push(Invalid::at("send_batch_max_size", rule));
        }
        if !self.metadata_keys.is_empty() {
            invalid.push(Invalid::at("metadata_keys", "is not supported yet"));
        }
        invalid
    }
}

/// Builds the stage. Joining begins when it is started.
pub fn build(
    config: &Config,
    next: Arc<dyn Consumer>,
    context: &BuildContext,
) -> Result<Arc<dyn Stage>, String> {
    if let Some(broken) = config.validate().first() {
        return Err(format!("{} {}", broken.path, broken.message));
    }
    let (inbox, incoming) = mpsc::channel(WAITING_BATCHES);
    let account = context.meters.account(context.signal, &LOSSES);
    let filling = Filling::new(config, incoming, next, &context.meters, account.clone());
    Ok(Arc::new(BatchStage {
        inbox,
        account,
        filling: Mutex::new(Some(filling)),
    }))
}

struct BatchStage {
    inbox: mpsc::Sender<Message>,
    account: Account,
    /// Here until it is started.
    filling: Mutex<Option<Filling>>,
}

#[async_trait]
impl Consumer for BatchStage {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        let items = u64::from(batch.items());
        // Received together with being put in the box: a caller that gives up while it waits for a
        // place still has its items.
        let Ok(place) = self.inbox.reserve().await else {
            drop(
                self.account
                    .ticket(items, Outcome::Refused(Reason::Shutdown)),
            );
            let cause = "batch processor has stopped";
            return Err(Refusal::later(Fault::Tapline, cause, None));
        };
        self.account.receive(items);
        place.send(Message::Batch(batch));
        Ok(())
    }
}

#[async_trait]
impl Stage for BatchStage {
    fn start(self: Arc<Self>, stop: Stop) -> Option<Work> {
        let filling = self
            .filling
            .lock()
            .expect("nothing panics while it is taken")
            .take()?;
        Some(Box::pin(filling.run(stop)))
    }

    async fn drain(&self, deadline: Duration) {
        let (flushed, done) = oneshot::channel();
        // Behind everything that waits already, so that it is all flushed when this is answered.
        let flush = async {
            if self.inbox.send(Message::Flush(flushed)).await.is_ok() {
                let _gone = done.await;
            }
        };
        // What was not flushed in time is counted when the work is cut off.
        let _late = tokio::time::timeout(deadline, flush).await;
    }
}
