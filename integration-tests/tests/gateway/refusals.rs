//! What is not taken is refused as OTLP and HTTP say, and goes no further.

use std::time::Duration;

use tapline_testkit::Backend;

use crate::{
    client::{Packing, call, send},
    gateway::{Gateway, Ports},
    samples::{Export, Signal},
};

const ARRIVAL_LIMIT: Duration = Duration::from_secs(5);
const PROTO: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// A request over HTTP, and how it is refused.
struct Case {
    what: &'static str,
    method: &'static str,
    path: &'static str,
    media: &'static str,
    encoding: &'static str,
    body: Vec<u8>,
    status: u16,
}

fn cases() -> Vec<Case> {
    let good = Case {
        what: "",
        method: "POST",
        path: Signal::Traces.path(),
        media: PROTO,
        encoding: "identity",
        body: Signal::Traces.sample().encode(),
        status: 400,
    };
    let case = |what, body: &[u8]| Case {
        what,
        body: body.to_vec(),
        ..good_like(&good)
    };
    let zeros = vec![0; 64 * 1024];
    vec![
        Case {
            path: "/v1/nothing",
            status: 404,
            ..case("an unknown path", &good.body)
        },
        Case {
            path: Signal::Logs.path(),
            status: 404,
            ..case(
                "a signal without a pipeline",
                &Signal::Logs.sample().encode(),
            )
        },
        Case {
            method: "GET",
            status: 405,
            ..case("a question", b"")
        },
        Case {
            media: "text/plain",
            status: 415,
            ..case("a media type that is no OTLP", &good.body)
        },
        Case {
            status: 413,
            ..case("a body that is too large", &zeros)
        },
        Case {
            status: 413,
            encoding: "gzip",
            ..case("a body that becomes too large", &Packing::Gzip.pack(&zeros))
        },
        case(
            "a message that ends early",
            &good.body[..good.body.len() - 1],
        ),
        Case {
            media: JSON,
            ..case("text that is no JSON", b"{\"resourceSpans\": [")
        },
        Case {
            encoding: "gzip",
            ..case("a body that is not compressed as it says", &good.body)
        },
        Case {
            encoding: "rot13",
            ..case("a compression nobody knows", &good.body)
        },
    ]
}

fn good_like(good: &Case) -> Case {
    Case {
        body: Vec::new(),
        ..*good
    }
}

#[tokio::test]
async fn what_is_no_otlp_is_refused_over_http_and_goes_no_further() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(|ports| config(ports, &backend)).await;
    let port = gateway.ports().http;
    for case in cases() {
        let Case { what, status, .. } = case;
        let headers = [
            ("content-type", case.media),
            ("content-encoding", case.encoding),
        ];
        let answer = send(case.method, port, case.path, &headers, &case.body).await;
        assert_eq!(answer.status(), status, "{what}: {answer:?}");
        if status == 405 {
            assert_eq!(answer.headers()["allow"], "POST");
        }
    }
    only_the_good_one_arrives(gateway, &backend).await;
}

#[tokio::test]
async fn what_is_no_otlp_is_refused_over_grpc_and_goes_no_further() {
    const INVALID_ARGUMENT: i32 = 3;
    const RESOURCE_EXHAUSTED: i32 = 8;
    const UNIMPLEMENTED: i32 = 12;
    let backend = Backend::start().await;
    let gateway = Gateway::start(|ports| config(ports, &backend)).await;
    let port = gateway.ports().grpc;
    let good = Signal::Traces.sample().encode();
    let zeros = vec![0; 2 << 20];
    for (what, method, message, code) in [
        (
            "a message that ends early",
            Signal::Traces.method(),
            &good[..good.len() - 1],
            INVALID_ARGUMENT,
        ),
        (
            "a message that is too large",
            Signal::Traces.method(),
            &zeros,
            RESOURCE_EXHAUSTED,
        ),
        (
            "a signal without a pipeline",
            Signal::Logs.method(),
            &Signal::Logs.sample().encode(),
            UNIMPLEMENTED,
        ),
        (
            "an unknown method",
            "/shop.Orders/Export",
            &good,
            UNIMPLEMENTED,
        ),
    ] {
        let called = call(port, method, Packing::None, message).await;
        assert_eq!(called.code(), code, "{what}: {called:?}");
    }
    only_the_good_one_arrives(gateway, &backend).await;
}

/// Whatever came before would have arrived before this.
async fn only_the_good_one_arrives(gateway: Gateway, backend: &Backend) {
    let sample = Signal::Traces.sample();
    let port = gateway.ports().grpc;
    let called = call(
        port,
        Signal::Traces.method(),
        Packing::None,
        &sample.encode(),
    )
    .await;
    assert_eq!(called.code(), 0, "{called:?}");
    let ended = gateway.stop_within(ARRIVAL_LIMIT).await;
    assert!(ended.status.success(), "{ended:?}");
    let seen = backend.seen();
    assert_eq!(seen.requests.len(), 1, "{seen}");
    assert_eq!(Export::received(&seen.requests[0].payload), sample);
}

fn config(ports: Ports, backend: &Backend) -> String {
    let Ports { grpc, http, .. } = ports;
    let endpoint = backend.endpoint();
    format!(
        "\
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: \"127.0.0.1:{grpc}\", max_recv_msg_size_mib: 1}}
      http: {{endpoint: \"127.0.0.1:{http}\", max_request_body_size: 4096}}
exporters:
  otlp_grpc: {{endpoint: \"{endpoint}\", tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp_grpc]}}
"
    )
}
