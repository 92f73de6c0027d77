//! How graphs start, fail and stop.

use std::sync::atomic::Ordering::Relaxed;

use tapline_pdata::Signal;
use tokio::time::{Instant, sleep, timeout};

use super::{
    super::{RunSettings, Stopped},
    cast::Cast,
};
use crate::{
    DeliverySettings, Status,
    fake::{logged, secs},
};

#[tokio::test(start_paused = true)]
async fn starts_receivers_last_and_stops_them_first() {
    let cast = Cast::default();
    let pipelines = "traces: open | pass/1 hold/2 | x\nmetrics: open | pass/3 | x";
    let running = cast.running(pipelines).await;
    assert_eq!(
        cast.told(),
        [
            "hold/2 started",
            "pass/1 started",
            "pass/3 started",
            "open started"
        ]
    );
    cast.push("open", Signal::Traces, 2).await.expect("held");
    let status = running.status().clone();
    assert_eq!(running.stop().await, Stopped::default());
    // Both pipelines place by place; what hold/2 held came through.
    assert_eq!(
        cast.told(),
        [
            "open stopped",
            "pass/1 drained",
            "pass/3 drained",
            "hold/2 drained"
        ]
    );
    assert_eq!(cast.exporter("x").attempts(), "0:2");
    assert_eq!(
        cast.exporter("x").closed.load(Relaxed),
        1,
        "shared by two signals"
    );
    assert!(
        status
            .snapshot()
            .iter()
            .all(|(_, health)| health.status == Status::Stopped)
    );
}

#[tokio::test(start_paused = true)]
async fn drops_nothing_on_a_clean_shutdown() {
    let cast = Cast::default().scripted("x", "slow");
    let running = cast.running("logs: open | hold pass | x").await;
    for _ in 0..50 {
        cast.push("open", Signal::Logs, 2).await.expect("held");
    }
    assert_eq!(running.stop().await, Stopped::default());
    assert_eq!(cast.exporter("x").taken_items.load(Relaxed), 100);
}

#[tokio::test(start_paused = true)]
async fn tells_the_host_when_a_receiver_fails() {
    let cast = Cast::default();
    let mut running = cast.running("traces: failing open | | x").await;
    let fatal = running.wait_fatal().await;
    assert_eq!(fatal.to_string(), "receiver failing failed: socket is gone");
    let health = running.status().get(&fatal.node).expect("listed");
    assert_eq!(
        (health.status, health.cause.as_str()),
        (Status::FatalError, "socket is gone")
    );
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn outlives_a_panicking_receiver_and_a_failing_stage() {
    let cast = Cast::default();
    let mut running = cast.running("traces: panicking open | worker | x").await;
    assert!(
        timeout(secs(5), running.wait_fatal()).await.is_err(),
        "neither is fatal"
    );
    let mut failed = running.status().snapshot();
    failed.retain(|(_, health)| health.status == Status::PermanentError);
    let failed: Vec<String> = failed
        .iter()
        .map(|(node, health)| format!("{node}: {}", health.cause))
        .collect();
    assert_eq!(
        failed,
        [
            "receiver panicking: receiver bug",
            "processor worker in traces: lost its way"
        ]
    );
    cast.push("open", Signal::Traces, 2)
        .await
        .expect("the others work");
    assert_eq!(running.stop().await, Stopped::default());
    assert_eq!(cast.exporter("x").attempts(), "5:2");
}

#[tokio::test(start_paused = true)]
async fn stops_what_had_started_when_a_receiver_does_not() {
    let cast = Cast::default();
    let graph = cast.built("traces: open refusing | pass | x");
    let Err(failure) = graph.start(RunSettings::default()).await else {
        panic!("it started")
    };
    assert_eq!(
        failure.to_string(),
        "cannot start receiver refusing: address in use"
    );
    assert_eq!(
        cast.told(),
        [
            "pass started",
            "open started",
            "open stopped",
            "pass drained"
        ]
    );
    assert_eq!(cast.exporter("x").closed.load(Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn stops_within_the_deadline_while_everything_hangs() {
    let delivery = DeliverySettings {
        timeout: None,
        ..DeliverySettings::default()
    };
    let cast = Cast {
        delivery,
        ..Cast::default()
    }
    .scripted("hung", "hang");
    let running = cast
        .running("traces: stuck | clog | hung\ntraces/2: open | hold | take")
        .await;
    cast.push("stuck", Signal::Traces, 3).await.expect("queued");
    cast.push("open", Signal::Traces, 4).await.expect("held");
    let before = Instant::now();
    let stopped = running.stop().await;
    assert!(before.elapsed() < secs(30), "{:?}", before.elapsed());
    assert_eq!(stopped.lost_items(), 3);
    let unfinished: Vec<String> = stopped.unfinished.iter().map(ToString::to_string).collect();
    assert_eq!(unfinished, ["receiver stuck", "processor clog in traces"]);
    assert_eq!(
        cast.exporter("take").taken_items.load(Relaxed),
        4,
        "the neighbour got through"
    );
}

#[tokio::test(start_paused = true)]
async fn frees_a_receiver_that_waits_for_a_retry_when_it_stops() {
    let delivery = DeliverySettings {
        queue: None,
        ..DeliverySettings::default()
    };
    let cast = Cast {
        delivery,
        ..Cast::default()
    }
    .scripted("x", "later take");
    let running = cast.running("traces: busy | | x").await;
    sleep(secs(1)).await;
    let before = Instant::now();
    assert_eq!(running.stop().await, Stopped::default());
    assert_eq!(before.elapsed(), secs(0));
    assert_eq!(
        cast.told(),
        ["busy started", "busy got its answer: true", "busy stopped"]
    );
}

#[tokio::test(start_paused = true)]
async fn ends_all_work_when_dropped() {
    let cast = Cast::default().scripted("x", "slow");
    let running = cast.running("traces: open | | x").await;
    cast.push("open", Signal::Traces, 2).await.expect("queued");
    drop(running);
    cast.outlets.lock().expect("not poisoned").clear();
    sleep(secs(5)).await;
    assert_eq!(cast.told(), ["open started"]);
    assert_eq!(cast.exporter("x").taken_items.load(Relaxed), 0);
    assert_eq!(cast.total("tapline_items", "reason", "shutdown"), 2);
}

#[tokio::test(start_paused = true)]
async fn names_who_lost_how_much_when_not_everything_can_be_delivered() {
    let delivery = DeliverySettings {
        timeout: None,
        ..DeliverySettings::default()
    };
    let cast = Cast {
        delivery,
        ..Cast::default()
    };
    let cast = cast.scripted("hung", "hang").scripted("picky/2", "hang");
    let pipelines = "traces: open | leaky | hung\nlogs: open | | hung take picky/2";
    let running = cast.running(pipelines).await;
    cast.push("open", Signal::Traces, 3).await.expect("held");
    for items in [4, 5] {
        cast.push("open", Signal::Logs, items)
            .await
            .expect("queued");
    }
    logged();
    let stopped = running.stop().await;
    assert_eq!(stopped.lost_items(), 21);
    let lost = "lost_items=";
    let mut logged = logged();
    logged.retain(|line| line.contains(lost));
    assert_eq!(
        logged,
        [
            "WARN exporter hung lost logs (shutdown) component=\"exporter hung\" \
             signal=\"logs\" reason=\"shutdown\" lost_items=9",
            "WARN exporter picky/2 lost logs (shutdown) component=\"exporter picky/2\" \
             signal=\"logs\" reason=\"shutdown\" lost_items=9",
            "WARN processor leaky lost traces (shutdown) component=\"processor leaky\" \
             signal=\"traces\" reason=\"shutdown\" lost_items=3",
            "WARN stopped before everything was delivered lost_items=21 spilled_items=0 \
             unfinished=[]",
        ]
    );
}
