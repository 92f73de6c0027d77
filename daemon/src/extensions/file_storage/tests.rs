//! Logs on real files: cut short, flipped, killed, shared, full.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use bytes::Bytes;
use tapline_pdata::{Batch, Signal};
use tapline_pipeline::{
    BuildContext, Consumer, Delivery, DeliverySettings, Exporter, QueueSettings, Refusal,
    StatusTable, WriteError,
};

use super::*;

/// Tells the child of `nothing_acknowledged_is_lost_by_kill` where to write.
const CHILD: &str = "TAPLINE_TEST_KILLED_LOG";

struct Temp(PathBuf);

impl Temp {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "tapline-log-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Relaxed)
        );
        Self(std::env::temp_dir().join(name))
    }

    fn storage(&self, change: impl FnOnce(&mut Config)) -> Arc<dyn Storage> {
        let mut config = Config {
            directory: self.0.clone(),
            timeout: tapline_config::Duration::from_millis(50),
            ..Config::default()
        };
        change(&mut config);
        let built = build(&config).expect("builds");
        built.offers().storage.expect("it is storage")
    }

    async fn open(&self) -> Arc<dyn RecordLog> {
        self.storage(|_| {}).open("x").await.expect("opens")
    }

    fn segments(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.0.join("x")).expect("is there");
        let files = files.map(|file| file.expect("readable").path());
        let mut files: Vec<_> = files
            .filter(|file| file.extension().is_some_and(|e| e == "seg"))
            .collect();
        files.sort();
        files
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

async fn append(log: &dyn RecordLog, text: &str) -> u64 {
    let body = vec![Bytes::copy_from_slice(text.as_bytes())];
    log.append(Bytes::from_static(b"head"), body)
        .await
        .expect("appends")
}

/// Returns the bodies that can be read, in order.
async fn texts(log: &dyn RecordLog) -> Vec<String> {
    let mut texts = Vec::new();
    for stored in log.list().await.expect("lists") {
        assert_eq!(&stored.head[..], b"head");
        if let Some(body) = log.read(stored.number).await.expect("reads") {
            texts.push(String::from_utf8(body.to_vec()).expect("as written"));
        }
    }
    texts
}

#[tokio::test]
async fn keeps_order_across_openings_and_forgets_what_was_removed() {
    let temp = Temp::new();
    let log = temp.open().await;
    let mut numbers = Vec::new();
    for text in ["a", "b", "c"] {
        numbers.push(append(&*log, text).await);
    }
    log.remove(&[numbers[1]]).await.expect("removes");
    drop(log);
    let log = temp.open().await;
    assert!(append(&*log, "d").await > numbers[2]);
    assert_eq!(texts(&*log).await, ["a", "c", "d"]);
    log.remove(&[numbers[0], numbers[2]])
        .await
        .expect("removes");
    assert_eq!(
        temp.segments().len(),
        1,
        "a segment that is done is deleted"
    );
}

#[tokio::test]
async fn a_log_can_be_open_once() {
    let temp = Temp::new();
    let log = temp.open().await;
    let error = temp.storage(|_| {}).open("x").await.err().expect("locked");
    assert!(error.ends_with("/x is in use"), "{error}");
    drop(log);
    temp.open().await;
}

#[tokio::test]
async fn any_truncation_costs_only_what_was_cut() {
    let temp = Temp::new();
    let log = temp.open().await;
    for text in ["first", "second"] {
        append(&*log, text).await;
    }
    drop(log);
    let file = temp.segments().remove(0);
    let whole = fs::read(&file).expect("reads");
    for len in (whole.len() / 2..whole.len()).rev() {
        fs::write(&file, &whole[..len]).expect("writes");
        let log = temp.open().await;
        let expected: &[&str] = if len >= 37 { &["first"] } else { &[] };
        assert_eq!(texts(&*log).await, expected, "cut to {len}");
        drop(log);
    }
}

#[tokio::test]
async fn any_flipped_byte_costs_one_record_at_most() {
    let temp = Temp::new();
    let log = temp.open().await;
    for text in ["first", "second", "third"] {
        append(&*log, text).await;
    }
    drop(log);
    let file = temp.segments().remove(0);
    let whole = fs::read(&file).expect("reads");
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x41;
        fs::write(&file, flipped).expect("writes");
        let log = temp.open().await;
        assert!(texts(&*log).await.len() == 2, "flipped {at}");
        drop(log);
    }
}

#[tokio::test]
async fn the_quota_holds_and_is_given_back() {
    let temp = Temp::new();
    let storage = temp.storage(|config| config.max_size_mib = 1);
    let log = storage.open("x").await.expect("opens");
    let body = || vec![Bytes::from(vec![7; 100 << 10])];
    let mut numbers = Vec::new();
    let error = loop {
        match log.append(Bytes::new(), body()).await {
            Ok(number) => numbers.push(number),
            Err(error) => break error,
        }
    };
    assert_eq!(error, WriteError::Quota(1 << 20));
    assert_eq!(numbers.len(), 10);
    log.remove(&numbers).await.expect("removes");
    log.append(Bytes::new(), body())
        .await
        .expect("there is room again");
}

#[test]
fn names_are_safe() {
    assert_eq!(
        file_name("exporter_otlp_a/b c_traces"),
        "exporter_otlp_a~002Fb~0020c_traces"
    );
}

/// Not a test of its own: the process that is killed.
#[tokio::test]
async fn killed_child() {
    let Some(dir) = std::env::var_os(CHILD) else {
        return;
    };
    let temp = std::mem::ManuallyDrop::new(Temp(dir.into()));
    let log = temp.open().await;
    for count in 0_u64.. {
        let number = append(&*log, &"x".repeat((count % 3000) as usize)).await;
        #[expect(clippy::print_stdout, reason = "the parent reads it")]
        {
            println!("\nacknowledged {number}");
        }
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_kill() {
    let temp = Temp::new();
    let mut acknowledged = Vec::new();
    for round in 1..=8_usize {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["killed_child", "--nocapture"])
            .env(CHILD, &temp.0)
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let numbers = lines.filter_map(|line| {
            line.ok()?
                .strip_prefix("acknowledged ")?
                .parse::<u64>()
                .ok()
        });
        acknowledged.extend(numbers.take(round * 37));
        child.kill().expect("is killed");
        child.wait().expect("ends");
        let log = temp.open().await;
        let stored = log.list().await.expect("lists");
        let there: Vec<u64> = stored.iter().map(|stored| stored.number).collect();
        for number in &acknowledged {
            assert!(there.binary_search(number).is_ok(), "{number} is gone");
            assert!(
                log.read(*number).await.expect("reads").is_some(),
                "{number} is damaged"
            );
        }
    }
    assert_eq!(acknowledged.len(), 37 * 36);
}

/// Takes batches, or leaves them waiting for ever.
struct Backend {
    works: bool,
    taken: Arc<AtomicU32>,
}

#[async_trait]
impl Exporter for Backend {
    async fn export(&self, batch: Batch) -> Result<(), Refusal> {
        if !self.works {
            std::future::pending::<()>().await;
        }
        self.taken.fetch_add(batch.items(), Relaxed);
        Ok(())
    }
}

/// Starts a delivery whose queue is in this storage; returns it and what its backend has taken.
async fn delivery(storage: Arc<dyn Storage>, works: bool) -> (Arc<Delivery>, Arc<AtomicU32>) {
    let taken = Arc::new(AtomicU32::new(0));
    let backend = Backend {
        works,
        taken: Arc::clone(&taken),
    };
    let settings = DeliverySettings {
        queue: Some(QueueSettings {
            storage: Some(storage),
            ..QueueSettings::default()
        }),
        ..DeliverySettings::default()
    };
    let id = tapline_config::ComponentId::parse("otlp/a").expect("an id");
    let context = BuildContext::alone(id, Signal::Logs);
    let status = StatusTable::new([]);
    let delivery = Delivery::new(Arc::new(backend), settings, &context, status);
    delivery.start().await.expect("starts");
    (delivery, taken)
}

#[tokio::test]
async fn a_queue_on_real_files_is_sent_by_the_next_process() {
    let temp = Temp::new();
    let (before, _) = delivery(temp.storage(|_| {}), false).await;
    let record = Bytes::from_static(&[0x0a, 4, 0x12, 2, 0x12, 0]);
    for _ in 0..30 {
        let batch = Batch::checked(Signal::Logs, record.clone()).expect("well-formed");
        before.consume(batch).await.expect("taken");
    }
    // Ten hang in attempts, which are cut off; all are on disk.
    let drained = before.drain(Duration::from_millis(50)).await;
    assert_eq!((drained.lost_items, drained.spilled_items), (0, 30));
    assert!(temp.0.join("exporter_otlp_a_logs").is_dir());
    let (after, taken) = delivery(temp.storage(|_| {}), true).await;
    while taken.load(Relaxed) < 30 {
        tokio::task::yield_now().await;
    }
    let drained = after.drain(Duration::from_secs(5)).await;
    assert_eq!((drained.lost_items, drained.spilled_items), (0, 0));
}
