//! `batch`: joins small batches into large ones, and cuts those that are too large.
//!
//! A caller gets its answer as soon as its batch is held, as in the Collector; what happens
//! downstream afterwards is counted and logged here. Memory is bounded: batches being filled or
//! sent, together of at most `MAX_HELD_BYTES` and one incoming batch more, and `WAITING_BATCHES`
//! that wait. When downstream is slow these fill up, and callers wait.
//!
//! With `metadata_keys` only batches whose senders agree in these are joined, and what is sent
//! still says what they agreed in. Without keys it says nothing of its senders, as in the
//! Collector.

mod combinations;
mod filling;
mod joining;
mod meters;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{Invalid, Validate};
use tapline_pdata::Batch;
use tapline_pipeline::{
    Account, BuildContext, Consumer, Fault, Refusal, Stage, Stop, Work,
    meter::account::{Outcome, Reason},
};
use tokio::sync::{mpsc, oneshot};

use self::{
    combinations::Combinations,
    joining::{Joining, Message},
};

/// How many incoming batches wait while one is being sent.
const WAITING_BATCHES: usize = 4;
/// Batches of this many bytes together are not held: the largest is sent, however few its items.
const MAX_HELD_BYTES: usize = 32 << 20;

/// How items can be lost here.
const LOSSES: [Reason; 2] = [Reason::Downstream, Reason::Shutdown];

/// What the user wrote.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long a batch waits to be filled; zero sends whatever comes at once.
    pub timeout: tapline_config::Duration,
    /// A batch of this many items is sent without waiting; zero sends whatever comes at once.
    pub send_batch_size: u32,
    /// A batch never has more items than this; zero means that none is cut.
    pub send_batch_max_size: u32,
    /// Client metadata whose distinct values each get a batch; case does not matter.
    pub metadata_keys: Vec<String>,
    /// How many combinations of their values there may be; zero sets no limit.
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
        let mut seen = BTreeSet::new();
        for key in self.metadata_keys.iter().map(|key| key.to_lowercase()) {
            if seen.contains(&key) {
                let rule = format!("has a duplicate entry: \"{key}\" (case-insensitive)");
                invalid.push(Invalid::at("metadata_keys", rule));
            }
            seen.insert(key);
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
    let joining = Joining::new(config, incoming, next, &context.meters, account.clone());
    Ok(Arc::new(BatchStage {
        inbox,
        account,
        combinations: Combinations::new(config, &context.meters),
        joining: Mutex::new(Some(joining)),
    }))
}

struct BatchStage {
    inbox: mpsc::Sender<Message>,
    account: Account,
    combinations: Combinations,
    /// Here until it is started.
    joining: Mutex<Option<Joining>>,
}

#[async_trait]
impl Consumer for BatchStage {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        let items = u64::from(batch.items());
        let batch = self.combinations.assign(batch).inspect_err(|_| {
            let refused = Outcome::Refused(Reason::Permanent);
            drop(self.account.ticket(items, refused));
        })?;
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
        let joining = self
            .joining
            .lock()
            .expect("nothing panics while it is taken")
            .take()?;
        Some(Box::pin(joining.run(stop)))
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
