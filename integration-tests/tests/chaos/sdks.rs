//! The official SDKs as clients: Python and Node, over gRPC, HTTP/protobuf and HTTP/JSON, zipped.
//!
//! Their packages are installed once, at exact versions, into the target directory.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, ArrayValue, any_value::Value},
    metrics::v1::{metric::Data, number_data_point},
};
use tapline_integration_tests::{Scratch, target_dir};
use tapline_testkit::{Backend, Seen};

use crate::{
    process::{Process, free_ports},
    say::say,
};

/// Promises that the clients can be installed here: then a client that cannot be is a failure.
const REQUIRE: &str = "TAPLINE_REQUIRE_CLIENTS";
const ARRIVAL_LIMIT: Duration = Duration::from_secs(20);
const PYTHON_PACKAGES: [&str; 3] = [
    "opentelemetry-sdk==1.45.2",
    "opentelemetry-exporter-otlp-proto-grpc==1.45.2",
    "opentelemetry-exporter-otlp-proto-http==1.45.2",
];
/// What each client exports.
const SPANS: usize = 50;
const LOGS: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn official_python_clients_are_understood() {
    let Some(python) = needed(python()) else {
        return;
    };
    let script = programs().join("export.py");
    exports_arrive("python", &["grpc", "http"], |protocol| {
        let mut command = Command::new(&python);
        command.arg(&script).arg(protocol);
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn official_node_clients_are_understood() {
    let Some(packages) = needed(node()) else {
        return;
    };
    let script = programs().join("export.js");
    exports_arrive("node", &["grpc", "proto", "http"], |protocol| {
        let mut command = Command::new("node");
        command.current_dir(&packages).arg(&script).arg(protocol);
        command
    })
    .await;
}

/// Lets a client export over each protocol, and compares what arrives.
async fn exports_arrive(language: &str, protocols: &[&str], client: impl Fn(&str) -> Command) {
    let backend = Backend::start().await;
    let scratch = Scratch::new();
    let [grpc, http, page] = free_ports().await;
    let config = scratch.file(
        "tapline.yaml",
        &config(grpc, http, page, &backend.endpoint()),
    );
    let process = Process::start(&config, page).await;
    for protocol in protocols {
        let port = if *protocol == "grpc" { grpc } else { http };
        let mut command = client(protocol);
        command.arg(format!("http://127.0.0.1:{port}"));
        let mut command = tokio::process::Command::from(command);
        let ran = command.kill_on_drop(true).output().await;
        let ran = ran.expect("the client can be started");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(
            ran.status.success(),
            "{language} {protocol}: {said}\n{}",
            process.tail()
        );
    }
    let all = protocols.len();
    let enough = |seen: &Seen| {
        (seen.spans().len(), seen.logs().len(), seen.metrics().len())
            >= (all * SPANS, all * LOGS, all * 2)
    };
    backend.wait_for(enough, ARRIVAL_LIMIT).await;
    // Stopping drains, so what is too much shows as well.
    assert_eq!(process.stop().await.code(), Some(0));
    let seen = backend.seen();
    for protocol in protocols {
        let service = format!("{language}-{protocol}");
        assert_spans(&seen, &service);
        assert_logs(&seen, &service);
        assert_metrics(&seen, &service);
    }
    assert_eq!(seen.spans().len(), all * SPANS);
}

fn assert_spans(seen: &Seen, service: &str) {
    let spans = seen.spans();
    let ours = spans
        .iter()
        .filter(|span| span.resource_str("service.name") == Some(service));
    let mut ours: Vec<_> = ours.collect();
    ours.sort_by_key(|span| span.attr_int("number"));
    assert_eq!(ours.len(), SPANS, "{service}");
    for (number, span) in ours.iter().enumerate() {
        let wanted = i64::try_from(number).expect("it is small");
        assert_eq!(span.record.name, format!("span {number}"), "{service}");
        assert_eq!(span.attr_int("number"), Some(wanted), "{service}");
        assert_eq!(span.attr_str("text"), Some("Grüße"), "{service}");
        assert_eq!(
            span.attr("flag"),
            Some(&Value::BoolValue(true)),
            "{service}"
        );
        let list = [1.5, 2.5].map(|number| AnyValue {
            value: Some(Value::DoubleValue(number)),
        });
        let list = ArrayValue {
            values: list.to_vec(),
        };
        assert_eq!(
            span.attr("list"),
            Some(&Value::ArrayValue(list)),
            "{service}"
        );
        assert_eq!(span.record.attributes.len(), 4, "{service}");
        assert_eq!(span.record.events.len(), 1, "{service}");
        assert_eq!(span.record.events[0].name, "happened", "{service}");
        assert_eq!(
            (span.record.trace_id.len(), span.record.span_id.len()),
            (16, 8)
        );
        assert!(span.record.end_time_unix_nano >= span.record.start_time_unix_nano);
        let scope = span.scope.expect("the SDK names its scope");
        assert_eq!(
            (&*scope.name, &*scope.version),
            ("chaos", "1.2.3"),
            "{service}"
        );
    }
}

fn assert_logs(seen: &Seen, service: &str) {
    let logs = seen.logs();
    let ours = logs
        .iter()
        .filter(|log| log.resource_str("service.name") == Some(service));
    let mut ours: Vec<_> = ours.collect();
    ours.sort_by_key(|log| log.attr_int("number"));
    assert_eq!(ours.len(), LOGS, "{service}");
    for (number, log) in ours.iter().enumerate() {
        let body = log.record.body.as_ref().and_then(|body| body.value.clone());
        assert_eq!(
            body,
            Some(Value::StringValue(format!("log {number}"))),
            "{service}"
        );
        assert_eq!(log.record.severity_number, 13, "{service}");
        assert_eq!(log.record.attributes.len(), 1, "{service}");
    }
}

fn assert_metrics(seen: &Seen, service: &str) {
    let metrics = seen.metrics();
    let ours: Vec<_> = metrics
        .iter()
        .filter(|metric| metric.resource_str("service.name") == Some(service))
        .map(|metric| metric.record)
        .collect();
    assert_eq!(ours.len(), 2, "{service}: {ours:#?}");
    for metric in ours {
        match metric.data.as_ref().expect("it has data") {
            Data::Sum(sum) => {
                assert_eq!(metric.name, "chaos.counted", "{service}");
                let value = sum.data_points[0].value.expect("it has a value");
                let is_seven = match value {
                    number_data_point::Value::AsInt(value) => value == 7,
                    number_data_point::Value::AsDouble(value) => (value - 7.0).abs() < 0.01,
                };
                assert!(is_seven && sum.is_monotonic, "{service}: {sum:#?}");
                assert_eq!(sum.data_points[0].attributes[0].key, "kind", "{service}");
            }
            Data::Histogram(histogram) => {
                assert_eq!(metric.name, "chaos.measured", "{service}");
                let point = &histogram.data_points[0];
                assert_eq!((point.count, point.sum), (1, Some(0.25)), "{service}");
            }
            other => panic!("{service}: {other:#?}"),
        }
    }
}

fn config(grpc: u16, http: u16, page: u16, backend: &str) -> String {
    let pipeline = "{receivers: [otlp], processors: [batch], exporters: [otlp]}";
    format!(
        "
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: '127.0.0.1:{grpc}'}}
      http: {{endpoint: '127.0.0.1:{http}'}}
processors:
  batch: {{timeout: 50ms}}
exporters:
  otlp: {{endpoint: '{backend}', tls: {{insecure: true}}}}
service:
  telemetry:
    metrics:
      readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {page}}}}}}}}}]
  pipelines:
    traces: {pipeline}
    metrics: {pipeline}
    logs: {pipeline}
"
    )
}

/// Returns what there is, or says why the test is skipped.
fn needed(found: Result<PathBuf, String>) -> Option<PathBuf> {
    match found {
        Ok(path) => Some(path),
        Err(why) if env::var(REQUIRE).is_ok_and(|value| value == "1") => {
            panic!("{why}, and {REQUIRE} is set")
        }
        Err(why) => {
            say(&format!("SKIP: {why}"));
            None
        }
    }
}

/// Returns a Python that has the packages.
fn python() -> Result<PathBuf, String> {
    let environment = target_dir().join("otlp-clients-python");
    let python = environment.join("bin/python");
    let wanted = PYTHON_PACKAGES.join("\n");
    if is_installed(&environment, &wanted) {
        return Ok(python);
    }
    let venv = ["-m", "venv", "--clear"];
    let made = Command::new("python3")
        .args(venv)
        .arg(&environment)
        .output();
    ran(made, "python3 -m venv")?;
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    let installed = Command::new(&python)
        .args(install)
        .args(PYTHON_PACKAGES)
        .output();
    ran(installed, "pip install")?;
    remember(&environment, &wanted);
    Ok(python)
}

/// Returns a directory that has the packages.
fn node() -> Result<PathBuf, String> {
    ran(Command::new("node").arg("--version").output(), "node")?;
    let directory = target_dir().join("otlp-clients-node");
    let package = programs().join("package.json");
    let wanted = fs::read_to_string(&package).expect("we have written it");
    if is_installed(&directory, &wanted) {
        return Ok(directory);
    }
    fs::create_dir_all(&directory).expect("the target directory can be written");
    fs::write(directory.join("package.json"), &wanted).expect("so can this");
    let install = [
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel=error",
    ];
    let installed = Command::new("npm")
        .args(install)
        .current_dir(&directory)
        .output();
    ran(installed, "npm install")?;
    remember(&directory, &wanted);
    Ok(directory)
}

/// What was installed is noted when it is complete.
fn is_installed(directory: &Path, wanted: &str) -> bool {
    fs::read_to_string(directory.join("installed")).is_ok_and(|found| found == wanted)
}

fn remember(directory: &Path, wanted: &str) {
    fs::write(directory.join("installed"), wanted).expect("the target directory can be written");
}

fn ran(output: std::io::Result<Output>, what: &str) -> Result<(), String> {
    let output = output.map_err(|error| format!("no {what}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let word = said.lines().next().unwrap_or("without a word");
    Err(format!("{what} fails: {word}"))
}

fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chaos/programs")
}
