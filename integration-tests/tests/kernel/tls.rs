//! Libraries that read and write their sockets themselves: OpenSSL and GnuTLS, in servers and
//! clients, older and younger than the daemon.

use tapline_integration_tests::{Program, Scratch};
use tapline_testkit::Seen;
use tokio::process::Command;

use crate::{
    actors::{Server, curl},
    daemon::Daemon,
    nginx::Nginx,
    spans,
    tls_actors::{Plan, assert_encrypted, certificate, python_client, python_server},
};

/// Daemons that come and go while requests are made.
const STORMS: usize = 3;

pub(crate) async fn openssl_and_gnutls_are_told_as_if_nothing_were_encrypted() {
    let nginx = nginx_over_tls().await;
    let daemon = Daemon::start().await;
    let url = |path: &str| format!("https://127.0.0.1:{}{path}", nginx.port);
    assert_eq!(curl(&["-k"], &url("/a1c4/curl")).await.stdout, "200 6");
    let mut wget = Command::new("wget");
    wget.args(["--quiet", "--no-proxy", "--no-check-certificate", "-O", "-"]);
    wget.arg(url("/a1c4/wget"));
    assert_eq!(Program::run(wget).await.stdout, "hello");
    let secret = url("/a1c4/missing?token=a1c4secret");
    let missing = curl(&["-k", "-d", "x=1"], &secret);
    assert_eq!(missing.await.stdout, "404 4");
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/a1c4/") >= 6)
        .await;
    assert_eq!(
        spans::count(&told.seen, "/a1c4/"),
        6,
        "{}",
        spans::all(&told.seen)
    );
    let port = nginx.port.to_string();
    for (path, service, agent, status, body) in [
        ("/a1c4/curl", "curl", "curl/", "200", "6"),
        ("/a1c4/wget", "wget", "Wget/", "200", "6"),
        ("/a1c4/missing", "curl", "curl/", "404", "4"),
    ] {
        let client = spans::client(&told.seen, path);
        let server = spans::server(&told.seen, path);
        assert_eq!(
            spans::service(&client),
            service,
            "{}",
            spans::describe(&client)
        );
        assert_eq!(
            spans::service(&server),
            "nginx",
            "{}",
            spans::describe(&server)
        );
        for span in [&client, &server] {
            let facts = [
                ("http.response.status_code", status),
                ("http.response.body.size", body),
                ("server.port", port.as_str()),
                ("network.protocol.version", "1.1"),
            ];
            spans::assert_attributes(span, &facts);
            let found = spans::shown(span, "user_agent.original").unwrap_or_default();
            assert!(found.starts_with(agent), "{}", spans::describe(span));
            let text = spans::describe(span);
            assert!(!text.contains("a1c4secret"), "a value in {text}");
        }
        spans::assert_attributes(&server, &[("url.scheme", "https")]);
    }
    assert_encrypted(&spans::client(&told.seen, "/a1c4/wget"));
}

pub(crate) async fn kept_connections_are_told_request_by_request() {
    let scratch = Scratch::new();
    let daemon = Daemon::start().await;
    let server = Server::start(python_server(&scratch, "threads")).await;
    let plan = Plan {
        connections: 20,
        requests: 5,
        prefix: "b2d5-kept",
    };
    run(python_client(server.port, "many", &plan)).await;
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/b2d5-kept/") >= plan.spans())
        .await;
    // The server's sockets follow each other, and so do their descriptors and the library's
    // objects, which are used again and again.
    plan.assert_told(&told.seen);
    assert_eq!(own(&told.seen, "tapline.ebpf.tls.unbound"), Some(0));
}

pub(crate) async fn a_connection_from_before_the_daemon_is_read_from_then_on() {
    let scratch = Scratch::new();
    let server = Server::start(python_server(&scratch, "threads")).await;
    let plan = Plan {
        connections: 0,
        requests: 0,
        prefix: "",
    };
    let mut client = Program::start(python_client(server.port, "one", &plan));
    assert_eq!(client.ask("/c3e6/before").await, "told /c3e6/before");
    let daemon = Daemon::start().await;
    for path in ["/c3e6/first", "/c3e6/second"] {
        assert_eq!(client.ask(path).await, format!("told {path}"));
    }
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/c3e6/") >= 3)
        .await;
    for path in ["/c3e6/first", "/c3e6/second"] {
        assert_encrypted(&spans::client(&told.seen, path));
    }
    // The server was inside the call that read the first one, and nobody saw with which buffer.
    assert_encrypted(&spans::server(&told.seen, "/c3e6/second"));
    let count = spans::count(&told.seen, "/c3e6/");
    assert_eq!(count, 3, "{}", spans::all(&told.seen));
}

pub(crate) async fn only_targets_are_probed() {
    let scratch = Scratch::new();
    let mut command = python_server(&scratch, "threads");
    command.env("OTEL_SERVICE_NAME", "d4f7-target");
    let server = Server::start(command).await;
    let daemon = Daemon::start_with("targets: {include: [{service: d4f7-target}]}").await;
    let plan = Plan {
        connections: 2,
        requests: 2,
        prefix: "d4f7",
    };
    // The watch works in its own time, where it cannot probe a file for everybody.
    loop {
        run(python_client(server.port, "many", &plan)).await;
        if daemon.hears(|seen| spans::count(seen, "/d4f7/") > 0).await {
            break;
        }
    }
    let told = daemon
        .stop_when(|seen| own(seen, "tapline.ebpf.tls.files") == Some(1))
        .await;
    assert!(
        spans::clients(&told.seen, "/d4f7/").is_empty(),
        "{}",
        spans::all(&told.seen)
    );
    assert_encrypted(&spans::servers(&told.seen, "/d4f7/")[0]);
    let files = own(&told.seen, "tapline.ebpf.tls.files");
    assert_eq!(files, Some(1), "only the target's library");
}

pub(crate) async fn switched_off_nothing_is_probed() {
    let scratch = Scratch::new();
    let server = Server::start(python_server(&scratch, "threads")).await;
    let daemon = Daemon::start_with("tls: {enabled: false}").await;
    let plan = Plan {
        connections: 2,
        requests: 2,
        prefix: "e5a8",
    };
    run(python_client(server.port, "many", &plan)).await;
    let told = daemon
        .stop_when(|seen| own(seen, "tapline.ebpf.tls.files").is_some())
        .await;
    assert_eq!(
        spans::count(&told.seen, "/e5a8/"),
        0,
        "{}",
        spans::all(&told.seen)
    );
    assert_eq!(own(&told.seen, "tapline.ebpf.tls.files"), Some(0));
}

pub(crate) async fn nobody_notices_that_probes_come_and_go() {
    let scratch = Scratch::new();
    let server = Server::start(python_server(&scratch, "threads")).await;
    let plan = Plan {
        connections: 0,
        requests: 5,
        prefix: "f6b9",
    };
    // It ends with a failure if one answer is not what it has to be.
    let mut client = Program::start(python_client(server.port, "steady", &plan));
    for _ in 0..STORMS {
        Daemon::start().await.stop().await;
    }
    let said = client.ask("enough").await;
    let asked = said.strip_prefix("asked ").map(str::parse::<usize>);
    assert!(
        asked.is_some_and(|asked| asked.is_ok_and(|asked| asked > STORMS)),
        "{said}"
    );
    let ended = client.end().await;
    assert!(ended.status.success(), "{}", ended.stderr);
}

/// Runs a client that judges the answers itself.
pub(crate) async fn run(command: Command) {
    let ended = Program::run(command).await;
    assert!(ended.status.success(), "{}", ended.stderr);
}

/// Returns the latest value of one of the receiver's own metrics.
fn own(seen: &Seen, name: &str) -> Option<i64> {
    crate::durations::latest(seen, name)
}

/// Starts an nginx whose every answer is short; its certificate is read before it listens.
async fn nginx_over_tls() -> Nginx {
    let scratch = Scratch::new();
    let pem = certificate(&scratch);
    let pem = pem.display();
    let server = format!(
        "ssl_certificate {pem};
         ssl_certificate_key {pem};
         location /a1c4/missing {{ return 404 'gone'; }}
         location / {{ return 200 'hello\\n'; }}"
    );
    Nginx::start("", "ssl", &server).await
}
