//! PHP-FPM, asked by nginx over FastCGI: what it answers is told as the HTTP that it is.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tapline_integration_tests::{Program, Scratch};
use tapline_testkit::{ReceivedSpan, Seen};
use tokio::process::Command;

use crate::{
    actors::{curl, free_port},
    daemon::Daemon,
    needs,
    nginx::Nginx,
    spans,
};

const SCRIPT: &str = "<?php
http_response_code(strpos($_SERVER['REQUEST_URI'], 'broken') ? 500 : 200);
echo $_SERVER['REQUEST_METHOD'], strlen(file_get_contents('php://input')), $_COOKIE['a'] ?? '';
";

pub(crate) async fn requests_over_tcp_and_over_a_unix_socket_are_told_by_both_sides() {
    let files = Scratch::new();
    files.file("index.php", SCRIPT);
    let php = Php::start(&files).await;
    let location = |path: &str, to: &str| {
        format!(
            "location {path} {{
                include /etc/nginx/fastcgi_params;
                fastcgi_param SCRIPT_FILENAME {}/index.php;
                fastcgi_pass {to};
            }}",
            files.path().display()
        )
    };
    let over_tcp = location("/f3e2/tcp", &format!("127.0.0.1:{}", php.port));
    let socket = format!("unix:{}/php.sock", files.path().display());
    let over_unix = location("/f3e2/unix", &socket);
    let nginx = Nginx::start("", "", &format!("{over_tcp} {over_unix}")).await;
    let daemon = Daemon::start().await;
    let cookie = ["--header", "cookie: a=c0de-s3cret"];
    let posted = ["--data", "form=c0de-s3cret"];
    for (path, args, answer) in [
        ("/f3e2/tcp/ok?token=c0de-s3cret", &cookie[..], "200 15"),
        ("/f3e2/tcp/broken", &posted[..], "500 6"),
        ("/f3e2/unix/ok", &[][..], "200 4"),
    ] {
        assert_eq!(curl(args, &nginx.url(path)).await.stdout, answer, "{path}");
    }
    let told = daemon
        .stop_when(|seen| php_spans(seen, "/f3e2").len() == 3 && asked(seen).len() == 3)
        .await;
    let found = php_spans(&told.seen, "/f3e2");
    let lines: Vec<String> = found.iter().map(line).collect();
    let expected = [
        "GET /f3e2/tcp/ok 200 +0",
        "POST /f3e2/tcp/broken 500 +16",
        "GET /f3e2/unix/ok 200 +0",
    ];
    assert_eq!(lines, expected, "{}", spans::all(&told.seen));
    for (span, is_error) in found.iter().zip([false, true, false]) {
        let text = spans::describe(span);
        assert!(!text.contains("c0de"), "a secret in {text}");
        assert_eq!(spans::is_error(span), is_error, "{text}");
        spans::assert_attributes(span, &[("network.protocol.name", "fastcgi")]);
    }
    let inner = asked(&told.seen);
    assert_eq!(inner.len(), 3, "{}", spans::all(&told.seen));
    for span in inner {
        let text = spans::describe(&span);
        assert!(!span.record.parent_span_id.is_empty(), "no child: {text}");
    }
    php.program.terminate();
    php.program.end().await;
}

struct Php {
    program: Program,
    port: u16,
}

impl Php {
    async fn start(files: &Scratch) -> Self {
        let port = free_port();
        let directory = files.path().display();
        let pool = |name: &str, listen: &str| {
            format!("[{name}]\nuser = root\nlisten = {listen}\npm = static\npm.max_children = 1\n")
        };
        let tcp = pool("tcp", &format!("127.0.0.1:{port}"));
        let unix = pool("unix", &format!("{directory}/php.sock"));
        let global = "[global]\nerror_log = /proc/self/fd/2\nlog_level = notice\n";
        let config = files.file("php.conf", &format!("{global}{tcp}{unix}"));
        let mut command = Command::new(needs::php_fpm_path().expect("a need"));
        command
            .args(["--nodaemonize", "--allow-to-run-as-root", "--fpm-config"])
            .arg(config);
        let program = Program::start(command);
        program
            .error_line(|line| line.contains("ready to handle connections"))
            .await;
        Self { program, port }
    }
}

/// Returns what PHP was asked, in order of start.
fn php_spans<'a>(seen: &'a Seen, path: &str) -> Vec<ReceivedSpan<'a>> {
    let mut found = spans::servers(seen, path);
    found.retain(|span| spans::shown(span, "network.protocol.name").is_some());
    found
}

/// Returns what nginx asked of it.
fn asked(seen: &Seen) -> Vec<ReceivedSpan<'_>> {
    spans::select(seen, SpanKind::Client, |span| {
        spans::shown(span, "network.protocol.name").as_deref() == Some("fastcgi")
    })
}

fn line(span: &ReceivedSpan<'_>) -> String {
    let show = |key| spans::shown(span, key).unwrap_or_default();
    format!(
        "{} {} {} +{}",
        show("http.request.method"),
        show("url.path"),
        show("http.response.status_code"),
        show("http.request.body.size"),
    )
}
