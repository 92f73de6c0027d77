//! What is not taken is refused as OTLP and HTTP say, and goes no further.

use std::time::Duration;

use tapline_testkit::{
    Backend,
    samples::{Export, Signal},
};

use crate::{
    client::{Packing, call, send},
    gateway::{Gateway, Ports},
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

impl Case {
    /// A case that differs from a good request in its body.
    fn new(what: &'static str, status: u16, body: &[u8]) -> Self {
        Self {
            what,
            method: "POST",
            path: Signal::Traces.path(),
            media: PROTO,
            encoding: "identity",
            body: body.to_vec(),
            status,
        }
    }
}

/// What is wrong can be seen before the body is read.
fn wrong_heads() -> [Case; 4] {
    let good = Signal::Traces.sample().encode();
    let logs = Signal::Logs.sample().encode();
    [
        Case {
            path: "/v1/nothing",
            ..Case::new("an unknown path", 404, &good)
        },
        Case {
            path: Signal::Logs.path(),
            ..Case::new("a signal without a pipeline", 404, &logs)
        },
        Case {
            method: "GET",
            ..Case::new("a question", 405, b"")
        },
        Case {
            media: "text/plain",
            ..Case::new("a media type that is no OTLP", 415, &good)
        },
    ]
}

fn wrong_bodies() -> [Case; 6] {
    let good = Signal::Traces.sample().encode();
    let zeros = vec![0; 64 * 1024];
    [
        Case::new("a body that is too large", 413, &zeros),
        Case {
            encoding: "gzip",
            ..Case::new(
                "one that becomes too large",
                413,
                &Packing::Gzip.pack(&zeros),
            )
        },
        Case::new("a message that ends early", 400, &good[..good.len() - 1]),
        Case {
            media: JSON,
            ..Case::new("text that is no JSON", 400, b"{\"resourceSpans\": [")
        },
        Case {
            encoding: "gzip",
            ..Case::new("a body that is not compressed as it says", 400, &good)
        },
        Case {
            encoding: "rot13",
            ..Case::new("a compression nobody knows", 400, &good)
        },
    ]
}

#[tokio::test]
async fn what_is_no_otlp_is_refused_over_http_and_goes_no_further() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(|ports| config(ports, &backend)).await;
    let port = gateway.ports().http;
    for case in wrong_heads().into_iter().chain(wrong_bodies()) {
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
