//! gRPC: grpcio's server, called by its client, told call by call from both sides.

use opentelemetry_proto::tonic::{metrics::v1::metric::Data, trace::v1::span::SpanKind};
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

const GRPCIO: Packages = Packages {
    name: "grpc",
    wanted: &["grpcio==1.76.0"],
};
const SIDES: [SpanKind; 2] = [SpanKind::Client, SpanKind::Server];
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// Both ends of it.
pub(crate) fn grpcio() -> Result<(), Missing> {
    GRPCIO.python().map(drop)
}

struct Cart {
    server: Server,
    client: Program,
}

pub(crate) async fn every_kind_of_call_is_told_by_both_sides_and_no_message() {
    let mut cart = Cart::start().await;
    let daemon = Daemon::start().await;
    let said = cart.client.ask("every").await;
    let codes = "OK OK NOT_FOUND INTERNAL UNIMPLEMENTED 3 2 4 DEADLINE_EXCEEDED CANCELLED OK";
    assert_eq!(said, codes);
    let told = daemon
        .stop_when(|seen| cart.have(seen, |span| span.record.name == "shop.Cart/Again"))
        .await;
    let expected = [
        "shop.Cart/Add OK 1/1",
        "shop.Cart/Add OK 1/1",
        "shop.Cart/Add NOT_FOUND 1/0",
        "shop.Cart/Add INTERNAL 1/0",
        "shop.Cart/Missing UNIMPLEMENTED 1/0",
        "shop.Cart/List OK 1/3",
        "shop.Cart/Upload OK 2/1",
        "shop.Cart/Chat OK 4/4",
        "shop.Cart/Add DEADLINE_EXCEEDED 1/0",
        "shop.Cart/Add CANCELLED 1/0 reset",
        "shop.Cart/Again OK 1/1",
    ];
    for kind in SIDES {
        let found = cart.all(&told.seen, kind);
        let lines: Vec<String> = found.iter().map(line).collect();
        assert_eq!(lines, expected, "{kind:?} in{}", spans::all(&told.seen));
        assert_errors(kind, &found);
        let port = cart.server.port.to_string();
        let facts = [
            ("rpc.system.name", "grpc"),
            ("rpc.method", "shop.Cart/Add"),
            ("server.address", "127.0.0.1"),
            ("server.port", port.as_str()),
        ];
        spans::assert_attributes(&found[0], &facts);
        for span in &found {
            let text = spans::describe(span);
            assert!(!text.contains("a1c2"), "a part of a message in {text}");
        }
        let traced = spans::hex(&found[1].record.trace_id);
        assert_eq!(traced, TRACE, "{}", spans::describe(&found[1]));
    }
}

/// Servers answer for six codes, callers suffer from all.
fn assert_errors(kind: SpanKind, found: &[ReceivedSpan<'_>]) {
    for span in found {
        let status = spans::shown(span, "rpc.response.status_code").unwrap_or_default();
        let expected = match (status.as_str(), kind) {
            ("OK", _) | ("NOT_FOUND" | "CANCELLED", SpanKind::Server) => None,
            _ => Some(status),
        };
        let text = spans::describe(span);
        assert_eq!(spans::shown(span, "error.type"), expected, "{text}");
        assert_eq!(spans::is_error(span), expected.is_some(), "{text}");
    }
}

pub(crate) async fn fifty_calls_at_once_on_one_connection_are_told_apart() {
    let mut cart = Cart::start().await;
    let daemon = Daemon::start().await;
    assert_eq!(cart.client.ask("at once").await, "50");
    let enough = |seen: &Seen| {
        let all = |kind| cart.all(seen, kind).len() >= 50;
        SIDES.into_iter().all(all) && counted(seen) >= 50
    };
    let told = daemon.stop_when(enough).await;
    for kind in SIDES {
        let found = cart.all(&told.seen, kind);
        assert_eq!(found.len(), 50, "{kind:?} in{}", spans::all(&told.seen));
        for span in &found {
            assert_eq!(
                line(span),
                "shop.Cart/Add OK 1/1",
                "{}",
                spans::describe(span)
            );
        }
    }
    assert_eq!(counted(&told.seen), 50);
}

pub(crate) async fn a_connection_from_before_the_daemon_is_told_as_far_as_it_is_known() {
    let mut cart = Cart::start().await;
    for _ in 0..2 {
        assert_eq!(cart.client.ask("add").await, "OK");
    }
    let daemon = Daemon::start().await;
    for (step, said) in [("add", "OK"), ("add", "OK"), ("again", "OK"), ("list", "2")] {
        assert_eq!(cart.client.ask(step).await, said);
    }
    assert_eq!(cart.client.ask("again").await, "OK");
    let again = |span: &ReceivedSpan<'_>| span.record.name == "shop.Cart/Again";
    let told = daemon.stop_when(|seen| cart.have(seen, again)).await;
    for kind in SIDES {
        let found = cart.all(&told.seen, kind);
        let names: Vec<&str> = found.iter().map(|span| span.record.name.as_str()).collect();
        let known: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| *name != "grpc")
            .collect();
        let expected = ["shop.Cart/Again", "shop.Cart/List", "shop.Cart/Again"];
        assert_eq!(known, expected, "{kind:?} in{}", spans::all(&told.seen));
        // What was called before is called by a number since, of which nobody knows the name.
        assert!(names.len() > known.len(), "{names:?}");
        for span in found.iter().filter(|span| span.record.name == "grpc") {
            let text = spans::describe(span);
            assert_eq!(spans::shown(span, "rpc.method"), None, "{text}");
            spans::assert_attributes(span, &[("tapline.request.truncated", "true")]);
            assert!(!spans::is_error(span), "{text}");
        }
    }
}

impl Cart {
    async fn start() -> Self {
        let mut command = python("grpc_server.py");
        command.stdin(std::process::Stdio::piped());
        let server = Server::start(command).await;
        let mut command = python("grpc_client.py");
        command.arg(server.port.to_string());
        let client = Program::start(command);
        Self { server, client }
    }

    /// Returns the calls of a side, in the order of their start.
    fn all<'a>(&self, seen: &'a Seen, kind: SpanKind) -> Vec<ReceivedSpan<'a>> {
        let port = i64::from(self.server.port);
        spans::select(seen, kind, |span| {
            span.attr_int("server.port") == Some(port)
                && span.attr_str("rpc.system.name") == Some("grpc")
        })
    }

    /// Returns whether both sides have told of such a call.
    fn have(&self, seen: &Seen, wanted: impl Fn(&ReceivedSpan<'_>) -> bool) -> bool {
        let has = |kind| self.all(seen, kind).iter().any(&wanted);
        SIDES.into_iter().all(has)
    }
}

fn python(script: &str) -> Command {
    let mut command = Command::new(GRPCIO.python().expect("a need"));
    command.arg(script_of(script));
    command
}

/// Returns how many calls the server's metric counts.
fn counted(seen: &Seen) -> u64 {
    let metrics = seen.metrics();
    let points = metrics.iter().filter_map(|metric| {
        if metric.record.name != "rpc.server.call.duration" {
            return None;
        }
        match metric.record.data.as_ref()? {
            Data::Histogram(histogram) => histogram.data_points.iter().map(|p| p.count).max(),
            _ => None,
        }
    });
    points.max().unwrap_or_default()
}

fn line(span: &ReceivedSpan<'_>) -> String {
    let shown = |key| spans::shown(span, key).unwrap_or("?".to_owned());
    let mut line = format!(
        "{} {} {}/{}",
        span.record.name,
        shown("rpc.response.status_code"),
        shown("tapline.rpc.request.messages"),
        shown("tapline.rpc.response.messages"),
    );
    // Whether the server still says that the deadline has passed is a matter of luck.
    let source = spans::shown(span, "tapline.rpc.status.source");
    if let Some(source) = source.filter(|source| source != "deadline") {
        line.push(' ');
        line.push_str(&source);
    }
    line
}
