//! A sender ten times as fast as the backend, for a while: memory stays below its limit.

use std::{fs, time::Duration};

use tapline_integration_tests::Scratch;
use tapline_testkit::{Answer, Backend};
use tokio::time::{Instant, sleep};

use crate::{
    client::{Client, Signal},
    load::{Load, Sender, arrived, missing},
    process::{Process, free_ports},
    say::say,
};

const LIMIT_MIB: u64 = 160;
const SOAK: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const ARRIVAL_LIMIT: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_stays_below_its_limit_and_what_was_acknowledged_arrives() {
    let backend = Backend::start().await;
    backend.answer_always(Answer::accept().after(Duration::from_millis(200)));
    let scratch = Scratch::new();
    let [grpc, http, page] = free_ports().await;
    let config = scratch.file(
        "tapline.yaml",
        &config(grpc, http, page, &backend.endpoint()),
    );
    let process = Process::start(&config, page).await;
    let load = load(grpc, http);
    let (until, mut most) = (Instant::now() + SOAK, 0);
    while Instant::now() < until {
        most = most.max(resident_kib(process.pid()));
        sleep(LOOK_EVERY).await;
    }
    let outcome = load.stop().await;
    backend.answer_always(Answer::accept());
    let deadline = Instant::now() + ARRIVAL_LIMIT;
    let ids = loop {
        most = most.max(resident_kib(process.pid()));
        let ids = arrived([&backend.seen()]);
        match missing(&outcome.acknowledged, &ids) {
            None => break ids,
            Some(missing) => assert!(Instant::now() < deadline, "{missing}\n{}", process.tail()),
        }
        sleep(LOOK_EVERY).await;
    };
    say(&format!(
        "at most {} MiB of {LIMIT_MIB}, {} acknowledged, {} arrived, {} refused",
        most >> 10,
        outcome.acknowledged.len(),
        ids.len(),
        outcome.failures.len()
    ));
    assert!(
        most <= (LIMIT_MIB << 10) * 105 / 100,
        "{} MiB were resident",
        most >> 10
    );
    assert!(!outcome.failures.is_empty(), "the limit was not reached");
    for failure in &outcome.failures {
        let said = &failure.said;
        assert!(
            failure.has_delay,
            "it does not say when to come back: {said}"
        );
    }
    assert_eq!(process.stop().await.code(), Some(0));
}

/// Returns how much of a process is in memory.
fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .expect("a process has memory")
        .parse()
        .expect("VmRSS is a number")
}

fn load(grpc: u16, http: u16) -> Load {
    let sender = |number, client| Sender {
        client,
        signal: Signal::Traces,
        number,
        items: 64,
        ballast: 4096,
        pause: Duration::ZERO,
        insists: false,
    };
    Load::start([
        sender(1, Client::grpc(grpc)),
        sender(2, Client::grpc(grpc)),
        sender(3, Client::grpc(grpc)),
        sender(4, Client::grpc(grpc)),
        sender(5, Client::new(http)),
        sender(6, Client::new(http)),
    ])
}

fn config(grpc: u16, http: u16, page: u16, backend: &str) -> String {
    format!(
        "
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: '127.0.0.1:{grpc}'}}
      http: {{endpoint: '127.0.0.1:{http}'}}
processors:
  memory_limiter: {{check_interval: 100ms, limit_mib: {LIMIT_MIB}, spike_limit_mib: 32}}
exporters:
  otlp:
    endpoint: '{backend}'
    tls: {{insecure: true}}
    compression: none
    sending_queue: {{queue_size: 100000, num_consumers: 2}}
service:
  telemetry:
    metrics:
      readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {page}}}}}}}}}]
  pipelines:
    traces: {{receivers: [otlp], processors: [memory_limiter], exporters: [otlp]}}
"
    )
}
