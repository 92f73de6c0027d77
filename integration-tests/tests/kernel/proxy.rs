//! nginx, alone and between a client and a server, where what it asks is a child of what it was
//! asked.

use tapline_integration_tests::Scratch;
use tapline_testkit::{ReceivedSpan, Seen};

use crate::{
    actors::{Server, curl, free_port, http_server, script},
    daemon::Daemon,
    nginx::Nginx,
    spans,
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

pub(crate) async fn asks_the_upstream_as_a_child_of_what_it_was_asked() {
    let files = Scratch::new();
    files.file("e5f6-once", "hello");
    let upstream = http_server("127.0.0.1", files.path()).await;
    let nginx = nginx(upstream.port, "").await;
    let daemon = Daemon::start().await;
    assert_eq!(curl(&[], &nginx.url("/e5f6-once")).await.stdout, "200 5");
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/e5f6-once") >= 4)
        .await;
    let (outer, inner) = both(&nginx, &told.seen, "/e5f6-once");
    assert_child(&inner, &outer);
    let port = upstream.port.to_string();
    spans::assert_attributes(
        &inner,
        &[
            ("network.peer.port", &port),
            ("http.response.status_code", "200"),
            ("http.response.body.size", "5"),
        ],
    );
    let answered = from(
        spans::servers(&told.seen, "/e5f6-once"),
        "http.server",
        &told.seen,
    );
    assert!(
        answered.record.parent_span_id.is_empty(),
        "{}",
        spans::describe(&answered)
    );
}

pub(crate) async fn keeps_children_apart_on_a_kept_upstream_connection() {
    let upstream = Server::start(script("app")).await;
    let nginx = nginx(upstream.port, "keepalive 1;").await;
    let daemon = Daemon::start().await;
    let paths = ["/e5f6-kept/1", "/e5f6-kept/2", "/e5f6-kept/3"];
    for path in paths {
        assert_eq!(curl(&[], &nginx.url(path)).await.stdout, "200 3");
    }
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/e5f6-kept") >= 12)
        .await;
    let mut ports = Vec::new();
    for path in paths {
        let (outer, inner) = both(&nginx, &told.seen, path);
        assert_child(&inner, &outer);
        let answered = from(spans::servers(&told.seen, path), "app", &told.seen);
        ports.push(
            answered
                .attr_int("network.peer.port")
                .expect("a TCP connection"),
        );
    }
    ports.dedup();
    assert_eq!(ports.len(), 1, "nginx did not keep its connection");
}

pub(crate) async fn passes_the_header_on_and_all_four_spans_share_its_trace() {
    let upstream = Server::start(script("app")).await;
    let nginx = nginx(upstream.port, "").await;
    let daemon = Daemon::start().await;
    let header = format!("traceparent: 00-{TRACE}-{PARENT}-01");
    let ended = curl(&["--header", &header], &nginx.url("/e5f6-header")).await;
    assert_eq!(ended.stdout, "200 3");
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/e5f6-header") >= 4)
        .await;
    let mut all = spans::servers(&told.seen, "/e5f6-header");
    all.extend(spans::clients(&told.seen, "/e5f6-header"));
    assert_eq!(all.len(), 4, "{}", spans::all(&told.seen));
    for span in all {
        assert_eq!(
            spans::hex(&span.record.trace_id),
            TRACE,
            "{}",
            spans::describe(&span)
        );
        assert_eq!(
            spans::hex(&span.record.parent_span_id),
            PARENT,
            "{}",
            spans::describe(&span)
        );
    }
}

pub(crate) async fn files_sent_by_the_kernel_are_counted_too() {
    let nginx = nginx(free_port(), "").await;
    nginx.scratch.file("e5f6-file", &"x".repeat(200_000));
    let daemon = Daemon::start().await;
    assert_eq!(
        curl(&[], &nginx.url("/files/e5f6-file")).await.stdout,
        "200 200000"
    );
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/files/e5f6-file") >= 2)
        .await;
    let facts = [
        ("http.response.status_code", "200"),
        ("http.response.body.size", "200000"),
    ];
    spans::assert_attributes(&spans::server(&told.seen, "/files/e5f6-file"), &facts);
    spans::assert_attributes(&spans::client(&told.seen, "/files/e5f6-file"), &facts);
}

/// Starts an nginx that asks an upstream, or serves files.
async fn nginx(upstream_port: u16, upstream: &str) -> Nginx {
    let kept = if upstream.is_empty() {
        ""
    } else {
        "proxy_http_version 1.1; proxy_set_header Connection '';"
    };
    let http = format!("upstream app {{ server 127.0.0.1:{upstream_port}; {upstream} }}");
    let server = format!(
        "location /files/ {{ alias $directory/; sendfile on; }}
         location / {{ proxy_pass http://app; {kept} }}"
    );
    Nginx::start(&http, "", &server).await
}

/// Returns what nginx was asked and what it asked.
fn both<'a>(nginx: &Nginx, seen: &'a Seen, path: &str) -> (ReceivedSpan<'a>, ReceivedSpan<'a>) {
    let outer = from(spans::servers(seen, path), "nginx", seen);
    let inner = from(spans::clients(seen, path), "nginx", seen);
    assert_eq!(outer.attr_int("server.port"), Some(i64::from(nginx.port)));
    (outer, inner)
}

/// Returns the one span of a service.
fn from<'a>(found: Vec<ReceivedSpan<'a>>, service: &str, seen: &Seen) -> ReceivedSpan<'a> {
    let of_service = found
        .into_iter()
        .filter(|span| spans::service(span) == service);
    spans::only(of_service.collect(), &format!("span of {service}"), seen)
}

fn assert_child(inner: &ReceivedSpan<'_>, outer: &ReceivedSpan<'_>) {
    let both = format!("{}\n{}", spans::describe(outer), spans::describe(inner));
    assert_eq!(inner.record.parent_span_id, outer.record.span_id, "{both}");
    assert_eq!(inner.record.trace_id, outer.record.trace_id, "{both}");
    assert!(outer.record.parent_span_id.is_empty(), "{both}");
    assert!(
        outer.record.start_time_unix_nano <= inner.record.start_time_unix_nano,
        "{both}"
    );
}
