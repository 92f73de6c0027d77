//! Memcached: the real server, asked in text by pymemcache and in binary by memjs, told command by
//! command from both sides.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tapline_integration_tests::Program;
use tapline_testkit::{ReceivedSpan, Seen};
use tokio::process::Command;

use crate::{
    actors::{free_port, script_of},
    daemon::Daemon,
    harness::Missing,
    packages::Packages,
    spans,
};

const PYMEMCACHE: Packages = Packages {
    name: "memcached",
    wanted: &["pymemcache==4.0.0"],
};
const MEMJS: Packages = Packages {
    name: "memcached",
    wanted: &["memjs@1.3.2"],
};
const SIDES: [SpanKind; 2] = [SpanKind::Client, SpanKind::Server];

/// Clients of both kinds.
pub(crate) fn clients() -> Result<(), Missing> {
    PYMEMCACHE.python()?;
    MEMJS.node().map(drop)
}

struct Memcached {
    program: Program,
    port: u16,
}

pub(crate) async fn every_text_command_is_told_by_both_sides_and_no_key() {
    let server = Memcached::start().await;
    let daemon = Daemon::start().await;
    server.ask_in_text(&[]).await;
    let told = daemon.stop_when(|seen| server.has(seen, "version")).await;
    let expected = [
        "set keys=1",
        "get keys=1",
        "get keys=3",
        "add keys=1",
        "incr keys=1 CLIENT_ERROR",
        "incr keys=1",
        "set keys=1",
        "get keys=1",
        "delete keys=1",
        "touch keys=1",
        "stats",
        "flush_all",
        "version",
    ];
    for kind in SIDES {
        let found = server.all(&told.seen, kind);
        let lines: Vec<String> = found.iter().map(line).collect();
        assert_eq!(lines, expected, "{kind:?} in{}", spans::all(&told.seen));
        for span in &found {
            let text = spans::describe(span);
            assert!(!text.contains("e5f4"), "a key or a value in {text}");
            let is_error = spans::shown(span, "error.type").is_some();
            assert_eq!(spans::is_error(span), is_error, "{text}");
        }
        let port = server.port.to_string();
        let facts = [
            ("db.system.name", "memcached"),
            ("server.address", "127.0.0.1"),
            ("server.port", port.as_str()),
        ];
        spans::assert_attributes(&found[0], &facts);
        assert_eq!(found[0].record.name, "set");
    }
    let server_spans = server.all(&told.seen, SpanKind::Server);
    assert_eq!(spans::service(&server_spans[0]), "memcached");
    server.program.terminate();
}

pub(crate) async fn binary_operations_are_told_by_both_sides() {
    let server = Memcached::start().await;
    let daemon = Daemon::start().await;
    let mut command = Command::new("node");
    command
        .arg(script_of("memcached.mjs"))
        .arg(server.port.to_string())
        .env(
            "NODE_PATH",
            MEMJS.node().expect("a need").join("node_modules"),
        );
    let ended = Program::run(command).await;
    assert!(ended.status.success(), "{}", ended.stderr);
    let told = daemon.stop_when(|seen| server.has(seen, "flush_all")).await;
    let expected = [
        "set keys=1",
        "get keys=1",
        "get keys=1",
        "incr keys=1",
        "delete keys=1",
        "flush_all",
    ];
    for kind in SIDES {
        let found = server.all(&told.seen, kind);
        let lines: Vec<String> = found.iter().map(line).collect();
        assert_eq!(lines, expected, "{kind:?} in{}", spans::all(&told.seen));
    }
    server.program.terminate();
}

pub(crate) async fn a_connection_from_before_the_daemon_is_understood() {
    let server = Memcached::start().await;
    let mut client = Program::start(server.text_client(&["wait"]));
    assert_eq!(client.ask("go").await, "ready");
    let daemon = Daemon::start().await;
    assert_eq!(client.ask("go").await, "done");
    let told = daemon.stop_when(|seen| server.has(seen, "version")).await;
    for kind in SIDES {
        let found = server.all(&told.seen, kind);
        // What came before both ends were seen to speak the protocol is told as well.
        assert_eq!(found.len(), 13, "{kind:?} in{}", spans::all(&told.seen));
    }
    server.program.terminate();
}

impl Memcached {
    async fn start() -> Self {
        let port = free_port();
        let mut command = Command::new("memcached");
        command
            .args(["-u", "nobody", "-l", "127.0.0.1", "-v", "-p"])
            .arg(port.to_string());
        let program = Program::start(command);
        let server = Self { program, port };
        server.is_reached().await;
        server
    }

    async fn is_reached(&self) {
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port))
            .await
            .is_err()
        {
            tokio::task::yield_now().await;
        }
    }

    fn text_client(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PYMEMCACHE.python().expect("a need"));
        command
            .arg(script_of("memcached_text.py"))
            .arg(self.port.to_string())
            .args(args);
        command
    }

    async fn ask_in_text(&self, args: &[&str]) {
        let ended = Program::run(self.text_client(args)).await;
        assert!(ended.status.success(), "{}", ended.stderr);
    }

    fn all<'a>(&self, seen: &'a Seen, kind: SpanKind) -> Vec<ReceivedSpan<'a>> {
        let port = i64::from(self.port);
        spans::select(seen, kind, |span| {
            span.attr_int("server.port") == Some(port)
        })
    }

    fn has(&self, seen: &Seen, operation: &str) -> bool {
        SIDES.into_iter().all(|kind| {
            let found = self.all(seen, kind);
            found.iter().any(|span| span.record.name == operation)
        })
    }
}

fn line(span: &ReceivedSpan<'_>) -> String {
    let mut words = vec![span.record.name.clone()];
    let keys = spans::shown(span, "tapline.db.key.count");
    words.extend(keys.map(|keys| format!("keys={keys}")));
    words.extend(spans::shown(span, "error.type"));
    words.join(" ")
}
