//! What stays, what goes and what comes when a graph takes over from a running one.

use std::sync::atomic::Ordering::Relaxed;

use tapline_pdata::Signal;
use tokio::time::{Instant, sleep, timeout};

use super::{super::Stopped, cast::Cast};
use crate::{Status, fake::secs};

#[tokio::test(start_paused = true)]
async fn touches_nothing_when_nothing_has_changed() {
    let cast = Cast::default();
    let pipelines = "traces: open | pass hold/2 | x";
    let mut running = cast.running(pipelines).await;
    cast.push("open", Signal::Traces, 2).await.expect("held");
    cast.told();
    cast.reload(&mut running, pipelines, "")
        .await
        .expect("starts");
    sleep(secs(60)).await;
    assert!(cast.told().is_empty());
    running.stop().await;
    assert_eq!(cast.exporter("x").taken_items.load(Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn replaces_a_stage_and_lets_the_old_one_finish() {
    let cast = Cast::default();
    let pipelines = "traces: open | hold | x";
    let mut running = cast.running(pipelines).await;
    cast.push("open", Signal::Traces, 2).await.expect("held");
    cast.told();
    cast.rewrite("hold", "size: 2");
    cast.reload(&mut running, pipelines, "")
        .await
        .expect("starts");
    cast.push("open", Signal::Traces, 3)
        .await
        .expect("the new one holds");
    sleep(secs(1)).await;
    assert_eq!(cast.told(), ["hold started", "hold drained"]);
    assert_eq!(cast.exporter("x").taken_items.load(Relaxed), 2);
    assert_eq!(running.stop().await, Stopped::default());
    assert_eq!(cast.exporter("x").taken_items.load(Relaxed), 5);
}

#[tokio::test(start_paused = true)]
async fn adds_and_removes_components_while_the_receiver_stays() {
    let cast = Cast::default();
    let mut running = cast.running("traces: open | pass | x").await;
    cast.push("open", Signal::Traces, 1).await.expect("taken");
    cast.told();
    cast.reload(
        &mut running,
        "traces: open | pass hold | y\ntraces/2: open | | z",
        "watch",
    )
    .await
    .expect("starts");
    cast.push("open", Signal::Traces, 2).await.expect("taken");
    sleep(secs(1)).await;
    assert_eq!(cast.told(), ["watch started", "hold started"]);
    assert_eq!(cast.exporter("x").closed.load(Relaxed), 1);
    let listed = running.status().snapshot();
    let listed: Vec<String> = listed
        .iter()
        .map(|(node, health)| format!("{node}: {}", health.status))
        .collect();
    assert_eq!(
        listed,
        [
            "extension watch: StatusOK",
            "receiver open: StatusOK",
            "processor hold in traces: StatusOK",
            "processor pass in traces: StatusOK",
            "exporter y for traces: StatusOK",
            "exporter z for traces: StatusOK",
        ]
    );
    running.stop().await;
    let taken = |id| cast.exporter(id).taken_items.load(Relaxed);
    assert_eq!((taken("x"), taken("y"), taken("z")), (1, 2, 2));
    let told = cast.told();
    assert_eq!(told.last().map(String::as_str), Some("watch stopped"));
}

#[tokio::test(start_paused = true)]
async fn ships_what_a_removed_exporter_still_holds() {
    let cast = Cast::default().scripted("x", "slow");
    let mut running = cast.running("traces: open | | x").await;
    for _ in 0..30 {
        cast.push("open", Signal::Traces, 1).await.expect("queued");
    }
    cast.reload(&mut running, "traces: open | | y", "")
        .await
        .expect("starts");
    cast.push("open", Signal::Traces, 1).await.expect("queued");
    sleep(secs(10)).await;
    assert_eq!(cast.exporter("x").taken_items.load(Relaxed), 30);
    assert_eq!(cast.exporter("y").taken_items.load(Relaxed), 1);
    assert_eq!(running.stop().await, Stopped::default());
}

#[tokio::test(start_paused = true)]
async fn restarts_a_changed_receiver_after_the_old_one_has_finished() {
    let cast = Cast::default();
    let pipelines = "traces: open open/2 | | x";
    let mut running = cast.running(pipelines).await;
    cast.told();
    cast.rewrite("open", "port: 2");
    cast.reload(&mut running, pipelines, "")
        .await
        .expect("starts");
    assert_eq!(cast.told(), ["open stopped", "open started"]);
    cast.push("open", Signal::Traces, 1).await.expect("taken");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_receiver_with_other_signals_is_another_receiver() {
    let cast = Cast::default();
    let mut running = cast.running("traces: open | | x").await;
    cast.told();
    let pipelines = "traces: open | | x\nlogs: open | | x";
    cast.reload(&mut running, pipelines, "")
        .await
        .expect("starts");
    assert_eq!(cast.told(), ["open stopped", "open started"]);
    cast.push("open", Signal::Logs, 1).await.expect("taken");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn can_return_to_the_former_graph_when_a_component_does_not_start() {
    let cast = Cast::default();
    let former = "traces: open | hold | x";
    let mut running = cast.running(former).await;
    cast.push("open", Signal::Traces, 1).await.expect("held");
    let refused = cast
        .reload(&mut running, "traces: open refusing | pass | y", "")
        .await;
    assert_eq!(
        refused.expect_err("does not start"),
        "cannot start receiver refusing: address in use"
    );
    cast.reload(&mut running, former, "")
        .await
        .expect("returns");
    cast.push("open", Signal::Traces, 2).await.expect("held");
    sleep(secs(1)).await;
    assert_eq!(running.stop().await, Stopped::default());
    assert_eq!(cast.exporter("x").taken_items.load(Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_failed_lives_again_when_it_is_replaced() {
    let cast = Cast::default();
    let pipelines = "traces: open | bomb | x";
    let mut running = cast.running(pipelines).await;
    cast.push("open", Signal::Traces, 1)
        .await
        .expect_err("it panics");
    cast.rewrite("bomb", "fuse: none");
    cast.reload(&mut running, pipelines, "")
        .await
        .expect("starts");
    let states = running.status().snapshot();
    assert!(states.iter().all(|(_, health)| health.status == Status::Ok));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn stages_that_leave_together_do_not_wait_for_each_other() {
    let cast = Cast::default();
    let mut running = cast.running("traces: open | hold hold/2 | x").await;
    cast.push("open", Signal::Traces, 2).await.expect("held");
    cast.reload(&mut running, "traces: open | | x", "")
        .await
        .expect("starts");
    sleep(secs(1)).await;
    assert_eq!(cast.exporter("x").attempts(), "0:2");
    assert_eq!(running.stop().await, Stopped::default());
}

#[tokio::test(start_paused = true)]
async fn drains_in_the_order_of_the_flow_after_a_stage_was_put_before_another() {
    let cast = Cast::default();
    let mut running = cast.running("traces: open | hold pass | x").await;
    cast.reload(&mut running, "traces: open | pass hold/2 hold | x", "")
        .await
        .expect("starts");
    cast.push("open", Signal::Traces, 2).await.expect("held");
    cast.told();
    assert_eq!(running.stop().await, Stopped::default());
    assert_eq!(
        cast.told(),
        [
            "open stopped",
            "pass drained",
            "hold/2 drained",
            "hold drained"
        ]
    );
    assert_eq!(cast.exporter("x").taken_items.load(Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_removed_stage_holds_arrives_though_stopping_begins_at_once() {
    let cast = Cast::default();
    let mut running = cast.running("traces: open | tardy | x").await;
    cast.push("open", Signal::Traces, 2).await.expect("held");
    cast.reload(&mut running, "traces: open | | x", "")
        .await
        .expect("starts");
    assert_eq!(running.stop().await, Stopped::default());
    assert_eq!(cast.exporter("x").taken_items.load(Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_removed_exporter_keeps_its_queue_when_the_former_graph_returns() {
    let cast = Cast::default().scripted("x", "slow");
    let former = "traces: open | | x";
    let mut running = cast.running(former).await;
    for _ in 0..30 {
        cast.push("open", Signal::Traces, 1).await.expect("queued");
    }
    let refused = cast
        .reload(&mut running, "traces: open refusing | | y", "watch")
        .await;
    refused.expect_err("does not start");
    cast.reload(&mut running, former, "")
        .await
        .expect("returns");
    cast.push("open", Signal::Traces, 1).await.expect("queued");
    sleep(secs(10)).await;
    let told = cast.told();
    assert!(told.contains(&"watch stopped".to_owned()), "{told:?}");
    assert_eq!(running.stop().await, Stopped::default());
    assert_eq!(cast.exporter("x").taken_items.load(Relaxed), 31);
}

#[tokio::test(start_paused = true)]
async fn what_a_removed_stage_holds_passes_a_stage_that_stays_though_stopping_begins_at_once() {
    let cast = Cast::default();
    let mut running = cast.running("traces: open | tardy hold | x").await;
    cast.push("open", Signal::Traces, 2).await.expect("held");
    cast.reload(&mut running, "traces: open | hold | x", "")
        .await
        .expect("starts");
    assert_eq!(running.stop().await, Stopped::default());
    assert_eq!(cast.exporter("x").taken_items.load(Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_is_cut_short_loses_nothing_when_everything_stops() {
    let cast = Cast::default().scripted("x", "slow");
    let mut running = cast.running("traces: open stuck | hold | x").await;
    cast.push("open", Signal::Traces, 2).await.expect("held");
    for _ in 0..30 {
        cast.push("stuck", Signal::Traces, 1).await.expect("held");
    }
    cast.rewrite("stuck", "port: 2");
    // The old one does not stop, so the new one waits for it.
    let reload = cast.reload(&mut running, "traces: open stuck | pass | y", "watch");
    let cut = timeout(secs(1), reload).await;
    assert!(cut.is_err(), "{cut:?}");
    let before = Instant::now();
    assert_eq!(running.stop().await, Stopped::default());
    assert!(before.elapsed() < secs(30), "{:?}", before.elapsed());
    assert_eq!(cast.exporter("x").taken_items.load(Relaxed), 32);
    assert_eq!(cast.exporter("x").closed.load(Relaxed), 1);
    assert!(cast.told().contains(&"watch stopped".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_extension_with_another_name_takes_over_the_port() {
    let cast = Cast::default();
    let pipelines = "traces: open | | x";
    let mut running = cast.running(pipelines).await;
    let mut reload = async |extensions| cast.reload(&mut running, pipelines, extensions).await;
    reload("watch port").await.expect("starts");
    reload("port/x watch").await.expect("the port is free");
    let refused = reload("port/y refusing").await;
    let refused = refused.expect_err("one of them does not start");
    assert_eq!(refused, "cannot start extension refusing: address in use");
    reload("port/x watch").await.expect("returns");
    let ports: Vec<_> = cast.told();
    let ports = ports.iter().filter(|line| line.starts_with("port"));
    let expected = [
        "port started",
        "port stopped",
        "port/x started",
        "port/x stopped",
        "port/y started",
        "port/y stopped",
        "port/x started",
    ];
    assert!(ports.eq(expected.iter()));
    let health = running.status().snapshot();
    assert!(health.iter().all(|(_, health)| health.status == Status::Ok));
    running.stop().await;
    let told = cast.told();
    assert_eq!(
        told[1..],
        ["watch stopped", "port/x stopped"],
        "the last first"
    );
}
