//! The meters of the graph: every edge counts what passes. Nobody's panic goes past a stage's.

use std::{cell::Cell, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::FutureExt;
use tapline_pdata::{Batch, Signal};
use tokio::time::Instant;

use super::{Node, slot::Slot, supervise::panic_text};
use crate::{
    Consumer, Counter, Fault, Histogram, Memory, Refusal, Stage, Status, StatusTable,
    meter::{
        Meters,
        account::{Account, Outcome, Reason},
        names,
    },
};

/// Counts what a receiver gets rid of, and puts its bytes on the account if the receiver did not.
pub(super) struct OutOfReceiver {
    next: Arc<Slot>,
    memory: Memory,
    accepted: Counter,
    refused: Counter,
    refused_requests: Counter,
    account: Account,
}

impl OutOfReceiver {
    pub(super) fn new(
        next: Arc<Slot>,
        signal: Signal,
        transport: Option<&'static str>,
        meters: &Meters,
        memory: Memory,
    ) -> Self {
        let label = transport.map(|transport| ("transport", transport));
        let counter = |metric: names::Metric| {
            let name = names::per_signal(metric, signal);
            meters.counter(name, metric.1, label.as_slice())
        };
        Self {
            next,
            memory,
            accepted: counter(names::RECEIVER_ACCEPTED),
            refused: counter(names::RECEIVER_REFUSED),
            refused_requests: {
                let labels: Vec<_> = label
                    .into_iter()
                    .chain([("signal", signal.name())])
                    .collect();
                let (name, help) = names::RECEIVER_REFUSED_REQUESTS;
                meters.counter(name, help, &labels)
            },
            account: meters.account(signal, &[]),
        }
    }
}

#[async_trait]
impl Consumer for OutOfReceiver {
    async fn consume(&self, mut batch: Batch) -> Result<(), Refusal> {
        let items = u64::from(batch.items());
        // A receiver that stops waiting has had no answer: it still has the items.
        let ticket = self
            .account
            .ticket(items, Outcome::Refused(Reason::Cancelled));
        if !batch.is_held() {
            let held = self.memory.hold(batch.size_bytes());
            batch = batch.with_hold(Arc::new(held));
        }
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
        let answer = self.next.admit(bytes);
        if answer.is_err() {
            self.refused_requests.add(1);
        }
        answer
    }
}

tokio::task_local! {
    /// How long the consumers behind the stage that is being called have taken so far.
    static BEHIND: Cell<Duration>;
}

/// Counts and times what enters a stage, and keeps its panics from its callers.
pub(super) struct IntoStage {
    stage: Arc<dyn Stage>,
    incoming: Counter,
    duration: Histogram,
    node: Node,
    status: StatusTable,
}

impl IntoStage {
    /// Counts into a processor.
    pub(super) fn new(
        stage: Arc<dyn Stage>,
        node: Node,
        signal: Signal,
        meters: &Meters,
        status: StatusTable,
    ) -> Self {
        let metrics = [names::PROCESSOR_INCOMING, names::PROCESSOR_DURATION];
        let labels = [("otel_signal", signal.name())];
        Self::counting(stage, node, meters, metrics, &labels, status)
    }

    /// Counts as the caller wants.
    pub(super) fn counting(
        stage: Arc<dyn Stage>,
        node: Node,
        meters: &Meters,
        [incoming, duration]: [names::Metric; 2],
        labels: &[(&'static str, &str)],
        status: StatusTable,
    ) -> Self {
        let incoming = meters.counter(incoming.0, incoming.1, labels);
        let bounds = &names::DURATION_BOUNDS;
        let duration = meters.durations(duration.0, duration.1, labels, bounds);
        Self {
            stage,
            incoming,
            duration,
            node,
            status,
        }
    }

    /// Measures how long the stage itself takes, if anybody wants to know.
    async fn timed(&self, batch: Batch) -> Result<(), Refusal> {
        if !self.duration.is_followed() {
            return self.stage.consume(batch).await;
        }
        let measured = async {
            let before = Instant::now();
            let answer = self.stage.consume(batch).await;
            let behind = BEHIND.with(Cell::get);
            self.duration
                .record_duration(before.elapsed().saturating_sub(behind));
            answer
        };
        BEHIND.scope(Cell::default(), measured).await
    }
}

#[async_trait]
impl Consumer for IntoStage {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        self.incoming.add(u64::from(batch.items()));
        let answer = AssertUnwindSafe(self.timed(batch)).catch_unwind().await;
        answer.unwrap_or_else(|panic| {
            let cause = panic_text(&*panic);
            Err(refusal_of_panicked(&self.node, &cause, &self.status))
        })
    }

    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.stage.admit(bytes)
    }
}

/// Notes that a processor panicked, and returns what its caller is told.
pub(super) fn refusal_of_panicked(node: &Node, cause: &str, status: &StatusTable) -> Refusal {
    if status.report(node, Status::PermanentError, cause) {
        tracing::error!(component = %node, error = %cause, "component panicked");
    }
    // The same batch would do it again.
    Refusal::never(Fault::Tapline, format!("{node} panicked: {cause}"))
}

/// Counts what a stage passes on.
pub(super) struct OutOfStage {
    next: Arc<Slot>,
    outgoing: Counter,
}

impl OutOfStage {
    pub(super) fn new(next: Arc<Slot>, signal: Signal, meters: &Meters) -> Self {
        let (name, help) = names::PROCESSOR_OUTGOING;
        let outgoing = meters.counter(name, help, &[("otel_signal", signal.name())]);
        Self::counting(next, outgoing)
    }

    /// Counts as the caller wants.
    pub(super) fn counting(next: Arc<Slot>, outgoing: Counter) -> Self {
        Self { next, outgoing }
    }
}

#[async_trait]
impl Consumer for OutOfStage {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        self.outgoing.add(u64::from(batch.items()));
        // A stage that passes on from a task of its own is not being called: nobody waits for it.
        if BEHIND.try_with(|_| ()).is_err() {
            return self.next.consume(batch).await;
        }
        let before = Instant::now();
        let answer = self.next.consume(batch).await;
        BEHIND.with(|behind| behind.set(behind.get() + before.elapsed()));
        answer
    }

    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.next.admit(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::batch;

    /// Answers as its name says.
    enum Next {
        Takes,
        Hangs,
        AdmitsNothing,
    }

    #[async_trait]
    impl Consumer for Next {
        async fn consume(&self, _: Batch) -> Result<(), Refusal> {
            match self {
                Self::Takes => Ok(()),
                Self::Hangs => std::future::pending().await,
                Self::AdmitsNothing => Err(Refusal::full("no memory")),
            }
        }

        fn admit(&self, _: usize) -> Result<(), Refusal> {
            match self {
                Self::AdmitsNothing => Err(Refusal::full("no memory")),
                _ => Ok(()),
            }
        }
    }

    fn edge(next: Next, transport: Option<&'static str>, meters: &Meters) -> OutOfReceiver {
        let view = meters.labelled(&[("receiver", "otlp")]);
        let slot = Slot::new();
        slot.connect(Arc::new(next));
        OutOfReceiver::new(slot, Signal::Traces, transport, &view, Memory::new())
    }

    #[tokio::test]
    async fn counts_by_what_the_data_came_over() {
        let meters = Meters::new();
        for transport in [Some("grpc"), Some("http"), Some("grpc"), None] {
            let edge = edge(Next::Takes, transport, &meters);
            edge.consume(batch(2)).await.expect("is taken");
        }
        let name = "otelcol_receiver_accepted_spans";
        let over = |transport| meters.total(name, &[("transport", transport)]);
        assert_eq!((over("grpc"), over("http")), (4, 2));
        assert_eq!(meters.total(name, &[]), 8);
    }

    #[tokio::test]
    async fn what_is_refused_unread_is_counted_by_requests_and_what_was_read_by_items() {
        let meters = Meters::new();
        let full = edge(Next::AdmitsNothing, Some("grpc"), &meters);
        let free = edge(Next::Takes, Some("http"), &meters);
        full.admit(1 << 20).expect_err("there is no memory");
        full.admit(1 << 20).expect_err("there is no memory");
        free.admit(1 << 20).expect("there is memory");
        full.consume(batch(3))
            .await
            .expect_err("there is no memory");
        let requests = names::RECEIVER_REFUSED_REQUESTS.0;
        let over = |transport| meters.total(requests, &[("transport", transport)]);
        assert_eq!((over("grpc"), over("http")), (2, 0));
        assert_eq!(meters.total(requests, &[("signal", "traces")]), 2);
        assert_eq!(meters.total("otelcol_receiver_refused_spans", &[]), 3);
        let account = meters
            .labelled(&[("receiver", "otlp")])
            .account(Signal::Traces, &[]);
        let expected = "received=3 sent=0 refused(downstream)=3 queued=0";
        assert_eq!(format!("{:?}", account.tally()), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_stops_waiting_still_has_its_items() {
        let meters = Meters::new();
        let edge = edge(Next::Hangs, None, &meters);
        let wait = Duration::from_secs(1);
        let waiting = tokio::time::timeout(wait, edge.consume(batch(3)));
        waiting.await.expect_err("nobody answers");
        assert_eq!(edge.memory.held_bytes(), 0);
        let account = meters
            .labelled(&[("receiver", "otlp")])
            .account(Signal::Traces, &[]);
        let expected = "received=3 sent=0 refused(cancelled)=3 queued=0";
        assert_eq!(format!("{:?}", account.tally()), expected);
        let refused = [("state", "refused"), ("reason", "cancelled")];
        assert_eq!(meters.total(names::ITEMS.0, &refused), 3);
    }
}
