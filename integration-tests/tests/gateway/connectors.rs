//! Pipelines that are joined by a connector, in a file with the names of older Collectors.

use std::time::Duration;

use tapline_testkit::{Backend, samples::Signal};

use crate::{
    client::{Packing, call},
    gateway::{Gateway, Ports},
};

const LIMIT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn what_comes_in_leaves_through_the_pipelines_behind_a_connector() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(|ports| config(ports, &backend)).await;
    for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
        let message = signal.sample().encode();
        let called = call(
            gateway.ports().grpc,
            signal.method(),
            Packing::None,
            &message,
        )
        .await;
        assert_eq!(called.code(), 0, "{called:?}");
    }
    let all = |seen: &tapline_testkit::Seen| {
        !seen.spans().is_empty() && !seen.metrics().is_empty() && !seen.logs().is_empty()
    };
    let seen = backend.wait_for(all, LIMIT).await;
    let page = gateway.page().await;
    let (consumed, produced) = (
        "otelcol_connector_consumed_items",
        "otelcol_connector_produced_items",
    );
    let spans = u64::try_from(seen.spans().len()).expect("few");
    assert_eq!(page.sum(consumed, ("otel_signal", "traces")), spans);
    assert_eq!(page.sum(produced, ("pipeline", "traces/out")), spans);
    let ended = gateway.stop_within(LIMIT).await;
    assert!(ended.status.success(), "{ended:?}");
    let older = "`otlp` is the older name; use `otlp_grpc`";
    assert_eq!(ended.stderr.matches(older).count(), 1, "{}", ended.stderr);
}

fn config(ports: Ports, backend: &Backend) -> String {
    let endpoint = backend.endpoint();
    ports.receivers()
        + &format!(
            "\
connectors: {{forward: }}
exporters:
  otlp: {{endpoint: \"{endpoint}\", tls: {{insecure: true}}}}
  kafka: {{brokers: [\"left:9092\"]}}
service:
  pipelines:
    traces/out: {{receivers: [forward], exporters: [otlp]}}
    metrics/out: {{receivers: [forward], exporters: [otlp]}}
    logs/out: {{receivers: [forward], exporters: [otlp]}}
    traces: {{receivers: [otlp], exporters: [forward]}}
    metrics: {{receivers: [otlp], exporters: [forward]}}
    logs: {{receivers: [otlp], exporters: [forward]}}
"
        )
}
