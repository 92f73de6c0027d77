//! Connections of the gRPC server: how long they live, and how they end.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tapline_config::Transport;
use tapline_net::{
    grpc::{Call, Refused, ServerKeepalive, ServerSettings, Service, serve},
    listen::Listener,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    task::JoinSet,
};

/// What a client sends first, and its settings, which are empty.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The type of a frame that ends a connection.
const GOAWAY: u8 = 7;

struct Nobody;

#[async_trait]
impl Service for Nobody {
    async fn call(&self, call: Call) -> Result<Bytes, Refused> {
        Err(Refused::unknown_method(call.head.uri.path()))
    }
}

async fn start(keepalive: ServerKeepalive) -> (TcpStream, JoinSet<()>) {
    let listener = Listener::bind(Transport::Tcp, "127.0.0.1:0").await;
    let listener = listener.expect("the kernel has a port");
    let endpoint = listener.endpoint().to_owned();
    let settings = ServerSettings {
        keepalive,
        ..ServerSettings::default()
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(serve(
        listener,
        settings,
        Arc::new(Nobody),
        std::future::pending(),
    ));
    let mut client = TcpStream::connect(&endpoint).await.expect("listens");
    client.write_all(HELLO).await.expect("is read");
    (client, tasks)
}

/// Never answers; says when it was asked, and when it was given up.
#[derive(Default)]
struct Never {
    asked: Arc<Notify>,
    given_up: Arc<Notify>,
}

struct NotifyOnDrop(Arc<Notify>);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[async_trait]
impl Service for Never {
    async fn call(&self, _call: Call) -> Result<Bytes, Refused> {
        let _gone = NotifyOnDrop(Arc::clone(&self.given_up));
        self.asked.notify_one();
        std::future::pending().await
    }
}

#[tokio::test]
async fn calls_that_do_not_end_in_time_are_cut() {
    let listener = Listener::bind(Transport::Tcp, "127.0.0.1:0").await;
    let listener = listener.expect("the kernel has a port");
    let endpoint = listener.endpoint().to_owned();
    let mut settings = ServerSettings::default();
    settings.limits.drain_time_max = Duration::from_millis(20);
    let service = Never::default();
    let (asked, given_up) = (Arc::clone(&service.asked), Arc::clone(&service.given_up));
    let serving = serve(listener, settings, Arc::new(service), async move {
        asked.notified().await;
    });
    let socket = TcpStream::connect(&endpoint).await.expect("listens");
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await;
    let (mut client, connection) = handshake.expect("speaks HTTP/2");
    let mut tasks = JoinSet::new();
    tasks.spawn(async {
        let _closed = connection.await;
    });
    let request = http::Request::post("http://x/y.Z/W").header("content-type", "application/grpc");
    let request = request.body(Full::new(Bytes::new())).expect("is a request");
    let (answer, ()) = tokio::join!(client.send_request(request), serving);
    assert!(answer.is_err(), "{answer:?}");
    given_up.notified().await;
}

/// Reads frames until one of this type; `None` when the connection ends before.
async fn until_frame(client: &mut TcpStream, wanted: u8) -> Option<Vec<u8>> {
    loop {
        let mut head = [0; 9];
        client.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut body = vec![0; usize::try_from(length).expect("is short")];
        client.read_exact(&mut body).await.ok()?;
        if head[3] == wanted {
            return Some(body);
        }
    }
}

#[tokio::test]
async fn an_idle_connection_is_told_to_go() {
    let keepalive = ServerKeepalive {
        idle_max: Some(Duration::from_millis(10)),
        ..ServerKeepalive::default()
    };
    let (mut client, _server) = start(keepalive).await;
    assert!(until_frame(&mut client, GOAWAY).await.is_some());
}

#[tokio::test]
async fn an_old_connection_is_told_to_go_and_then_cut() {
    let short = Some(Duration::from_millis(10));
    let keepalive = ServerKeepalive {
        age_max: short,
        age_grace: short,
        ..ServerKeepalive::default()
    };
    let (mut client, _server) = start(keepalive).await;
    assert!(until_frame(&mut client, GOAWAY).await.is_some());
    assert_eq!(until_frame(&mut client, u8::MAX).await, None, "is closed");
}

#[tokio::test]
async fn a_client_that_does_not_answer_a_ping_is_cut() {
    let keepalive = ServerKeepalive {
        ping_after: Duration::from_millis(10),
        ping_time_max: Duration::from_millis(10),
        ..ServerKeepalive::default()
    };
    let (mut client, _server) = start(keepalive).await;
    assert_eq!(until_frame(&mut client, u8::MAX).await, None, "is closed");
}
