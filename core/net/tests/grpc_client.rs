//! The gRPC client against the fake backend: bytes, status codes, and what failures are called.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tapline_net::{
    compression::Compression,
    grpc::{Balancing, Client, ClientSettings, Code, Endpoint, RpcStatus, Side, WhenUnreachable},
    proxy::ProxySettings,
    tls::{Pem, TlsSettings},
};
use tapline_testkit::{Answer, Backend, certificates, nobody_listens};

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

fn settings(endpoint: &str) -> ClientSettings {
    ClientSettings {
        endpoint: Endpoint::parse(endpoint).expect("is an endpoint"),
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

fn client(settings: ClientSettings) -> Client {
    Client::new(settings).expect("settings are good")
}

async fn refusal(client: &Client) -> RpcStatus {
    client
        .call(TRACES, Vec::new(), HeaderMap::new())
        .await
        .expect_err("is refused")
}

#[tokio::test]
async fn sends_chunks_as_one_message_with_headers() {
    let backend = Backend::start().await;
    // Two chunks that are one message only together: an empty ResourceSpans.
    let chunks = vec![Bytes::from_static(b"\x0a"), Bytes::from_static(b"\x00")];
    for (compression, encoding) in [
        (Compression::None, "identity"),
        (Compression::Gzip, "gzip"),
        (Compression::Zstd, "zstd"),
    ] {
        let mut settings = settings(&backend.endpoint());
        settings.compression = compression;
        settings
            .headers
            .insert("x-tenant", HeaderValue::from_static("blue"));
        settings.authority = Some("front.test".to_owned());
        let reply = client(settings)
            .call(TRACES, chunks.clone(), HeaderMap::new())
            .await;
        assert_eq!(reply, Ok(Bytes::new()));
        let seen = backend.seen();
        let last = seen.requests.last().expect("was recorded");
        assert_eq!(
            (last.encoding.as_str(), last.header("x-tenant")),
            (encoding, "blue")
        );
        assert_eq!(last.header("user-agent"), "tapline/test");
    }
}

#[tokio::test]
async fn a_status_comes_back_with_its_retry_info() {
    let backend = Backend::start().await;
    backend.answer_next([
        Answer::grpc(8, "slow down").retry_after(Duration::from_millis(1_500)),
        Answer::grpc(8, "too much"),
    ]);
    let client = client(settings(&backend.endpoint()));
    let delayed = RpcStatus {
        code: Code::ResourceExhausted,
        message: "slow down".to_owned(),
        retry_after: Some(Duration::from_millis(1_500)),
        side: Side::Theirs,
    };
    assert_eq!(refusal(&client).await, delayed);
    assert_eq!(refusal(&client).await.retry_after, None);
}

#[tokio::test]
async fn a_refused_connection_is_unavailable_and_names_the_endpoint() {
    let addr = nobody_listens().await;
    let client = client(settings(&addr.to_string()));
    let refused = RpcStatus {
        code: Code::Unavailable,
        message: format!("connection refused by {addr}"),
        retry_after: None,
        side: Side::Ours,
    };
    assert_eq!(refusal(&client).await, refused);
    // The same client connects once somebody listens.
    let _backend = Backend::start_on(addr).await;
    assert_eq!(
        client.call(TRACES, Vec::new(), HeaderMap::new()).await,
        Ok(Bytes::new())
    );
}

#[tokio::test]
async fn a_lost_connection_is_unavailable() {
    let backend = Backend::start().await;
    backend.answer_next([
        Answer::accept(),
        Answer::accept().after(Duration::from_mins(10)),
    ]);
    let client = client(settings(&backend.endpoint()));
    assert_eq!(
        client.call(TRACES, Vec::new(), HeaderMap::new()).await,
        Ok(Bytes::new())
    );
    // Polled in this order: the call is under way before the backend goes.
    let (stuck, _addr) = tokio::join!(refusal(&client), backend.stop());
    assert_eq!(stuck.code, Code::Unavailable);
}

#[tokio::test]
async fn a_stream_that_is_reset_is_unavailable_and_says_why() {
    const INTERNAL_ERROR: u32 = 2;
    let backend = Backend::start().await;
    backend.answer_next([Answer::reset(INTERNAL_ERROR), Answer::cut()]);
    let client = client(settings(&backend.endpoint()));
    for _ in 0..2 {
        let reset = RpcStatus {
            code: Code::Unavailable,
            message: "stream error received: unexpected internal error encountered".to_owned(),
            retry_after: None,
            side: Side::Ours,
        };
        assert_eq!(refusal(&client).await, reset);
    }
}

#[tokio::test]
async fn tls_is_spoken_with_the_given_ca() {
    let backend = Backend::start_tls().await;
    for (ca, good) in [
        (certificates::CA_PEM, true),
        (certificates::OTHER_CA_PEM, false),
    ] {
        let mut settings = settings(&backend.endpoint());
        settings.tls = Some(TlsSettings {
            ca: Some(Pem::Text(ca.to_owned())),
            ..TlsSettings::default()
        });
        let reply = client(settings)
            .call(TRACES, Vec::new(), HeaderMap::new())
            .await;
        if good {
            assert_eq!(reply, Ok(Bytes::new()));
        } else {
            let refused = reply.expect_err("is refused");
            assert_eq!(refused.code, Code::Unavailable);
            assert!(
                refused.message.contains("UnknownIssuer"),
                "{}",
                refused.message
            );
        }
    }
}

#[tokio::test]
async fn compressions_that_grpc_lacks_are_refused_by_name() {
    let mut settings = settings("backend:4317");
    settings.compression = Compression::Zlib;
    let error = Client::new(settings).expect_err("is refused").to_string();
    assert_eq!(
        error,
        "gRPC has no compression \"zlib\"; it has gzip, snappy, zstd and none"
    );
}
