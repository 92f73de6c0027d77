//! One request, both ends, everything that is told about it.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, SystemTime},
};

use tapline_integration_tests::{Scratch, patient};
use tapline_testkit::ReceivedSpan;

use tapline_integration_tests::Program;

use crate::{
    actors::{Server, curl_command, http_server, script},
    daemon::Daemon,
    spans,
};

/// How far a span may be from what the test measured around a whole run of curl.
const PROGRAM_LIMIT: Duration = Duration::from_millis(100);
/// How far it may be from what the test measured around its own system calls. Times on the wall
/// clock are right to the microsecond; the rest is for being scheduled away.
const CALL_LIMIT: Duration = Duration::from_millis(5);

pub(crate) async fn curl_asks_http_server() {
    let files = Scratch::new();
    files.file("a1b2-first", &"x".repeat(1234));
    let server = http_server("127.0.0.1", files.path()).await;
    let daemon = Daemon::start().await;
    let url = server.url("/a1b2-first");
    let before = now_ns();
    let curl = Program::start(curl_command(&["--user-agent", "probe/1.0"], &url));
    let curl_pid = curl.pid();
    assert_eq!(curl.end().await.stdout, "200 1234");
    let after = now_ns();
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/a1b2-first") >= 2)
        .await;

    let asked = spans::client(&told.seen, "/a1b2-first");
    let answered = spans::server(&told.seen, "/a1b2-first");
    let port = server.port.to_string();
    let both = [
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("server.address", "127.0.0.1"),
        ("server.port", &port),
        ("network.peer.address", "127.0.0.1"),
        ("user_agent.original", "probe/1.0"),
        ("http.request.body.size", "0"),
        ("http.response.body.size", "1234"),
    ];
    for span in [&asked, &answered] {
        spans::assert_attributes(span, &both);
        let version = spans::shown(span, "network.protocol.version").unwrap_or_default();
        // One asks with 1.1, the other answers with 1.0.
        assert!(
            ["1.0", "1.1"].contains(&version.as_str()),
            "{}",
            spans::describe(span)
        );
        assert_eq!(span.record.name, "GET /{id}");
        assert!(span.attr("error.type").is_none() && !spans::is_error(span));
    }
    spans::assert_attributes(&asked, &[("url.full", &url), ("network.peer.port", &port)]);
    spans::assert_attributes(
        &answered,
        &[
            ("url.path", "/a1b2-first"),
            ("url.scheme", "http"),
            ("client.address", "127.0.0.1"),
        ],
    );
    assert_resource(&asked, "curl", curl_pid, "curl");
    let python = crate::needs::python_path()
        .file_name()
        .expect("a file")
        .to_string_lossy();
    assert_resource(&answered, "http.server", server.program.pid(), &python);
    assert_inside(&answered, &asked);
    assert_times(&asked, before, after, patient(PROGRAM_LIMIT));
}

pub(crate) async fn bodies_are_counted_to_the_byte() {
    let files = Scratch::new();
    files.file("a1b2-large", &"x".repeat(300_001));
    let server = http_server("127.0.0.1", files.path()).await;
    let daemon = Daemon::start().await;
    let ended = Program::run(curl_command(&[], &server.url("/a1b2-large"))).await;
    assert_eq!(ended.stdout, "200 300001");
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/a1b2-large") >= 2)
        .await;
    let size = [("http.response.body.size", "300001")];
    spans::assert_attributes(&spans::client(&told.seen, "/a1b2-large"), &size);
    spans::assert_attributes(&spans::server(&told.seen, "/a1b2-large"), &size);
}

pub(crate) async fn addresses_of_ipv6_are_written_as_people_do() {
    let files = Scratch::new();
    files.file("a1b2-six", "six");
    let server = http_server("::1", files.path()).await;
    let daemon = Daemon::start().await;
    let url = format!("http://[::1]:{}/a1b2-six", server.port);
    assert_eq!(Program::run(curl_command(&[], &url)).await.stdout, "200 3");
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/a1b2-six") >= 2)
        .await;
    let both = [("server.address", "::1"), ("network.peer.address", "::1")];
    let asked = spans::client(&told.seen, "/a1b2-six");
    spans::assert_attributes(&asked, &both);
    spans::assert_attributes(&asked, &[("url.full", &url)]);
    spans::assert_attributes(&spans::server(&told.seen, "/a1b2-six"), &both);
}

pub(crate) async fn times_are_those_of_the_system_calls() {
    let server = Server::start(script("app")).await;
    let daemon = Daemon::start().await;
    let mut socket = TcpStream::connect(("127.0.0.1", server.port)).expect("it listens");
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a legal timeout");
    let before = now_ns();
    socket
        .write_all(b"GET /a1b2-clock HTTP/1.1\r\nHost: clock\r\n\r\n")
        .expect("connected");
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok\n") {
        let mut buffer = [0; 4096];
        let read = socket.read(&mut buffer).expect("it answers");
        assert!(
            read > 0,
            "closed after {}",
            String::from_utf8_lossy(&answer)
        );
        answer.extend(&buffer[..read]);
    }
    let after = now_ns();
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/a1b2-clock") >= 2)
        .await;
    let asked = spans::client(&told.seen, "/a1b2-clock");
    assert_times(&asked, before, after, patient(CALL_LIMIT));
    assert_inside(&spans::server(&told.seen, "/a1b2-clock"), &asked);
}

fn assert_resource(span: &ReceivedSpan<'_>, service: &str, pid: u32, executable: &str) {
    let described = spans::describe(span);
    assert_eq!(spans::service(span), service, "{described}");
    assert_eq!(
        spans::resource_int(span, "process.pid"),
        Some(i64::from(pid)),
        "{described}"
    );
    let text = |key| {
        span.resource_str(key)
            .unwrap_or_else(|| panic!("no {key}: {described}"))
    };
    assert_eq!(text("process.executable.name"), executable);
    assert_eq!(text("telemetry.sdk.name"), "tapline");
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("a host has a name");
    assert_eq!(text("host.name"), host.trim());
    assert!(
        text("service.instance.id").ends_with(&pid.to_string()),
        "{described}"
    );
}

/// A server answers after it was asked, and has said its last byte before the client has read it.
fn assert_inside(answered: &ReceivedSpan<'_>, asked: &ReceivedSpan<'_>) {
    let (inner, outer) = (answered.record, asked.record);
    assert!(
        outer.start_time_unix_nano <= inner.start_time_unix_nano
            && inner.start_time_unix_nano <= inner.end_time_unix_nano
            && inner.end_time_unix_nano <= outer.end_time_unix_nano,
        "not one inside the other:\n{}\n{}",
        spans::describe(asked),
        spans::describe(answered),
    );
}

/// The span lies between two times on the wall clock, and not far from either.
fn assert_times(span: &ReceivedSpan<'_>, before: u64, after: u64, limit: Duration) {
    let (start, end) = (
        span.record.start_time_unix_nano,
        span.record.end_time_unix_nano,
    );
    let microseconds = |from: u64, to: u64| (i128::from(to) - i128::from(from)) / 1000;
    let (early, late) = (microseconds(before, start), microseconds(end, after));
    println!("  starts {early} µs after we did, ends {late} µs before");
    let allowed = 0..i128::try_from(limit.as_micros()).expect("short");
    assert!(
        allowed.contains(&early) && allowed.contains(&late),
        "{}",
        spans::describe(span)
    );
}

fn now_ns() -> u64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970");
    u64::try_from(since.as_nanos()).expect("until 2554")
}
