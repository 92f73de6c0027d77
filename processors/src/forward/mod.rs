//! `forward`: joins pipelines of one signal, changing nothing.
//!
//! It merges pipelines that end in it and spreads over those that begin with it. It holds nothing:
//! an answer is that of what follows.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{Invalid, Validate};
use tapline_pdata::Batch;
use tapline_pipeline::{
    Account, BuildContext, Consumer, Refusal, Stage, Stop, Work,
    graph::Branches,
    meter::account::{Outcome, Reason},
};

/// What the user wrote: there is nothing to set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

impl Validate for Config {
    fn validate(&self) -> Vec<Invalid> {
        Vec::new()
    }
}

/// Builds the connector between pipelines of one signal.
pub fn build(branches: &Branches, context: &BuildContext) -> Arc<dyn Stage> {
    Arc::new(Forward {
        next: branches.all(),
        account: context.meters.account(context.signal, &[]),
    })
}

struct Forward {
    next: Arc<dyn Consumer>,
    account: Account,
}

#[async_trait]
impl Consumer for Forward {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        // Whoever offered them still has them until there is an answer.
        let unanswered = Outcome::Refused(Reason::Cancelled);
        let ticket = self.account.ticket(batch.items().into(), unanswered);
        let answer = self.next.consume(batch).await;
        ticket.settle(match answer {
            Ok(()) => Outcome::Sent,
            Err(_) => Outcome::Refused(Reason::Downstream),
        });
        answer
    }

    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.next.admit(bytes)
    }
}

#[async_trait]
impl Stage for Forward {
    fn start(self: Arc<Self>, _stop: Stop) -> Option<Work> {
        None
    }

    async fn drain(&self, _deadline: Duration) {}
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        sync::atomic::{AtomicU32, Ordering::Relaxed},
    };

    use bytes::Bytes;
    use tapline_config::ComponentId;
    use tapline_pdata::Signal;
    use tapline_pipeline::{Fault, graph::PipelineId};

    use super::*;

    /// Counts what comes, or refuses it.
    #[derive(Default)]
    struct Pipe {
        items: AtomicU32,
        is_full: bool,
    }

    #[async_trait]
    impl Consumer for Pipe {
        async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
            self.items.fetch_add(batch.items(), Relaxed);
            self.admit(0)
        }

        fn admit(&self, _bytes: usize) -> Result<(), Refusal> {
            if self.is_full {
                return Err(Refusal::later(Fault::Tapline, "full", None));
            }
            Ok(())
        }
    }

    fn forward(signal: Signal, pipes: &[Arc<Pipe>]) -> Arc<dyn Stage> {
        let pipeline = |(number, pipe): (usize, &Arc<Pipe>)| {
            let name = number.to_string();
            let pipe: Arc<dyn Consumer> = Arc::<Pipe>::clone(pipe);
            (PipelineId { signal, name }, pipe)
        };
        let pipelines: BTreeMap<_, _> = pipes.iter().enumerate().map(pipeline).collect();
        let id = ComponentId::parse("forward").expect("an id");
        build(&Branches::new(pipelines), &BuildContext::alone(id, signal))
    }

    #[tokio::test]
    async fn passes_every_batch_of_every_signal_to_every_pipeline() {
        for signal in Signal::ALL {
            let pipes = [Arc::default(), Arc::default()];
            let forward = forward(signal, &pipes);
            let batch = Batch::written(signal, Bytes::new(), 3);
            forward.consume(batch).await.expect("taken");
            for pipe in &pipes {
                assert_eq!(pipe.items.load(Relaxed), 3);
            }
        }
    }

    #[tokio::test]
    async fn answers_what_the_pipelines_answer() {
        let full = Arc::new(Pipe {
            is_full: true,
            ..Pipe::default()
        });
        let forward = forward(Signal::Logs, &[Arc::default(), full]);
        assert!(forward.admit(1).is_err());
        let batch = Batch::written(Signal::Logs, Bytes::new(), 1);
        assert!(forward.consume(batch).await.is_err());
    }
}
