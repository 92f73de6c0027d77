//! The gateway accounts for every item, also while they are on their way.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tapline_testkit::{
    Answer, Backend,
    samples::{Export, Signal, span, traces},
};
use tokio::task::JoinSet;

use crate::{
    books::Page,
    client::{Packing, call},
    gateway::{Gateway, Ports},
};

const SENDERS: usize = 3;
const SPANS_PER_REQUEST: usize = 7;
const LOOKS: usize = 30;
const ARRIVAL_LIMIT: Duration = Duration::from_secs(10);
const LOOKING_LIMIT: Duration = Duration::from_secs(30);
const UNAVAILABLE: i32 = 14;

#[tokio::test]
async fn every_book_balances_at_every_look_and_at_rest_nothing_is_missing() {
    let backend = Backend::start().await;
    // Some batches wait for their second attempt when somebody looks.
    let busy = Answer::grpc(UNAVAILABLE, "busy");
    backend.answer_next((0..40).map(|number| match number % 2 {
        0 => busy.clone(),
        _ => Answer::accept().after(Duration::from_millis(5)),
    }));
    let gateway = Gateway::start(|ports| config(ports, &backend)).await;
    let load = Load::start(gateway.ports().grpc);
    let mut moved: Vec<u64> = Vec::new();
    let changes = |moved: &[u64]| moved.windows(2).filter(|pair| pair[0] < pair[1]).count();
    let began = Instant::now();
    // A machine that is busy moves less between two looks, so there may have to be more of them.
    while moved.len() < LOOKS || changes(&moved) < LOOKS / 4 {
        assert!(
            began.elapsed() < LOOKING_LIMIT,
            "looked at a gateway at rest: {moved:?}"
        );
        let books = gateway.page().await.books();
        for (owner, book) in &books {
            assert!(book.balances(), "look {}: {owner}: {book:?}", moved.len());
        }
        let book = books.get("receiver otlp traces");
        moved.push(book.map_or(0, |book| book.items("received")));
    }
    let sent = load.stop().await;

    let all = |seen: &tapline_testkit::Seen| seen.spans().len() == sent;
    backend.wait_for(all, ARRIVAL_LIMIT).await;
    let page = gateway.page_at_rest(sent).await;
    let exporter = ("exporter", "otlp_grpc");
    assert_eq!(
        page.sum("otelcol_exporter_sent_spans", exporter),
        sent as u64
    );
    let ended = gateway.stop_within(ARRIVAL_LIMIT).await;
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(backend.seen().spans().len(), sent, "nothing came twice");
}

impl Gateway {
    /// Looks until the receiver and the batcher have nothing queued; the answer of a backend is
    /// seen here before the gateway has read it.
    async fn page_at_rest(&self, sent: usize) -> Page {
        let sent = sent as u64;
        for _ in 0..100 {
            let page = self.page().await;
            let exported = page.sum("otelcol_exporter_sent_spans", ("exporter", "otlp_grpc"));
            let books = page.books();
            let done = books.values().all(|book| {
                book.balances() && book.items("received") == sent && book.items("sent") == sent
            });
            if done && exported >= sent {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the books do not close: {:?}", self.page().await.books());
    }
}

/// Sends until it is told to stop.
struct Load {
    over: Arc<AtomicBool>,
    requests: Arc<AtomicUsize>,
    senders: JoinSet<()>,
}

impl Load {
    fn start(port: u16) -> Self {
        let (over, requests) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let spans = vec![span("GET /orders"); SPANS_PER_REQUEST];
        let message = Export::Traces(traces(spans)).encode();
        let mut senders = JoinSet::new();
        for _ in 0..SENDERS {
            let (over, requests) = (Arc::clone(&over), Arc::clone(&requests));
            let message = message.clone();
            senders.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let method = Signal::Traces.method();
                    let called = call(port, method, Packing::None, &message).await;
                    assert_eq!(called.code(), 0, "{called:?}");
                    requests.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        Self {
            over,
            requests,
            senders,
        }
    }

    /// Returns how many spans were sent.
    async fn stop(mut self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.senders.join_next().await {
            ended.expect("every request is taken");
        }
        self.requests.load(Ordering::Relaxed) * SPANS_PER_REQUEST
    }
}

fn config(ports: Ports, backend: &Backend) -> String {
    let endpoint = backend.endpoint();
    ports.receivers()
        + &format!(
            "\
processors:
  memory_limiter: {{check_interval: 1s, limit_mib: 256}}
  batch: {{send_batch_size: 50, timeout: 20ms}}
exporters:
  otlp_grpc:
    endpoint: \"{endpoint}\"
    tls: {{insecure: true}}
    retry_on_failure: {{initial_interval: 10ms, max_interval: 20ms}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp_grpc]}}
"
        )
}
