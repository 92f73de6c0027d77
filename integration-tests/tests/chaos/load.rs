//! Clients that send all the time, and what they know afterwards: which items were acknowledged.
//!
//! Every span has an id of its own, made of the number of its client and its own, so that what
//! arrived can be compared with what was promised, item by item.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, KeyValue, any_value::Value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message;
use tapline_testkit::Seen;
use tokio::{
    runtime,
    sync::watch,
    task::{JoinSet, spawn_blocking},
    time::sleep,
};

use crate::client::{Client, Failure, Signal};

/// The most failures that are remembered.
const FAILURES_MAX: usize = 1_000;

/// What one client sends, and how.
#[derive(Clone)]
pub(crate) struct Sender {
    /// Where to.
    pub(crate) client: Client,
    /// What.
    pub(crate) signal: Signal,
    /// Its own number, which its items carry.
    pub(crate) number: u64,
    /// Items per request.
    pub(crate) items: u64,
    /// Bytes of ballast per item.
    pub(crate) ballast: usize,
    /// The pause between two requests.
    pub(crate) pause: Duration,
    /// Whether a request that failed is sent again until it is acknowledged.
    pub(crate) insists: bool,
}

/// Clients at work, on one thread of their own.
///
/// One, because hyper's client can lose a request that one thread sends while another ends its
/// connection (hyperium/hyper#4122): nobody ever answers that one, whatever the server does.
pub(crate) struct Load {
    over: Arc<watch::Sender<bool>>,
    running: JoinHandle<Vec<Outcome>>,
}

/// What the clients know.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The ids of what was acknowledged.
    pub(crate) acknowledged: BTreeSet<u64>,
    /// What was not, each time.
    pub(crate) failures: Vec<Failure>,
}

impl Load {
    /// Lets clients send until they are told to stop.
    pub(crate) fn start(senders: impl IntoIterator<Item = Sender>) -> Self {
        let over = Arc::new(watch::Sender::new(false));
        let run = |sender: Sender| sender.run(over.subscribe());
        let runs: Vec<_> = senders.into_iter().map(run).collect();
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("there are resources for a runtime");
        let all = async { runs.into_iter().collect::<JoinSet<_>>().join_all().await };
        let running = thread::spawn(move || runtime.block_on(all));
        Self { over, running }
    }

    /// Lets every client finish the request in its hands.
    pub(crate) async fn stop(self) -> Outcome {
        self.over.send_replace(true);
        let mut all = Outcome::default();
        let ended = spawn_blocking(move || self.running.join()).await;
        let outcomes = ended.expect("it is not cancelled");
        for one in outcomes.expect("no client panics") {
            all.acknowledged.extend(one.acknowledged);
            all.failures.extend(one.failures);
        }
        all
    }
}

impl Sender {
    async fn run(self, over: watch::Receiver<bool>) -> Outcome {
        let mut outcome = Outcome::default();
        let mut next = 0;
        while !*over.borrow() {
            let first = self.number << 40 | next;
            let message = self.message(first);
            loop {
                match self.client.export(self.signal, &message).await {
                    Ok(()) => outcome.acknowledged.extend(first..first + self.items),
                    Err(failure) => {
                        if outcome.failures.len() < FAILURES_MAX {
                            outcome.failures.push(failure);
                        }
                        // Somebody who insists would otherwise do nothing else.
                        sleep(Duration::from_millis(20)).await;
                        if self.insists && !*over.borrow() {
                            continue;
                        }
                    }
                }
                break;
            }
            next += self.items;
            if !self.pause.is_zero() {
                sleep(self.pause).await;
            }
        }
        outcome
    }

    fn message(&self, first: u64) -> Vec<u8> {
        let ids = first..first + self.items;
        let ballast = "x".repeat(self.ballast);
        match self.signal {
            Signal::Traces => spans(ids.map(|id| span(id, &ballast)).collect()),
            Signal::Logs => logs(ids.map(|id| log(id, &ballast)).collect()),
        }
    }
}

fn span(id: u64, ballast: &str) -> Span {
    Span {
        trace_id: [7; 16].to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        name: "load".to_owned(),
        attributes: vec![attribute(ballast)],
        ..Span::default()
    }
}

fn log(id: u64, ballast: &str) -> LogRecord {
    LogRecord {
        trace_id: [7; 16].to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        attributes: vec![attribute(ballast)],
        ..LogRecord::default()
    }
}

fn attribute(text: &str) -> KeyValue {
    KeyValue {
        key: "ballast".to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(text.to_owned())),
        }),
        ..KeyValue::default()
    }
}

fn spans(spans: Vec<Span>) -> Vec<u8> {
    let scope_spans = vec![ScopeSpans {
        spans,
        ..ScopeSpans::default()
    }];
    let resource_spans = vec![ResourceSpans {
        scope_spans,
        ..ResourceSpans::default()
    }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn logs(log_records: Vec<LogRecord>) -> Vec<u8> {
    let scope_logs = vec![ScopeLogs {
        log_records,
        ..ScopeLogs::default()
    }];
    let resource_logs = vec![ResourceLogs {
        scope_logs,
        ..ResourceLogs::default()
    }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

/// Returns the ids of everything that backends took, in order, with what came more than once.
pub(crate) fn arrived<'s>(seen: impl IntoIterator<Item = &'s Seen>) -> Vec<u64> {
    let mut ids = Vec::new();
    for seen in seen {
        let spans = seen.spans();
        let spans = spans.iter().map(|span| &span.record.span_id);
        let logs = seen.logs();
        let logs = logs.iter().map(|log| &log.record.span_id);
        ids.extend(spans.chain(logs).map(|id| {
            let bytes = id.as_slice().try_into().expect("ours are eight bytes");
            u64::from_be_bytes(bytes)
        }));
    }
    ids
}

/// Says what is missing, as ranges per client, or `None` if nothing is.
pub(crate) fn missing(promised: &BTreeSet<u64>, arrived: &[u64]) -> Option<String> {
    let arrived: BTreeSet<u64> = arrived.iter().copied().collect();
    let mut per_client = BTreeMap::<u64, Vec<u64>>::new();
    for id in promised.difference(&arrived) {
        let numbers = per_client.entry(id >> 40).or_default();
        numbers.push(id & 0xff_ffff_ffff);
    }
    let told: Vec<_> = per_client
        .iter()
        .map(|(client, ids)| {
            let (first, last) = (ids[0], ids[ids.len() - 1]);
            format!("client {client}: {} between {first} and {last}", ids.len())
        })
        .collect();
    (!told.is_empty()).then(|| told.join("; "))
}
