//! Many requests on one connection, in all the shapes that HTTP allows.

use tapline_integration_tests::Scratch;
use tapline_testkit::ReceivedSpan;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use tapline_integration_tests::Program;

use crate::{
    actors::{Server, curl, free_port, node, script},
    daemon::Daemon,
    spans,
};

pub(crate) async fn ten_requests_on_one_connection_are_ten_spans() {
    let server = Server::start(node("web")).await;
    let daemon = Daemon::start().await;
    let mut client = connect(&server, None);
    for number in 0..10 {
        assert_eq!(
            client.ask(&format!("GET /b7c8-ten/{number}")).await,
            "200 11"
        );
    }
    drop(client.end().await);
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/b7c8-ten") >= 20)
        .await;
    let answered = spans::servers(&told.seen, "/b7c8-ten");
    let paths: Vec<_> = answered
        .iter()
        .filter_map(|span| span.attr_str("url.path"))
        .collect();
    let wanted: Vec<String> = (0..10)
        .map(|number| format!("/b7c8-ten/{number}"))
        .collect();
    assert_eq!(paths, wanted, "in order of start");
    let mut ports: Vec<_> = answered
        .iter()
        .map(|span| span.attr_int("network.peer.port"))
        .collect();
    ports.dedup();
    assert_eq!(ports.len(), 1, "they came on one connection");
    for span in &answered {
        assert_eq!(spans::service(span), "web");
        let facts = [
            ("http.response.body.size", "11"),
            ("network.protocol.version", "1.1"),
        ];
        spans::assert_attributes(span, &facts);
    }
    for pair in answered.windows(2) {
        let (first, second) = (pair[0].record, pair[1].record);
        assert!(
            first.end_time_unix_nano <= second.start_time_unix_nano,
            "one after another"
        );
    }
    assert_eq!(spans::clients(&told.seen, "/b7c8-ten").len(), 10);
}

/// One message of its kind.
struct Shape {
    method: &'static str,
    path: &'static str,
    sent: u64,
    status: u16,
    received: u64,
    /// For the server; for the client.
    is_error: [bool; 2],
}

/// `METHOD PATH SENT -> STATUS RECEIVED ERRORS`, sizes in bytes, errors as who sees one.
const SHAPES: &str = "
POST /b7c8-shape/post    5000 -> 200  11 nobody
GET  /b7c8-shape/chunked    0 -> 200 300 nobody
HEAD /b7c8-shape/head       0 -> 200   0 nobody
GET  /b7c8-shape/missing    0 -> 404   8 client
GET  /b7c8-shape/broken     0 -> 500   6 both
GET  /b7c8-shape/last       0 -> 200  11 nobody
";

pub(crate) async fn every_shape_of_message_is_understood() {
    let server = Server::start(node("web")).await;
    let daemon = Daemon::start().await;
    let mut client = connect(&server, None);
    let shapes: Vec<Shape> = SHAPES.lines().filter_map(shape).collect();
    for Shape {
        method,
        path,
        sent,
        status,
        received,
        ..
    } in &shapes
    {
        let body = if *sent > 0 {
            format!(" {sent}")
        } else {
            String::new()
        };
        let answer = client.ask(&format!("{method} {path}{body}")).await;
        assert_eq!(answer, format!("{status} {received}"), "{method} {path}");
    }
    drop(client.end().await);
    let count = 2 * shapes.len();
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/b7c8-shape") >= count)
        .await;
    for shape in &shapes {
        let sides = [
            spans::server(&told.seen, shape.path),
            spans::client(&told.seen, shape.path),
        ];
        for (span, is_error) in sides.iter().zip(shape.is_error) {
            assert_shape(span, shape, is_error);
        }
    }
}

fn assert_shape(span: &ReceivedSpan<'_>, shape: &Shape, is_error: bool) {
    let described = spans::describe(span);
    let status = shape.status.to_string();
    let facts = [
        ("http.request.method", shape.method),
        ("http.response.status_code", &status),
        ("http.request.body.size", &shape.sent.to_string()),
        ("http.response.body.size", &shape.received.to_string()),
    ];
    spans::assert_attributes(span, &facts);
    let route = spans::shown(span, "http.route").or_else(|| spans::shown(span, "url.template"));
    let name = route.map_or(shape.method.to_owned(), |route| {
        format!("{} {route}", shape.method)
    });
    assert_eq!(span.record.name, name);
    assert_eq!(spans::is_error(span), is_error, "{described}");
    let kind = spans::shown(span, "error.type");
    assert_eq!(kind, is_error.then_some(status), "{described}");
}

fn shape(line: &'static str) -> Option<Shape> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [method, path, sent, "->", status, received, errors] = words[..] else {
        return None;
    };
    let number = |text: &str| text.parse().expect("a number of bytes");
    Some(Shape {
        method,
        path,
        sent: number(sent),
        status: status.parse().expect("a status"),
        received: number(received),
        is_error: match errors {
            "both" => [true, true],
            "client" => [false, true],
            "nobody" => [false, false],
            other => panic!("{other}"),
        },
    })
}

pub(crate) async fn pipelined_requests_are_told_apart() {
    let server = Server::start(node("web")).await;
    let daemon = Daemon::start().await;
    let mut socket = TcpStream::connect(("127.0.0.1", server.port))
        .await
        .expect("it listens");
    let ask = |path: &str, last| format!("GET {path} HTTP/1.1\r\nHost: pipe\r\n{last}\r\n");
    let first = ask("/b7c8-pipe/1/chunked", "") + &ask("/b7c8-pipe/2/missing", "");
    let requests = first + &ask("/b7c8-pipe/3", "Connection: close\r\n");
    socket
        .write_all(requests.as_bytes())
        .await
        .expect("connected");
    let mut answers = Vec::new();
    socket
        .read_to_end(&mut answers)
        .await
        .expect("it answers and closes");
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/b7c8-pipe") >= 6)
        .await;
    for (path, status, size) in [
        ("/b7c8-pipe/1/chunked", "200", "300"),
        ("/b7c8-pipe/2/missing", "404", "8"),
        ("/b7c8-pipe/3", "200", "11"),
    ] {
        let facts = [
            ("http.response.status_code", status),
            ("http.response.body.size", size),
        ];
        spans::assert_attributes(&spans::server(&told.seen, path), &facts);
        spans::assert_attributes(&spans::client(&told.seen, path), &facts);
    }
}

pub(crate) async fn interim_answer_is_not_the_answer() {
    const SIZE: usize = 2_000_000;
    let server = Server::start(script("app")).await;
    let files = Scratch::new();
    let body = format!("@{}", files.file("body", &"x".repeat(SIZE)).display());
    let daemon = Daemon::start().await;
    let args = ["--header", "Expect: 100-continue", "--data-binary", &body];
    let ended = curl(&args, &server.url("/b7c8-continue")).await;
    assert_eq!(ended.stdout, "200 3");
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/b7c8-continue") >= 2)
        .await;
    let sent = SIZE.to_string();
    let facts = [
        ("http.request.method", "POST"),
        ("http.response.status_code", "200"),
        ("http.request.body.size", sent.as_str()),
        ("http.response.body.size", "3"),
    ];
    spans::assert_attributes(&spans::server(&told.seen, "/b7c8-continue"), &facts);
    spans::assert_attributes(&spans::client(&told.seen, "/b7c8-continue"), &facts);
}

pub(crate) async fn a_connection_from_before_the_daemon_is_seen_at_both_ends() {
    let server = Server::start(script("app")).await;
    // Which port is higher must not decide who is the server.
    let below = free_port_where(|port| port < server.port);
    let above = free_port_where(|port| port > server.port);
    let mut clients = [connect(&server, Some(below)), connect(&server, Some(above))];
    for client in &mut clients {
        assert_eq!(client.ask("GET /b7c8-before").await, "200 3");
    }
    let daemon = Daemon::start().await;
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(
            client.ask(&format!("GET /b7c8-after/{number}")).await,
            "200 3"
        );
    }
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/b7c8-after") >= 4)
        .await;
    for (number, source) in [below, above].into_iter().enumerate() {
        let path = format!("/b7c8-after/{number}");
        let (answered, asked) = (
            spans::server(&told.seen, &path),
            spans::client(&told.seen, &path),
        );
        let (port, source) = (server.port.to_string(), source.to_string());
        spans::assert_attributes(
            &answered,
            &[
                ("server.port", &port),
                ("network.peer.address", "127.0.0.1"),
                ("network.peer.port", &source),
            ],
        );
        spans::assert_attributes(
            &asked,
            &[("server.port", &port), ("network.peer.port", &port)],
        );
        assert_eq!(
            (spans::service(&asked), spans::service(&answered)),
            ("client", "app")
        );
    }
    assert_eq!(spans::count(&told.seen, "/b7c8-before"), 0);
}

/// Starts a client that keeps its connection, maybe from a port of our choice.
fn connect(server: &Server, source: Option<u16>) -> Program {
    let mut command = script("client");
    command
        .arg(server.port.to_string())
        .args(source.map(|port| port.to_string()));
    Program::start(command)
}

fn free_port_where(wanted: impl Fn(u16) -> bool) -> u16 {
    const TRIES: usize = 1000;
    let found = (0..TRIES).map(|_| free_port()).find(|port| wanted(*port));
    found.expect("the server's port is not at the end of the range")
}
