//! The batch stage before a recording consumer, on a paused clock.

mod metadata;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytes::Bytes;
use tapline_pdata::{Origin, Signal};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::*;

/// Writes down what arrives, as `milliseconds:items`, and behind an `@` what its origin says.
struct Recorder {
    started: Instant,
    arrived: Mutex<Vec<String>>,
    hangs: AtomicBool,
    refuses: AtomicBool,
}

#[async_trait]
impl Consumer for Recorder {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        if self.hangs.load(Relaxed) {
            std::future::pending::<()>().await;
        }
        let mut line = format!("{}:{}", self.started.elapsed().as_millis(), batch.items());
        if let Some(origin) = batch.origin() {
            let values: Vec<&str> = origin
                .all_metadata()
                .flat_map(|(_, values)| values.iter().map(String::as_str))
                .collect();
            line.push('@');
            line.push_str(&values.join("+"));
        }
        self.arrived.lock().expect("not poisoned").push(line);
        if self.refuses.load(Relaxed) {
            return Err(Refusal::full("sending queue is full"));
        }
        Ok(())
    }
}

/// Takes everything.
struct Nowhere;

#[async_trait]
impl Consumer for Nowhere {
    async fn consume(&self, _: Batch) -> Result<(), Refusal> {
        Ok(())
    }
}

struct Rig {
    stage: Arc<dyn Stage>,
    next: Arc<Recorder>,
    context: BuildContext,
    stop: Stop,
    work: JoinSet<Result<(), String>>,
}

impl Rig {
    fn new(config: &Config) -> Self {
        let next = Arc::new(Recorder {
            started: Instant::now(),
            arrived: Mutex::default(),
            hangs: AtomicBool::new(false),
            refuses: AtomicBool::new(false),
        });
        let context = context();
        let given: Arc<dyn Consumer> = Arc::<Recorder>::clone(&next);
        let stage = build(config, given, &context).expect("a valid configuration");
        let stop = Stop::new();
        let mut work = JoinSet::new();
        work.spawn(Arc::clone(&stage).start(stop.clone()).expect("it has work"));
        Self {
            stage,
            next,
            context,
            stop,
            work,
        }
    }

    async fn push(&self, sizes: &[u32]) {
        for items in sizes {
            self.stage.consume(logs(*items)).await.expect("held");
        }
    }

    fn arrived(&self) -> String {
        self.next.arrived.lock().expect("not poisoned").join(" ")
    }

    fn total(&self, metric: &str) -> u64 {
        self.context.meters.total(metric, &[])
    }

    /// Returns what the stage's book says.
    fn book(&self) -> String {
        let account = self.context.meters.account(self.context.signal, &[]);
        format!("{:?}", account.tally())
    }
}

fn context() -> BuildContext {
    let id = tapline_config::ComponentId::parse("batch").expect("a valid id");
    BuildContext::alone(id, Signal::Logs)
}

/// Makes a well-formed request of this many empty log records.
fn logs(items: u32) -> Batch {
    Batch::written(Signal::Logs, Bytes::from(request(items)), items)
}

fn request(items: u32) -> Vec<u8> {
    let records = [0x12, 0].repeat(items as usize);
    field(0x0a, field(0x12, records))
}

/// Makes a well-formed request of one profile with this many empty samples.
fn profiles(items: u32) -> Batch {
    let samples = [0x12, 0].repeat(items as usize);
    let wire = field(0x0a, field(0x12, field(0x12, samples)));
    Batch::written(Signal::Profiles, Bytes::from(wire), items)
}

/// Frames what a field holds.
fn field(tag: u8, content: Vec<u8>) -> Vec<u8> {
    let mut out = vec![tag];
    let mut length = content.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend(content);
    out
}

fn config(send_batch_size: u32, send_batch_max_size: u32) -> Config {
    Config {
        send_batch_size,
        send_batch_max_size,
        ..Config::default()
    }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test(start_paused = true)]
async fn joins_until_a_batch_is_full() {
    let rig = Rig::new(&config(10, 0));
    rig.push(&[4, 4, 4]).await;
    sleep(millis(1)).await;
    assert_eq!(rig.arrived(), "0:12");
    assert_eq!(
        rig.total("otelcol_processor_batch_batch_size_trigger_send"),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn sends_what_there_is_when_the_first_has_waited_long_enough() {
    let rig = Rig::new(&config(10, 0));
    sleep(millis(500)).await;
    rig.push(&[3]).await;
    sleep(millis(150)).await;
    rig.push(&[4]).await;
    sleep(millis(150)).await;
    assert_eq!(rig.arrived(), "700:7");
    assert_eq!(rig.total("otelcol_processor_batch_timeout_trigger_send"), 1);
}

#[tokio::test(start_paused = true)]
async fn sends_what_has_become_too_many_bytes() {
    let rig = Rig::new(&config(u32::MAX, 0));
    let half = MAX_HELD_BYTES as u32 / 4;
    rig.push(&[half - 1000, half]).await;
    sleep(millis(1)).await;
    assert_eq!(rig.arrived(), "", "not yet");
    rig.push(&[1000]).await;
    sleep(millis(1)).await;
    assert_eq!(rig.arrived(), format!("1:{}", 2 * half));
}

#[tokio::test(start_paused = true)]
async fn cuts_what_is_too_large_and_keeps_filling_the_rest() {
    let rig = Rig::new(&config(10, 10));
    rig.push(&[25]).await;
    sleep(millis(100)).await;
    rig.push(&[4]).await;
    sleep(millis(200)).await;
    assert_eq!(rig.arrived(), "0:10 0:10 200:9");
}

#[tokio::test(start_paused = true)]
async fn sends_the_rest_along_when_it_is_large_enough() {
    let rig = Rig::new(&config(10, 15));
    rig.push(&[27]).await;
    sleep(millis(100)).await;
    assert_eq!(rig.arrived(), "0:15 0:12");
}

#[tokio::test(start_paused = true)]
async fn sends_at_once_without_a_timeout_but_still_cuts() {
    let none = tapline_config::Duration::ZERO;
    for config in [
        Config {
            timeout: none,
            ..config(10, 10)
        },
        config(0, 10),
    ] {
        let rig = Rig::new(&config);
        rig.push(&[3, 12, 0]).await;
        sleep(millis(1)).await;
        assert_eq!(rig.arrived(), "0:3 0:10 0:2");
    }
}

#[tokio::test(start_paused = true)]
async fn joins_profiles_and_cuts_them_too() {
    let rig = Rig::new(&config(10, 10));
    for items in [4, 4, 5] {
        rig.stage.consume(profiles(items)).await.expect("held");
    }
    sleep(millis(1)).await;
    assert_eq!(rig.arrived(), "0:10");
    rig.stage.consume(profiles(1)).await.expect("held");
    rig.stage.drain(millis(1000)).await;
    assert_eq!(rig.arrived(), "0:10 1:4");
    assert_eq!(rig.book(), "received=14 sent=14 queued=0");
}

#[tokio::test(start_paused = true)]
async fn makes_callers_wait_while_downstream_hangs() {
    let rig = Rig::new(&config(1, 0));
    rig.next.hangs.store(true, Relaxed);
    // One is on its way, the others wait: nobody is turned away, nobody is let in.
    rig.push(&[1]).await;
    sleep(millis(1)).await;
    rig.push(&[1; WAITING_BATCHES]).await;
    assert!(
        timeout(millis(60_000), rig.stage.consume(logs(1)))
            .await
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn flushes_everything_when_it_drains() {
    let mut rig = Rig::new(&config(10, 10));
    rig.push(&[4, 3, 8]).await;
    rig.stage.drain(millis(1000)).await;
    assert_eq!(rig.arrived(), "0:10 0:5");
    rig.stop.request();
    assert!(matches!(rig.work.join_next().await, Some(Ok(Ok(())))));
    assert_eq!(rig.book(), "received=15 sent=15 queued=0");
    assert!(rig.stage.consume(logs(1)).await.is_err(), "it has stopped");
    assert_eq!(
        rig.book(),
        "received=16 sent=15 refused(shutdown)=1 queued=0"
    );
}

#[tokio::test(start_paused = true)]
async fn counts_what_downstream_refuses() {
    let rig = Rig::new(&config(5, 0));
    rig.next.refuses.store(true, Relaxed);
    rig.push(&[6, 2]).await;
    rig.stage.drain(millis(1000)).await;
    assert_eq!(rig.arrived(), "0:6 0:2");
    assert_eq!(
        rig.book(),
        "received=8 sent=0 dropped(downstream)=8 queued=0"
    );
}

#[tokio::test(start_paused = true)]
async fn counts_what_it_held_when_it_is_cut_off() {
    let mut rig = Rig::new(&config(6, 6));
    rig.push(&[8]).await;
    rig.stage.drain(millis(1000)).await;
    rig.next.hangs.store(true, Relaxed);
    // Two pieces of 6 are on their way, 1 is held, 20 wait.
    rig.push(&[13]).await;
    sleep(millis(1)).await;
    rig.push(&[20]).await;
    assert_eq!(rig.book(), "received=41 sent=8 queued=33");
    let before = Instant::now();
    rig.stage.drain(millis(1000)).await;
    assert_eq!(before.elapsed(), millis(1000));
    rig.work.shutdown().await;
    assert_eq!(rig.arrived(), "0:6 0:2");
    assert_eq!(
        rig.book(),
        "received=41 sent=8 dropped(shutdown)=33 queued=0"
    );
}

#[test]
fn refuses_settings_that_contradict() {
    let keys = Config {
        metadata_keys: vec!["tenant".to_owned(), "Tenant".to_owned()],
        ..Config::default()
    };
    let table = [
        (
            config(10, 9),
            "send_batch_max_size must be greater or equal to send_batch_size",
        ),
        (
            keys,
            "metadata_keys has a duplicate entry: \"tenant\" (case-insensitive)",
        ),
    ];
    for (config, message) in table {
        let next = Arc::new(Nowhere);
        let Err(refused) = build(&config, next, &context()) else {
            panic!("{message}")
        };
        assert_eq!(refused, message);
    }
}
