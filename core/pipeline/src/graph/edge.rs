//! The meters and the fire doors of the graph: every edge counts what passes and stops panics.

use std::{
    cell::Cell,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::FutureExt;
use tapline_pdata::{Batch, Signal};
use tokio::time::Instant;

use super::{Node, supervise::panic_text};
use crate::{
    Consumer, Counter, Fault, Histogram, Refusal, Stage, Status, StatusTable,
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
        Arc::new(Answered {
            next,
            answers: Answers::new(signal, meters),
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
        let (name, help) = names::PROCESSOR_DURATION;
        let labels = [("otel_signal", signal.name())];
        let duration = meters.durations(name, help, &labels, &names::DURATION_BOUNDS);
        Arc::new(Guarded {
            stage,
            incoming,
            duration,
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
    answers: Answers,
    account: Account,
}

/// What a receiver was told, by what its data came over.
struct Answers {
    signal: Signal,
    meters: Meters,
    /// For data that came over nothing that has a name.
    plain: Pair,
    by_transport: Mutex<Vec<(&'static str, Pair)>>,
}

/// Items accepted and refused.
#[derive(Clone)]
struct Pair {
    accepted: Counter,
    refused: Counter,
}

/// The most transports one receiver tells apart: there are few, and their names are fixed.
const TRANSPORTS_MAX: usize = 8;

impl Answers {
    fn new(signal: Signal, meters: &Meters) -> Self {
        Self {
            signal,
            meters: meters.clone(),
            plain: Pair::new(signal, meters, &[]),
            by_transport: Mutex::default(),
        }
    }

    fn over(&self, transport: Option<&'static str>) -> Pair {
        let Some(transport) = transport else {
            return self.plain.clone();
        };
        let mut known = self.by_transport.lock().expect("nothing panics here");
        if let Some((_, pair)) = known.iter().find(|(name, _)| *name == transport) {
            return pair.clone();
        }
        if known.len() >= TRANSPORTS_MAX {
            return self.plain.clone();
        }
        let pair = Pair::new(self.signal, &self.meters, &[("transport", transport)]);
        known.push((transport, pair.clone()));
        pair
    }
}

impl Pair {
    fn new(signal: Signal, meters: &Meters, labels: &[(&'static str, &str)]) -> Self {
        let counter = |metric: names::Metric| {
            meters.counter(names::per_signal(metric, signal), metric.1, labels)
        };
        Self {
            accepted: counter(names::RECEIVER_ACCEPTED),
            refused: counter(names::RECEIVER_REFUSED),
        }
    }
}

#[async_trait]
impl Consumer for Answered {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        let items = u64::from(batch.items());
        // A receiver that stops waiting has had no answer: it still has the items.
        let ticket = self
            .account
            .ticket(items, Outcome::Refused(Reason::Cancelled));
        let transport = batch.origin().and_then(|origin| origin.transport);
        let told = self.answers.over(transport);
        let answer = self.next.consume(batch).await;
        if answer.is_ok() {
            told.accepted.add(items);
            ticket.settle(Outcome::Sent);
        } else {
            told.refused.add(items);
            ticket.settle(Outcome::Refused(Reason::Downstream));
        }
        answer
    }

    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.next.admit(bytes)
    }
}

tokio::task_local! {
    /// How long the consumers behind the stage that is being called have taken so far.
    static BEHIND: Cell<Duration>;
}

struct Guarded {
    stage: Arc<dyn Stage>,
    incoming: Counter,
    duration: Histogram,
    node: Node,
    status: StatusTable,
}

#[async_trait]
impl Consumer for Guarded {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        self.incoming.add(u64::from(batch.items()));
        let answer = AssertUnwindSafe(self.timed(batch)).catch_unwind().await;
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

impl Guarded {
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

struct Passing {
    next: Arc<dyn Consumer>,
    outgoing: Counter,
}

#[async_trait]
impl Consumer for Passing {
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
    use tapline_pdata::Origin;

    use super::*;
    use crate::{fake::batch, meter::account};

    /// Answers as its name says.
    enum Next {
        Takes,
        Hangs,
    }

    #[async_trait]
    impl Consumer for Next {
        async fn consume(&self, _: Batch) -> Result<(), Refusal> {
            match self {
                Self::Takes => Ok(()),
                Self::Hangs => std::future::pending().await,
            }
        }
    }

    fn edge(next: Next) -> (Arc<dyn Consumer>, Meters) {
        let meters = Meters::new();
        let view = meters.labelled(&[("receiver", "otlp")]);
        let edge = Edge::out_of_receiver(Arc::new(next), Signal::Traces, &view);
        (edge, meters)
    }

    #[tokio::test]
    async fn counts_by_what_the_data_came_over() {
        let (edge, meters) = edge(Next::Takes);
        for transport in [Some("grpc"), Some("http"), Some("grpc"), None] {
            let mut origin = Origin::default();
            origin.transport = transport;
            let batch = batch(2).with_origin(Some(Arc::new(origin)));
            edge.consume(batch).await.expect("is taken");
        }
        let name = "otelcol_receiver_accepted_spans";
        let over = |transport| meters.total(name, &[("transport", transport)]);
        assert_eq!((over("grpc"), over("http")), (4, 2));
        assert_eq!(meters.total(name, &[]), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_stops_waiting_still_has_its_items() {
        let (edge, meters) = edge(Next::Hangs);
        let wait = Duration::from_secs(1);
        let waiting = tokio::time::timeout(wait, edge.consume(batch(3)));
        waiting.await.expect_err("nobody answers");
        let account = meters
            .labelled(&[("receiver", "otlp")])
            .account(Signal::Traces, &[]);
        let expected = "received=3 sent=0 refused(cancelled)=3 queued=0";
        assert_eq!(format!("{:?}", account.tally()), expected);
        let refused = [("state", "refused"), ("reason", "cancelled")];
        assert_eq!(meters.total(account::NAME, &refused), 3);
    }
}
