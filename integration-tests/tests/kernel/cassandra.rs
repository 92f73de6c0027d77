//! Cassandra: its official driver for Python, told request by request from both sides.
//!
//! No registry here has the server, so the other end is a program of ours,
//! `programs/cassandra_stub.py`: it speaks the native protocol with its segments and compression,
//! and answers what the driver needs to know of a cluster of one. No real Cassandra runs here.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tapline_integration_tests::Program;
use tapline_testkit::{ReceivedSpan, Seen};
use tokio::process::Command;

use crate::{
    actors::{Server, script_of},
    daemon::Daemon,
    harness::Missing,
    packages::Packages,
    spans,
};

const DRIVER: Packages = Packages {
    name: "cassandra",
    wanted: &["cassandra-driver==3.30.1", "lz4"],
};
const SIDES: [SpanKind; 2] = [SpanKind::Client, SpanKind::Server];
/// Versions of the protocol, and how bodies are compressed.
const RUNS: [(&str, &str); 5] = [
    ("3", "none"),
    ("4", "none"),
    ("4", "lz4"),
    ("5", "none"),
    ("5", "lz4"),
];

/// The client.
pub(crate) fn clients() -> Result<(), Missing> {
    DRIVER.python().map(drop)
}

pub(crate) async fn every_request_is_told_by_both_sides_in_every_version_and_no_value() {
    let server = Server::start(program("cassandra_stub.py", &[])).await;
    let daemon = Daemon::start().await;
    let port = server.port.to_string();
    for (version, compression) in RUNS {
        let ended = Program::run(program(
            "cassandra_client.py",
            &[&port, version, compression],
        ));
        let ended = ended.await;
        assert!(
            ended.status.success(),
            "{version} {compression}: {}",
            ended.stderr
        );
    }
    let told = daemon
        .stop_when(|seen| {
            SIDES
                .into_iter()
                .all(|kind| drops(seen, kind) == RUNS.len())
        })
        .await;
    let expected = [
        "INSERT items local_one",
        "SELECT items local_quorum",
        "SELECT missing local_one 8704",
        "SELECT late local_one 4608",
        "PREPARE SELECT items",
        "SELECT items local_one",
        "SELECT items local_one",
        "BATCH UPDATE items local_one",
        "DROP TABLE items local_one",
    ];
    for kind in SIDES {
        let found = all(&told.seen, kind);
        let all_seen = spans::all(&told.seen);
        assert_eq!(
            found.len(),
            RUNS.len() * expected.len(),
            "{kind:?} in{all_seen}"
        );
        for (run, found) in RUNS.iter().zip(found.chunks(expected.len())) {
            let lines: Vec<String> = found.iter().map(line).collect();
            assert_eq!(lines, expected, "{kind:?}, {run:?}");
            let batch = [
                ("db.operation.batch.size", "3"),
                ("db.collection.name", "items"),
            ];
            spans::assert_attributes(&found[7], &batch);
            spans::assert_attributes(&found[1], &[("cassandra.page.size", "100")]);
        }
        for span in &found {
            let text = spans::describe(span);
            assert!(!text.contains("e5f6"), "a value in {text}");
            spans::assert_attributes(span, &[("server.port", &port)]);
        }
    }
}

fn program(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(DRIVER.python().expect("a need"));
    command.arg(script_of(name)).args(args);
    command
}

/// Returns what a side told of the session, not of what the driver asks about the cluster.
fn all(seen: &Seen, kind: SpanKind) -> Vec<ReceivedSpan<'_>> {
    spans::select(seen, kind, |span| {
        span.attr_str("db.system.name") == Some("cassandra")
            && span.attr_str("db.namespace") == Some("shop")
    })
}

fn drops(seen: &Seen, kind: SpanKind) -> usize {
    let found = all(seen, kind);
    let drops = found
        .iter()
        .filter(|span| span.record.name == "DROP TABLE items");
    drops.count()
}

fn line(span: &ReceivedSpan<'_>) -> String {
    let mut words = vec![span.record.name.clone()];
    words.extend(spans::shown(span, "cassandra.consistency.level"));
    words.extend(spans::shown(span, "error.type"));
    words.join(" ")
}
