//! Messages through real brokers, sent and received by real clients, told from both sides. Kafka's
//! broker is the one that librdkafka imitates in its process: there is no other to be had here.

use std::path::Path;

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
    name: "messaging",
    wanted: &[
        "nats-py==2.16.0",
        "paho-mqtt==2.1.0",
        "confluent-kafka==2.16.0",
    ],
};

/// The clients of PyPI.
pub(crate) fn clients() -> Result<(), Missing> {
    CLIENTS.python().map(drop)
}

/// A running broker.
struct Broker {
    program: Program,
    port: u16,
    script: &'static str,
    _scratch: Scratch,
}

pub(crate) async fn nats_is_told_by_both_sides() {
    let broker = Broker::nats().await;
    let daemon = Daemon::start().await;
    broker.talk(&[]).await;
    let told = daemon
        .stop_when(|seen| broker.has(seen, "publish last"))
        .await;
    broker.assert_told(&told.seen, &NATS, "n3a1-secret");
    // The sender's trace goes on at whoever gets the message.
    let delivered = broker.named(&told.seen, "deliver jobs.*.new");
    for span in &delivered {
        let trace = spans::hex(&span.record.trace_id);
        assert_eq!(
            trace,
            "0af7651916cd43dd8448eb211c80319c",
            "{}",
            spans::describe(span)
        );
        spans::assert_attributes(
            span,
            &[
                ("messaging.system", "nats"),
                ("messaging.destination.name", "jobs.42.new"),
                ("messaging.destination.template", "jobs.*.new"),
                ("messaging.consumer.group.name", "n3a1-group"),
            ],
        );
    }
    broker.program.terminate();
}

pub(crate) async fn nats_is_told_from_before_the_daemon() {
    let broker = Broker::nats().await;
    let told = broker.joined_late("publish last").await;
    broker.assert_told(&told, &NATS, "n3a1-secret");
    broker.program.terminate();
}

const NATS: [&str; 11] = [
    "deliver jobs.*.new",
    "deliver s.one",
    "publish $JS.API.CONSUMER.MSG.NEXT.*",
    "publish jobs.*.new",
    "publish last",
    "request $JS.API.CONSUMER.CREATE.*",
    "request $JS.API.CONSUMER.INFO.*",
    "request $JS.API.STREAM.CREATE.S",
    "request $JS.API.STREAM.NAMES",
    "request nobody.home NO_RESPONDERS",
    "request s.one",
];

const MQTT: [&str; 7] = [
    "deliver rooms/*/temperature",
    "deliver rooms/*/temperature",
    "deliver rooms/*/temperature",
    "publish last",
    "publish rooms/*/temperature",
    "publish rooms/*/temperature",
    "publish rooms/*/temperature",
];

pub(crate) async fn mqtt_of_both_versions_is_told_by_both_sides() {
    for version in ["4", "5"] {
        let broker = Broker::mqtt().await;
        let daemon = Daemon::start().await;
        broker.talk(&[version]).await;
        let told = daemon
            .stop_when(|seen| broker.has(seen, "publish last"))
            .await;
        broker.assert_told(&told.seen, &MQTT, "m7c2-secret");
        broker.assert_told(&told.seen, &MQTT, "m7c2-password");
        broker.program.terminate();
    }
}

pub(crate) async fn kafka_is_told_by_both_sides() {
    let broker = Broker::kafka().await;
    let daemon = Daemon::start().await;
    broker.talk(&[]).await;
    let committed = "offset_commit orders";
    let told = daemon.stop_when(|seen| broker.has(seen, committed)).await;
    for kind in SIDES {
        let found = broker.all(&told.seen, kind);
        let produced = only(&found, "produce orders");
        spans::assert_attributes(
            produced,
            &[
                ("messaging.system", "kafka"),
                ("messaging.operation.type", "send"),
                ("messaging.batch.message_count", "3"),
                ("messaging.client.id", "k5d4-p"),
                ("messaging.destination.partition.id", "0"),
            ],
        );
        let trace = spans::hex(&produced.record.trace_id);
        assert_eq!(
            trace,
            "0af7651916cd43dd8448eb211c80319c",
            "{}",
            spans::describe(produced)
        );
        only(&found, "offset_commit orders");
        let fetched = found
            .iter()
            .filter(|span| span.record.name == "fetch orders");
        let messages =
            fetched.filter_map(|span| spans::shown(span, "messaging.batch.message_count"));
        let messages: u32 = messages.filter_map(|count| count.parse::<u32>().ok()).sum();
        assert_eq!(messages, 3, "{kind:?} in{}", spans::all(&told.seen));
    }
    assert!(!spans::all(&told.seen).contains("k5d4-secret"));
    broker.program.terminate();
}

/// Both sides of a connection, as filters of kinds.
const SIDES: [&[SpanKind]; 2] = [&[SpanKind::Client, SpanKind::Producer], &[SpanKind::Server]];

fn only<'f, 'a>(found: &'f [ReceivedSpan<'a>], name: &str) -> &'f ReceivedSpan<'a> {
    let mut named = found.iter().filter(|span| span.record.name == name);
    let first = named.next().unwrap_or_else(|| panic!("no {name}"));
    assert!(named.next().is_none(), "{name} twice");
    first
}

impl Broker {
    async fn nats() -> Self {
        let scratch = Scratch::new();
        let mut command = Command::new("nats-server");
        command
            .args(["-a", "127.0.0.1", "-js", "-sd"])
            .arg(scratch.path());
        Self::start(command, "-p", "messaging_nats.py", scratch).await
    }

    async fn mqtt() -> Self {
        let scratch = Scratch::new();
        // Without a configuration it listens locally and lets anybody in.
        let command = Command::new(Path::new("/usr/sbin/mosquitto"));
        Self::start(command, "-p", "messaging_mqtt.py", scratch).await
    }

    async fn start(
        mut command: Command,
        port_option: &str,
        script: &'static str,
        scratch: Scratch,
    ) -> Self {
        let port = free_port();
        command.arg(port_option).arg(port.to_string());
        let program = Program::start(command);
        while tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
        {
            tokio::task::yield_now().await;
        }
        Self {
            program,
            port,
            script,
            _scratch: scratch,
        }
    }

    async fn kafka() -> Self {
        let script = "messaging_kafka.py";
        let mut command = Command::new(CLIENTS.python().expect("a need"));
        command.arg(script_of(script)).arg("broker");
        let program = Program::start(command);
        let port = program.line(|line| line.parse::<u16>().is_ok()).await;
        Self {
            port: port.trim().parse().expect("a port"),
            program,
            script,
            _scratch: Scratch::new(),
        }
    }

    fn client(&self, args: &[&str]) -> Command {
        let mut command = Command::new(CLIENTS.python().expect("a need"));
        command
            .arg(script_of(self.script))
            .arg(self.port.to_string())
            .args(args);
        command
    }

    async fn talk(&self, args: &[&str]) {
        let ended = Program::run(self.client(args)).await;
        assert!(ended.status.success(), "{}", ended.stderr);
    }

    /// Returns what is told of a client that was connected before the daemon began.
    async fn joined_late(&self, last: &str) -> Seen {
        let mut client = Program::start(self.client(&["wait"]));
        assert_eq!(client.ask("go").await, "ready");
        let daemon = Daemon::start().await;
        assert_eq!(client.ask("go").await, "done");
        daemon.stop_when(|seen| self.has(seen, last)).await.seen
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

    fn named<'a>(&self, seen: &'a Seen, name: &str) -> Vec<ReceivedSpan<'a>> {
        let both = SIDES.iter().flat_map(|kinds| self.all(seen, kinds));
        both.filter(|span| span.record.name == name).collect()
    }

    fn has(&self, seen: &Seen, name: &str) -> bool {
        let has = |kinds: &&[SpanKind]| {
            let found = self.all(seen, kinds);
            found.iter().any(|span| span.record.name == name)
        };
        SIDES.iter().all(has)
    }

    /// Everything that moves messages is told by both sides, and nothing of what is in them.
    fn assert_told(&self, seen: &Seen, expected: &[&str], secret: &str) {
        for kinds in SIDES {
            let found = self.all(seen, kinds);
            let moves =
                |span: &&ReceivedSpan<'_>| spans::shown(span, "messaging.operation.type").is_some();
            let mut lines: Vec<String> = found.iter().filter(moves).map(line).collect();
            lines.sort();
            assert_eq!(lines, expected, "{kinds:?} in{}", spans::all(seen));
        }
        assert!(
            !spans::all(seen).contains(secret),
            "{secret} in{}",
            spans::all(seen)
        );
    }
}

fn line(span: &ReceivedSpan<'_>) -> String {
    let mut words = vec![span.record.name.clone()];
    words.extend(spans::shown(span, "error.type"));
    words.join(" ")
}
