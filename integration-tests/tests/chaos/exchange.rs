//! Reloads that are not about data: ports change hands, nothing changes, or the reload hangs.

use std::{
    fs::{self, File},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use tapline_integration_tests::Scratch;
use tapline_testkit::{Answer, Backend};

use crate::{
    books::Page,
    client::{Client, Signal},
    load::{Load, Sender, arrived, missing},
    process::{Process, free_ports},
    reload::{NOT_USED, UPDATED, write},
};

const UNCHANGED: &str = "Config unchanged";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renamed_extensions_keep_their_ports_and_a_failed_reload_leaves_them_answering() {
    let [otlp, page, health, zpages] = free_ports().await;
    let taken = Backend::start().await;
    let config = |name: &str, otlp: u16| {
        format!(
            "
extensions:
  health_check{name}: {{endpoint: '127.0.0.1:{health}'}}
  zpages{name}: {{endpoint: '127.0.0.1:{zpages}'}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:{otlp}'}}}}}}
exporters: {{debug: }}
service:
  extensions: [health_check{name}, zpages{name}]
  telemetry:
    metrics:
      readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {page}}}}}}}}}]
  pipelines: {{traces: {{receivers: [otlp], exporters: [debug]}}}}
"
        )
    };
    let scratch = Scratch::new();
    let file = scratch.file("tapline.yaml", &config("", otlp));
    let process = Process::start(&file, page).await;
    let answer = async || {
        let well = Client::new(health).get("/").await;
        assert!(well.contains("Server available"), "{well}");
        Client::new(zpages).get("/debug/extensionz").await
    };
    answer().await;
    for (round, name) in ["/x", "", "/y"].into_iter().enumerate() {
        reload(&process, &file, &config(name, otlp), UPDATED, round + 1).await;
        let shown = answer().await;
        assert!(shown.contains(&format!("health_check{name}")), "{shown}");
    }
    let refused = config("/z", taken.addr().port());
    reload(&process, &file, &refused, NOT_USED, 1).await;
    let shown = answer().await;
    assert!(shown.contains("health_check/y"), "{shown}");
    assert_eq!(process.stop().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metrics_page_moves_and_comes_back_and_stays_where_it_cannot_move_to() {
    let [otlp, one, two] = free_ports().await;
    let taken = Backend::start().await;
    let config = |host: &str, port: u16| {
        format!(
            "
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:{otlp}'}}}}}}
exporters: {{debug: }}
service:
  telemetry:
    metrics:
      readers: [{{pull: {{exporter: {{prometheus: {{host: '{host}', port: {port}}}}}}}}}]
  pipelines: {{traces: {{receivers: [otlp], exporters: [debug]}}}}
"
        )
    };
    let scratch = Scratch::new();
    let file = scratch.file("tapline.yaml", &config("127.0.0.1", one));
    let process = Process::start(&file, one).await;
    let failed = async |port| {
        Page::read(port)
            .await
            .sum("otelcol_config_reload_failed", &[])
    };
    let places = [
        ("127.0.0.1", two),
        ("127.0.0.1", one),
        ("0.0.0.0", one),
        ("127.0.0.1", one),
    ];
    for (round, (host, port)) in places.into_iter().enumerate() {
        reload(&process, &file, &config(host, port), UPDATED, round + 1).await;
        assert_eq!(failed(port).await, 0);
    }
    let refused = config("127.0.0.1", taken.addr().port());
    reload(&process, &file, &refused, NOT_USED, 1).await;
    assert_eq!(failed(one).await, 1, "the page is where it was");
    assert_eq!(process.stop().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_of_what_runs_already_says_that_nothing_changed() {
    let backend = Backend::start().await;
    let [grpc, page] = free_ports().await;
    let scratch = Scratch::new();
    let config = config(grpc, page, &backend);
    let file = scratch.file("tapline.yaml", &config);
    let process = Process::start(&file, page).await;
    reload(&process, &file, &config, UNCHANGED, 1).await;
    let commented = format!("# The same.\n{config}");
    reload(&process, &file, &commented, UNCHANGED, 2).await;
    assert_eq!(process.count(UPDATED), 0, "{}", process.tail());
    let changed = config.replace("timeout: 1h", "timeout: 2h");
    reload(
        &process,
        &file,
        &changed,
        "Config updated, restart service",
        1,
    )
    .await;
    assert_eq!(process.stop().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_that_waits_for_a_lock_does_not_keep_the_process_nor_its_data() {
    let scratch = Scratch::new();
    let disk = scratch.path().join("disk");
    fs::create_dir(&disk).expect("our own directory can be written");
    let lock = File::create(disk.join("exporter_otlp_disk_traces~lock"));
    let lock = lock.expect("our own directory can be written");
    lock.lock().expect("nobody else has it");
    stop_in_a_hung_reload(&scratch, |file, config| {
        let queue = "sending_queue: {storage: file_storage}";
        let hung = config
            .replace(
                "\nexporters:",
                &format!(
                    "\nextensions:\n  file_storage: {{timeout: 1h, directory: '{}'}}\nexporters:\n  \
                     otlp/disk: {{endpoint: 'localhost:1', tls: {{insecure: true}}, {queue}}}",
                    disk.display()
                ),
            )
            .replace("[otlp] # more", "[otlp, otlp/disk]")
            .replace("service:", "service:\n  extensions: [file_storage]");
        write(file, &hung);
    })
    .await;
    drop(lock);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_of_a_file_that_hangs_does_not_keep_the_process_nor_its_data() {
    let scratch = Scratch::new();
    stop_in_a_hung_reload(&scratch, |file, _| {
        // Whoever reads a pipe waits for somebody who writes.
        let pipe = file.with_extension("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status();
        assert!(made.is_ok_and(|status| status.success()), "needs mkfifo");
        fs::rename(&pipe, file).expect("our own directory can be written");
    })
    .await;
}

/// Stops a process that holds data while a reload hangs: it must end in time and deliver.
async fn stop_in_a_hung_reload(scratch: &Scratch, hangs: impl FnOnce(&Path, &str)) {
    const TIME_TO_STOP: Duration = Duration::from_secs(4);
    let backend = Backend::start().await;
    // Slow enough for some of it to be on its way when everything ends.
    backend.answer_always(Answer::accept().after(Duration::from_millis(100)));
    let [grpc, page] = free_ports().await;
    let config = config(grpc, page, &backend);
    let file = scratch.file("tapline.yaml", &config);
    let process = Process::start_with(&file, page, &["--shutdown-timeout", "4s"]).await;
    let load = Load::start([Sender {
        client: Client::grpc(grpc),
        signal: Signal::Traces,
        number: 1,
        items: 5,
        ballast: 20,
        pause: Duration::from_millis(3),
        insists: false,
    }]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let outcome = load.stop().await;
    assert!(!outcome.acknowledged.is_empty(), "nothing was sent");

    hangs(&file, &config);
    process.signal("HUP");
    process.says("SIGHUP", 1).await;
    let began = Instant::now();
    process.signal("TERM");
    process.says("stopping in the middle of a reload", 1).await;
    process.says("Shutdown complete.", 1).await;
    let took = began.elapsed();
    assert!(took < TIME_TO_STOP, "took {took:?}\n{}", process.tail());
    assert_eq!(process.count("lost_items"), 0, "{}", process.tail());
    assert_eq!(process.stop().await.code(), Some(0));
    let ids = arrived([&backend.seen()]);
    let missing = missing(&outcome.acknowledged, &ids);
    assert!(missing.is_none(), "{missing:?}");
}

fn config(grpc: u16, page: u16, backend: &Backend) -> String {
    let endpoint = backend.endpoint();
    format!(
        "
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:{grpc}'}}}}}}
processors:
  batch: {{timeout: 1h, send_batch_size: 100}}
exporters:
  otlp: {{endpoint: '{endpoint}', tls: {{insecure: true}}}}
service:
  telemetry:
    metrics:
      readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {page}}}}}}}}}]
  pipelines:
    traces:
      receivers: [otlp]
      processors: [batch]
      exporters: [otlp] # more
"
    )
}

/// Puts a configuration in place, asks for a reload, and waits for what it says.
async fn reload(process: &Process, file: &Path, config: &str, said: &str, times: usize) {
    write(file, config);
    process.signal("HUP");
    process.says(said, times).await;
}
