//! MongoDB: pymongo, the official client, told command by command from both sides.
//!
//! No registry here has the server, so the other end is a program of ours, `programs/mongodb.py`:
//! it speaks the wire protocol, compressed as the client wants it, and answers what it is told to.

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

const PYMONGO: Packages = Packages {
    name: "mongodb",
    wanted: &[
        "pymongo==4.10.1",
        "python-snappy==0.7.3",
        "zstandard==0.23.0",
    ],
};
const SIDES: [SpanKind; 2] = [SpanKind::Client, SpanKind::Server];

/// The client.
pub(crate) fn clients() -> Result<(), Missing> {
    PYMONGO.python().map(drop)
}

pub(crate) async fn every_command_is_told_by_both_sides_however_it_is_compressed() {
    let server = Server::start(program("mongodb.py", &[])).await;
    let daemon = Daemon::start().await;
    let port = server.port.to_string();
    for compressor in ["none", "zlib", "snappy", "zstd"] {
        let ended = Program::run(program("mongodb_client.py", &[&port, compressor])).await;
        assert!(ended.status.success(), "{compressor}: {}", ended.stderr);
    }
    let told = daemon
        .stop_when(|seen| SIDES.into_iter().all(|kind| drops(seen, kind) == 4))
        .await;
    let expected = [
        "insert user @shop batch=3",
        "find user @shop",
        "getMore user @shop",
        "aggregate user @shop",
        "update user @shop",
        "update user @shop DuplicateKey",
        "_OTHER @shop CommandNotFound",
        "drop user @shop",
    ];
    for kind in SIDES {
        let found = all(&told.seen, kind);
        assert_eq!(
            found.len(),
            4 * expected.len(),
            "{}",
            spans::all(&told.seen)
        );
        for (run, found) in found.chunks(expected.len()).enumerate() {
            let lines: Vec<String> = found.iter().map(line).collect();
            assert_eq!(lines, expected, "{kind:?}, run {run}");
        }
        for span in &found {
            let text = spans::describe(span);
            assert!(!text.contains("a7b6"), "a value in {text}");
            spans::assert_attributes(span, &[("server.port", &port)]);
        }
    }
}

fn program(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(PYMONGO.python().expect("a need"));
    command.arg(script_of(name)).args(args);
    command
}

/// Returns what a side told of, but for what the client asks to know its server.
fn all(seen: &Seen, kind: SpanKind) -> Vec<ReceivedSpan<'_>> {
    spans::select(seen, kind, |span| {
        let is_own = matches!(
            span.attr_str("db.operation.name"),
            Some("hello" | "ismaster" | "isMaster" | "ping" | "endSessions")
        );
        span.attr_str("db.system.name") == Some("mongodb") && !is_own
    })
}

fn drops(seen: &Seen, kind: SpanKind) -> usize {
    let found = all(seen, kind);
    let drops = found.iter().filter(|span| span.record.name == "drop user");
    drops.count()
}

fn line(span: &ReceivedSpan<'_>) -> String {
    let name = spans::shown(span, "db.operation.name").unwrap_or_default();
    let mut words = vec![name];
    words.extend(spans::shown(span, "db.collection.name"));
    words.extend(spans::shown(span, "db.namespace").map(|name| format!("@{name}")));
    let size = spans::shown(span, "db.operation.batch.size");
    words.extend(size.map(|size| format!("batch={size}")));
    words.extend(spans::shown(span, "error.type"));
    words.join(" ")
}
