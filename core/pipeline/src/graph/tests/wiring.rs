//! What is wired to what, and what the edges count.

use std::sync::{Arc, Mutex};

use tapline_pdata::Signal;
use tokio::time::sleep;

use super::{
    super::{Keep, Node, Plan, build},
    cast::{Cast, parsed},
};
use crate::{
    DeliverySettings, Fault, Shared, Status,
    fake::{id, secs},
    meter::Value,
};

/// Delivers in the caller's task, once, so that a test sees the answer.
pub(super) fn direct() -> DeliverySettings {
    DeliverySettings {
        queue: None,
        retry: None,
        ..DeliverySettings::default()
    }
}

#[test]
fn reports_every_component_that_cannot_be_built() {
    let plan = Plan::new(parsed(
        "traces: broken open | broken pass | broken take
         logs: open | broken/2 | take",
    ));
    let cast = Cast::default();
    let built = build(
        &plan.expect("a valid plan"),
        &cast,
        &cast.meters,
        &Shared::default(),
        Keep::default(),
    );
    let Err(errors) = built else {
        panic!("it was built")
    };
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "cannot build exporter broken for traces: no such luck",
            "cannot build processor broken in traces: no such luck",
            "cannot build processor broken/2 in logs: no such luck",
            "cannot build receiver broken: no such luck",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn lists_the_metrics_of_every_edge_at_zero_once_it_runs() {
    let cast = Cast::default();
    let _running = cast.running("traces: open | pass | take").await;
    let line = |reading: crate::meter::Reading| {
        let labels = reading
            .labels
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let labels = labels.collect::<Vec<_>>().join(",");
        let zero = reading.value == Value::Number(0.0);
        let value = if zero { "" } else { " not zero" };
        format!("{}{{{labels}}}{value}", reading.name)
    };
    let listed: Vec<String> = cast.meters.snapshot().into_iter().map(line).collect();
    assert_eq!(
        listed,
        [
            "otelcol_exporter_enqueue_failed_spans{exporter=take}",
            "otelcol_exporter_enqueue_size{exporter=take} not zero",
            "otelcol_exporter_enqueue_size_bytes{exporter=take} not zero",
            "otelcol_exporter_in_flight_requests{exporter=take}",
            "otelcol_exporter_queue_capacity{data_type=traces,exporter=take} not zero",
            "otelcol_exporter_queue_size{data_type=traces,exporter=take}",
            "otelcol_exporter_send_failed_spans{exporter=take}",
            "otelcol_exporter_sent_spans{exporter=take}",
            "otelcol_processor_incoming_items{otel_signal=traces,processor=pass}",
            "otelcol_processor_internal_duration{otel_signal=traces,processor=pass} not zero",
            "otelcol_processor_outgoing_items{otel_signal=traces,processor=pass}",
            "otelcol_receiver_accepted_spans{receiver=open}",
            "otelcol_receiver_refused_spans{receiver=open}",
            "tapline_exporter_queue_bytes{data_type=traces,exporter=take}",
            "tapline_exporter_recovered_items{exporter=take,otel_signal=traces}",
            "tapline_receiver_refused_requests{receiver=open,signal=traces}",
            "tapline_items{component=open,kind=receiver,signal=traces,state=received}",
            "tapline_items{component=open,kind=receiver,signal=traces,state=sent}",
            "tapline_items{component=take,kind=exporter,signal=traces,state=received}",
            "tapline_items{component=take,kind=exporter,signal=traces,state=sent}",
            "tapline_items{component=take,kind=exporter,reason=permanent,signal=traces,\
             state=dropped}",
            "tapline_items{component=take,kind=exporter,reason=retries_exhausted,signal=traces,\
             state=dropped}",
            "tapline_items{component=take,kind=exporter,reason=shutdown,signal=traces,\
             state=dropped}",
            "tapline_items_queued{component=open,kind=receiver,signal=traces}",
            "tapline_items_queued{component=take,kind=exporter,signal=traces}",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn counts_what_passes_every_edge() {
    let cast = Cast {
        delivery: direct(),
        ..Cast::default()
    }
    .scripted("x", "take later");
    let running = cast.running("logs: open | pass | x").await;
    cast.push("open", Signal::Logs, 3).await.expect("taken");
    cast.push("open", Signal::Logs, 4)
        .await
        .expect_err("refused");
    assert_eq!(
        cast.total("otelcol_receiver_accepted_log_records", "receiver", "open"),
        3
    );
    assert_eq!(
        cast.total("otelcol_receiver_refused_log_records", "receiver", "open"),
        4
    );
    assert_eq!(
        cast.total("otelcol_processor_incoming_items", "processor", "pass"),
        7
    );
    assert_eq!(
        cast.total("otelcol_processor_outgoing_items", "processor", "pass"),
        7
    );
    assert_eq!(
        cast.total("otelcol_exporter_sent_log_records", "exporter", "x"),
        3
    );
    assert_eq!(
        cast.total("otelcol_exporter_send_failed_log_records", "exporter", "x"),
        4
    );
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn calls_every_target_even_if_one_fails_and_merges_the_answers() {
    let cast = Cast {
        delivery: direct(),
        ..Cast::default()
    };
    let cast = cast
        .scripted("a", "never")
        .scripted("b", "later")
        .scripted("c", "take");
    let running = cast
        .running("traces: open | | a b\ntraces/2: open | | c")
        .await;
    let refusal = cast
        .push("open", Signal::Traces, 2)
        .await
        .expect_err("two refuse");
    assert!(refusal.is_retryable());
    assert_eq!(refusal.cause, "bad data; connection refused");
    assert_eq!(refusal.fault, Fault::Backend);
    for exporter in ["a", "b", "c"] {
        assert_eq!(cast.exporter(exporter).attempts(), "0:2");
    }
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn keeps_a_panicking_stage_from_its_neighbours() {
    let cast = Cast {
        delivery: direct(),
        ..Cast::default()
    };
    let running = cast
        .running("traces: open | bomb | take\ntraces/2: open | pass | take")
        .await;
    let refusal = cast
        .push("open", Signal::Traces, 2)
        .await
        .expect_err("it panicked");
    assert_eq!(
        refusal.cause,
        "processor bomb in traces panicked: stage bug"
    );
    assert!(!refusal.is_retryable());
    assert_eq!(cast.exporter("take").attempts(), "0:2");
    let states = running.status().snapshot();
    let failed: Vec<&Node> = states
        .iter()
        .filter(|(_, health)| health.status != Status::Ok)
        .map(|(node, _)| node)
        .collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].id(), &id("bomb"));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn keeps_a_hung_exporter_from_that_of_another_pipeline() {
    let cast = Cast::default().scripted("hung", "hang");
    let running = cast
        .running("traces: open | | hung\ntraces/2: open | | take")
        .await;
    for _ in 0..100 {
        cast.push("open", Signal::Traces, 1).await.expect("queued");
    }
    sleep(secs(1)).await;
    assert_eq!(
        cast.total("otelcol_exporter_sent_spans", "exporter", "take"),
        100
    );
    assert_eq!(
        cast.total("otelcol_exporter_sent_spans", "exporter", "hung"),
        0
    );
    running.stop().await;
}

/// Listens to every histogram, and writes down what it is told in milliseconds.
#[derive(Default)]
struct Stopwatch(Arc<Mutex<Vec<String>>>);

impl crate::meter::Follower for Stopwatch {
    fn appeared(&self, _: &str, _: &'static str, _: crate::meter::Kind) {}

    fn histogram(
        &self,
        name: &str,
        _: &'static str,
        labels: &crate::meter::Labels,
        _: &[f64],
    ) -> Option<crate::meter::Listener> {
        let told = Arc::clone(&self.0);
        let label = format!(
            "{name} {}",
            labels.get("processor").cloned().unwrap_or_default()
        );
        Some(Box::new(move |seconds| {
            let line = format!("{label} {:.0} ms", seconds * 1000.0);
            told.lock().expect("not poisoned").push(line);
        }))
    }
}

#[tokio::test(start_paused = true)]
async fn times_a_stage_without_what_is_behind_it() {
    let cast = Cast {
        delivery: direct(),
        ..Cast::default()
    }
    .scripted("x", "slow");
    let stopwatch = Stopwatch::default();
    let told = Arc::clone(&stopwatch.0);
    cast.meters.follow(Arc::new(stopwatch));
    let running = cast.running("logs: open | pass pass/2 | x").await;
    let before = tokio::time::Instant::now();
    cast.push("open", Signal::Logs, 1).await.expect("taken");
    assert!(
        before.elapsed() > std::time::Duration::ZERO,
        "the exporter takes time"
    );
    assert_eq!(
        *told.lock().expect("not poisoned"),
        [
            "otelcol_processor_internal_duration pass/2 0 ms",
            "otelcol_processor_internal_duration pass 0 ms"
        ]
    );
    running.stop().await;
}
