//! Pipelines that are joined: on paper, at work, and across a reload.

use std::sync::atomic::Ordering::Relaxed;

use tapline_pdata::Signal;
use tokio::time::sleep;

use super::{
    super::{Node, Plan, Stopped},
    cast::{Cast, planned},
    wiring::direct,
};
use crate::{Status, fake::secs};

fn refused(pipelines: &str) -> Vec<String> {
    let errors = planned(pipelines).expect_err("not a valid plan");
    errors.iter().map(ToString::to_string).collect()
}

fn texts<T: ToString>(those: &[T]) -> Vec<String> {
    those.iter().map(ToString::to_string).collect()
}

fn valid(pipelines: &str) -> Plan {
    planned(pipelines).unwrap_or_else(|errors| panic!("{errors:?}"))
}

#[test]
fn an_instance_per_pair_of_signals_and_id() {
    let plan = valid(
        "metrics:   count open | pass | take
         traces:    open       |      | count join
         traces/b:  join       | pass | count
         logs:      open       |      | count take",
    );
    assert_eq!(
        texts(&plan.nodes()),
        [
            "receiver open",
            "connector join (traces to traces)",
            "processor pass in traces/b",
            "connector count (traces to metrics)",
            "connector count (logs to metrics)",
            "processor pass in metrics",
            "exporter take for metrics",
            "exporter take for logs",
        ]
    );
    let edges = "\
receiver open -> processor pass in metrics
connector count (traces to metrics) -> processor pass in metrics
connector count (logs to metrics) -> processor pass in metrics
processor pass in metrics -> exporter take for metrics
receiver open -> connector count (traces to metrics)
receiver open -> connector join (traces to traces)
connector join (traces to traces) -> processor pass in traces/b
processor pass in traces/b -> connector count (traces to metrics)
receiver open -> exporter take for logs
receiver open -> connector count (logs to metrics)
";
    assert_eq!(plan.to_string(), edges);
}

#[test]
fn a_connector_that_joins_nothing_is_an_error_on_either_side() {
    assert_eq!(
        refused("logs/in: open | | take\nlogs/in2: open | | join"),
        [
            "connector \"join\" used as exporter in [logs/in2] pipeline but not used in any \
             supported receiver pipeline"
        ]
    );
    assert_eq!(
        refused("logs: join | | take\ntraces: join | | take"),
        [
            "connector \"join\" used as receiver in [logs traces] pipeline but not used in any \
             supported exporter pipeline"
        ]
    );
}

#[test]
fn a_pair_of_signals_that_a_connector_cannot_join_is_an_error_on_both_sides() {
    assert_eq!(
        refused("logs: open | | join\ntraces: join | | take"),
        [
            "connector \"join\" used as exporter in [logs] pipeline but not used in any \
             supported receiver pipeline",
            "connector \"join\" used as receiver in [traces] pipeline but not used in any \
             supported exporter pipeline",
        ]
    );
    // One that can be joined is enough for each side.
    let plan = valid("logs: open | | count\ntraces: open | | count\nmetrics: count | | take");
    assert_eq!(plan.connectors().len(), 2);
}

#[test]
fn a_circle_is_shown_with_its_way() {
    assert_eq!(
        refused(
            "traces: open | | join
             traces/a: join | pass | join/back
             traces/b: join/back | hold pass | join
             traces/c: join | | take"
        ),
        [
            "cycle detected: connector join/back (traces to traces) -> processor hold in traces/b \
             -> processor pass in traces/b -> connector join (traces to traces) -> processor pass \
             in traces/a -> connector join/back (traces to traces)"
        ]
    );
    assert_eq!(
        refused("traces: open join | pass | join take"),
        [
            "cycle detected: connector join (traces to traces) -> processor pass in traces -> \
             connector join (traces to traces)"
        ]
    );
}

#[test]
fn whatever_one_leads_to_has_a_higher_place() {
    let plan = valid(
        "metrics:   count | pass hold | take
         traces/b:  join  | pass      | count
         traces:    open  | pass hold | join count",
    );
    let places = plan.places();
    for (from, to) in plan.edges() {
        if let (Some(from), Some(to)) = (places.get(&from), places.get(&to)) {
            assert!(from < to, "{places:?}");
        }
    }
    assert_eq!(places.len(), 7);
}

#[tokio::test(start_paused = true)]
async fn passes_into_every_pipeline_behind_it_and_counts_every_edge() {
    let cast = Cast {
        delivery: direct(),
        ..Cast::default()
    };
    let running = cast
        .running(
            "traces: open | | join count
             traces/a: join | pass | a
             traces/b: join | | b
             metrics: count | | c",
        )
        .await;
    cast.push("open", Signal::Traces, 3).await.expect("taken");
    let taken = |id| cast.exporter(id).taken_items.load(Relaxed);
    assert_eq!((taken("a"), taken("b"), taken("c")), (3, 3, 1));
    let total = |metric, labels: &[(&'static str, &str)]| cast.meters.total(metric, labels);
    let consumed = "otelcol_connector_consumed_items";
    let produced = "otelcol_connector_produced_items";
    assert_eq!(total(consumed, &[("connector", "join")]), 3);
    assert_eq!(total(consumed, &[("connector", "count")]), 3);
    assert_eq!(
        total(produced, &[("connector", "join"), ("pipeline", "traces/a")]),
        3
    );
    assert_eq!(
        total(produced, &[("connector", "join"), ("pipeline", "traces/b")]),
        3
    );
    let made = [("connector", "count"), ("otel_signal_output", "metrics")];
    assert_eq!(total(produced, &made), 1);
    let states = running.status().snapshot();
    let joints = states
        .iter()
        .filter(|(node, _)| matches!(node, Node::Connector { .. }));
    let joints: Vec<_> = joints
        .map(|(node, health)| (node.to_string(), health.status))
        .collect();
    assert_eq!(
        joints,
        [
            ("connector count (traces to metrics)".to_owned(), Status::Ok),
            ("connector join (traces to traces)".to_owned(), Status::Ok),
        ]
    );
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_behind_it_reaches_whoever_is_before_it() {
    let cast = Cast {
        delivery: direct(),
        ..Cast::default()
    }
    .scripted("b", "later");
    let running = cast
        .running("traces: open | | join\ntraces/a: join | | a\ntraces/b: join | | b")
        .await;
    let refusal = cast.push("open", Signal::Traces, 3).await;
    assert!(refusal.expect_err("b refuses").is_retryable());
    assert_eq!(cast.exporter("a").taken_items.load(Relaxed), 3);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn starts_downstream_first_and_stops_with_the_flow() {
    let cast = Cast::default();
    let running = cast
        .running(
            "traces/b: join | hold/2 | take
             traces: open | hold | join",
        )
        .await;
    assert_eq!(
        cast.told(),
        [
            "hold/2 started",
            "join started",
            "hold started",
            "open started"
        ]
    );
    cast.push("open", Signal::Traces, 2).await.expect("held");
    assert_eq!(running.stop().await, Stopped::default());
    assert_eq!(
        cast.told(),
        [
            "open stopped",
            "hold drained",
            "join drained",
            "hold/2 drained"
        ]
    );
    assert_eq!(cast.exporter("take").taken_items.load(Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_built_is_named() {
    let cast = Cast::default();
    let plan = valid("traces: open | | join/broken\ntraces/b: join/broken | | take");
    let built = super::super::build(
        &plan,
        &cast,
        &cast.meters,
        &crate::Shared::default(),
        super::super::Keep::default(),
    );
    let errors = built.err().expect("it is not built");
    let expected = "cannot build connector join/broken (traces to traces): no such luck";
    assert_eq!(texts(&errors), [expected]);
}

#[tokio::test(start_paused = true)]
async fn a_reload_leaves_it_alone_while_a_neighbour_changes() {
    let cast = Cast::default();
    let before = "traces: open | hold | join\ntraces/b: join | pass | x";
    let mut running = cast.running(before).await;
    cast.push("open", Signal::Traces, 2).await.expect("held");
    cast.told();
    let after = "traces: open | hold | join\ntraces/b: join | hold/2 | y";
    cast.reload(&mut running, after, "").await.expect("starts");
    sleep(secs(1)).await;
    assert_eq!(cast.told(), ["hold/2 started", "pass drained"]);
    assert_eq!(running.stop().await, Stopped::default());
    assert_eq!(
        cast.told(),
        [
            "open stopped",
            "hold drained",
            "join drained",
            "hold/2 drained"
        ]
    );
    assert_eq!(cast.exporter("x").taken_items.load(Relaxed), 0);
    assert_eq!(cast.exporter("y").taken_items.load(Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reload_puts_it_between_pipelines_and_takes_it_away_again() {
    let cast = Cast::default();
    let without = "traces: open | pass | x";
    let with = "traces: open | pass | join\ntraces/b: join | hold | x\ntraces/c: join | | y";
    let mut running = cast.running(without).await;
    cast.push("open", Signal::Traces, 1).await.expect("taken");
    cast.told();
    cast.reload(&mut running, with, "").await.expect("starts");
    assert_eq!(cast.told(), ["hold started", "join started"]);
    cast.push("open", Signal::Traces, 2).await.expect("held");
    cast.reload(&mut running, without, "")
        .await
        .expect("starts");
    sleep(secs(1)).await;
    assert_eq!(cast.told(), ["join drained", "hold drained"]);
    cast.push("open", Signal::Traces, 4).await.expect("taken");
    assert_eq!(running.stop().await, Stopped::default());
    assert_eq!(cast.exporter("x").taken_items.load(Relaxed), 7);
    assert_eq!(cast.exporter("y").taken_items.load(Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn one_whose_pipelines_change_is_made_anew() {
    let cast = Cast::default();
    let mut running = cast
        .running("traces: open | | join\ntraces/b: join | | x")
        .await;
    cast.told();
    let more = "traces: open | | join\ntraces/b: join | | x\ntraces/c: join | | y";
    cast.reload(&mut running, more, "").await.expect("starts");
    sleep(secs(1)).await;
    assert_eq!(cast.told(), ["join started", "join drained"]);
    cast.push("open", Signal::Traces, 2).await.expect("taken");
    assert_eq!(running.stop().await, Stopped::default());
    assert_eq!(cast.exporter("y").taken_items.load(Relaxed), 2);
}
