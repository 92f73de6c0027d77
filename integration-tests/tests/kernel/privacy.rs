//! What must never be told: secrets in query strings, and the daemon's own traffic.

use prost::Message;
use tapline_testkit::{Payload, Seen};

use crate::{
    actors::{Server, curl, script},
    daemon::Daemon,
    spans,
};

const SECRET: &str = "hunter2hunter2";

pub(crate) async fn values_of_a_query_never_leave() {
    let server = Server::start(script("app")).await;
    let daemon = Daemon::start().await;
    let target = format!("/c5d6-query?token={SECRET}&x=1");
    assert_eq!(curl(&[], &server.url(&target)).await.stdout, "200 3");
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/c5d6-query") >= 2)
        .await;
    let answered = spans::server(&told.seen, "/c5d6-query");
    spans::assert_attributes(
        &answered,
        &[
            ("url.path", "/c5d6-query"),
            ("url.query", "token=REDACTED&x=REDACTED"),
        ],
    );
    let url = server.url("/c5d6-query?token=REDACTED&x=REDACTED");
    spans::assert_attributes(
        &spans::client(&told.seen, "/c5d6-query"),
        &[("url.full", &url)],
    );
    assert_nowhere(&told.seen, SECRET);
    assert!(!told.ended.stderr.contains(SECRET) && !told.ended.stdout.contains(SECRET));
}

pub(crate) async fn own_exports_are_not_told() {
    const EXPORTS: usize = 8;
    let server = Server::start(script("app")).await;
    let daemon = Daemon::start().await;
    let (pid, port) = (i64::from(daemon.pid()), i64::from(daemon.backend_port()));
    assert_eq!(curl(&[], &server.url("/c5d6-other")).await.stdout, "200 3");
    // Metrics are exported twice a second, whatever happens.
    let told = daemon
        .stop_when(|seen| seen.requests.len() >= EXPORTS && spans::count(seen, "/c5d6-other") >= 2)
        .await;
    assert!(told.seen.requests.len() >= EXPORTS, "{}", told.seen);
    assert_eq!(spans::count(&told.seen, "/c5d6-other"), 2);
    for span in told.seen.spans() {
        let described = spans::describe(&span);
        let is_ours = span.attr_int("server.port") == Some(port)
            || span.attr_int("network.peer.port") == Some(port)
            || spans::resource_int(&span, "process.pid") == Some(pid);
        assert!(!is_ours, "{described}");
    }
}

/// Asserts that a text is in no exported byte.
fn assert_nowhere(seen: &Seen, text: &str) {
    for request in &seen.requests {
        let bytes = match &request.payload {
            Payload::Traces(payload) => payload.encode_to_vec(),
            Payload::Metrics(payload) => payload.encode_to_vec(),
            Payload::Logs(payload) => payload.encode_to_vec(),
            Payload::Profiles(bytes) => bytes.to_vec(),
        };
        // Equal sizes mean that decoding has dropped nothing the text could hide in.
        assert_eq!(bytes.len(), request.wire_bytes, "{request}");
        assert!(
            !bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes()),
            "{request}"
        );
    }
}
