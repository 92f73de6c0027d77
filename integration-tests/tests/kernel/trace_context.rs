//! `traceparent` and `tracestate` of a request are found on both of its sides.

use crate::{
    actors::{Server, curl, script},
    daemon::Daemon,
    spans,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

pub(crate) async fn sampled_header_is_continued() {
    assert_continued("/c3d4-sampled", "01", 1).await;
}

pub(crate) async fn unsampled_header_is_continued_and_stays_unsampled() {
    assert_continued("/c3d4-unsampled", "00", 0).await;
}

pub(crate) async fn without_header_every_request_begins_a_trace() {
    let server = Server::start(script("app")).await;
    let daemon = Daemon::start().await;
    for path in ["/c3d4-plain/1", "/c3d4-plain/2"] {
        assert_eq!(curl(&[], &server.url(path)).await.stdout, "200 3");
    }
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/c3d4-plain") >= 4)
        .await;
    let mut traces = Vec::new();
    for span in told.seen.spans() {
        let is_ours = spans::shown(&span, "server.port") == Some(server.port.to_string());
        if is_ours {
            assert!(
                span.record.parent_span_id.is_empty(),
                "{}",
                spans::describe(&span)
            );
            assert!(span.record.trace_id.iter().any(|byte| *byte != 0));
            traces.push(spans::hex(&span.record.trace_id));
        }
    }
    traces.sort_unstable();
    traces.dedup();
    assert_eq!(traces.len(), 4, "{}", spans::all(&told.seen));
}

async fn assert_continued(path: &str, flags: &str, sampled: u32) {
    let server = Server::start(script("app")).await;
    let daemon = Daemon::start().await;
    let parent = format!("traceparent: 00-{TRACE}-{PARENT}-{flags}");
    let state = "tracestate: vendor=abc,other=1";
    let ended = curl(&["--header", &parent, "--header", state], &server.url(path)).await;
    assert_eq!(ended.stdout, "200 3");
    let told = daemon.stop_when(|seen| spans::count(seen, path) >= 2).await;
    let (asked, answered) = (
        spans::client(&told.seen, path),
        spans::server(&told.seen, path),
    );
    for span in [&asked, &answered] {
        let described = spans::describe(span);
        assert_eq!(spans::hex(&span.record.trace_id), TRACE, "{described}");
        assert_eq!(
            spans::hex(&span.record.parent_span_id),
            PARENT,
            "{described}"
        );
        assert_eq!(span.record.flags & 0xff, sampled, "{described}");
        assert_eq!(span.record.trace_state, "vendor=abc,other=1", "{described}");
    }
    assert_ne!(asked.record.span_id, answered.record.span_id);
}
