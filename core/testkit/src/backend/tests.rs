//! The backend against plain sockets: what it records, and how it fails.

use std::time::Duration;

use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Answer, Backend, nobody_listens};

const LIMIT: Duration = Duration::from_secs(10);

fn one_span(path: &str) -> Vec<u8> {
    let value = Some(AnyValue {
        value: Some(Value::StringValue(path.to_owned())),
    });
    let attributes = vec![KeyValue {
        key: "url.path".to_owned(),
        value,
        ..KeyValue::default()
    }];
    let span = Span {
        name: "GET".to_owned(),
        attributes,
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans {
        spans: vec![span],
        ..ScopeSpans::default()
    }];
    let resource_spans = vec![ResourceSpans {
        scope_spans,
        ..ResourceSpans::default()
    }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

async fn post(backend: &Backend, path: &str, body: &[u8]) -> String {
    let mut socket = TcpStream::connect(backend.addr()).await.expect("connects");
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    socket
        .write_all(head.as_bytes())
        .await
        .expect("writes the head");
    socket.write_all(body).await.expect("writes the body");
    let mut answer = Vec::new();
    socket
        .read_to_end(&mut answer)
        .await
        .expect("reads the answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn remembers_what_it_accepted() {
    let backend = Backend::start().await;
    let answer = post(&backend, "/v1/traces", &one_span("/orders")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let seen = backend
        .wait_for(|seen| seen.spans().len() == 1, LIMIT)
        .await;
    assert_eq!(seen.spans()[0].attr_str("url.path"), Some("/orders"));
    assert_eq!(seen.requests[0].encoding, "identity");
}

#[tokio::test]
async fn follows_the_script_then_accepts_again() {
    let backend = Backend::start().await;
    backend.answer_next([
        Answer::http(503).header("retry-after", "7"),
        Answer::partial(1, "too old"),
        Answer::hang_up(),
    ]);
    let first = post(&backend, "/v1/traces", &one_span("/a")).await;
    assert!(
        first.starts_with("HTTP/1.1 503") && first.contains("retry-after: 7"),
        "{first}"
    );
    let second = post(&backend, "/v1/traces", &one_span("/b")).await;
    let (_, body) = second.split_once("\r\n\r\n").expect("has a body");
    let partial = ExportTraceServiceResponse::decode(body.as_bytes()).expect("is a response");
    assert_eq!(
        partial.partial_success.expect("is partial").rejected_spans,
        1
    );
    assert_eq!(post(&backend, "/v1/traces", &one_span("/c")).await, "");
    assert!(
        post(&backend, "/v1/traces", &one_span("/d"))
            .await
            .starts_with("HTTP/1.1 200")
    );
    let seen = backend.seen();
    assert_eq!((seen.requests.len(), seen.spans().len()), (4, 2));
}

#[tokio::test]
async fn rejects_what_is_not_otlp() {
    let backend = Backend::start().await;
    assert!(
        post(&backend, "/v1/traces", b"\xff")
            .await
            .starts_with("HTTP/1.1 400")
    );
    assert!(
        post(&backend, "/elsewhere", b"")
            .await
            .starts_with("HTTP/1.1 404")
    );
    assert!(backend.seen().requests.is_empty());
}

#[tokio::test]
async fn a_stopped_backend_refuses_and_can_come_back() {
    let addr = nobody_listens().await;
    let error = TcpStream::connect(addr).await.expect_err("nobody listens");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    let backend = Backend::start_on(addr).await;
    assert!(
        post(&backend, "/v1/traces", &one_span("/back"))
            .await
            .starts_with("HTTP/1.1 200")
    );
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "seen so far: 0 spans")]
async fn a_wait_in_vain_says_what_was_seen() {
    Backend::start()
        .await
        .wait_for(|seen| !seen.spans().is_empty(), LIMIT)
        .await;
}
