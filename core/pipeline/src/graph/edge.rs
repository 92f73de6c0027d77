//! The meters and the fire doors of the graph: every edge counts what passes and stops panics.

use std::{panic::AssertUnwindSafe, sync::Arc};

use async_trait::async_trait;
use futures_util::FutureExt;
use tapline_pdata::{Batch, Signal};

use super::{Node, supervise::panic_text};
use crate::{
    Consumer, Counter, Fault, Refusal, Stage, Status, StatusTable,
    meter::{
        Meters,
        account::{Account, Outcome, Reason},
        names,
    },
};

/// Makes the consumers that stand between two components.
pub(super) struct Edge;

impl Edge {
    /// Counts what a receiver gets rid of.
    pub(super) fn out_of_receiver(
        next: Arc<dyn Consumer>,
        signal: Signal,
        meters: &Meters,
    ) -> Arc<dyn Consumer> {
        let counter = |metric: names::Metric| {
            meters.counter(names::per_signal(metric, signal), metric.1, &[])
        };
        let accepted = counter(names::RECEIVER_ACCEPTED);
        let refused = counter(names::RECEIVER_REFUSED);
        Arc::new(Answered {
            next,
            accepted,
            refused,
            account: meters.account(signal, &[]),
        })
    }

    /// Counts what enters a stage, and keeps its panics from its callers.
    pub(super) fn into_stage(
        stage: Arc<dyn Stage>,
        node: Node,
        signal: Signal,
        meters: &Meters,
        status: StatusTable,
    ) -> Arc<dyn Consumer> {
        let (name, help) = names::PROCESSOR_INCOMING;
        let incoming = meters.counter(name, help, &[("otel_signal", signal.name())]);
        Arc::new(Guarded {
            stage,
            incoming,
            node,
            status,
        })
    }

    /// Counts what a stage passes on.
    pub(super) fn out_of_stage(
        next: Arc<dyn Consumer>,
        signal: Signal,
        meters: &Meters,
    ) -> Arc<dyn Consumer> {
        let (name, help) = names::PROCESSOR_OUTGOING;
        let outgoing = meters.counter(name, help, &[("otel_signal", signal.name())]);
        Arc::new(Passing { next, outgoing })
    }
}

struct Answered {
    next: Arc<dyn Consumer>,
    accepted: Counter,
    refused: Counter,
    account: Account,
}

#[async_trait]
impl Consumer for Answered {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        let items = u64::from(batch.items());
        // A receiver that stops waiting has had no answer: it still has the items.
        let ticket = self
            .account
            .ticket(items, Outcome::Refused(Reason::Cancelled));
        let answer = self.next.consume(batch).await;
        if answer.is_ok() {
            self.accepted.add(items);
            ticket.settle(Outcome::Sent);
        } else {
            self.refused.add(items);
            ticket.settle(Outcome::Refused(Reason::Downstream));
        }
        answer
    }

    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.next.admit(bytes)
    }
}

struct Guarded {
    stage: Arc<dyn Stage>,
    incoming: Counter,
    node: Node,
    status: StatusTable,
}

#[async_trait]
impl Consumer for Guarded {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        self.incoming.add(u64::from(batch.items()));
        let answer = AssertUnwindSafe(self.stage.consume(batch))
            .catch_unwind()
            .await;
        answer.unwrap_or_else(|panic| {
            let cause = panic_text(&*panic);
            if self
                .status
                .report(&self.node, Status::PermanentError, &cause)
            {
                tracing::error!(component = %self.node, error = %cause, "component panicked");
            }
            // The same batch would do it again.
            Err(Refusal::never(
                Fault::Tapline,
                format!("{} panicked: {cause}", self.node),
            ))
        })
    }

    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.stage.admit(bytes)
    }
}

struct Passing {
    next: Arc<dyn Consumer>,
    outgoing: Counter,
}

#[async_trait]
impl Consumer for Passing {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        self.outgoing.add(u64::from(batch.items()));
        self.next.consume(batch).await
    }

    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.next.admit(bytes)
    }
}
