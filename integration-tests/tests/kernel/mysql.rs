//! MySQL's protocol: the real MariaDB, asked by its own client and by those of Python and Node,
//! told command by command from both sides.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tapline_integration_tests::{Program, Scratch};
use tapline_testkit::{ReceivedSpan, Seen};
use tokio::process::Command;

use crate::{
    actors::{free_port, script_of},
    daemon::Daemon,
    harness::Missing,
    needs,
    packages::Packages,
    spans,
};

const PYTHON: Packages = Packages {
    name: "mysql",
    wanted: &["PyMySQL==1.1.1", "mysql-connector-python==9.1.0"],
};
const NODE: Packages = Packages {
    name: "mysql",
    wanted: &["mysql2@3.11.4"],
};
const SIDES: [SpanKind; 2] = [SpanKind::Client, SpanKind::Server];

/// What PyMySQL asks for, and how it ends.
const TEXT: [&str; 14] = [
    "SET",
    "CREATE TABLE items",
    "INSERT items",
    "SELECT items",
    "SELECT items 1054",
    "SELECT UPDATE items SELECT items",
    "LOAD items",
    "SELECT items",
    "INSERT items",
    "DELETE items",
    "PING",
    "USE mysql",
    "USE pymysql, of mysql",
    "DROP TABLE items",
];
const PREPARED: [&str; 12] = [
    "SET",
    "SET",
    "PING",
    "PREPARE SELECT mysql.user",
    "RESET STATEMENT",
    "SELECT mysql.user",
    "RESET STATEMENT",
    "SELECT mysql.user",
    "PREPARE SELECT",
    "RESET STATEMENT",
    "SELECT",
    "COMMIT",
];
const OF_NODE: [&str; 5] = [
    "PREPARE SELECT mysql.user",
    "SELECT mysql.user",
    "SELECT mysql.user",
    "PREPARE SELECT mysql.user 1054",
    "SELECT mysql.user",
];

/// The clients.
pub(crate) fn clients() -> Result<(), Missing> {
    PYTHON.python()?;
    NODE.node().map(drop)
}

/// A running server with an empty database for each client.
struct Mariadb {
    program: Program,
    port: u16,
    scratch: Scratch,
}

pub(crate) async fn every_command_of_every_client_is_told_by_both_sides_and_no_literal() {
    let server = Mariadb::start().await;
    let daemon = Daemon::start().await;
    let port = server.port.to_string();
    let python = PYTHON.python().expect("a need");
    for program in ["mysql_text.py", "mysql_prepared.py"] {
        let mut command = Command::new(&python);
        command.arg(script_of(program)).arg(&port);
        let ended = Program::run(command).await;
        assert!(ended.status.success(), "{program}: {}", ended.stderr);
    }
    let mut command = Command::new("node");
    let modules = NODE.node().expect("a need").join("node_modules");
    command
        .arg(script_of("mysql_prepared.mjs"))
        .arg(&port)
        .env("NODE_PATH", modules);
    let ended = Program::run(command).await;
    assert!(ended.status.success(), "{}", ended.stderr);
    let ended = Program::run(server.client(&["-e", "SELECT 'd4e5'; SHOW TABLES"])).await;
    assert!(ended.status.success(), "{}", ended.stderr);
    let told = daemon
        .stop_when(|seen| {
            let has = |kind| of(seen, kind, "cli").len() >= 2 && of(seen, kind, "node").len() >= 5;
            SIDES.into_iter().all(has)
        })
        .await;
    for (kind, service) in SIDES.into_iter().zip(["mysql_text", "mariadbd"]) {
        // It turns to another database and back: what it asks there is told of that one.
        let text = spans_of(&told.seen, kind, &["pymysql", "mysql"]);
        let lines: Vec<String> = text.iter().map(of_another).collect();
        assert_eq!(lines, TEXT, "{kind:?} in{}", spans::all(&told.seen));
        assert_eq!(spans::service(&text[2]), service);
        server.assert_insert(&text[2]);
        for (database, expected) in [("connector", &PREPARED[..]), ("node", &OF_NODE)] {
            let lines: Vec<String> = of(&told.seen, kind, database).iter().map(line).collect();
            assert_eq!(lines, expected, "{kind:?} in{}", spans::all(&told.seen));
        }
        let over_unix = of(&told.seen, kind, "cli");
        let lines: Vec<String> = over_unix.iter().map(line).collect();
        assert_eq!(lines, ["SELECT", "SHOW"], "{kind:?}");
        assert_eq!(over_unix[0].attr_str("network.transport"), Some("unix"));
        for span in all(&told.seen, kind) {
            let text = spans::describe(&span);
            assert!(!text.contains("d4e5"), "a value in {text}");
        }
    }
    server.stop().await;
}

pub(crate) async fn a_connection_from_before_the_daemon_is_understood() {
    let server = Mariadb::start().await;
    let mut client = Program::start(server.client(&["-N", "-n"]));
    assert_eq!(client.ask("SELECT 41 + 1;").await, "42");
    let daemon = Daemon::start().await;
    for number in 1..5 {
        let question = format!("SELECT {number} FROM mysql.user LIMIT 1;");
        assert_eq!(client.ask(&question).await, number.to_string());
    }
    let told = daemon
        .stop_when(|seen| SIDES.into_iter().all(|kind| all(seen, kind).len() >= 4))
        .await;
    for kind in SIDES {
        let lines: Vec<String> = all(&told.seen, kind).iter().map(line).collect();
        assert_eq!(
            lines,
            ["SELECT mysql.user"; 4],
            "{kind:?} in{}",
            spans::all(&told.seen)
        );
    }
    client.end().await;
    server.stop().await;
}

impl Mariadb {
    async fn start() -> Self {
        let scratch = Scratch::new();
        let data = scratch.path().join("data");
        let mut command = Command::new("mariadb-install-db");
        command
            .args([
                "--no-defaults",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
            ])
            .arg(format!("--datadir={}", data.display()));
        own(&mut command);
        let made = Program::run(command).await;
        assert!(made.status.success(), "{}{}", made.stdout, made.stderr);
        let port = free_port();
        let mut command = Command::new("mariadbd");
        command
            .args([
                "--no-defaults",
                "--bind-address=127.0.0.1",
                "--skip-log-bin",
            ])
            .arg("--innodb-flush-log-at-trx-commit=0")
            .arg(format!("--port={port}"))
            .arg(format!("--datadir={}", data.display()))
            .arg(format!(
                "--socket={}",
                scratch.path().join("socket").display()
            ))
            .arg(format!(
                "--pid-file={}",
                scratch.path().join("pid").display()
            ));
        own(&mut command);
        let program = Program::start(command);
        program
            .error_line(|line| line.contains("ready for connections"))
            .await;
        let server = Self {
            program,
            port,
            scratch,
        };
        let make = "CREATE DATABASE pymysql; CREATE DATABASE connector; CREATE DATABASE node; \
                    CREATE DATABASE cli";
        let mut command = server.command();
        command.args(["-e", make]);
        let made = Program::run(command).await;
        assert!(made.status.success(), "{}", made.stderr);
        server
    }

    async fn stop(self) {
        self.program.terminate();
        self.program.end().await;
    }

    fn command(&self) -> Command {
        let mut command = Command::new("mariadb");
        command
            .args(["--no-defaults", "--skip-ssl", "-uroot"])
            .arg(format!(
                "--socket={}",
                self.scratch.path().join("socket").display()
            ));
        command
    }

    /// Returns the command of its own client, over its unix socket.
    fn client(&self, args: &[&str]) -> Command {
        let mut command = self.command();
        command.args(args).arg("cli");
        command
    }

    /// Asserts what the conventions ask for.
    fn assert_insert(&self, span: &ReceivedSpan<'_>) {
        let port = self.port.to_string();
        let facts = [
            ("db.system.name", "mariadb"),
            ("db.namespace", "pymysql"),
            ("db.operation.name", "INSERT"),
            ("db.collection.name", "items"),
            ("db.query.summary", "INSERT items"),
            ("db.query.text", "INSERT INTO items VALUES (?, ?), (?, ?)"),
            ("server.address", "127.0.0.1"),
            ("server.port", port.as_str()),
        ];
        spans::assert_attributes(span, &facts);
    }
}

/// It runs as root only if it is told to.
fn own(command: &mut Command) {
    if needs::root().is_ok() {
        command.arg("--user=root");
    }
}

/// Returns the spans of a side, in order of start.
fn all(seen: &Seen, kind: SpanKind) -> Vec<ReceivedSpan<'_>> {
    spans::select(seen, kind, |span| {
        matches!(span.attr_str("db.system.name"), Some("mariadb" | "mysql"))
    })
}

fn of<'a>(seen: &'a Seen, kind: SpanKind, database: &str) -> Vec<ReceivedSpan<'a>> {
    spans_of(seen, kind, &[database])
}

fn spans_of<'a>(seen: &'a Seen, kind: SpanKind, databases: &[&str]) -> Vec<ReceivedSpan<'a>> {
    let mut found = all(seen, kind);
    found.retain(|span| {
        let database = span.attr_str("db.namespace");
        database.is_some_and(|database| databases.contains(&database))
    });
    found
}

/// Shows a line, and where it was asked if that is not PyMySQL's own database.
fn of_another(span: &ReceivedSpan<'_>) -> String {
    match span.attr_str("db.namespace") {
        Some("pymysql") => line(span),
        database => format!("{}, of {}", line(span), database.unwrap_or_default()),
    }
}

/// Shows what was asked and how it ended.
fn line(span: &ReceivedSpan<'_>) -> String {
    let error = spans::shown(span, "error.type").unwrap_or_default();
    format!("{} {error}", span.record.name)
        .trim_end()
        .to_owned()
}
