//! Somebody else's decoder: a backend made of the official Python packages takes what we export.

use serde_json::Value;
use tapline_integration_tests::{Scratch, tapline};

use tapline_integration_tests::Program;

use crate::{
    actors::{Server, curl, free_port, script},
    daemon::config,
    harness::Missing,
    packages::Packages,
};

const OFFICIAL: Packages = Packages {
    name: "judge",
    wanted: &["opentelemetry-proto>=1.30,<2"],
};

/// A Python with the official package.
pub(crate) fn official_packages() -> Result<(), Missing> {
    OFFICIAL.python().map(drop)
}

pub(crate) async fn official_decoder_understands_every_signal() {
    let mut command = tokio::process::Command::new(OFFICIAL.python().expect("a need of this test"));
    let judge = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kernel/otlp_judge.py");
    command.args(["-u", judge]);
    let judge = Server::start(command).await;
    let server = Server::start(script("app")).await;
    let scratch = Scratch::new();
    // With compression, as everybody has it.
    let text = config("", &judge.url("")).replace("compression: none", "compression: gzip");
    let mut command = tokio::process::Command::new(tapline());
    command
        .arg("--config")
        .arg(scratch.file("tapline.yaml", &text));
    let daemon = Program::start(command);
    daemon
        .error_line(|line| line.contains("Everything is ready"))
        .await;
    assert_eq!(curl(&[], &server.url("/d3e4-judge")).await.stdout, "200 3");
    let refused = free_port();
    curl(&[], &format!("http://127.0.0.1:{refused}/")).await;
    judge
        .program
        .line(|line| line.contains("/d3e4-judge"))
        .await;
    daemon.terminate();
    assert_eq!(daemon.end().await.status.code(), Some(0));
    let told = json_lines(&judge.program.said());
    for one in &told {
        assert_eq!(one["type"], "application/x-protobuf", "{one}");
        assert_eq!(one["unknown_bytes"], 0, "{one}");
    }
    assert_traces(&told);
    assert_metrics(&told);
    assert_log(&told, refused);
}

fn json_lines(said: &str) -> Vec<Value> {
    let lines = said.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| serde_json::from_str(line).expect("the judge prints JSON"))
        .collect()
}

fn assert_traces(told: &[Value]) {
    let spans = records(told, "/v1/traces", ["resourceSpans", "scopeSpans", "spans"]);
    let ours: Vec<_> = spans
        .iter()
        .filter(|span| span.to_string().contains("d3e4-judge"))
        .collect();
    let mut kinds: Vec<_> = ours
        .iter()
        .filter_map(|span| span["kind"].as_str())
        .collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["SPAN_KIND_CLIENT", "SPAN_KIND_SERVER"], "{ours:#?}");
    for span in ours {
        assert_eq!(span["name"], "GET /{id}");
        assert_eq!(
            attribute(span, "http.response.status_code")["intValue"],
            "200"
        );
        assert_eq!(attribute(span, "http.request.method")["stringValue"], "GET");
    }
}

fn assert_metrics(told: &[Value]) {
    let metrics = records(
        told,
        "/v1/metrics",
        ["resourceMetrics", "scopeMetrics", "metrics"],
    );
    for name in [
        "http.server.request.duration",
        "http.client.request.duration",
    ] {
        let metric = metrics.iter().find(|metric| metric["name"] == name);
        let metric = metric.unwrap_or_else(|| panic!("no {name} among {metrics:#?}"));
        let temporality = &metric["histogram"]["aggregationTemporality"];
        assert_eq!(
            temporality, "AGGREGATION_TEMPORALITY_CUMULATIVE",
            "{metric:#}"
        );
    }
    assert!(
        metrics
            .iter()
            .any(|metric| metric["name"] == "tapline.ebpf.events.lost")
    );
}

fn assert_log(told: &[Value], port: u16) {
    let logs = records(
        told,
        "/v1/logs",
        ["resourceLogs", "scopeLogs", "logRecords"],
    );
    let port = port.to_string();
    let log = logs
        .iter()
        .find(|log| attribute(log, "server.port")["intValue"] == port);
    let log = log.unwrap_or_else(|| panic!("no log record of port {port} among {logs:#?}"));
    assert_eq!(log["eventName"], "tapline.connect.failed");
    assert_eq!(attribute(log, "error.type")["stringValue"], "ECONNREFUSED");
}

/// Returns the records of a signal, which lie three lists deep.
fn records(told: &[Value], path: &str, [blocks, scopes, records]: [&str; 3]) -> Vec<Value> {
    fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
        value[key].as_array().map_or(&[], Vec::as_slice)
    }
    told.iter()
        .filter(|one| one["path"] == path)
        .flat_map(|one| list(&one["request"], blocks))
        .flat_map(|block| list(block, scopes))
        .flat_map(|scope| list(scope, records))
        .cloned()
        .collect()
}

fn attribute<'v>(record: &'v Value, key: &str) -> &'v Value {
    let attributes = record["attributes"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    attributes
        .iter()
        .find(|pair| pair["key"] == key)
        .map_or(&Value::Null, |pair| &pair["value"])
}
