//! HTTP/2 without TLS: nginx asked by curl and h2load, Node asked by itself.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tapline_integration_tests::{Program, Scratch, terminate};
use tapline_testkit::{ReceivedSpan, Seen};
use tokio::process::Command;

use crate::{
    actors::{curl, free_port, node},
    daemon::Daemon,
    needs, spans,
};

const SIDES: [SpanKind; 2] = [SpanKind::Client, SpanKind::Server];

/// A running nginx, whose worker is asked to end after it.
struct Nginx {
    program: Program,
    worker: u32,
    port: u16,
    _scratch: Scratch,
}

pub(crate) async fn requests_of_real_programs_are_told_by_both_sides() {
    let nginx = Nginx::start().await;
    let daemon = Daemon::start().await;
    let prior = ["--http2-prior-knowledge"];
    assert_eq!(
        curl(&prior, &nginx.url("/c5e6/hello?a=b")).await.stdout,
        "200 6"
    );
    let sent = ["--http2-prior-knowledge", "--request", "DELETE"];
    let gone = curl(&sent, &nginx.url("/c5e6/gone")).await;
    assert_eq!(gone.stdout.get(..3), Some("404"), "{}", gone.stdout);
    assert_eq!(
        curl(&prior, &nginx.url("/c5e6/big")).await.stdout,
        "200 5000"
    );
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/c5e6/") >= 6)
        .await;
    for (kind, found) in [
        (SpanKind::Server, spans::servers(&told.seen, "/c5e6/")),
        (SpanKind::Client, spans::clients(&told.seen, "/c5e6/")),
    ] {
        let lines: Vec<String> = found.iter().map(line).collect();
        assert_eq!(
            lines[0],
            "GET 200 0/6",
            "{kind:?} in{}",
            spans::all(&told.seen)
        );
        assert!(lines[1].starts_with("DELETE 404 0/"), "{lines:?}");
        assert_eq!(lines[2], "GET 200 0/5000", "{kind:?}");
        for span in &found {
            let port = nginx.port.to_string();
            let facts = [
                ("network.protocol.version", "2"),
                ("server.address", "127.0.0.1"),
                ("server.port", port.as_str()),
            ];
            spans::assert_attributes(span, &facts);
        }
    }
}

pub(crate) async fn many_streams_at_once_lose_nothing() {
    let nginx = Nginx::start().await;
    let daemon = Daemon::start().await;
    let mut command = Command::new("h2load");
    command
        .args(["-n", "2000", "-c", "4", "-m", "10"])
        .arg(nginx.url("/c5e6-load"));
    let ended = Program::run(command).await;
    assert!(ended.stdout.contains("2000 succeeded"), "{}", ended.stdout);
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/c5e6-load") >= 4000)
        .await;
    for found in [
        spans::servers(&told.seen, "/c5e6-load"),
        spans::clients(&told.seen, "/c5e6-load"),
    ] {
        assert_eq!(found.len(), 2000);
        let strange = found.iter().find(|span| line(span) != "GET 200 0/6");
        assert!(strange.is_none(), "{:?}", strange.map(spans::describe));
    }
}

pub(crate) async fn all_that_may_happen_to_a_stream_is_told() {
    let mut program = Program::start(node("http2"));
    let listening = program.line(|line| line.starts_with("listening")).await;
    let port: i64 = listening
        .rsplit(' ')
        .next()
        .and_then(|port| port.parse().ok())
        .expect("a port");
    let daemon = Daemon::start().await;
    assert_eq!(program.ask("go").await, "done");
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/b3d4/last") >= 2)
        .await;
    let expected = [
        "GET 200 0/2",
        "GET 200 0/2",
        "GET ? INTERNAL_ERROR",
        "PUT 200 7000/2",
        "POST 413 0/2",
        "GET ? CANCEL",
        "GET 200 0/2",
    ];
    for kind in SIDES {
        let found = of_port(&told.seen, kind, port);
        let lines: Vec<String> = found.iter().map(line).collect();
        assert_eq!(
            lines.len(),
            expected.len(),
            "{lines:?} in{}",
            spans::all(&told.seen)
        );
        for (line, expected) in lines.iter().zip(expected) {
            assert!(
                line.starts_with(expected),
                "{line} for {expected}, {kind:?}"
            );
        }
        let text = spans::describe(&found[0]);
        assert!(!text.contains("b3d4-secret"), "{text}");
    }
}

fn of_port(seen: &Seen, kind: SpanKind, port: i64) -> Vec<ReceivedSpan<'_>> {
    spans::select(seen, kind, |span| {
        span.attr_int("server.port") == Some(port) && span.attr_str("http.request.method").is_some()
    })
}

/// A response without a status has no size to tell, but a reason.
fn line(span: &ReceivedSpan<'_>) -> String {
    let shown = |key| spans::shown(span, key);
    let method = shown("http.request.method").unwrap_or_default();
    let Some(status) = shown("http.response.status_code") else {
        return format!("{method} ? {}", shown("error.type").unwrap_or_default());
    };
    let size = |key| shown(key).unwrap_or("?".to_owned());
    let (asked, told) = (
        size("http.request.body.size"),
        size("http.response.body.size"),
    );
    format!("{method} {status} {asked}/{told}")
}

impl Nginx {
    async fn start() -> Self {
        let scratch = Scratch::new();
        let port = free_port();
        scratch.file("c5e6-big", &"x".repeat(5_000));
        let config = scratch.file("nginx.conf", &config(&scratch, port));
        let mut command = Command::new("nginx");
        command
            .arg("-p")
            .arg(scratch.path())
            .arg("-c")
            .arg(config)
            .args(["-g", "daemon off;"]);
        let program = Program::start(command);
        let started = |line: &str| worker_in(line).is_some();
        let worker = program.error_line(started).await;
        Self {
            worker: worker_in(&worker).expect("was found"),
            program,
            port,
            _scratch: scratch,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.program.terminate();
        terminate(self.worker);
    }
}

fn worker_in(line: &str) -> Option<u32> {
    line.split_once("start worker process ")?
        .1
        .trim()
        .parse()
        .ok()
}

fn config(scratch: &Scratch, port: u16) -> String {
    let here = scratch.path().display();
    // Only root may name a user, and has to, for a worker that may read our directory.
    let user = if needs::root().is_ok() {
        "user root;"
    } else {
        ""
    };
    format!(
        "
{user}
worker_processes 1;
error_log stderr notice;
pid {here}/pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {here}/body;
    proxy_temp_path {here}/proxy;
    fastcgi_temp_path {here}/fastcgi;
    uwsgi_temp_path {here}/uwsgi;
    scgi_temp_path {here}/scgi;
    server {{
        listen 127.0.0.1:{port} http2;
        location / {{ return 200 'hello\\n'; }}
        location /c5e6/gone {{ return 404; }}
        location /c5e6/big {{ alias {here}/c5e6-big; }}
    }}
}}
"
    )
}
