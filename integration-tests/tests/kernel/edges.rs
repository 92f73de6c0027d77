//! What sockets do at their edges, with both ends in this very process: reads of one byte, answers
//! that are read after the connection is over, preambles, sockets without addresses.
#![expect(
    clippy::disallowed_methods,
    reason = "plain threads wait until the kernel has moved on, which nothing tells them"
)]

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::net::{UnixListener, UnixStream},
    thread,
    time::Duration,
};

use tapline_integration_tests::Scratch;
use tapline_testkit::Seen;

use crate::{daemon::Daemon, spans};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// Long enough for everything that the other end sent to have arrived.
const ARRIVES: Duration = Duration::from_millis(100);

/// Lets a server and a client talk over TCP while the daemon watches, until `count` spans came.
async fn talk(
    path: &'static str,
    count: usize,
    server: impl FnOnce(TcpStream) + Send + 'static,
    client: impl FnOnce(TcpStream) + Send + 'static,
) -> Seen {
    let daemon = Daemon::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let serving = thread::spawn(move || server(listener.accept().expect("somebody connects").0));
    let talking = thread::spawn(move || client(TcpStream::connect(address).expect("it listens")));
    let told = daemon
        .stop_when(|seen| spans::count(seen, path) >= count)
        .await;
    talking.join().expect("the client is done");
    serving.join().expect("the server is done");
    told.seen
}

fn read_head(socket: &mut impl Read, step: usize) -> Vec<u8> {
    let mut head = Vec::new();
    let mut piece = vec![0; step];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let got = socket.read(&mut piece).expect("connected");
        assert!(got > 0, "the head never ended");
        head.extend_from_slice(&piece[..got]);
    }
    head
}

fn ask(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: edge\r\n\r\n").into_bytes()
}

pub(crate) async fn head_read_byte_by_byte_is_understood() {
    let path = "/e0a1-bytes";
    let server = |mut socket: TcpStream| {
        read_head(&mut socket, 1);
        socket.write_all(OK).expect("connected");
    };
    let client = move |mut socket: TcpStream| {
        for byte in ask(path) {
            socket.write_all(&[byte]).expect("connected");
        }
        read_head(&mut socket, 1);
    };
    let seen = talk(path, 2, server, client).await;
    for span in [spans::server(&seen, path), spans::client(&seen, path)] {
        spans::assert_attributes(&span, &[("http.response.status_code", "200")]);
    }
}

/// The server answers before it has read everything and closes: the answer is there, then a reset.
pub(crate) async fn answer_read_after_the_reset_is_still_an_answer() {
    let path = "/e0a2-early";
    let server = |mut socket: TcpStream| {
        read_head(&mut socket, 40);
        thread::sleep(ARRIVES);
        let answer = b"HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno";
        socket.write_all(answer).expect("connected");
    };
    let client = move |mut socket: TcpStream| {
        let head = format!("POST {path} HTTP/1.1\r\nHost: e\r\nContent-Length: 5000\r\n\r\n");
        socket.write_all(head.as_bytes()).expect("connected");
        socket.write_all(&[b'x'; 3000]).expect("connected");
        thread::sleep(3 * ARRIVES);
        read_head(&mut socket, 1000);
    };
    let seen = talk(path, 2, server, client).await;
    let asked = spans::client(&seen, path);
    spans::assert_attributes(&asked, &[("http.response.status_code", "413")]);
}

/// The client says that it is done and reads later: by then the connection is over.
pub(crate) async fn answer_read_after_a_half_close_is_still_an_answer() {
    let path = "/e0a3-half";
    let server = |mut socket: TcpStream| {
        read_head(&mut socket, 1000);
        socket.write_all(OK).expect("connected");
    };
    let client = move |mut socket: TcpStream| {
        socket.write_all(&ask(path)).expect("connected");
        socket.shutdown(Shutdown::Write).expect("connected");
        thread::sleep(2 * ARRIVES);
        read_head(&mut socket, 1000);
    };
    let seen = talk(path, 2, server, client).await;
    let asked = spans::client(&seen, path);
    spans::assert_attributes(&asked, &[("http.response.status_code", "200")]);
    assert!(!spans::is_error(&asked), "{}", spans::describe(&asked));
}

pub(crate) async fn request_behind_a_proxy_preamble_is_understood() {
    let path = "/e0a4-proxied";
    let server = |mut socket: TcpStream| {
        read_head(&mut socket, 1000);
        socket.write_all(OK).expect("connected");
    };
    let client = move |mut socket: TcpStream| {
        let preamble = b"PROXY TCP4 203.0.113.7 10.0.0.2 4000 80\r\n".to_vec();
        socket
            .write_all(&[preamble, ask(path)].concat())
            .expect("connected");
        read_head(&mut socket, 1000);
    };
    let seen = talk(path, 2, server, client).await;
    let answered = spans::server(&seen, path);
    spans::assert_attributes(&answered, &[("http.response.status_code", "200")]);
}

pub(crate) async fn request_over_a_unix_socket_is_understood() {
    let path = "/e0a5-unix";
    let scratch = Scratch::new();
    let name = scratch.path().join("socket");
    let listener = UnixListener::bind(&name).expect("a fresh folder");
    let daemon = Daemon::start().await;
    let serving = thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("somebody connects");
        read_head(&mut socket, 1000);
        // It lasts until the server closes.
        socket
            .write_all(b"HTTP/1.0 200 OK\r\n\r\nuntil the end")
            .expect("connected");
    });
    let mut socket = UnixStream::connect(&name).expect("it listens");
    socket.write_all(&ask(path)).expect("connected");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).expect("connected");
    serving.join().expect("the server is done");
    let told = daemon.stop_when(|seen| spans::count(seen, path) >= 1).await;
    let asked = spans::client(&told.seen, path);
    let wanted = [
        ("http.response.status_code", "200"),
        ("http.response.body.size", "13"),
        ("network.transport", "unix"),
    ];
    spans::assert_attributes(&asked, &wanted);
}
