//! Trace headers of every tracer: written by OpenTelemetry's propagators for Python as far as they
//! know them, found on both sides of a request.

use tapline_integration_tests::Program;
use tapline_testkit::ReceivedSpan;
use tokio::process::Command;

use crate::{
    actors::{Server, script, script_of},
    daemon::Daemon,
    harness::Missing,
    packages::Packages,
    spans,
};

const PROPAGATORS: Packages = Packages {
    name: "propagators",
    wanted: &[
        "opentelemetry-api==1.27.0",
        "opentelemetry-propagator-b3==1.27.0",
        "opentelemetry-propagator-jaeger==1.27.0",
        "opentelemetry-propagator-aws-xray==1.0.2",
    ],
};
const FORMATS: [&str; 8] = [
    "tracecontext",
    "b3",
    "b3multi",
    "jaeger",
    "xray",
    "datadog",
    "sw8",
    "opencensus",
];
const TRACE: &str = "463ac35c9f6413ad48485a3953bb6124";
const PARENT: &str = "a2fb4a1d1a96d312";
const OTHER: (&str, &str) = ("11111111111111111111111111111111", "2222222222222222");

/// The client.
pub(crate) fn programs() -> Result<(), Missing> {
    PROPAGATORS.python().map(drop)
}

pub(crate) async fn headers_of_every_tracer_are_continued_on_both_sides() {
    let server = Server::start(script("app")).await;
    let daemon = Daemon::start().await;
    ask(&server).await;
    let asked = 2 * (2 * FORMATS.len() + 3);
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/e6f1-") >= asked)
        .await;
    let both = |path: &str| {
        [
            spans::client(&told.seen, path),
            spans::server(&told.seen, path),
        ]
    };
    for format in FORMATS {
        for flags in [0, 1] {
            for span in both(&format!("/e6f1-{format}/{flags}")) {
                assert_continues(&span, (TRACE, PARENT), flags);
            }
        }
    }
    for (path, parent, flags) in [
        ("/e6f1-agreed", (TRACE, PARENT), 1),
        ("/e6f1-contradicted", OTHER, 0),
        ("/e6f1-malformed", (TRACE, PARENT), 1),
    ] {
        for span in both(path) {
            assert_continues(&span, parent, flags);
        }
    }
}

pub(crate) async fn only_propagators_of_the_list_are_believed_in_its_order() {
    let server = Server::start(script("app")).await;
    let daemon = Daemon::start_with("propagators: [jaeger, tracecontext, baggage]").await;
    ask(&server).await;
    let asked = 2 * (2 * FORMATS.len() + 3);
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/e6f1-") >= asked)
        .await;
    let both = |path: &str| {
        [
            spans::client(&told.seen, path),
            spans::server(&told.seen, path),
        ]
    };
    for span in both("/e6f1-b3/1") {
        let described = spans::describe(&span);
        assert_ne!(spans::hex(&span.record.trace_id), TRACE, "{described}");
        assert!(span.record.parent_span_id.is_empty(), "{described}");
    }
    for path in ["/e6f1-tracecontext/1", "/e6f1-contradicted"] {
        for span in both(path) {
            assert_continues(&span, (TRACE, PARENT), 1);
        }
    }
}

async fn ask(server: &Server) {
    let python = PROPAGATORS.python().expect("was installed");
    let mut client = Command::new(python);
    client
        .arg(script_of("propagators.py"))
        .arg(server.port.to_string());
    let ended = Program::run(client).await;
    assert!(ended.status.success(), "{}", ended.stderr);
}

fn assert_continues(span: &ReceivedSpan<'_>, (trace, parent): (&str, &str), flags: u32) {
    let described = spans::describe(span);
    assert_eq!(spans::hex(&span.record.trace_id), trace, "{described}");
    let found = spans::hex(&span.record.parent_span_id);
    assert_eq!(found, parent, "{described}");
    assert_eq!(span.record.flags & 0xff, flags, "{described}");
    spans::assert_attributes(span, &[("tapline.parent.source", "header")]);
}
