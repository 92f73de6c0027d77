//! The end of a gateway: what can be delivered is, what cannot is counted, and it ends in time.

use std::time::{Duration, Instant};

use tapline_testkit::{Backend, nobody_listens, samples::Signal};

use crate::{
    client::{Packing, call},
    gateway::{Gateway, Ports},
};

const REQUESTS: usize = 25;

#[tokio::test]
async fn a_backend_that_is_down_costs_the_timeout_and_an_exact_count() {
    const TIMEOUT: Duration = Duration::from_secs(2);
    let down = nobody_listens().await.to_string();
    let gateway = Gateway::start_with(&["--shutdown-timeout", "2s"], |ports| {
        config(ports, &down, "10ms")
    })
    .await;
    send(&gateway).await;
    gateway.says("exporting fails").await;
    let began = Instant::now();
    // The rest of the limit is for a machine that has other things to do.
    let ended = gateway.stop_within(TIMEOUT + Duration::from_secs(3)).await;
    let took = began.elapsed();
    assert!(ended.status.success(), "{ended:?}");
    let lost = format!("\"lost_items\": {REQUESTS},");
    assert!(ended.stderr.contains(&lost), "{}", ended.stderr);
    let who = "exporter otlp_grpc lost traces (shutdown)";
    assert!(ended.stderr.contains(who), "{}", ended.stderr);
    assert!(took < TIMEOUT + Duration::from_secs(3), "took {took:?}");
}

#[tokio::test]
async fn what_waits_in_a_batch_is_delivered_before_the_end() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(|ports| config(ports, &backend.endpoint(), "1h")).await;
    send(&gateway).await;
    assert_eq!(backend.seen().spans().len(), 0, "the batch is far from due");
    let ended = gateway.stop_within(Duration::from_secs(5)).await;
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(backend.seen().spans().len(), REQUESTS);
    assert!(!ended.stderr.contains("lost_items"), "{}", ended.stderr);
}

async fn send(gateway: &Gateway) {
    let message = Signal::Traces.sample().encode();
    for _ in 0..REQUESTS {
        let port = gateway.ports().grpc;
        let called = call(port, Signal::Traces.method(), Packing::None, &message).await;
        assert_eq!(called.code(), 0, "{called:?}");
    }
}

fn config(ports: Ports, endpoint: &str, batch_timeout: &str) -> String {
    ports.receivers()
        + &format!(
            "\
processors:
  batch: {{timeout: {batch_timeout}}}
exporters:
  otlp_grpc: {{endpoint: \"{endpoint}\", tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [batch], exporters: [otlp_grpc]}}
"
        )
}
