//! Reloading while clients send: nothing acknowledged is lost, and no request fails.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use tapline_integration_tests::Scratch;
use tapline_testkit::{Answer, Backend, Seen};

use crate::{
    client::{Client, Signal},
    load::{Load, Outcome, Sender, arrived, missing},
    process::{Process, free_ports},
    say::say,
};

const RELOADS: usize = 100;
const ARRIVAL_LIMIT: Duration = Duration::from_secs(20);
/// What is said of a configuration that runs now.
pub(crate) const UPDATED: &str = "Config updated";
/// What is said of one that does not.
pub(crate) const NOT_USED: &str = "configuration not used";

/// Where everything is.
struct Places {
    grpc: u16,
    http: u16,
    page: u16,
    main: String,
    extra: String,
    disk: PathBuf,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_reloads_under_load_lose_nothing_and_fail_nobody() {
    let (backend, extra) = (Backend::start().await, Backend::start().await);
    let scratch = Scratch::new();
    let places = Places::find(&backend, &extra, &scratch).await;
    let config = scratch.file("tapline.yaml", &places.config(0));
    let process = Process::start(&config, places.page).await;
    // Slow enough for the queues to hold something.
    backend.answer_always(Answer::accept().after(Duration::from_millis(30)));
    let load = places.load();
    for round in 1..=RELOADS {
        write(&config, &places.config(round));
        process.signal("HUP");
        process.says(UPDATED, round).await;
    }
    let outcome = load.stop().await;
    assert_arrived(&process, &backend, &outcome).await;
    assert_eq!(process.count(NOT_USED), 0, "{}", process.tail());
    assert_eq!(process.stop().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_used_changes_nothing_and_is_reported() {
    let (backend, extra) = (Backend::start().await, Backend::start().await);
    let scratch = Scratch::new();
    let places = Places::find(&backend, &extra, &scratch).await;
    let config = scratch.file("tapline.yaml", &places.config(0));
    let process = Process::start(&config, places.page).await;
    // Somebody else has this port: what wants it is valid, and does not start.
    let taken = Backend::start().await;
    let load = places.load();
    let good = places.config(0);
    let bad = [
        (good.replace("max_recv", "max_recieve"), "unknown setting"),
        (
            good.replace("processors: [", "processors: [absent, "),
            "absent",
        ),
        (format!("{good}\n  - {{"), "tapline.yaml:"),
        (
            good.replace("timeout: 3s", "timeout: soon"),
            "tapline.yaml:",
        ),
        (
            good.replace(
                &format!(":{}", places.http),
                &format!(":{}", taken.addr().port()),
            ),
            "in use",
        ),
    ];
    for (round, (text, said)) in bad.iter().enumerate() {
        assert_ne!(*text, good, "{said} is about a mistake");
        write(&config, text);
        process.signal("HUP");
        process.says(NOT_USED, round + 1).await;
        let told = process.last(NOT_USED).expect("it was just said");
        assert!(told.contains(said), "{said:?} is not in {told}");
        assert!(
            *said == "in use" || told.contains("tapline.yaml:"),
            "no line: {told}"
        );
        assert_reload_failed(&process, 1).await;
        write(&config, &good);
        process.signal("HUP");
        // It is what runs all the while.
        process.says("Config unchanged", round + 1).await;
        assert_reload_failed(&process, 0).await;
    }
    let outcome = load.stop().await;
    assert_arrived(&process, &backend, &outcome).await;
    assert_eq!(process.stop().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watched_file_is_reloaded_when_it_changes() {
    let (backend, extra) = (Backend::start().await, Backend::start().await);
    let scratch = Scratch::new();
    let places = Places::find(&backend, &extra, &scratch).await;
    let config = scratch.file("tapline.yaml", &places.config(0));
    let process = Process::start_with(&config, places.page, &["--watch"]).await;
    let load = places.load();
    write(&config, &places.config(1));
    process.says(UPDATED, 1).await;
    // In place, as some editors do.
    fs::write(&config, "receivers: {otlp: }}").expect("our own directory can be written");
    process.says(NOT_USED, 1).await;
    fs::write(&config, places.config(2)).expect("our own directory can be written");
    process.says(UPDATED, 2).await;
    // Attempts that the former exporter had begun may come after the first of the new one.
    let of_last = |seen: &Seen| seen.requests.iter().any(|it| it.header("x-round") == "2");
    backend.wait_for(of_last, ARRIVAL_LIMIT).await;
    let outcome = load.stop().await;
    assert_arrived(&process, &backend, &outcome).await;
    assert_eq!(process.stop().await.code(), Some(0));
}

/// Panics unless every request was acknowledged, and everything acknowledged arrived.
async fn assert_arrived(process: &Process, backend: &Backend, outcome: &Outcome) {
    let Outcome {
        acknowledged,
        failures,
    } = outcome;
    let said: Vec<_> = failures.iter().take(5).map(|it| &it.said).collect();
    assert!(
        failures.is_empty(),
        "{} requests failed, first {said:?}\n{}",
        failures.len(),
        process.tail()
    );
    assert!(!acknowledged.is_empty(), "nothing was sent");
    let deadline = tokio::time::Instant::now() + ARRIVAL_LIMIT;
    loop {
        let ids = arrived([&backend.seen()]);
        let Some(missing) = missing(acknowledged, &ids) else {
            let twice = ids.len() - acknowledged.len();
            say(&format!(
                "{} acknowledged, {twice} arrived twice",
                acknowledged.len()
            ));
            assert_eq!(twice, 0, "nothing went wrong, so nothing comes twice");
            return;
        };
        assert!(
            tokio::time::Instant::now() < deadline,
            "of {} acknowledged: {missing}\n{}",
            acknowledged.len(),
            process.tail()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn assert_reload_failed(process: &Process, value: u64) {
    // The log tells of a reload a moment after the gauge does.
    let page = process.page().await;
    assert_eq!(page.sum("otelcol_config_reload_failed", &[]), value);
}

/// Puts a file in place of another at once, as careful editors and kubelets do.
pub(crate) fn write(path: &Path, text: &str) {
    let next = path.with_extension("next");
    fs::write(&next, text).expect("our own directory can be written");
    fs::rename(&next, path).expect("our own directory can be written");
}

impl Places {
    async fn find(main: &Backend, extra: &Backend, scratch: &Scratch) -> Self {
        let [grpc, http, page] = free_ports().await;
        Self {
            grpc,
            http,
            page,
            main: main.endpoint(),
            extra: extra.endpoint(),
            disk: scratch.path().to_owned(),
        }
    }

    fn load(&self) -> Load {
        let sender = |number: u64, client: Client, signal| Sender {
            client,
            signal,
            number,
            items: 5,
            ballast: 20,
            pause: Duration::from_millis(3),
            insists: false,
        };
        Load::start([
            sender(1, Client::grpc(self.grpc), Signal::Traces),
            sender(2, Client::grpc(self.grpc), Signal::Traces),
            sender(3, Client::grpc(self.grpc), Signal::Logs),
            sender(4, Client::new(self.http), Signal::Traces),
            sender(5, Client::new(self.http), Signal::Logs),
        ])
    }

    /// Every round changes something, and no two neighbours change the same things.
    fn config(&self, round: usize) -> String {
        [
            self.receivers(round),
            self.exporters(round),
            self.service(round),
        ]
        .concat()
    }

    fn receivers(&self, round: usize) -> String {
        let (grpc, http, disk) = (self.grpc, self.http, self.disk.display());
        let every = |n: usize| round.is_multiple_of(n);
        let mib = if every(3) { 4 } else { 5 };
        let body = if every(7) { 20_971_520 } else { 10_485_760 };
        let batch = if every(2) { "20ms" } else { "50ms" };
        let size = if every(4) { 100 } else { 1000 };
        format!(
            "
extensions:
  file_storage/a: {{directory: '{disk}/a'}}
  file_storage/b: {{directory: '{disk}/b'}}
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: '127.0.0.1:{grpc}', max_recv_msg_size_mib: {mib}}}
      http: {{endpoint: '127.0.0.1:{http}', max_request_body_size: {body}}}
processors:
  memory_limiter: {{check_interval: 1s, limit_mib: 1000}}
  batch: {{timeout: {batch}, send_batch_size: {size}}}
  batch/second: {{timeout: 10ms}}
"
        )
    }

    fn exporters(&self, round: usize) -> String {
        let Self { main, extra, .. } = self;
        let timeout = if round.is_multiple_of(5) { 3 } else { 4 };
        // A queue moves from disk to disk, and into memory, with what it holds.
        let queue = match round % 6 {
            0 | 1 => "num_consumers: 1, storage: file_storage/a",
            2 => "num_consumers: 3, storage: file_storage/a",
            3 | 4 => "num_consumers: 2, storage: file_storage/b",
            _ => "num_consumers: 2",
        };
        format!(
            "
exporters:
  otlp:
    endpoint: '{main}'
    tls: {{insecure: true}}
    timeout: {timeout}s
    headers: {{x-round: '{round}'}}
  otlp/disk:
    endpoint: '{main}'
    tls: {{insecure: true}}
    sending_queue: {{{queue}}}
  otlp/extra:
    endpoint: '{extra}'
    tls: {{insecure: true}}
"
        )
    }

    fn service(&self, round: usize) -> String {
        let page = self.page;
        let traces = match round % 4 {
            0 => "memory_limiter, batch",
            1 => "batch",
            2 => "memory_limiter",
            _ => "batch, batch/second",
        };
        let mut text = format!(
            "
service:
  extensions: [file_storage/a, file_storage/b]
  telemetry:
    logs: {{sampling: {{enabled: false}}}}
    metrics:
      readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {page}}}}}}}}}]
  pipelines:
    traces: {{receivers: [otlp], processors: [{traces}], exporters: [otlp]}}
    logs: {{receivers: [otlp], processors: [batch], exporters: [otlp/disk]}}
"
        );
        if round.is_multiple_of(3) {
            text += "    traces/extra: {receivers: [otlp], exporters: [otlp/extra]}\n";
        }
        if round.is_multiple_of(5) {
            text += "    metrics: {receivers: [otlp], exporters: [otlp]}\n";
        }
        text
    }
}
