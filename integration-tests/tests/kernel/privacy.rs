//! What must never be told: secrets in query strings, and the daemon's own traffic.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;
use tapline_integration_tests::{Program, Scratch};
use tapline_testkit::{Payload, Seen};
use tokio::process::Command;

use crate::{
    actors::{Server, curl, free_port, script},
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

/// Secrets in every place that a request and its answer have.
pub(crate) async fn no_secret_of_any_kind_leaves() {
    let (daemon, path) = (Daemon::start().await, "/c5d6-kinds");
    ask_with_secrets(path).await;
    let told = daemon.stop_when(|seen| spans::count(seen, path) >= 2).await;
    let answered = spans::server(&told.seen, path);
    assert!(spans::shown(&answered, "http.request.header.x-tenant").is_none());
    assert_nowhere(&told.seen, SECRET);
    assert_nowhere(&told.seen, "c5d6-tenant");
    assert!(!told.ended.stderr.contains(SECRET) && !told.ended.stdout.contains(SECRET));
}

pub(crate) async fn what_is_asked_for_is_told_and_nothing_else() {
    let settings = "privacy:
  url_query: scrubbed
  request_headers: [X-Tenant]
  response_headers: [x-cache]";
    let (daemon, path) = (Daemon::start_with(settings).await, "/c5d6-asked");
    ask_with_secrets(path).await;
    let told = daemon.stop_when(|seen| spans::count(seen, path) >= 2).await;
    for span in [
        spans::server(&told.seen, path),
        spans::client(&told.seen, path),
    ] {
        let attributes = span.record.attributes.iter();
        let mut headers: Vec<&str> = attributes
            .map(|pair| pair.key.as_str())
            .filter(|key| key.contains(".header."))
            .collect();
        headers.sort_unstable();
        let asked = [
            "http.request.header.x-tenant",
            "http.response.header.x-cache",
        ];
        assert_eq!(headers, asked, "{}", spans::describe(&span));
        let shown = spans::describe(&span);
        assert!(
            shown.contains("c5d6-tenant") && shown.contains("c5d6-hit"),
            "{shown}"
        );
        assert!(shown.contains("token=REDACTED&page=2"), "{shown}");
    }
    assert_nowhere(&told.seen, SECRET);
}

async fn ask_with_secrets(path: &str) {
    let server = Server::start(script("secretive")).await;
    let url = server.url(&format!("{path}?token={SECRET}&page=2"));
    let url = url.replace("http://", &format!("http://ada:{SECRET}@"));
    let (cookie, key) = (format!("id={SECRET}"), format!("X-Api-Key: {SECRET}"));
    let form = format!("password={SECRET}");
    let args = [
        "-b",
        &cookie,
        "-H",
        &key,
        "-H",
        "X-Tenant: c5d6-tenant",
        "-d",
        &form,
    ];
    assert_eq!(
        curl(&args, &url).await.stdout,
        format!("200 {}", SECRET.len())
    );
}

pub(crate) async fn no_value_of_redis_leaves() {
    let port = free_port();
    let scratch = Scratch::new();
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--save", "", "--dir"]);
    command.arg(scratch.path());
    let server = Program::start(command);
    server
        .line(|line| line.contains("eady to accept connections"))
        .await;
    let daemon = Daemon::start().await;
    for words in [
        vec!["SET", "c5d6:key", SECRET],
        vec!["HSET", SECRET, "field", SECRET],
        vec!["AUTH", SECRET],
        vec!["EVAL", &format!("return '{SECRET}'"), "0"],
    ] {
        let mut client = Command::new("redis-cli");
        client.args(["-p", &port.to_string()]).args(words);
        drop(Program::run(client).await);
    }
    let commands = |seen: &Seen| {
        let spans = seen.spans().into_iter();
        let ours = spans.filter(|span| span.attr_int("server.port") == Some(i64::from(port)));
        ours.count()
    };
    let told = daemon.stop_when(|seen| commands(seen) >= 8).await;
    assert!(commands(&told.seen) >= 8, "{}", spans::all(&told.seen));
    let named = told.seen.spans();
    let server_spans = named
        .iter()
        .filter(|span| span.record.kind() == SpanKind::Server);
    let mut of_port =
        server_spans.filter(|span| span.attr_int("server.port") == Some(i64::from(port)));
    assert!(of_port.all(|span| spans::service(span) == "redis-server"));
    assert_nowhere(&told.seen, SECRET);
    server.terminate();
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
