//! Redis: the real server, asked by its own clients, told command by command from both sides.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tapline_integration_tests::{Ended, Program, Scratch};
use tapline_testkit::{ReceivedSpan, Seen};
use tokio::process::Command;

use crate::{actors::free_port, daemon::Daemon, spans};

const SIDES: [(SpanKind, &str); 2] = [
    (SpanKind::Client, "redis-cli"),
    // Debian's server is a link to a program of another name.
    (SpanKind::Server, "redis-server"),
];

/// A running server that keeps nothing.
struct Redis {
    _program: Program,
    port: u16,
    scratch: Scratch,
}

pub(crate) async fn every_command_is_told_by_both_sides_and_no_value() {
    let redis = Redis::start().await;
    let daemon = Daemon::start().await;
    let ended = redis
        .cli(&[
            "SET a9b8:key a9b8-secret",
            "INCR a9b8:key",
            "MGET a9b8:key x y",
            "MULTI",
            "SET a9b8:other 1",
            "INCR a9b8:other",
            "EXEC",
            "SELECT 2",
            "GET a9b8:key",
            "CONFIG GET maxclients",
            "A9B8PASSWORD",
        ])
        .await;
    assert!(ended.stdout.contains("a9b8-secret"), "{}", ended.stdout);
    let told = daemon
        .stop_when(|seen| redis.of(seen, SpanKind::Server, "_OTHER").len() == 1)
        .await;
    let expected = [
        "SET ? ? db=0 keys=1",
        "INCR ? db=0 keys=1 ERR",
        "MGET ? ? ? db=0 keys=3",
        "MULTI db=0",
        "SET ? ? db=0 keys=1",
        "INCR ? db=0 keys=1",
        "EXEC db=0 batch=2",
        "SELECT ? db=0",
        "GET ? db=2 keys=1",
        "CONFIG GET ? db=2",
        "_OTHER db=2 ERR",
    ];
    for (kind, service) in SIDES {
        let found = redis.all(&told.seen, kind);
        let lines: Vec<String> = found.iter().map(line).collect();
        assert_eq!(lines, expected, "{kind:?} in{}", spans::all(&told.seen));
        for span in &found {
            let is_of = spans::service(span).starts_with(service);
            assert!(is_of, "{}", spans::describe(span));
            let is_error = spans::shown(span, "error.type").is_some();
            assert_eq!(spans::is_error(span), is_error, "{}", spans::describe(span));
            let text = spans::describe(span).to_lowercase();
            assert!(!text.contains("a9b8"), "a value in {text}");
        }
        let port = redis.port.to_string();
        let facts = [
            ("db.system.name", "redis"),
            ("db.operation.name", "SET"),
            ("db.query.summary", "SET"),
            ("server.address", "127.0.0.1"),
            ("server.port", port.as_str()),
        ];
        spans::assert_attributes(&found[0], &facts);
        assert_eq!(found[0].record.name, "SET");
    }
}

pub(crate) async fn pipelines_are_told_apart_to_the_last_command() {
    let redis = Redis::start().await;
    let daemon = Daemon::start().await;
    for tests in ["ping_mbulk,ping_inline", "set,get", "lrange_300"] {
        let mut command = Command::new("redis-benchmark");
        command
            .args(["-p", &redis.port.to_string(), "-n", "320", "-c", "4"])
            .args(["-P", "16", "-r", "1000", "-q", "-t", tests]);
        let ended = Program::run(command).await;
        assert!(ended.status.success(), "{}", ended.stderr);
    }
    let wanted = [("PING", 640), ("SET", 320), ("GET", 320), ("LRANGE", 320)];
    let is_all = |seen: &Seen, (name, count): (&str, usize)| {
        let has = |(kind, _)| redis.of(seen, kind, name).len() >= count;
        SIDES.into_iter().all(has)
    };
    let told = daemon
        .stop_when(|seen| wanted.into_iter().all(|one| is_all(seen, one)))
        .await;
    for (kind, _) in SIDES {
        for (name, count) in wanted {
            let found = redis.of(&told.seen, kind, name);
            assert_eq!(
                found.len(),
                count,
                "{kind:?} {name} in{}",
                spans::all(&told.seen)
            );
            for failed in found.iter().filter(|span| spans::is_error(span)) {
                // Long replies outgrow what is copied of a call: that is told of them.
                assert_eq!(name, "LRANGE", "{}", spans::describe(failed));
                spans::assert_attributes(failed, &[("error.type", "lost_data")]);
            }
        }
    }
}

pub(crate) async fn messages_and_pushes_are_no_answers() {
    let redis = Redis::start().await;
    let daemon = Daemon::start().await;
    for protocol in ["-2", "-3"] {
        let mut command = redis.command();
        command.args([protocol, "SUBSCRIBE", "c7d6-channel"]);
        let subscriber = Program::start(command);
        subscriber.line(|line| line.contains("c7d6-channel")).await;
        redis
            .cli(&["PUBLISH c7d6-channel one", "PUBLISH c7d6-channel two"])
            .await;
        subscriber.line(|line| line.contains("two")).await;
        subscriber.terminate();
        subscriber.end().await;
    }
    let told = daemon
        .stop_when(|seen| redis.of(seen, SpanKind::Server, "PUBLISH").len() == 4)
        .await;
    for (kind, _) in SIDES {
        for (name, count) in [("SUBSCRIBE", 2), ("HELLO", 1), ("PUBLISH", 4)] {
            let found = redis.of(&told.seen, kind, name);
            assert_eq!(
                found.len(),
                count,
                "{kind:?} {name} in{}",
                spans::all(&told.seen)
            );
            let failed = found.iter().find(|span| spans::is_error(span));
            assert!(failed.is_none(), "{:?}", failed.map(spans::describe));
        }
        assert_eq!(
            redis.all(&told.seen, kind).len(),
            7,
            "{}",
            spans::all(&told.seen)
        );
    }
}

pub(crate) async fn large_values_are_passed_over() {
    let redis = Redis::start().await;
    let daemon = Daemon::start().await;
    let value = "v".repeat(300_000);
    let file = redis.scratch.file("value", &value);
    let command = shell(&format!(
        "redis-cli -p {port} -x SET b5c4 <{file} && redis-cli -p {port} GET b5c4 | wc -c",
        port = redis.port,
        file = file.display()
    ));
    let ended = Program::run(command).await;
    assert!(
        ended.stdout.contains("300001"),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
    redis.cli(&["STRLEN b5c4"]).await;
    let told = daemon
        .stop_when(|seen| redis.of(seen, SpanKind::Server, "STRLEN").len() == 1)
        .await;
    for (kind, _) in SIDES {
        let lines: Vec<String> = redis.all(&told.seen, kind).iter().map(line).collect();
        let expected = [
            "SET ? ? db=0 keys=1",
            "GET ? db=0 keys=1",
            "STRLEN ? db=0 keys=1",
        ];
        assert_eq!(lines, expected, "{kind:?} in{}", spans::all(&told.seen));
    }
}

pub(crate) async fn a_connection_from_before_the_daemon_is_understood() {
    let redis = Redis::start().await;
    let mut cli = Program::start(redis.command());
    assert_eq!(cli.ask("SET d3e2 1").await, "OK");
    let daemon = Daemon::start().await;
    for number in 2..6 {
        assert_eq!(cli.ask("INCR d3e2").await, number.to_string());
    }
    let told = daemon
        .stop_when(|seen| {
            SIDES
                .into_iter()
                .all(|(kind, _)| redis.of(seen, kind, "INCR").len() == 4)
        })
        .await;
    for (kind, _) in SIDES {
        let lines: Vec<String> = redis.all(&told.seen, kind).iter().map(line).collect();
        assert_eq!(
            lines,
            ["INCR ? keys=1"; 4],
            "{kind:?} in{}",
            spans::all(&told.seen)
        );
    }
}

pub(crate) async fn commands_over_a_unix_socket_are_told() {
    let redis = Redis::start().await;
    let daemon = Daemon::start().await;
    let mut command = Command::new("redis-cli");
    command
        .arg("-s")
        .arg(redis.scratch.path().join("redis.sock"))
        .args(["STRLEN", "f1e0"]);
    let ended = Program::run(command).await;
    assert_eq!(ended.stdout, "0");
    let unix = |seen: &Seen| -> usize {
        let spans = seen.spans();
        spans.iter().filter(|span| is_unix(span)).count()
    };
    let told = daemon.stop_when(|seen| unix(seen) == 2).await;
    assert_eq!(unix(&told.seen), 2, "{}", spans::all(&told.seen));
}

fn is_unix(span: &ReceivedSpan<'_>) -> bool {
    span.record.name == "STRLEN" && span.attr_str("network.transport") == Some("unix")
}

impl Redis {
    async fn start() -> Self {
        let scratch = Scratch::new();
        let port = free_port();
        let mut command = Command::new("redis-server");
        command
            .current_dir(scratch.path())
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .arg("--unixsocket")
            .arg(scratch.path().join("redis.sock"));
        let program = Program::start(command);
        program
            .line(|line| line.contains("eady to accept connections"))
            .await;
        Self {
            _program: program,
            port,
            scratch,
        }
    }

    /// Returns its client's command.
    fn command(&self) -> Command {
        let mut command = Command::new("redis-cli");
        command.args(["-p", &self.port.to_string()]);
        command
    }

    /// Has all commands asked on one connection.
    async fn cli(&self, commands: &[&str]) -> Ended {
        let mut cli = Program::start(self.command());
        for command in commands {
            cli.ask(command).await;
        }
        cli.end().await
    }

    /// Returns the spans of a side, in order of start, but for what the client asks for itself.
    fn all<'a>(&self, seen: &'a Seen, kind: SpanKind) -> Vec<ReceivedSpan<'a>> {
        let port = i64::from(self.port);
        spans::select(seen, kind, |span| {
            span.attr_int("server.port") == Some(port) && !span.record.name.starts_with("COMMAND")
        })
    }

    fn of<'a>(&self, seen: &'a Seen, kind: SpanKind, operation: &str) -> Vec<ReceivedSpan<'a>> {
        let mut found = self.all(seen, kind);
        found.retain(|span| span.attr_str("db.operation.name") == Some(operation));
        found
    }
}

/// Shows what was asked and how it ended.
fn line(span: &ReceivedSpan<'_>) -> String {
    let mut line = spans::shown(span, "db.query.text")
        .or_else(|| spans::shown(span, "db.operation.name"))
        .unwrap_or_default();
    for (key, prefix) in [
        ("db.namespace", "db="),
        ("tapline.db.key.count", "keys="),
        ("db.operation.batch.size", "batch="),
        ("error.type", ""),
    ] {
        if let Some(value) = spans::shown(span, key) {
            line.push(' ');
            line.push_str(prefix);
            line.push_str(&value);
        }
    }
    line
}

fn shell(text: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", text]);
    command
}
