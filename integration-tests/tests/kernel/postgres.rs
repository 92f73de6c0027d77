//! PostgreSQL: the real server, asked by its own clients, told statement by statement from both
//! sides.

use std::path::PathBuf;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tapline_integration_tests::{Ended, Program, Scratch};
use tapline_testkit::{ReceivedSpan, Seen};
use tokio::process::Command;

use crate::{actors::free_port, daemon::Daemon, needs, spans};

const SIDES: [SpanKind; 2] = [SpanKind::Client, SpanKind::Server];
/// Transactions of each benchmark, over all its clients.
const TRANSACTIONS: usize = 20;

/// A running server with an empty database.
struct Postgres {
    program: Program,
    programs: PathBuf,
    port: u16,
    scratch: Scratch,
}

pub(crate) async fn every_statement_is_told_by_both_sides_and_no_literal() {
    let postgres = Postgres::start().await;
    let daemon = Daemon::start().await;
    let ended = postgres
        .psql(&[
            "CREATE TABLE items (name text, secret text)",
            "INSERT INTO items VALUES ('c3d4-literal', 'c3d4-other')",
            "SELECT secret FROM items WHERE name = 'c3d4-literal'",
            "SELECT nope FROM items",
            "COPY items TO STDOUT",
            "SELECT * FROM generate_series(1, 20000)",
            "DROP TABLE items",
        ])
        .await;
    assert!(ended.stdout.contains("c3d4-other"), "{}", ended.stdout);
    let told_of_unix = if needs::unix_sockets().is_ok() { 2 } else { 0 };
    let over_unix = postgres.psql_over_unix("SELECT 17 AS answer").await;
    assert_eq!(over_unix.stdout, "17");
    let told = daemon
        .stop_when(|seen| {
            let ended = |kind| postgres.of(seen, kind, "DROP TABLE items").len() == 1;
            SIDES.into_iter().all(ended) && unix(seen) == told_of_unix
        })
        .await;
    let expected = [
        "CREATE TABLE items",
        "INSERT items",
        "SELECT items",
        "SELECT items 42703",
        "COPY items",
        "SELECT",
        "DROP TABLE items",
    ];
    for (kind, service) in SIDES.into_iter().zip(["psql", "postgres"]) {
        let found = postgres.all(&told.seen, kind);
        let lines: Vec<String> = found.iter().map(line).collect();
        assert_eq!(lines, expected, "{kind:?} in{}", spans::all(&told.seen));
        for span in &found {
            assert_eq!(spans::service(span), service, "{}", spans::describe(span));
            let is_error = spans::shown(span, "error.type").is_some();
            assert_eq!(spans::is_error(span), is_error, "{}", spans::describe(span));
            assert!(
                !spans::describe(span).contains("c3d4"),
                "{}",
                spans::describe(span)
            );
        }
        postgres.assert_insert(&found[1]);
    }
    assert_eq!(unix(&told.seen), told_of_unix, "{}", spans::all(&told.seen));
    postgres.stop().await;
}

pub(crate) async fn every_way_to_ask_is_told_to_the_last_statement() {
    let postgres = Postgres::start().await;
    let daemon = Daemon::start().await;
    postgres
        .pgbench(&["-i", "-s", "1", "-q", "-I", "dtgp"])
        .await;
    for protocol in ["simple", "extended", "prepared"] {
        postgres
            .pgbench(&["-n", "-c", "2", "-t", "10", "-M", protocol])
            .await;
    }
    let wanted = [
        ("COPY pgbench_accounts", 1),
        ("BEGIN", 3 * TRANSACTIONS + 1),
        ("UPDATE pgbench_accounts", 3 * TRANSACTIONS),
        ("SELECT pgbench_accounts", 3 * TRANSACTIONS),
        ("UPDATE pgbench_tellers", 3 * TRANSACTIONS),
        ("UPDATE pgbench_branches", 3 * TRANSACTIONS),
        ("INSERT pgbench_history", 3 * TRANSACTIONS),
        ("END", 3 * TRANSACTIONS),
        ("PREPARE UPDATE pgbench_accounts", 2),
    ];
    let told = daemon
        .stop_when(|seen| {
            SIDES.into_iter().all(|kind| {
                let has = |(name, count)| postgres.of(seen, kind, name).len() == count;
                wanted.into_iter().all(has)
            })
        })
        .await;
    for kind in SIDES {
        for (name, count) in wanted {
            let found = postgres.of(&told.seen, kind, name);
            assert_eq!(
                found.len(),
                count,
                "{kind:?} {name} in{}",
                spans::all(&told.seen)
            );
            let failed = found.iter().find(|span| spans::is_error(span));
            assert!(failed.is_none(), "{:?}", failed.map(spans::describe));
        }
    }
    postgres.stop().await;
}

pub(crate) async fn a_connection_from_before_the_daemon_is_understood() {
    let postgres = Postgres::start().await;
    let mut psql = Program::start(postgres.psql_command("127.0.0.1"));
    assert_eq!(psql.ask("SELECT 41 + 1;").await, "42");
    let daemon = Daemon::start().await;
    for number in 1..5 {
        let question = format!("SELECT {number} FROM pg_class LIMIT 1;");
        assert_eq!(psql.ask(&question).await, number.to_string());
    }
    let told = daemon
        .stop_when(|seen| {
            let has = |kind| postgres.of(seen, kind, "SELECT pg_class").len() == 4;
            SIDES.into_iter().all(has)
        })
        .await;
    for kind in SIDES {
        let lines: Vec<String> = postgres.all(&told.seen, kind).iter().map(line).collect();
        assert_eq!(
            lines,
            ["SELECT pg_class"; 4],
            "{kind:?} in{}",
            spans::all(&told.seen)
        );
    }
    psql.end().await;
    postgres.stop().await;
}

impl Postgres {
    async fn start() -> Self {
        let scratch = Scratch::new();
        let programs = needs::postgres_directory().expect("a test that uses it needs it");
        let data = scratch.path().join("data");
        let as_owner = |program: &str| {
            let program = programs.join(program);
            // It does not run as root.
            let mut command = if needs::root().is_ok() {
                let mut command = Command::new("setpriv");
                command
                    .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
                    .arg(program);
                command
            } else {
                Command::new(program)
            };
            command.current_dir(scratch.path()).arg("-D").arg(&data);
            command
        };
        if needs::root().is_ok() {
            let mut command = Command::new("chown");
            command.arg("postgres").arg(scratch.path());
            assert!(Program::run(command).await.status.success());
        }
        let mut command = as_owner("initdb");
        command.args(["--no-sync", "-U", "postgres", "-A", "trust", "--locale=C"]);
        let made = Program::run(command).await;
        assert!(made.status.success(), "{}{}", made.stdout, made.stderr);
        let port = free_port();
        let mut command = as_owner("postgres");
        command
            .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-F", "-k"])
            .arg(scratch.path());
        let program = Program::start(command);
        program
            .error_line(|line| line.contains("ready to accept connections"))
            .await;
        Self {
            program,
            programs,
            port,
            scratch,
        }
    }

    /// Ends it in an orderly way: killed, it would leave shared memory behind.
    async fn stop(self) {
        self.program.signal("INT");
        self.program.end().await;
    }

    /// Returns the command of its client, which prints bare values.
    fn psql_command(&self, host: &str) -> Command {
        let mut command = Command::new(self.programs.join("psql"));
        command
            .args(["-X", "-q", "-A", "-t", "-U", "postgres", "-h", host])
            .args(["-p", &self.port.to_string(), "postgres"]);
        command
    }

    /// Has all statements asked on one connection.
    async fn psql(&self, statements: &[&str]) -> Ended {
        let mut command = self.psql_command("127.0.0.1");
        for statement in statements {
            command.args(["-c", statement]);
        }
        Program::run(command).await
    }

    async fn psql_over_unix(&self, statement: &str) -> Ended {
        let mut command = self.psql_command(&self.scratch.path().to_string_lossy());
        command.args(["-c", statement]);
        Program::run(command).await
    }

    async fn pgbench(&self, args: &[&str]) {
        let mut command = Command::new(self.programs.join("pgbench"));
        command
            .args(["-U", "postgres", "-h", "127.0.0.1"])
            .args(["-p", &self.port.to_string()])
            .args(args)
            .arg("postgres");
        let ended = Program::run(command).await;
        assert!(ended.status.success(), "{}{}", ended.stdout, ended.stderr);
    }

    /// Asserts what the conventions ask for.
    fn assert_insert(&self, span: &ReceivedSpan<'_>) {
        let port = self.port.to_string();
        let facts = [
            ("db.system.name", "postgresql"),
            ("db.namespace", "postgres"),
            ("db.operation.name", "INSERT"),
            ("db.collection.name", "items"),
            ("db.query.summary", "INSERT items"),
            ("server.address", "127.0.0.1"),
            ("server.port", port.as_str()),
        ];
        spans::assert_attributes(span, &facts);
    }

    /// Returns the spans of a side, in order of start.
    fn all<'a>(&self, seen: &'a Seen, kind: SpanKind) -> Vec<ReceivedSpan<'a>> {
        let port = i64::from(self.port);
        spans::select(seen, kind, |span| {
            span.attr_int("server.port") == Some(port)
        })
    }

    fn of<'a>(&self, seen: &'a Seen, kind: SpanKind, name: &str) -> Vec<ReceivedSpan<'a>> {
        let mut found = self.all(seen, kind);
        found.retain(|span| span.record.name == name);
        found
    }
}

/// Counts what was asked over a unix socket, on either side.
fn unix(seen: &Seen) -> usize {
    let is_ours = |span: &&ReceivedSpan<'_>| {
        span.attr_str("network.transport") == Some("unix")
            && span.attr_str("db.system.name") == Some("postgresql")
    };
    seen.spans().iter().filter(is_ours).count()
}

/// Shows what was asked and how it ended.
fn line(span: &ReceivedSpan<'_>) -> String {
    let error = spans::shown(span, "error.type").unwrap_or_default();
    format!("{} {error}", span.record.name)
        .trim_end()
        .to_owned()
}
