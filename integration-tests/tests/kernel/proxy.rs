//! nginx, alone and between a client and a server, where what it asks is a child of what it was
//! asked.

use std::path::Path;

use tapline_integration_tests::Scratch;
use tapline_testkit::{ReceivedSpan, Seen};
use tokio::process::Command;

use tapline_integration_tests::{Program, terminate};

use crate::{
    actors::{Server, curl, free_port, http_server, script},
    daemon::Daemon,
    needs, spans,
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// A running nginx. Killing its master would leave its worker behind, so both are asked to end.
struct Nginx {
    program: Program,
    worker: u32,
    port: u16,
    scratch: Scratch,
}

pub(crate) async fn asks_the_upstream_as_a_child_of_what_it_was_asked() {
    let files = Scratch::new();
    files.file("e5f6-once", "hello");
    let upstream = http_server("127.0.0.1", files.path()).await;
    let nginx = Nginx::start(upstream.port, "").await;
    let daemon = Daemon::start().await;
    assert_eq!(curl(&[], &nginx.url("/e5f6-once")).await.stdout, "200 5");
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/e5f6-once") >= 4)
        .await;
    let (outer, inner) = nginx.spans(&told.seen, "/e5f6-once");
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
    let nginx = Nginx::start(upstream.port, "keepalive 1;").await;
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
        let (outer, inner) = nginx.spans(&told.seen, path);
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
    let nginx = Nginx::start(upstream.port, "").await;
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
    let nginx = Nginx::start(free_port(), "").await;
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

impl Nginx {
    /// Starts a proxy in front of a port; `upstream` goes into the block of that name.
    async fn start(upstream_port: u16, upstream: &str) -> Self {
        let scratch = Scratch::new();
        let port = free_port();
        let text = config(scratch.path(), port, upstream_port, upstream);
        let config = scratch.file("nginx.conf", &text);
        let mut command = Command::new("nginx");
        command
            .arg("-p")
            .arg(scratch.path())
            .arg("-c")
            .arg(config)
            .args(["-g", "daemon off;"]);
        let program = Program::start(command);
        // It listens before it starts its worker, and says at this level that it did.
        let worker = program.error_line(|line| worker_in(line).is_some()).await;
        let worker = worker_in(&worker).expect("was found");
        Self {
            program,
            worker,
            port,
            scratch,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Returns what it was asked and what it asked.
    fn spans<'a>(&self, seen: &'a Seen, path: &str) -> (ReceivedSpan<'a>, ReceivedSpan<'a>) {
        let outer = from(spans::servers(seen, path), "nginx", seen);
        let inner = from(spans::clients(seen, path), "nginx", seen);
        assert_eq!(outer.attr_int("server.port"), Some(i64::from(self.port)));
        (outer, inner)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master first, so that it does not replace its worker.
        self.program.terminate();
        terminate(self.worker);
    }
}

/// Finds the process id in nginx's notice that it started a worker.
fn worker_in(line: &str) -> Option<u32> {
    let (_, pid) = line.split_once("start worker process ")?;
    pid.trim().parse().ok()
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

fn config(directory: &Path, port: u16, upstream_port: u16, upstream: &str) -> String {
    // Only root may name a user, and has to, for a worker that may write our directory.
    let user = if needs::root().is_ok() {
        "user root;"
    } else {
        ""
    };
    let kept = if upstream.is_empty() {
        ""
    } else {
        "proxy_http_version 1.1; proxy_set_header Connection '';"
    };
    let directory = directory.display();
    format!(
        "
{user}
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    upstream app {{ server 127.0.0.1:{upstream_port}; {upstream} }}
    server {{
        listen 127.0.0.1:{port};
        location /files/ {{ alias {directory}/; sendfile on; }}
        location / {{ proxy_pass http://app; {kept} }}
    }}
}}
"
    )
}
