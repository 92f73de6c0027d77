//! Deliveries to a scripted exporter, on a paused clock.

mod batching;
mod disk;
mod replacing;

use std::sync::atomic::Ordering::Relaxed;

use futures_util::FutureExt;
use tapline_pdata::Signal;
use tokio::time::{Instant, sleep};

use super::*;
use crate::{
    Meters, Status, Verdict,
    fake::{Dice, FakeExporter, batch, id, logged, secs},
    meter::names,
};

struct Rig {
    exporter: Arc<FakeExporter>,
    delivery: Arc<Delivery>,
    meters: Meters,
    status: StatusTable,
}

impl Rig {
    fn new(script: &str, settings: DeliverySettings) -> Self {
        let nodes = Signal::ALL.map(|signal| Node::Exporter {
            id: id("fake"),
            signal,
        });
        Self::for_signal(script, settings, Signal::Traces, StatusTable::new(nodes))
    }

    fn for_signal(
        script: &str,
        settings: DeliverySettings,
        signal: Signal,
        status: StatusTable,
    ) -> Self {
        let exporter = FakeExporter::new(script);
        let context = BuildContext::alone(id("fake"), signal);
        let meters = context.meters.clone();
        let given: Arc<dyn Exporter> = Arc::<FakeExporter>::clone(&exporter);
        let delivery = Delivery::new(given, settings, &context, status.clone());
        status.report(delivery.node(), Status::Starting, "");
        status.report(delivery.node(), Status::Ok, "");
        delivery
            .start()
            .now_or_never()
            .expect("memory needs no waiting")
            .expect("starts");
        Self {
            exporter,
            delivery,
            meters,
            status,
        }
    }

    async fn offer(&self, sizes: &[u32]) {
        for items in sizes {
            self.delivery
                .consume(batch(*items))
                .await
                .expect("there is room");
        }
    }

    fn total(&self, metric: &str) -> u64 {
        self.meters.total(metric, &[])
    }

    fn items(&self, state: &'static str) -> u64 {
        match state {
            "queued" => self.total(names::ITEMS_QUEUED.0),
            state => self.meters.total(names::ITEMS.0, &[("state", state)]),
        }
    }

    /// Checks the accounting invariant, then returns the books without the zeros.
    fn books(&self) -> String {
        let states = ["sent", "refused", "dropped", "stored", "queued"];
        let parts = states.map(|state| (state, self.items(state)));
        let sum = parts.iter().map(|(_, items)| items).sum::<u64>();
        assert_eq!(self.items("received"), sum, "{parts:?}");
        assert_eq!(
            self.items("sent"),
            self.total("otelcol_exporter_sent_spans")
        );
        let parts = parts.iter().filter(|(_, items)| *items > 0);
        parts
            .map(|(part, items)| format!("{part} {items}"))
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn state(&self) -> Status {
        self.status
            .get(self.delivery.node())
            .expect("listed")
            .status
    }
}

/// Settings without chance: one consumer, waits of exactly 5 s, 7.5 s, ...
fn exact() -> DeliverySettings {
    let retry = RetrySettings {
        randomization_factor: 0.0,
        ..RetrySettings::default()
    };
    let queue = QueueSettings {
        num_consumers: 1,
        ..QueueSettings::default()
    };
    DeliverySettings {
        retry: Some(retry),
        queue: Some(queue),
        ..DeliverySettings::default()
    }
}

fn with_queue(change: impl FnOnce(&mut QueueSettings)) -> DeliverySettings {
    let mut settings = exact();
    change(settings.queue.as_mut().expect("there is one"));
    settings
}

#[tokio::test(start_paused = true)]
async fn keeps_the_order_of_one_consumer_through_retries() {
    let rig = Rig::new("take later take", exact());
    rig.offer(&[1, 2, 3]).await;
    sleep(secs(60)).await;
    assert_eq!(rig.exporter.attempts(), "0:1 0:2 5:2 5:3");
    assert_eq!(rig.books(), "sent 6");
}

#[tokio::test(start_paused = true)]
async fn waits_longer_each_time_and_as_long_as_the_backend_asks() {
    let rig = Rig::new("later full later=20 take", exact());
    rig.offer(&[4]).await;
    sleep(secs(60)).await;
    // 5 s, then 7.5 s, then the 20 s asked for instead of 11.25 s.
    assert_eq!(rig.exporter.attempts(), "0:4 5:4 12:4 32:4");
}

#[tokio::test(start_paused = true)]
async fn failures_are_counted_by_what_happened_and_whether_it_was_for_good() {
    let name = "otelcol_exporter_send_failed_spans";
    let failed = |rig: &Rig| -> Vec<String> {
        let told = rig.meters.snapshot().into_iter();
        let told = told.filter(|reading| reading.name == name);
        told.map(|reading| format!("{:?} {:?}", reading.labels, reading.value))
            .collect()
    };
    let rig = Rig::new("never", exact());
    rig.offer(&[4]).await;
    sleep(secs(1)).await;
    assert_eq!(
        failed(&rig),
        [
            r"{} Number(0.0)",
            r#"{"error.permanent": "true", "error.type": "_OTHER"} Number(4.0)"#
        ]
    );
    let rig = Rig::new("hang", exact());
    rig.offer(&[3]).await;
    sleep(secs(400)).await;
    assert_eq!(
        failed(&rig)[1..],
        [r#"{"error.permanent": "false", "error.type": "Deadline_Exceeded"} Number(3.0)"#]
    );
    let rig = Rig::new("hang", exact());
    rig.offer(&[2]).await;
    rig.delivery.drain(secs(0)).await;
    assert_eq!(
        failed(&rig)[1..],
        [r#"{"error.permanent": "false", "error.type": "Shutdown"} Number(2.0)"#]
    );
}

#[tokio::test(start_paused = true)]
async fn gives_up_after_max_elapsed_time_and_counts_it() {
    let rig = Rig::new("later", exact());
    rig.offer(&[4]).await;
    sleep(secs(299)).await;
    assert_eq!(rig.books(), "dropped 4");
    let reason = [("reason", "retries_exhausted")];
    assert_eq!(rig.meters.total(names::ITEMS.0, &reason), 4);
    assert_eq!(rig.total("otelcol_exporter_send_failed_spans"), 4);
}

#[tokio::test(start_paused = true)]
async fn drops_bad_data_at_once_and_goes_on() {
    let rig = Rig::new("never take", exact());
    rig.offer(&[4, 5]).await;
    sleep(secs(1)).await;
    assert_eq!(rig.exporter.attempts(), "0:4 0:5");
    assert_eq!(rig.books(), "sent 5, dropped 4");
}

#[tokio::test(start_paused = true)]
async fn gives_up_an_attempt_that_takes_too_long() {
    let rig = Rig::new("hang take", exact());
    rig.offer(&[4]).await;
    sleep(secs(4)).await;
    assert_eq!(rig.books(), "queued 4");
    assert_eq!(rig.total("otelcol_exporter_in_flight_requests"), 1);
    sleep(secs(60)).await;
    assert_eq!(rig.exporter.attempts(), "0:4 10:4");
    assert_eq!(rig.total("otelcol_exporter_in_flight_requests"), 0);
}

#[tokio::test(start_paused = true)]
async fn refuses_when_the_queue_is_full() {
    let rig = Rig::new("hang", with_queue(|queue| queue.capacity = 2));
    rig.offer(&[1, 2]).await;
    let refusal = rig.delivery.consume(batch(3)).await.expect_err("full");
    assert_eq!(refusal.verdict, Verdict::Full);
    assert_eq!(refusal.cause, "sending queue is full");
    assert_eq!(rig.books(), "refused 3, queued 3");
    assert_eq!(rig.total("otelcol_exporter_enqueue_failed_spans"), 3);
    assert_eq!(rig.total("otelcol_exporter_queue_size"), 2);
    assert_eq!(rig.total("otelcol_exporter_queue_capacity"), 2);
}

#[tokio::test(start_paused = true)]
async fn makes_the_caller_wait_for_room_when_told_to() {
    let rig = Rig::new(
        "slow",
        with_queue(|queue| {
            queue.capacity = 10;
            queue.sizer = Sizer::Items;
            queue.overflow = Overflow::Block;
        }),
    );
    let before = Instant::now();
    rig.offer(&[8, 8, 8]).await;
    assert_eq!(before.elapsed(), secs(2));
    sleep(secs(2)).await;
    assert_eq!(rig.books(), "sent 24");
    assert_eq!(rig.total("otelcol_exporter_queue_size"), 0);
}

#[tokio::test(start_paused = true)]
async fn refuses_a_batch_larger_than_the_queue_at_once() {
    for sizer in [Sizer::Items, Sizer::Bytes] {
        let rig = Rig::new(
            "take",
            with_queue(|queue| {
                queue.capacity = 10;
                queue.sizer = sizer;
                queue.overflow = Overflow::Block;
            }),
        );
        let refusal = rig
            .delivery
            .consume(batch(11))
            .await
            .expect_err("too large");
        assert_eq!(refusal.verdict, Verdict::Never);
        assert!(
            refusal.cause.starts_with("element size too large"),
            "{refusal}"
        );
        assert_eq!(rig.books(), "refused 11");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_with_the_outcome_when_told_to() {
    let rig = Rig::new(
        "slow never",
        with_queue(|queue| queue.reply = Reply::OnceSent),
    );
    let before = Instant::now();
    rig.delivery.consume(batch(1)).await.expect("taken");
    assert_eq!(before.elapsed(), secs(1));
    let refusal = rig.delivery.consume(batch(2)).await.expect_err("refused");
    assert_eq!(refusal.cause, "bad data");
    assert_eq!(rig.books(), "sent 1, dropped 2");
}

#[tokio::test(start_paused = true)]
async fn hands_the_failure_back_without_a_queue() {
    let rig = Rig::new(
        "later never",
        DeliverySettings {
            queue: None,
            ..exact()
        },
    );
    let refusal = rig.delivery.consume(batch(2)).await.expect_err("refused");
    assert_eq!(refusal.cause, "bad data");
    assert_eq!(rig.exporter.attempts(), "0:2 5:2");
    assert_eq!(rig.books(), "refused 2");
    assert_eq!(rig.total("otelcol_exporter_send_failed_spans"), 2);
}

#[tokio::test(start_paused = true)]
async fn books_what_an_impatient_caller_walks_away_from() {
    let rig = Rig::new(
        "hang",
        DeliverySettings {
            queue: None,
            ..exact()
        },
    );
    let offered = rig.delivery.consume(batch(2));
    assert!(tokio::time::timeout(secs(1), offered).await.is_err());
    assert_eq!(rig.books(), "refused 2");
}

#[tokio::test(start_paused = true)]
async fn survives_a_panicking_exporter() {
    let rig = Rig::new("panic take", exact());
    rig.offer(&[1, 2]).await;
    sleep(secs(1)).await;
    assert_eq!(rig.books(), "sent 2, dropped 1");
    assert_eq!(rig.state(), Status::PermanentError);
}

#[tokio::test(start_paused = true)]
async fn is_in_recoverable_error_while_the_backend_refuses() {
    let rig = Rig::new("later take", exact());
    rig.offer(&[1]).await;
    sleep(secs(1)).await;
    assert_eq!(rig.state(), Status::RecoverableError);
    sleep(secs(5)).await;
    assert_eq!(rig.state(), Status::Ok);
}

#[tokio::test(start_paused = true)]
async fn logs_the_beginning_and_the_end_of_an_outage_and_nothing_between() {
    let mut settings = with_queue(|queue| queue.capacity = 3);
    settings
        .retry
        .as_mut()
        .expect("there is one")
        .max_elapsed_time = Some(secs(14));
    // The first batch fails three times and is given up; the next one is taken at once.
    let rig = Rig::new("later later later take", settings);
    rig.offer(&[5, 6]).await;
    sleep(secs(1)).await;
    assert_eq!(
        logged(),
        [
            "WARN exporting fails exporter=fake error=connection refused \
          plan=\"will retry\""
        ]
    );
    for _ in 0..10 {
        // All but the first are turned away: a full queue is no news during an outage.
        let _refused = rig.delivery.consume(batch(1)).await;
    }
    sleep(secs(11)).await;
    assert_eq!(logged(), [""; 0]);
    sleep(secs(20)).await;
    assert_eq!(
        logged(),
        ["INFO exporting works again exporter=fake lasted=12.5s \
          waiting_batches=2 dropped_items=5"]
    );
}

#[tokio::test(start_paused = true)]
async fn one_backend_that_is_away_is_one_piece_of_news_for_all_signals() {
    let traces = Rig::new("later take", exact());
    let status = traces.status.clone();
    let logs = Rig::for_signal("later take", exact(), Signal::Logs, status);
    traces.offer(&[1]).await;
    logs.offer(&[1]).await;
    sleep(secs(1)).await;
    assert_eq!(logged().len(), 1);
    sleep(secs(30)).await;
    let end = logged();
    assert_eq!(end.len(), 1, "{end:?}");
    assert!(
        end[0].starts_with("INFO exporting works again exporter=fake"),
        "{end:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_make_a_known_outage_news_again() {
    let traces = Rig::new("later", exact());
    let logs = Rig::for_signal("later", exact(), Signal::Logs, traces.status.clone());
    traces.offer(&[1]).await;
    sleep(secs(1)).await;
    assert_eq!(logged().len(), 1);
    traces
        .status
        .report(traces.delivery.node(), Status::Stopping, "");
    logs.offer(&[1]).await;
    sleep(secs(1)).await;
    assert_eq!(logged(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn logs_bad_data_once_per_interval_with_the_sum() {
    let rig = Rig::new("never", exact());
    rig.offer(&[1, 2, 3]).await;
    sleep(secs(20)).await;
    rig.offer(&[4]).await;
    sleep(secs(1)).await;
    let logged = logged();
    assert_eq!(logged.len(), 2, "{logged:?}");
    assert!(logged[0].ends_with("dropped_items=1"), "{logged:?}");
    assert!(logged[1].ends_with("dropped_items=9"), "{logged:?}");
}

#[tokio::test(start_paused = true)]
async fn drops_nothing_on_a_clean_shutdown() {
    let rig = Rig::new("slow", with_queue(|queue| queue.num_consumers = 10));
    rig.offer(&[3; 100]).await;
    let before = Instant::now();
    assert_eq!(rig.delivery.drain(secs(30)).await.lost_items(), 0);
    assert_eq!(before.elapsed(), secs(10), "ten at a time, one second each");
    assert_eq!(rig.books(), "sent 300");
    rig.delivery.consume(batch(1)).await.expect_err("closed");
}

#[tokio::test(start_paused = true)]
async fn keeps_trying_until_the_deadline_when_it_drains() {
    let rig = Rig::new("later later later later take", exact());
    rig.offer(&[1, 2, 3]).await;
    sleep(secs(2)).await;
    let before = Instant::now();
    assert_eq!(rig.delivery.drain(secs(30)).await.lost_items(), 0);
    assert!(before.elapsed() < secs(3), "{:?}", before.elapsed());
    assert_eq!(rig.books(), "sent 6");
}

#[tokio::test(start_paused = true)]
async fn counts_what_is_lost_when_the_backend_stays_away() {
    let rig = Rig::new("later", exact());
    rig.offer(&[1, 2, 3]).await;
    sleep(secs(2)).await;
    let before = Instant::now();
    assert_eq!(rig.delivery.drain(secs(9)).await.lost_items(), 6);
    assert_eq!(before.elapsed(), secs(9));
    assert_eq!(rig.books(), "dropped 6");
}

#[tokio::test(start_paused = true)]
async fn drains_within_the_deadline_while_the_backend_hangs() {
    let mut settings = exact();
    settings.timeout = None;
    let rig = Rig::new("take hang", settings);
    rig.offer(&[1, 2, 3]).await;
    let before = Instant::now();
    assert_eq!(rig.delivery.drain(secs(30)).await.lost_items(), 5);
    assert_eq!(before.elapsed(), secs(30));
    assert_eq!(rig.books(), "sent 1, dropped 5");
}

#[tokio::test(start_paused = true)]
async fn refuses_those_who_wait_for_room_when_it_drains() {
    let rig = Rig::new(
        "hang",
        with_queue(|queue| {
            queue.capacity = 1;
            queue.overflow = Overflow::Block;
        }),
    );
    rig.offer(&[1]).await;
    let waiting = Arc::clone(&rig.delivery);
    let waiting = async move { waiting.consume(batch(2)).await };
    let (answer, lost) = tokio::join!(waiting, rig.delivery.drain(secs(3)));
    assert!(answer.expect_err("closed").is_retryable());
    assert_eq!(lost.lost_items(), 1);
    assert_eq!(rig.books(), "refused 2, dropped 1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ships_everything_when_many_threads_push_and_pull() {
    let rig = Rig::new(
        "take",
        with_queue(|queue| {
            queue.num_consumers = 4;
            queue.capacity = 3;
            queue.overflow = Overflow::Block;
        }),
    );
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let delivery = Arc::clone(&rig.delivery);
        callers.spawn(async move {
            for _ in 0..500 {
                delivery
                    .consume(batch(1))
                    .await
                    .expect("there will be room");
            }
        });
    }
    callers.join_all().await;
    assert_eq!(rig.delivery.drain(secs(30)).await.lost_items(), 0);
    assert_eq!(rig.books(), "sent 4000");
}

/// Draws settings and a script; the shorter the waits, the more happens.
fn drawn(dice: &mut Dice, disk: &disk::FakeDisk) -> (String, DeliverySettings) {
    let words = [
        "take", "take", "slow", "later", "later=2", "full", "never", "hang", "panic",
    ];
    let script: Vec<_> = (0..=dice.roll(40)).map(|_| dice.pick(&words)).collect();
    let queue = QueueSettings {
        num_consumers: 1 + dice.roll(4) as usize,
        capacity: 1 + dice.roll(30) as usize,
        sizer: [Sizer::Requests, Sizer::Items, Sizer::Bytes][dice.roll(3) as usize],
        overflow: [Overflow::Refuse, Overflow::Block][dice.roll(2) as usize],
        reply: [Reply::OnceQueued, Reply::OnceSent][dice.roll(2) as usize],
        batch: (dice.roll(2) > 0).then(|| BatchSettings {
            flush_timeout: Duration::from_millis(1 + dice.roll(2000)),
            min_size: dice.roll(20),
            ..BatchSettings::default()
        }),
        storage: (dice.roll(3) == 0).then(|| Arc::new(disk.clone()) as Arc<dyn crate::Storage>),
        max_bytes: 1 + dice.roll(200),
    };
    let retry = RetrySettings {
        initial_interval: Duration::from_millis(dice.roll(3000)),
        max_elapsed_time: [None, Some(secs(8))][dice.roll(2) as usize],
        ..RetrySettings::default()
    };
    let settings = DeliverySettings {
        timeout: [None, Some(secs(2))][dice.roll(2) as usize],
        queue: (dice.roll(4) > 0).then_some(queue),
        retry: (dice.roll(4) > 0).then_some(retry),
    };
    (script.join(" "), settings)
}

async fn books_balance_under(seed: u64) {
    let mut dice = Dice(seed);
    let disk = disk::FakeDisk::default();
    let (script, settings) = drawn(&mut dice, &disk);
    let rig = Rig::new(&script, settings);
    let mut callers = JoinSet::new();
    let mut exporters = vec![Arc::clone(&rig.exporter)];
    let mut offered = 0;
    for _ in 0..dice.roll(60) {
        let (items, wait) = (dice.roll(12) as u32, Duration::from_millis(dice.roll(700)));
        offered += u64::from(items);
        let delivery = Arc::clone(&rig.delivery);
        // Some callers walk away.
        let patience = if dice.roll(3) == 0 {
            secs(1)
        } else {
            secs(600)
        };
        callers.spawn(async move {
            let batch = disk::spans(items as u8);
            tokio::time::timeout(patience, delivery.consume(batch)).await
        });
        sleep(wait).await;
        rig.books();
        if dice.roll(20) == 0 {
            let (script, settings) = drawn(&mut dice, &disk);
            let exporter = FakeExporter::new(&script);
            let given: Arc<dyn Exporter> = Arc::<FakeExporter>::clone(&exporter);
            let mut retired = Vec::new();
            let replaced = rig.delivery.replace(given, settings, &mut retired);
            replaced.await.expect("replaced");
            exporters.push(exporter);
        }
    }
    let before = Instant::now();
    rig.delivery.drain(secs(dice.roll(20))).await;
    assert!(before.elapsed() <= secs(20), "drained too long");
    // Without a queue nothing but the callers ends the attempts.
    callers.shutdown().await;
    let books = rig.books();
    assert!(!books.contains("queued"), "{books}");
    assert_eq!(rig.items("received"), offered);
    let taken = |exporter: &Arc<FakeExporter>| exporter.taken_items.load(Relaxed);
    let taken: u64 = exporters.iter().map(taken).sum();
    assert_eq!(rig.total("otelcol_exporter_sent_spans"), taken);
    assert_eq!(rig.total("otelcol_exporter_queue_size"), 0);
    assert_eq!(rig.total("otelcol_exporter_in_flight_requests"), 0);
}

#[test]
fn balances_the_books_whatever_happens() {
    for seed in 0..200 {
        let run = std::panic::catch_unwind(|| {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime
                .enable_time()
                .start_paused(true)
                .build()
                .expect("a runtime");
            runtime.block_on(books_balance_under(seed));
        });
        if let Err(panic) = run {
            panic!("with seed {seed}: {}", crate::graph::panic_text(&*panic));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn slows_its_callers_down_only_while_the_backend_takes_batches() {
    let large = || Batch::written(Signal::Traces, bytes::Bytes::from(vec![0; 9 << 20]), 1);
    let rig = Rig::new("take slow slow slow hang", DeliverySettings::default());
    rig.offer(&[1]).await;
    sleep(Duration::from_millis(1)).await;
    let before = Instant::now();
    for _ in 0..2 {
        rig.delivery.consume(large()).await.expect("there is room");
    }
    assert_eq!(before.elapsed().as_millis(), 50, "the second was too much");
    sleep(secs(5)).await;
    let before = Instant::now();
    for _ in 0..4 {
        rig.delivery.consume(large()).await.expect("there is room");
    }
    assert_eq!(before.elapsed().as_millis(), 0, "nothing was taken lately");
}
