//! Which address gets a call, and what becomes of calls that no server has looked at.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::Reason;
use http::{HeaderMap, Response};
use tapline_testkit::{Backend, nobody_listens};
use tokio::{net::TcpListener, task::JoinSet};

use super::{Balancing, Client, ClientSettings, Code, Endpoint, Reply, WhenUnreachable};
use crate::{compression::Compression, dial::Place, proxy::ProxySettings};

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

fn settings(endpoint: SocketAddr) -> ClientSettings {
    ClientSettings {
        endpoint: Endpoint::parse(&endpoint.to_string()).expect("is an endpoint"),
        tls: None,
        compression: Compression::None,
        headers: HeaderMap::new(),
        user_agent: "tapline/test".to_owned(),
        authority: None,
        keepalive: None,
        balancing: Balancing::RoundRobin,
        when_unreachable: WhenUnreachable::Fail,
        proxy: ProxySettings::default(),
    }
}

/// Makes a client that has just looked up these addresses.
fn client(addresses: &[SocketAddr], balancing: Balancing) -> Client {
    let settings = ClientSettings {
        balancing,
        ..settings(addresses[0])
    };
    let client = Client::new(settings).expect("settings are good");
    let place = |address: &SocketAddr| Place::Address {
        host: "backend".to_owned(),
        address: *address,
    };
    client
        .balancer
        .replace(addresses.iter().map(place).collect());
    client
}

async fn call(client: &Client) -> Reply {
    client.call(TRACES, Vec::new(), HeaderMap::new()).await
}

fn counts(backends: &[&Backend]) -> Vec<usize> {
    let seen = backends.iter().map(|backend| backend.seen().requests.len());
    seen.collect()
}

/// Starts two backends on two addresses with one port.
async fn pair() -> (Backend, Backend) {
    let first = Backend::start().await;
    let second = SocketAddr::from(([127, 0, 0, 2], first.addr().port()));
    (first, Backend::start_on(second).await)
}

#[tokio::test]
async fn calls_go_round_and_skip_an_address_that_is_gone() {
    let (first, second) = pair().await;
    let client = client(&[first.addr(), second.addr()], Balancing::RoundRobin);
    for _ in 0..6 {
        assert_eq!(call(&client).await, Ok(Bytes::new()));
    }
    assert_eq!(counts(&[&first, &second]), [3, 3]);
    second.stop().await;
    for _ in 0..4 {
        assert_eq!(call(&client).await, Ok(Bytes::new()));
    }
    assert_eq!(counts(&[&first]), [7]);
}

#[tokio::test]
async fn pick_first_stays_until_its_address_is_gone() {
    let (first, second) = pair().await;
    let client = client(&[first.addr(), second.addr()], Balancing::PickFirst);
    for _ in 0..3 {
        assert_eq!(call(&client).await, Ok(Bytes::new()));
    }
    assert_eq!(counts(&[&first, &second]), [3, 0]);
    first.stop().await;
    assert_eq!(call(&client).await, Ok(Bytes::new()));
    assert_eq!(counts(&[&second]), [1]);
}

#[tokio::test]
async fn addresses_that_stay_keep_their_connections() {
    let backend = Backend::start().await;
    let client = client(&[backend.addr()], Balancing::RoundRobin);
    assert_eq!(call(&client).await, Ok(Bytes::new()));
    let host = "backend".to_owned();
    let address = backend.addr();
    client
        .balancer
        .replace(vec![Place::Address { host, address }]);
    assert_eq!(call(&client).await, Ok(Bytes::new()));
    let seen = backend.seen();
    assert_eq!(seen.requests[0].peer, seen.requests[1].peer);
}

#[tokio::test]
async fn a_call_that_may_wait_waits_for_a_server() {
    let addr = nobody_listens().await;
    let settings = ClientSettings {
        when_unreachable: WhenUnreachable::Wait,
        ..settings(addr)
    };
    let client = Client::new(settings).expect("settings are good");
    // Polled in this order: the first attempt to connect fails.
    let (reply, _backend) = tokio::join!(call(&client), Backend::start_on(addr));
    assert_eq!(reply, Ok(Bytes::new()));
}

/// What a scripted server does with one call.
enum Deed {
    Reset(Reason),
    Answer,
    /// Answers and takes no more calls on this connection.
    AnswerAndLeave,
}

/// Starts a server that does these deeds in order, over however many connections.
async fn scripted(deeds: Vec<Deed>) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let addr = listener.local_addr().expect("is bound");
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut deeds = deeds.into_iter();
        loop {
            let (socket, _) = listener.accept().await.expect("accepts");
            let mut connection = h2::server::handshake(socket).await.expect("speaks HTTP/2");
            while let Some(Ok((_request, mut respond))) = connection.accept().await {
                let deed = deeds.next().unwrap_or(Deed::Answer);
                if let Deed::Reset(reason) = deed {
                    respond.send_reset(reason);
                    continue;
                }
                let response = Response::builder().header("grpc-status", "0");
                let response = response.body(()).expect("is a response");
                respond.send_response(response, true).expect("is open");
                if matches!(deed, Deed::AnswerAndLeave) {
                    connection.graceful_shutdown();
                }
            }
        }
    });
    (addr, tasks)
}

#[tokio::test]
async fn a_call_that_was_refused_unseen_is_sent_again() {
    let refused = || Deed::Reset(Reason::REFUSED_STREAM);
    let (addr, _server) = scripted(vec![refused(), refused(), Deed::Answer]).await;
    assert_eq!(
        call(&client(&[addr], Balancing::RoundRobin)).await,
        Ok(Bytes::new())
    );
    let (addr, _server) = scripted(vec![refused(), refused(), refused()]).await;
    let reply = call(&client(&[addr], Balancing::RoundRobin)).await;
    assert_eq!(
        reply.expect_err("three times is enough").code,
        Code::Unavailable
    );
}

#[tokio::test]
async fn a_reset_is_a_broken_connection_and_no_judgement() {
    let cases = [
        (Reason::NO_ERROR, Code::Unavailable),
        (Reason::PROTOCOL_ERROR, Code::Unavailable),
        (Reason::INTERNAL_ERROR, Code::Unavailable),
        (Reason::STREAM_CLOSED, Code::Unavailable),
        (Reason::CANCEL, Code::Cancelled),
        (Reason::ENHANCE_YOUR_CALM, Code::Unavailable),
        (Reason::INADEQUATE_SECURITY, Code::PermissionDenied),
    ];
    for (reason, code) in cases {
        let (addr, _server) = scripted(vec![Deed::Reset(reason)]).await;
        let reply = call(&client(&[addr], Balancing::RoundRobin)).await;
        assert_eq!(reply.expect_err("was reset").code, code, "{reason}");
    }
}

#[tokio::test]
async fn a_server_that_leaves_is_connected_to_again() {
    let (addr, _server) = scripted(vec![Deed::AnswerAndLeave, Deed::AnswerAndLeave]).await;
    let client = client(&[addr], Balancing::RoundRobin);
    for _ in 0..3 {
        assert_eq!(call(&client).await, Ok(Bytes::new()));
    }
}
