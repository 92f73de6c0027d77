//! OTLP/HTTP: every row of the table of answers.

use std::time::Duration;

use bytes::Bytes;
use tapline_net::{
    compression::Compression,
    grpc::{Code, RpcStatus},
};
use tapline_pdata::{Batch, Signal, json};
use tapline_pipeline::{Fault, Refusal};

use crate::{
    harness::{start, start_with},
    samples::{path, request},
};

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn every_signal_arrives_in_every_compression() {
    let running = start().await;
    let ways = [
        ("identity", Compression::None),
        ("gzip", Compression::Gzip),
        ("zstd", Compression::Zstd),
        ("zlib", Compression::Zlib),
        ("deflate", Compression::Deflate),
        ("snappy", Compression::Snappy),
        ("snappy", Compression::SnappyFramed),
        ("x-snappy-framed", Compression::SnappyFramed),
        ("lz4", Compression::Lz4),
    ];
    for signal in Signal::ALL {
        let sent = request(signal);
        for (name, compression) in ways {
            let packed = compression.compress(0, &[Bytes::from(sent.clone())]);
            let packed = packed.expect("memory takes writes");
            let headers = [PROTOBUF, ("content-encoding", name)];
            let answer = running.send("POST", path(signal), &headers, &packed).await;
            assert_eq!(answer.status(), 200, "{signal} {name}");
            assert_eq!(answer.headers()["content-type"], PROTOBUF.1);
            assert!(answer.body().is_empty(), "no field is set");
            let taken = running.pipeline.take();
            assert_eq!(taken.len(), 1, "{signal} {name}");
            assert_eq!((taken[0].signal(), taken[0].items()), (signal, 1));
            assert_eq!(taken[0].to_bytes(), sent, "{signal} {name}");
        }
    }
}

#[tokio::test]
async fn every_signal_arrives_as_json_and_is_answered_in_it() {
    let running = start().await;
    for signal in Signal::ALL {
        let batch = Batch::checked(signal, request(signal).into()).expect("prost made it");
        let text = Bytes::from(json::to_json(&batch));
        for compression in [Compression::None, Compression::Gzip] {
            let packed = compression.compress(0, std::slice::from_ref(&text));
            let encoding = compression.content_encoding().unwrap_or("identity");
            let headers = [JSON, ("content-encoding", encoding)];
            let packed = packed.expect("memory takes writes");
            let answer = running.send("POST", path(signal), &headers, &packed).await;
            assert_eq!(answer.status(), 200, "{signal}: {:?}", answer.body());
            assert_eq!(answer.headers()["content-type"], JSON.1);
            assert_eq!(answer.body(), "{}");
            let taken = running.pipeline.take();
            assert_eq!((taken[0].signal(), taken[0].items()), (signal, 1));
            assert_eq!(json::to_json(&taken[0]), text, "{signal}");
        }
    }
    let text = br#"{"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": "0102030405060708090a0b0c0d0e0f10",
        "spanId": "0102030405060708",
        "name": "GET /"
    }]}]}]}"#;
    let headers = [("content-type", "application/json; charset=utf-8")];
    let answer = running.send("POST", "/v1/traces", &headers, text).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(running.pipeline.take()[0].items(), 1);
}

#[tokio::test]
async fn paths_methods_and_media_types_are_judged_in_this_order() {
    let running = start_with(&[Signal::Traces], "", "", Vec::new()).await;
    let answer = running.send("POST", "/v1/metrics", &[PROTOBUF], b"").await;
    assert_eq!(answer.status(), 404, "no pipeline wants metrics");
    let answer = running.send("POST", "/v1/traces/", &[PROTOBUF], b"").await;
    assert_eq!(answer.status(), 404);
    for method in ["GET", "PUT", "OPTIONS"] {
        let answer = running.send(method, "/v1/traces", &[], b"").await;
        assert_eq!(answer.status(), 405);
        assert_eq!(answer.headers()["content-type"], "text/plain");
        assert_eq!(answer.body(), "405 method not allowed, supported: [POST]");
    }
    for media in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", "nonsense")],
    ] {
        let answer = running.send("POST", "/v1/traces", media, b"").await;
        assert_eq!(answer.status(), 415);
        assert_eq!(
            answer.body(),
            "415 unsupported media type, supported: [application/json, application/x-protobuf]"
        );
    }
    let with_parameter = ("content-type", "application/x-protobuf; charset=utf-8");
    let answer = running
        .send("POST", "/v1/traces", &[with_parameter], b"")
        .await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn errors_are_a_status_in_the_encoding_of_the_request() {
    let running = start().await;
    let answer = running
        .send("POST", "/v1/traces", &[PROTOBUF], b"\x0a\xff")
        .await;
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.headers()["content-type"], PROTOBUF.1);
    let status = RpcStatus::decode(answer.body());
    assert_eq!(status.code, Code::InvalidArgument);
    assert!(status.message.contains("at byte 0"), "{}", status.message);
    let answer = running
        .send("POST", "/v1/traces", &[JSON], b"{nonsense")
        .await;
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.headers()["content-type"], JSON.1);
    assert!(
        answer.body().starts_with(b"{\"code\":3,\"message\":\""),
        "{:?}",
        answer.body()
    );
}

#[tokio::test]
async fn bodies_are_bounded_and_their_encodings_known() {
    let limit = ", max_request_body_size: 5000, compression_algorithms: ['', gzip]";
    let running = start_with(&Signal::ALL, "", limit, Vec::new()).await;
    let large = vec![b'\n'; 5001];
    let answer = running.send("POST", "/v1/logs", &[PROTOBUF], &large).await;
    assert_eq!(answer.status(), 413);
    let bomb = Compression::Gzip.compress(0, &[Bytes::from(large)]);
    let bomb = bomb.expect("memory takes writes");
    let headers = [PROTOBUF, ("content-encoding", "gzip")];
    let answer = running.send("POST", "/v1/logs", &headers, &bomb).await;
    assert_eq!(answer.status(), 413);
    let headers = [PROTOBUF, ("content-encoding", "zstd")];
    let answer = running.send("POST", "/v1/logs", &headers, b"").await;
    assert_eq!(answer.status(), 400);
    let status = RpcStatus::decode(answer.body());
    assert_eq!(status.message, "unsupported Content-Encoding: zstd");
    assert_eq!(running.memory.held_bytes(), 0);
}

#[tokio::test]
async fn refusals_say_whether_and_when_to_try_again() {
    let running = start().await;
    let later = |after| Refusal::later(Fault::Backend, "x", after);
    let cases = [
        (Refusal::never(Fault::Sender, "x"), 400, None),
        (Refusal::never(Fault::Tapline, "x"), 500, None),
        (later(None), 503, Some("1")),
        (later(Some(Duration::from_millis(2500))), 503, Some("3")),
        (Refusal::full("x"), 429, Some("1")),
    ];
    for (refusal, status, after) in cases {
        running.pipeline.refuse(refusal);
        let answer = running.post(Signal::Traces, &request(Signal::Traces)).await;
        assert_eq!(answer.status(), status);
        let told = answer.headers().get("retry-after");
        assert_eq!(
            told.map(|it| it.to_str().expect("is text")),
            after,
            "{status}"
        );
        assert_eq!(RpcStatus::decode(answer.body()).message, "x");
    }
}

#[tokio::test]
async fn a_request_without_items_is_no_business_of_the_pipeline() {
    let running = start().await;
    for signal in Signal::ALL {
        assert_eq!(running.post(signal, b"").await.status(), 200, "{signal}");
    }
    assert!(running.pipeline.take().is_empty());
}

#[tokio::test]
async fn paths_and_answer_headers_are_the_users() {
    let more = ", traces_url_path: custom/spans, response_headers: {x-served-by: tapline}";
    let running = start_with(&Signal::ALL, "", more, Vec::new()).await;
    let answer = running
        .send("POST", "/custom/spans", &[PROTOBUF], b"")
        .await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-served-by"], "tapline");
    let answer = running.send("POST", "/v1/traces", &[PROTOBUF], b"").await;
    assert_eq!(answer.status(), 404);
}

#[tokio::test]
async fn web_pages_may_send_if_their_origin_is_named() {
    let more = ", cors: {allowed_origins: ['https://*.example'], allowed_headers: [x-tenant], \
                exposed_headers: [x-id], max_age: 60}";
    let running = start_with(&Signal::ALL, "", more, Vec::new()).await;
    let preflight = |origin: &'static str, headers: &'static str| {
        let asked = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", headers),
        ];
        let running = &running;
        async move { running.send("OPTIONS", "/v1/traces", &asked, b"").await }
    };
    let answer = preflight("https://shop.example", "content-type,x-tenant").await;
    assert_eq!(answer.status(), 204);
    let headers = answer.headers();
    assert_eq!(
        headers["access-control-allow-origin"],
        "https://shop.example"
    );
    assert_eq!(headers["access-control-allow-methods"], "POST");
    assert_eq!(headers["access-control-allow-credentials"], "true");
    assert_eq!(headers["access-control-max-age"], "60");
    for (origin, headers) in [
        ("https://evil.test", "content-type"),
        ("https://shop.example", "x-other"),
    ] {
        let answer = preflight(origin, headers).await;
        assert!(
            !answer.headers().contains_key("access-control-allow-origin"),
            "{origin}"
        );
    }
    let headers = [PROTOBUF, ("origin", "https://shop.example")];
    let answer = running.send("POST", "/v1/traces", &headers, b"").await;
    assert_eq!(
        answer.headers()["access-control-allow-origin"],
        "https://shop.example"
    );
    assert_eq!(answer.headers()["access-control-expose-headers"], "x-id");
}
