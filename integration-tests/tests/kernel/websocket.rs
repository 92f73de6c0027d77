//! WebSocket: `websockets` of PyPI on both ends; what is told are the upgrade and, at its end, how
//! much was said.

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

const WEBSOCKETS: Packages = Packages {
    name: "websocket",
    wanted: &["websockets==13.1"],
};
const SIDES: [SpanKind; 2] = [SpanKind::Client, SpanKind::Server];

/// Server and client.
pub(crate) fn programs() -> Result<(), Missing> {
    WEBSOCKETS.python().map(drop)
}

pub(crate) async fn messages_are_counted_on_both_sides_and_not_read() {
    let server = Server::start(program(&["serve"])).await;
    let daemon = Daemon::start().await;
    let ended = Program::run(program(&["ask", &server.port.to_string()])).await;
    assert!(ended.status.success(), "{}", ended.stderr);
    let both = |seen: &Seen| SIDES.into_iter().all(|kind| told(seen, kind).len() == 2);
    let seen = daemon.stop_when(both).await.seen;
    for kind in SIDES {
        let found = told(&seen, kind);
        assert_eq!(found.len(), 2, "{kind:?} in{}", spans::all(&seen));
        // Five messages are echoed; the fourth is long and comes in many calls.
        let facts = [
            ("network.protocol.name", "websocket"),
            ("url.path", "/b7a6/orderly"),
            ("tapline.websocket.client.messages", "5"),
            ("tapline.websocket.server.messages", "5"),
            ("tapline.websocket.close.code", "1000"),
        ];
        spans::assert_attributes(&found[0], &facts);
        assert!(
            !spans::is_error(&found[0]),
            "{}",
            spans::describe(&found[0])
        );
        let facts = [
            ("url.path", "/b7a6/refused"),
            ("tapline.websocket.client.messages", "1"),
            ("tapline.websocket.close.code", "1008"),
            ("error.type", "1008"),
        ];
        spans::assert_attributes(&found[1], &facts);
        assert!(spans::is_error(&found[1]), "{}", spans::describe(&found[1]));
        for span in &found {
            let text = spans::describe(span);
            assert!(!text.contains("s3cret"), "a message in {text}");
        }
    }
    let upgrades = spans::servers(&seen, "/b7a6/orderly");
    let upgrade = upgrades
        .iter()
        .find(|span| spans::shown(span, "http.response.status_code").is_some());
    let upgrade = upgrade.unwrap_or_else(|| panic!("no upgrade in{}", spans::all(&seen)));
    spans::assert_attributes(upgrade, &[("http.response.status_code", "101")]);
}

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(WEBSOCKETS.python().expect("a need"));
    command.arg(script_of("websocket.py")).args(args);
    command
}

/// Returns the conversations of a side, in order of start.
fn told(seen: &Seen, kind: SpanKind) -> Vec<ReceivedSpan<'_>> {
    spans::select(seen, kind, |span| span.record.name == "websocket")
}
