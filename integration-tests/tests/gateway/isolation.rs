//! One exporter that hangs takes nothing from its neighbours.

use std::time::{Duration, Instant};

use tapline_testkit::{Answer, Backend, samples::Signal};

use crate::{
    client::{Packing, call},
    gateway::{Gateway, Ports},
};

const REQUESTS: usize = 60;
/// Far more than sixty requests take, far less than anything that waits for the hung backend.
const LIMIT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_backend_that_hangs_does_not_hold_up_its_neighbour() {
    let (hung, healthy) = (Backend::start().await, Backend::start().await);
    hung.answer_always(Answer::accept().after(Duration::from_hours(1)));
    let gateway = Gateway::start_with(&["--shutdown-timeout", "1s"], |ports| {
        config(ports, &hung, &healthy)
    })
    .await;
    let port = gateway.ports().grpc;
    let message = Signal::Traces.sample().encode();
    let began = Instant::now();
    for number in 0..REQUESTS {
        let called = call(port, Signal::Traces.method(), Packing::None, &message).await;
        assert_eq!(called.code(), 0, "request {number}: {called:?}");
    }
    let all = |seen: &tapline_testkit::Seen| seen.spans().len() == REQUESTS;
    healthy.wait_for(all, LIMIT).await;
    assert!(began.elapsed() < LIMIT, "took {:?}", began.elapsed());

    let ended = gateway.stop_within(LIMIT).await;
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(healthy.seen().spans().len(), REQUESTS, "nothing came twice");
    let lost = format!("\"lost_items\": {REQUESTS}");
    assert!(ended.stderr.contains(&lost), "{}", ended.stderr);
}

fn config(ports: Ports, hung: &Backend, healthy: &Backend) -> String {
    let (hung, healthy) = (hung.endpoint(), healthy.endpoint());
    ports.receivers()
        + &format!(
            "\
exporters:
  otlp_grpc/hung: {{endpoint: \"{hung}\", tls: {{insecure: true}}, timeout: 1h}}
  otlp_grpc/healthy: {{endpoint: \"{healthy}\", tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp_grpc/hung, otlp_grpc/healthy]}}
"
        )
}
