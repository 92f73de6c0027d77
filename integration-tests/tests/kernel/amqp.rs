//! AMQP 0.9.1: `RabbitMQ`, a node of its own, and clients that block and that do not, told from
//! both sides.

use std::process;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tapline_integration_tests::{Program, Scratch};
use tapline_testkit::{ReceivedSpan, Seen};
use tokio::process::Command;

use crate::{
    actors::{free_port, script_of},
    daemon::Daemon,
    harness::Missing,
    packages::Packages,
    spans,
};

const CLIENTS: Packages = Packages {
    name: "amqp",
    wanted: &["pika==1.4.4", "aio-pika==10.2.1"],
};
/// Debian's wrapper would change the user; the program itself runs as whoever starts it.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// The clients of PyPI.
pub(crate) fn clients() -> Result<(), Missing> {
    CLIENTS.python().map(drop)
}

/// What each side is told of, in the order of the names. Of a channel's end and of a connection's
/// nothing is told; `cancel` ends a subscription.
const TOLD: [&str; 23] = [
    "cancel",
    "cancel",
    "channel.open",
    "channel.open",
    "confirm.select",
    "confirm.select",
    "connect",
    "connect",
    "consume",
    "consume",
    "deliver a8e5-async",
    "deliver a8e5-orders",
    "exchange.declare",
    "get a8e5-orders",
    "nack",
    "publish a8e5-async",
    "publish a8e5-ex",
    "publish a8e5-ex",
    "publish a8e5-ex NO_ROUTE",
    "queue.bind",
    "queue.declare",
    "queue.declare",
    "queue.declare NOT_FOUND",
];

pub(crate) async fn publications_deliveries_and_errors_are_told_by_both_sides() {
    let rabbit = Rabbit::start().await;
    let daemon = Daemon::start().await;
    let mut client = Command::new(CLIENTS.python().expect("a need"));
    client
        .arg(script_of("messaging_amqp.py"))
        .arg(rabbit.port.to_string());
    let ended = Program::run(client).await;
    assert!(ended.status.success(), "{}", ended.stderr);
    let told = daemon
        .stop_when(|seen| {
            let last = |kinds: &&[SpanKind]| {
                let found = rabbit.all(seen, kinds);
                found
                    .iter()
                    .any(|span| span.record.name == "deliver a8e5-async")
            };
            SIDES.iter().all(last)
        })
        .await;
    for kinds in SIDES {
        let found = rabbit.all(&told.seen, kinds);
        let mut lines: Vec<String> = found.iter().map(line).collect();
        lines.sort();
        assert_eq!(lines, TOLD, "{kinds:?} in{}", spans::all(&told.seen));
    }
    let published = rabbit.all(&told.seen, &[SpanKind::Producer]);
    let published = published
        .iter()
        .find(|span| span.record.name == "publish a8e5-ex");
    let published = published.expect("counted above");
    spans::assert_attributes(
        published,
        &[
            ("messaging.system", "rabbitmq"),
            ("messaging.operation.type", "send"),
            ("messaging.destination.name", "a8e5-ex"),
            ("messaging.rabbitmq.destination.routing_key", "a8e5-key"),
            ("messaging.message.body.size", "13"),
        ],
    );
    let trace = spans::hex(&published.record.trace_id);
    assert_eq!(
        trace,
        "0af7651916cd43dd8448eb211c80319c",
        "{}",
        spans::describe(published)
    );
    let text = spans::all(&told.seen);
    assert!(!text.contains("a8e5-secret"), "{text}");
    rabbit.stop().await;
}

/// Both sides of a connection, as filters of kinds.
const SIDES: [&[SpanKind]; 2] = [&[SpanKind::Client, SpanKind::Producer], &[SpanKind::Server]];

fn line(span: &ReceivedSpan<'_>) -> String {
    let mut words = vec![span.record.name.clone()];
    words.extend(spans::shown(span, "error.type"));
    words.join(" ")
}

/// A node with its files and its names to itself.
struct Rabbit {
    program: Program,
    port: u16,
    names_port: u16,
    _files: Scratch,
}

impl Rabbit {
    async fn start() -> Self {
        let files = Scratch::new();
        let (port, nodes_port, names_port) = (free_port(), free_port(), free_port());
        let settings = format!("listeners.tcp.1 = 127.0.0.1:{port}\n");
        let settings = files.file("rabbit.conf", &settings);
        let plugins = files.file("plugins", "[].");
        let mut command = Command::new(SERVER);
        command
            .env("HOME", files.path())
            .env(
                "RABBITMQ_NODENAME",
                format!("a8e5-{}@localhost", process::id()),
            )
            .env("RABBITMQ_CONFIG_FILE", settings)
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", plugins)
            .env("RABBITMQ_MNESIA_BASE", files.path())
            .env("RABBITMQ_LOG_BASE", files.path())
            .env("RABBITMQ_LOGS", "-")
            // The node itself is the process that is started and ended, and no shell around it.
            .env("RUNNING_UNDER_SYSTEMD", "1")
            .env("RABBITMQ_DIST_PORT", nodes_port.to_string())
            .env("ERL_EPMD_PORT", names_port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1");
        let program = Program::start(command);
        // It takes its time: each step is waited for on its own.
        for step in [
            "Feature flags:",
            "Starting broker",
            "started TCP listener",
            "startup complete",
        ] {
            program.line(|line| line.contains(step)).await;
        }
        Self {
            program,
            port,
            names_port,
            _files: files,
        }
    }

    fn all<'a>(&self, seen: &'a Seen, kinds: &[SpanKind]) -> Vec<ReceivedSpan<'a>> {
        let port = i64::from(self.port);
        let of = |kind: &SpanKind| {
            spans::select(seen, *kind, |span| {
                span.attr_int("server.port") == Some(port)
            })
        };
        kinds.iter().flat_map(of).collect()
    }

    /// Stops the node, and the server of names that it left to itself.
    async fn stop(self) {
        self.program.terminate();
        self.program.end().await;
        let mut names = Command::new("epmd");
        names
            .args(["-port", &self.names_port.to_string(), "-kill"])
            .env("ERL_EPMD_RELAXED_COMMAND_CHECK", "1");
        Program::run(names).await;
    }
}
