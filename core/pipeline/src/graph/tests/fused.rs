//! Neighbouring transforms look like processors of their own, however they are run.

use std::sync::atomic::Ordering::Relaxed;

use tapline_pdata::Signal;
use tokio::time::{sleep, timeout};

use super::{super::Running, cast::Cast};
use crate::{Status, fake::secs};

/// Returns what the processor counted: what came in, what went out.
fn counted(cast: &Cast, processor: &str) -> (u64, u64) {
    let total = |name| cast.total(name, "processor", processor);
    (
        total("otelcol_processor_incoming_items"),
        total("otelcol_processor_outgoing_items"),
    )
}

/// Returns the book of a processor, which is that of every pipeline it is in.
fn book(cast: &Cast, processor: &str) -> String {
    let view = cast.meters.labelled(&[("processor", processor)]);
    format!("{:?}", view.account(Signal::Logs, &[]).tally())
}

/// Returns which components are not well, and why.
fn ill(running: &Running) -> Vec<String> {
    let states = running.status().snapshot();
    states
        .iter()
        .filter(|(_, health)| health.status != Status::Ok)
        .map(|(node, health)| format!("{node}: {} {}", health.status, health.cause))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn transforms_see_a_batch_in_the_order_of_the_pipeline() {
    let cast = Cast::default();
    let pipeline = "logs: open | mark/1 mark/2 pass mark/3 hold mark/4 mark/5 | x";
    let running = cast.running(pipeline).await;
    cast.told();
    cast.push_logs("open", 2).await.expect("taken");
    assert_eq!(
        cast.told(),
        ["mark/1", "mark/1 mark/2", "mark/1 mark/2 mark/3"]
    );
    assert!(ill(&running).is_empty(), "each transform is listed as well");
    assert_eq!(running.status().snapshot().len(), 9);
    running.stop().await;
    let told = cast.told();
    let last = "mark/1 mark/2 mark/3 mark/4 mark/5";
    assert!(told.contains(&last.to_owned()), "{told:?}");
    assert_eq!(cast.exporter("x").taken_items.load(Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn each_transform_counts_what_it_takes_and_what_it_leaves() {
    let cast = Cast::default();
    let running = cast.running("logs: open | mark odd odd/2 pass | x").await;
    cast.push_logs("open", 8).await.expect("taken");
    let counts = ["mark", "odd", "odd/2", "pass"].map(|id| counted(&cast, id));
    assert_eq!(counts, [(8, 8), (8, 4), (4, 2), (2, 2)]);
    assert_eq!(
        ["mark", "odd", "odd/2"].map(|id| book(&cast, id)),
        [
            "received=8 sent=8 queued=0",
            "received=8 sent=4 dropped(filtered)=4 queued=0",
            "received=4 sent=2 dropped(filtered)=2 queued=0",
        ]
    );
    running.stop().await;
    assert_eq!(cast.exporter("x").taken_items.load(Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_not_filtered_yet() {
    let cast = Cast {
        delivery: super::wiring::direct(),
        ..Cast::default()
    }
    .scripted("x", "later take");
    let running = cast.running("logs: open | odd | x").await;
    cast.push_logs("open", 4).await.expect_err("refused");
    cast.push_logs("open", 4).await.expect("taken");
    assert_eq!(
        book(&cast, "odd"),
        "received=8 sent=2 refused(downstream)=4 dropped(filtered)=2 queued=0"
    );
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn items_are_queued_in_every_book_until_there_is_an_answer() {
    let cast = Cast {
        delivery: super::wiring::direct(),
        ..Cast::default()
    }
    .scripted("x", "hang");
    let running = cast.running("logs: open | mark odd | x").await;
    {
        let pushed = cast.push_logs("open", 4);
        tokio::pin!(pushed);
        timeout(secs(1), &mut pushed).await.expect_err("it hangs");
        let queued = "received=4 sent=0 queued=4";
        assert_eq!(["mark", "odd"].map(|id| book(&cast, id)), [queued; 2]);
    }
    let given_up = "received=4 sent=0 refused(cancelled)=4 queued=0";
    assert_eq!(["mark", "odd"].map(|id| book(&cast, id)), [given_up; 2]);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_passed_on_when_nothing_is_left() {
    let cast = Cast::default();
    let running = cast.running("logs: open | all mark pass | x").await;
    cast.push_logs("open", 3).await.expect("all of it is done");
    let counts = ["all", "mark", "pass"].map(|id| counted(&cast, id));
    assert_eq!(counts, [(3, 0), (0, 0), (0, 0)]);
    assert_eq!(
        cast.total("otelcol_receiver_accepted_log_records", "receiver", "open"),
        3
    );
    running.stop().await;
    assert_eq!(cast.exporter("x").attempts(), "");
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_told_of_the_transform_that_panicked() {
    let cast = Cast::default();
    // The first `trip` sees no mark yet; the second does, of a transform before it.
    let running = cast
        .running("logs: open | trip odd mark trip/2 all | x\nlogs/2: open | mark | y")
        .await;
    let refusal = cast.push_logs("open", 4).await.expect_err("it panicked");
    let cause = "processor trip/2 in logs panicked: tripped";
    assert_eq!(refusal.cause, cause);
    assert!(!refusal.is_retryable());
    let told = "processor trip/2 in logs: StatusPermanentError tripped";
    assert_eq!(ill(&running), [told]);
    let counts = ["trip", "odd", "trip/2", "all"].map(|id| counted(&cast, id));
    assert_eq!(counts, [(4, 4), (4, 2), (2, 0), (0, 0)]);
    assert_eq!(
        ["trip", "odd", "trip/2"].map(|id| book(&cast, id)),
        [
            "received=4 sent=0 refused(downstream)=4 queued=0",
            "received=4 sent=0 refused(downstream)=4 queued=0",
            "received=2 sent=0 refused(permanent)=2 queued=0",
        ]
    );
    running.stop().await;
    assert_eq!(cast.exporter("x").attempts(), "");
    assert_eq!(cast.exporter("y").taken_items.load(Relaxed), 4);
}

#[tokio::test(start_paused = true)]
async fn a_reload_changes_adds_and_removes_transforms_while_items_flow() {
    let cast = Cast::default();
    let mut running = cast
        .running("logs: open | mark/1 mark/2 hold mark/3 | x")
        .await;
    cast.push_logs("open", 1).await.expect("held");
    cast.told();
    let steps = [
        // Nothing, a changed one, one more, one less, another order, a stage less, none left.
        ("", "mark/1 mark/2 hold mark/3", "mark/1 mark/2"),
        ("2", "mark/1 mark/2 hold mark/3", "mark/1=2 mark/2"),
        (
            "2",
            "mark/1 mark/4 mark/2 hold mark/3",
            "mark/1=2 mark/4 mark/2",
        ),
        ("2", "mark/4 mark/2 hold mark/3", "mark/4 mark/2"),
        ("2", "mark/2 mark/4 hold mark/3", "mark/2 mark/4"),
        ("2", "mark/2 mark/4 mark/3", "mark/2 mark/4 mark/3"),
        ("2", "", ""),
    ];
    for (settings, processors, trail) in steps {
        cast.rewrite("mark/1", settings);
        let pipelines = format!("logs: open | {processors} | x");
        cast.reload(&mut running, &pipelines, "")
            .await
            .expect("starts");
        assert!(ill(&running).is_empty(), "{:?}", ill(&running));
        cast.told();
        cast.push_logs("open", 1).await.expect("taken");
        let told = cast.told().pop().unwrap_or_default();
        assert_eq!(told, trail);
    }
    sleep(secs(1)).await;
    running.stop().await;
    assert_eq!(cast.exporter("x").taken_items.load(Relaxed), 8);
}

#[tokio::test(start_paused = true)]
async fn what_a_removed_stage_holds_passes_the_transforms_it_was_made_for() {
    let cast = Cast::default();
    let mut running = cast.running("logs: open | mark/1 hold mark/2 | x").await;
    cast.push_logs("open", 1).await.expect("held");
    cast.told();
    cast.rewrite("mark/2", "new");
    cast.reload(&mut running, "logs: open | mark/1 mark/2 | x", "")
        .await
        .expect("starts");
    sleep(secs(1)).await;
    assert_eq!(cast.told(), ["mark/1 mark/2", "hold drained"]);
    running.stop().await;
    assert_eq!(cast.exporter("x").taken_items.load(Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_transform_that_panicked_lives_again_when_it_is_replaced() {
    let cast = Cast::default();
    let mut running = cast.running("logs: open | mark trip | x").await;
    cast.push_logs("open", 1).await.expect_err("it panics");
    cast.rewrite("trip", "less");
    cast.reload(&mut running, "logs: open | mark trip | x", "")
        .await
        .expect("starts");
    assert!(ill(&running).is_empty());
    running.stop().await;
}
