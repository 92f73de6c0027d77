//! Every signal, by every way in, in every compression, arrives as it was sent.

use std::time::Duration;

use tapline_testkit::{
    Backend, Protocol,
    samples::{Export, Signal},
};

use crate::{
    client::{Packing, call, send},
    gateway::{Gateway, Ports},
};

const ARRIVAL_LIMIT: Duration = Duration::from_secs(5);

/// A way in.
#[derive(Clone, Copy, Debug)]
enum Way {
    Grpc,
    HttpProto,
    HttpJson,
}

#[tokio::test]
async fn every_signal_arrives_by_every_way_as_it_was_sent() {
    let (over_grpc, over_http) = (Backend::start().await, Backend::start().await);
    let gateway = Gateway::start(|ports| config(ports, &over_grpc, &over_http)).await;
    let mut sent = 0;
    for signal in Signal::ALL {
        for way in [Way::Grpc, Way::HttpProto, Way::HttpJson] {
            for packing in Packing::ALL {
                let case = format!("{signal:?} by {way:?} in {packing:?}");
                deliver(gateway.ports(), signal, way, packing, &case).await;
                sent += 1;
                for (backend, protocol) in
                    [(&over_grpc, Protocol::Grpc), (&over_http, Protocol::Http)]
                {
                    let arrived = |seen: &tapline_testkit::Seen| seen.requests.len() == sent;
                    let seen = backend.wait_for(arrived, ARRIVAL_LIMIT).await;
                    let last = seen.requests.last().expect("waited for it");
                    assert_eq!(last.protocol, protocol, "{case}");
                    assert_eq!(Export::received(&last.payload), signal.sample(), "{case}");
                }
            }
        }
    }
    let ended = gateway.stop_within(ARRIVAL_LIMIT).await;
    assert!(ended.status.success(), "{ended:?}");
}

/// Sends the sample of a signal and expects that it is taken.
async fn deliver(ports: Ports, signal: Signal, way: Way, packing: Packing, case: &str) {
    let message = signal.sample().encode();
    let (media, body) = match way {
        Way::Grpc => {
            let called = call(ports.grpc, signal.method(), packing, &message).await;
            assert_eq!(called.code(), 0, "{case}: {called:?}");
            return;
        }
        Way::HttpProto => ("application/x-protobuf", message),
        Way::HttpJson => ("application/json", signal.json().into()),
    };
    let headers = [
        ("content-type", media),
        ("content-encoding", packing.name()),
    ];
    let body = packing.pack(&body);
    let answer = send("POST", ports.http, signal.path(), &headers, &body).await;
    assert_eq!(answer.status(), 200, "{case}: {answer:?}");
    assert_eq!(answer.headers()["content-type"], media, "{case}");
}

fn config(ports: Ports, over_grpc: &Backend, over_http: &Backend) -> String {
    let (grpc, http) = (over_grpc.endpoint(), over_http.url());
    let pipeline = "{receivers: [otlp], exporters: [otlp_grpc, otlp_http]}";
    ports.receivers()
        + &format!(
            "\
exporters:
  otlp_grpc: {{endpoint: \"{grpc}\", tls: {{insecure: true}}}}
  otlp_http: {{endpoint: \"{http}\", compression: zstd}}
service:
  pipelines:
    traces: {pipeline}
    metrics: {pipeline}
    logs: {pipeline}
    profiles: {pipeline}
"
        )
}
