//! Outages of every kind at once with rude clients, and a crash: what was acknowledged arrives.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, time::Duration};

use tapline_integration_tests::Scratch;
use tapline_testkit::{Answer, Backend};
use tokio::time::{Instant, sleep};

use crate::{
    client::{Client, Signal},
    load::{Load, Outcome, Sender, arrived, missing},
    process::{Process, free_ports},
    rude::Rude,
    say::say,
};

/// How long each kind of weather lasts.
const SPELL: Duration = Duration::from_millis(1500);
/// How often the books are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long everything may take to arrive when the storm is over.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(40);
/// How many times connections are reset in one spell.
const RESETS: u32 = 10;
/// What `RST_STREAM` says in the storm: INTERNAL_ERROR, PROTOCOL_ERROR and ENHANCE_YOUR_CALM.
const STREAM_ENDS: [u32; 3] = [0x2, 0x1, 0xb];
const RESOURCE_EXHAUSTED: i32 = 8;
const UNAVAILABLE: i32 = 14;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outages_and_rude_clients_lose_nothing_and_every_book_balances() {
    let mut sky = Sky::new().await;
    let scratch = Scratch::new();
    let ports = free_ports().await;
    let config = scratch.file("tapline.yaml", &config(ports, sky.addr, None));
    let process = Process::start(&config, ports[2]).await;
    let (load, rude) = (load(ports), Rude::start(ports[0], ports[1]));
    for weather in Weather::ALL {
        sky.turn(weather, &process).await;
    }
    let outcome = load.stop().await;
    assert!(rude.stop().await > 50, "nobody was rude");
    let ids = sky.settled(&process, &outcome).await;
    // Nothing was offered twice, so each item that was sent is one that has arrived.
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    let sent = process.page().await.sent("otlp", "traces");
    say(&format!(
        "{} arrived, {} of them twice",
        unique.len(),
        ids.len() - unique.len()
    ));
    assert_eq!(sent, unique.len() as u64, "sent, and arrived");
    assert_eq!(process.stop().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_amid_outages_loses_nothing_that_is_on_disk_and_keeps_the_order() {
    let mut sky = Sky::new().await;
    let scratch = Scratch::new();
    let ports = free_ports().await;
    let text = config(ports, sky.addr, Some(&scratch.path().join("queue")));
    let config = scratch.file("tapline.yaml", &text);
    let mut process = Process::start(&config, ports[2]).await;
    let (load, rude) = (load(ports), Rude::start(ports[0], ports[1]));
    for (number, weather) in Weather::ALL.into_iter().enumerate() {
        sky.turn(weather, &process).await;
        // After a refusal, a hanging backend, broken streams, and fair weather.
        if number % 2 == 1 {
            process.kill().await;
            process = Process::start(&config, ports[2]).await;
        }
    }
    let outcome = load.stop().await;
    rude.stop().await;
    let ids = sky.settled(&process, &outcome).await;
    assert_ordered(&ids);
    let recovered = process
        .page()
        .await
        .sum("tapline_exporter_recovered_items", &[]);
    say(&format!(
        "{} acknowledged, {} arrived, {recovered} recovered at last",
        outcome.acknowledged.len(),
        ids.len()
    ));
    assert_eq!(process.stop().await.code(), Some(0));
}

/// What a backend does to those who send to it.
#[derive(Clone, Copy, Debug)]
enum Weather {
    Fair,
    Unavailable,
    Exhausted,
    Hanging,
    /// Streams end without a status, and connections live.
    Breaking,
    Resetting,
    Down,
}

impl Weather {
    const ALL: [Self; 9] = [
        Self::Fair,
        Self::Unavailable,
        Self::Exhausted,
        Self::Hanging,
        Self::Down,
        Self::Breaking,
        Self::Resetting,
        Self::Fair,
        Self::Down,
    ];
}

/// A backend, and what those before it at the same address took.
struct Sky {
    addr: SocketAddr,
    backend: Backend,
    past: Vec<Backend>,
}

impl Sky {
    async fn new() -> Self {
        let backend = Backend::start().await;
        Self {
            addr: backend.addr(),
            backend,
            past: Vec::new(),
        }
    }

    /// Lets a kind of weather reign for a while, with an eye on the books.
    async fn turn(&mut self, weather: Weather, process: &Process) {
        let answer = match weather {
            Weather::Fair => Answer::accept(),
            Weather::Unavailable => Answer::grpc(UNAVAILABLE, "not now"),
            Weather::Exhausted => {
                Answer::grpc(RESOURCE_EXHAUSTED, "too much").retry_after(Duration::from_millis(50))
            }
            Weather::Hanging => Answer::accept().after(Duration::from_mins(1)),
            Weather::Breaking => {
                let resets = STREAM_ENDS.map(Answer::reset);
                for end in resets.into_iter().chain([Answer::cut()]) {
                    self.backend.answer_always(end);
                    watch(process, SPELL / 4).await;
                }
                Answer::accept()
            }
            Weather::Resetting => {
                for _ in 0..RESETS {
                    let slow = Answer::accept().after(Duration::from_millis(30));
                    self.backend.answer_always(slow);
                    watch(process, SPELL / RESETS).await;
                    self.fall().await;
                    self.rise().await;
                }
                return;
            }
            Weather::Down => {
                self.fall().await;
                watch(process, SPELL).await;
                self.rise().await;
                Answer::accept()
            }
        };
        self.backend.answer_always(answer);
        watch(process, SPELL).await;
        self.backend.answer_always(Answer::accept());
    }

    async fn fall(&mut self) {
        self.backend.close().await;
    }

    async fn rise(&mut self) {
        let next = Backend::start_on(self.addr).await;
        self.past.push(std::mem::replace(&mut self.backend, next));
    }

    /// Waits until everything has arrived and nothing is queued, and returns what has arrived.
    async fn settled(&self, process: &Process, outcome: &Outcome) -> Vec<u64> {
        assert!(outcome.acknowledged.len() > 500, "too little was sent");
        let deadline = Instant::now() + ARRIVAL_LIMIT;
        loop {
            let page = process.page().await;
            page.assert_balanced();
            let backends = self.past.iter().chain([&self.backend]);
            let seen: Vec<_> = backends.map(Backend::seen).collect();
            let ids = arrived(&seen);
            let missing = missing(&outcome.acknowledged, &ids);
            let queued = page.sum("tapline_items_queued", &[])
                + page.sum("tapline_exporter_queued_items", &[]);
            let dropped = page.sum("tapline_items", &[("state", "dropped")]);
            if missing.is_none() && queued == 0 {
                page.assert_at_rest();
                assert_eq!(dropped, 0, "{page:#?}");
                return ids;
            }
            assert!(
                Instant::now() < deadline,
                "{queued} queued, {dropped} dropped; missing: {missing:?}\n{}",
                process.tail()
            );
            sleep(LOOK_EVERY).await;
        }
    }
}

/// Looks at the books all the time.
async fn watch(process: &Process, time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        process.page().await.assert_balanced();
        sleep(LOOK_EVERY).await;
    }
}

/// Panics unless what each client sent arrived in its order, whatever came again later.
fn assert_ordered(ids: &[u64]) {
    let mut last = BTreeMap::new();
    let mut known = std::collections::BTreeSet::new();
    for id in ids {
        if known.insert(id) {
            let before = last.insert(id >> 40, id);
            assert!(before < Some(id), "{before:?} came before {id}");
        }
    }
}

fn load([grpc, http, _]: [u16; 3]) -> Load {
    let sender = |number, client| Sender {
        client,
        signal: Signal::Traces,
        number,
        items: 4,
        ballast: 100,
        pause: Duration::from_millis(10),
        insists: true,
    };
    Load::start([
        sender(1, Client::grpc(grpc)),
        sender(2, Client::grpc(grpc)),
        sender(3, Client::new(http)),
    ])
}

fn config([grpc, http, page]: [u16; 3], backend: SocketAddr, disk: Option<&Path>) -> String {
    let extension = disk.map_or_else(String::new, |directory| {
        format!(
            "extensions: {{file_storage: {{directory: '{}'}}}}",
            directory.display()
        )
    });
    let (queue, extensions) = match disk {
        Some(_) => ("num_consumers: 1, storage: file_storage", "file_storage"),
        None => ("num_consumers: 4", ""),
    };
    format!(
        "
{extension}
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: '127.0.0.1:{grpc}', max_recv_msg_size_mib: 4}}
      http: {{endpoint: '127.0.0.1:{http}'}}
exporters:
  otlp:
    endpoint: '{backend}'
    tls: {{insecure: true}}
    timeout: 300ms
    sending_queue: {{queue_size: 100000, {queue}}}
    retry_on_failure: {{initial_interval: 20ms, max_interval: 200ms, max_elapsed_time: 0s}}
service:
  extensions: [{extensions}]
  telemetry:
    logs: {{sampling: {{enabled: false}}}}
    metrics:
      readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {page}}}}}}}}}]
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp]}}
"
    )
}
