//! What people serve and ask with, out of PyPI, with and without TLS: every request is
//! told once by each side, of whichever client, thread or event loop.

use std::path::PathBuf;

use tapline_integration_tests::{Program, Scratch};
use tapline_testkit::{ReceivedSpan, Seen};
use tokio::process::Command;

use crate::{
    actors::{Server, free_port, script_of},
    daemon::Daemon,
    harness::Missing,
    packages::Packages,
    spans,
    tls::run,
    tls_actors::certificate,
};

const WEB: Packages = Packages {
    name: "web",
    wanted: &[
        "aiohttp==3.14.5",
        "gunicorn==23.0.0",
        "httpx==0.28.1",
        "requests==2.34.2",
        "uvicorn==0.34.0",
    ],
};
/// Answers every path with itself, as either kind of server wants it.
const APPLICATION: &str = r#"
def wsgi(environ, start):
    body = environ["PATH_INFO"].encode()
    start("200 OK", [("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):
    body = scope["path"].encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
"#;
const SCHEMES: [&str; 2] = ["http", "https"];
/// Of `web_ask.py`: four libraries, two sessions, two requests.
const ASKED: usize = 16;

/// A Python with all of them.
pub(crate) fn packages() -> Result<(), Missing> {
    WEB.python().map(drop)
}

pub(crate) async fn gunicorn_of_one_thread_is_told_by_both_sides() {
    gunicorn("c1e8-sync", &["--worker-class", "sync"]).await;
}

pub(crate) async fn gunicorn_of_many_threads_is_told_by_both_sides() {
    let threads = ["--worker-class", "gthread", "--threads", "4"];
    gunicorn("d2f9-gthread", &threads).await;
}

async fn gunicorn(prefix: &str, arguments: &[&str]) {
    let scratch = Scratch::new();
    let pem = application(&scratch);
    let mut servers = Vec::new();
    for scheme in SCHEMES {
        let port = free_port();
        let mut command = Command::new(python().with_file_name("gunicorn"));
        command.current_dir(scratch.path()).args(arguments);
        command.args(["--bind", &format!("127.0.0.1:{port}")]);
        if scheme == "https" {
            command.arg("--certfile").arg(&pem);
            command.arg("--keyfile").arg(&pem);
        }
        command.arg("echo_app:wsgi");
        let program = Program::start(command);
        let booted = |line: &str| line.contains("Booting worker");
        program.error_line(booted).await;
        servers.push(Server { program, port });
    }
    told_by_both_sides(prefix, &servers).await;
}

pub(crate) async fn uvicorn_is_told_by_both_sides() {
    let scratch = Scratch::new();
    let pem = application(&scratch);
    let mut servers = Vec::new();
    for scheme in SCHEMES {
        let port = free_port();
        let mut command = Command::new(python());
        command.current_dir(scratch.path());
        command.args(["-m", "uvicorn", "--lifespan", "off"]);
        command.args(["--port", &port.to_string()]);
        if scheme == "https" {
            command.arg("--ssl-certfile").arg(&pem);
            command.arg("--ssl-keyfile").arg(&pem);
        }
        command.arg("echo_app:asgi");
        let program = Program::start(command);
        program.error_line(|line| line.contains("running on")).await;
        servers.push(Server { program, port });
    }
    told_by_both_sides("e3a1-uvicorn", &servers).await;
}

pub(crate) async fn aiohttp_is_told_by_both_sides() {
    let scratch = Scratch::new();
    let pem = certificate(&scratch);
    let mut servers = Vec::new();
    for scheme in SCHEMES {
        let mut command = Command::new(python());
        command.arg(script_of("web_aiohttp.py"));
        if scheme == "https" {
            command.arg(&pem);
        }
        servers.push(Server::start(command).await);
    }
    told_by_both_sides("f4b2-aiohttp", &servers).await;
}

fn python() -> PathBuf {
    WEB.python().expect("a need")
}

fn application(scratch: &Scratch) -> PathBuf {
    scratch.file("echo_app.py", APPLICATION);
    certificate(scratch)
}

/// Has all clients ask a server of each scheme.
async fn told_by_both_sides(prefix: &str, servers: &[Server]) {
    let daemon = Daemon::start().await;
    for (scheme, server) in SCHEMES.iter().zip(servers) {
        let mut command = Command::new(python());
        command.arg(script_of("web_ask.py"));
        command.args([scheme, server.port.to_string().as_str()]);
        command.arg(format!("{prefix}-{scheme}"));
        run(command).await;
    }
    judge(daemon, prefix).await;
}

/// Every request once by each side, with its answer and its scheme.
async fn judge(daemon: Daemon, prefix: &str) {
    let wanted = 2 * SCHEMES.len() * ASKED;
    let begin = format!("/{prefix}-http");
    let told = daemon
        .stop_when(|seen| spans::count(seen, &begin) >= wanted)
        .await;
    for scheme in SCHEMES {
        let begin = format!("/{prefix}-{scheme}/");
        let sides: [(Vec<ReceivedSpan<'_>>, &str); 2] = [
            (spans::servers(&told.seen, &begin), "url.path"),
            (spans::clients(&told.seen, &begin), "url.full"),
        ];
        for (found, key) in sides {
            assert_side(&told.seen, &found, key, (scheme, &begin));
        }
    }
}

fn assert_side(seen: &Seen, found: &[ReceivedSpan<'_>], key: &str, (scheme, begin): (&str, &str)) {
    let shown = |span: &ReceivedSpan<'_>| spans::shown(span, key).expect("chosen by it");
    let mut paths: Vec<String> = found.iter().map(shown).collect();
    paths.sort_unstable();
    let count = paths.len();
    paths.dedup();
    let all = || spans::all(seen);
    assert_eq!(count, ASKED, "{key} of {begin}: {paths:?} {}", all());
    assert_eq!(paths.len(), ASKED, "{key}: told twice {}", all());
    for span in found {
        let facts = [
            ("http.request.method", "GET"),
            ("http.response.status_code", "200"),
            ("network.protocol.version", "1.1"),
        ];
        spans::assert_attributes(span, &facts);
        assert!(!spans::is_error(span), "{}", spans::describe(span));
        let told = spans::shown(span, "url.scheme");
        let url = spans::shown(span, "url.full").unwrap_or_default();
        let told = told.or_else(|| Some(url.split_once(':')?.0.to_owned()));
        assert_eq!(told.as_deref(), Some(scheme), "{}", spans::describe(span));
    }
}
