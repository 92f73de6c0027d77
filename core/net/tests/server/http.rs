//! The HTTP server, driven by raw bytes on a socket.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::StatusCode;
use tapline_config::Transport;
use tapline_net::{
    compression::Compression,
    http::{Answer, BodyError, Handler, Request, ServerSettings, serve},
    listen::Listener,
};
use tokio::sync::{Notify, oneshot};

/// Answers with the body it got; `/slow` waits until it is let go.
#[derive(Default)]
struct Echo {
    entered: Notify,
    go: Notify,
}

#[async_trait]
impl Handler for Echo {
    async fn handle(&self, request: Request) -> Answer {
        if request.head.uri.path() == "/slow" {
            self.entered.notify_one();
            self.go.notified().await;
        }
        let (status, body) = match request.body.read(&mut |_| Ok(())).await {
            Ok(body) => (StatusCode::OK, body),
            Err(BodyError::TooLarge(_)) => (StatusCode::PAYLOAD_TOO_LARGE, Bytes::new()),
            Err(error) => (StatusCode::BAD_REQUEST, error.to_string().into()),
        };
        let mut answer = Answer::new(body);
        *answer.status_mut() = status;
        answer
    }
}

struct Server {
    endpoint: String,
    echo: Arc<Echo>,
    stop: oneshot::Sender<()>,
    done: tokio::task::JoinHandle<()>,
}

async fn start(settings: ServerSettings) -> Server {
    let listener = Listener::bind(Transport::Tcp, "127.0.0.1:0").await;
    let listener = listener.expect("the kernel has a port");
    let (endpoint, echo) = (listener.endpoint().to_owned(), Arc::new(Echo::default()));
    let (stop, stopped) = oneshot::channel();
    let handler = Arc::clone(&echo);
    let serving = serve(listener, settings, handler, async {
        let _ = stopped.await;
    });
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(serving);
    let done = tokio::runtime::Handle::current().spawn(async move {
        tasks.join_next().await;
    });
    Server {
        endpoint,
        echo,
        stop,
        done,
    }
}

impl Server {
    /// Sends bytes and reads everything up to the end of the connection.
    async fn raw(&self, request: Vec<u8>) -> String {
        let endpoint = self.endpoint.clone();
        tokio::task::spawn_blocking(move || {
            let mut socket = TcpStream::connect(endpoint).expect("listens");
            socket.write_all(&request).expect("is read");
            let mut answer = String::new();
            socket.read_to_string(&mut answer).expect("is text");
            answer
        })
        .await
        .expect("does not panic")
    }

    async fn post(&self, headers: &str, body: &[u8]) -> String {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             Content-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        self.raw([head.as_bytes(), body].concat()).await
    }
}

fn small() -> ServerSettings {
    ServerSettings {
        body_bytes_max: 1000,
        ..ServerSettings::default()
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_however_it_is_sent() {
    let server = start(small()).await;
    let answer = server.post("", &[b'a'; 1001]).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let chunked = [
        b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            .as_slice(),
        b"3e9\r\n",
        &[b'a'; 1001],
        b"\r\n0\r\n\r\n",
    ];
    let answer = server.raw(chunked.concat()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let bomb = Compression::Gzip.compress(0, &[Bytes::from(vec![0; 1001])]);
    let bomb = bomb.expect("memory takes writes");
    let answer = server.post("Content-Encoding: gzip\r\n", &bomb).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let answer = server.post("", &[b'a'; 1000]).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn unknown_and_damaged_encodings_are_refused() {
    let server = start(small()).await;
    let answer = server.post("Content-Encoding: br\r\n", b"x").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(
        answer.ends_with("unsupported Content-Encoding: br"),
        "{answer}"
    );
    let answer = server.post("Content-Encoding: gzip\r\n", b"not gzip").await;
    assert!(
        answer.contains("request body is not valid gzip"),
        "{answer}"
    );
}

#[tokio::test]
async fn what_is_under_way_is_finished_and_then_refused() {
    let server = start(small()).await;
    let Server {
        endpoint,
        echo,
        stop,
        done,
    } = server;
    let request = b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi".to_vec();
    let socket = tokio::net::TcpStream::connect(&endpoint).await;
    let mut socket = socket.expect("listens");
    tokio::io::AsyncWriteExt::write_all(&mut socket, &request)
        .await
        .expect("is read");
    echo.entered.notified().await;
    stop.send(()).expect("is running");
    echo.go.notify_one();
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut socket, &mut answer)
        .await
        .expect("is text");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("hi"),
        "{answer}"
    );
    done.await.expect("ends");
    assert!(
        TcpStream::connect(&endpoint).is_err(),
        "port 0 is not parked"
    );
}

#[tokio::test]
async fn a_quiet_connection_is_told_that_its_next_answer_is_the_last() {
    let server = start(small()).await;
    let socket = tokio::net::TcpStream::connect(&server.endpoint).await;
    let mut socket = socket.expect("listens");
    let request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";
    tokio::io::AsyncWriteExt::write_all(&mut socket, request)
        .await
        .expect("is read");
    let mut first = Vec::new();
    while !first.ends_with(b"hi") {
        let read = tokio::io::AsyncReadExt::read_buf(&mut socket, &mut first).await;
        assert_ne!(read.expect("is answered"), 0, "it stays open");
    }
    server.stop.send(()).expect("is running");
    socket.try_write(request).expect("there is room for it");
    let mut last = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut socket, &mut last)
        .await
        .expect("is text");
    assert!(last.starts_with("HTTP/1.1 200"), "{last}");
    assert!(last.contains("connection: close"), "{last}");
    server.done.await.expect("ends");
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut() {
    let mut settings = small();
    settings.limits.drain_time_max = Duration::from_millis(20);
    let server = start(settings).await;
    let socket = tokio::net::TcpStream::connect(&server.endpoint).await;
    let mut socket = socket.expect("listens");
    let request = b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";
    tokio::io::AsyncWriteExt::write_all(&mut socket, request)
        .await
        .expect("is read");
    server.echo.entered.notified().await;
    server.stop.send(()).expect("is running");
    server.done.await.expect("ends");
    let mut answer = Vec::new();
    let _cut = tokio::io::AsyncReadExt::read_to_end(&mut socket, &mut answer).await;
    assert!(answer.is_empty());
}

#[tokio::test]
async fn a_connection_without_a_request_ends() {
    let settings = ServerSettings {
        idle_max: Some(Duration::from_millis(10)),
        head_time_max: None,
        ..small()
    };
    let server = start(settings).await;
    // Without `Connection: close`, only the server can end this.
    let answer = server
        .raw(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".to_vec())
        .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn without_keep_alive_a_connection_serves_one_request() {
    let settings = ServerSettings {
        keep_alive: false,
        ..small()
    };
    let server = start(settings).await;
    let answer = server
        .raw(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".to_vec())
        .await;
    assert!(answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn a_head_or_a_body_that_never_ends_is_given_up() {
    let short = Some(Duration::from_millis(20));
    let settings = ServerSettings {
        head_time_max: short,
        idle_max: None,
        body_time_max: short,
        ..small()
    };
    let server = start(settings).await;
    let head = b"POST / HTTP/1.1\r\nHost: x\r\n".to_vec();
    let answer = server.raw(head.clone()).await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    let body = [
        &head[..],
        b"Connection: close\r\nContent-Length: 5\r\n\r\nhi",
    ]
    .concat();
    let answer = server.raw(body).await;
    assert!(answer.contains("did not arrive within 20ms"), "{answer}");
}

#[tokio::test]
async fn connections_over_the_bound_wait_for_a_place() {
    let mut settings = small();
    settings.limits.connections_max = Some(1);
    let server = start(settings).await;
    let first = tokio::net::TcpStream::connect(&server.endpoint).await;
    let mut first = first.expect("listens");
    let slow = b"POST /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut first, slow)
        .await
        .expect("is read");
    server.echo.entered.notified().await;
    let second = server.post("", b"waited");
    let let_go = async { server.echo.go.notify_one() };
    let (answer, ()) = tokio::join!(second, let_go);
    assert!(answer.ends_with("waited"), "{answer}");
}
