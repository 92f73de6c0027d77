//! Logs on a real disk, in directories of their own.

mod contract;
mod damage;
mod delivery;
mod kill;
mod settings;
mod speed;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use tapline_config::{Environment, Input, Problems, decode_valid, load};
use tapline_pipeline::{Meters, RecordLog, RecordNumber, Storage};

use super::{Config, Store, frame::HEADER_BYTES, names};

/// Who owns the log in most tests.
const OWNER: &str = "exporter_otlp_grpc_backup_traces";

/// A directory that is deleted in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "tapline-storage-{}-{}",
            process::id(),
            NEXT.fetch_add(1, Relaxed)
        );
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).expect("the name is ours");
        Self(path)
    }

    /// Makes a store here; `text` is more YAML.
    fn store(&self, text: &str) -> Disk {
        Disk::new(&format!("directory: {}\n{text}", self.0.display()))
    }

    /// Lists the segment files of the owner, in order.
    fn segments(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.0.join(OWNER)).expect("the log is there");
        let mut paths: Vec<_> = entries
            .map(|entry| entry.expect("readable").path())
            .collect();
        paths.sort();
        paths
    }

    /// Drops the log and waits until it is closed.
    async fn close(&self, log: Arc<dyn RecordLog>) {
        drop(log);
        let disk = self.store("");
        let lock = disk.store.place.lock(OWNER, Duration::from_secs(10)).await;
        lock.expect("the log is closed soon");
    }

    fn bytes(&self) -> u64 {
        let size = |path: &PathBuf| fs::metadata(path).expect("it is there").len();
        self.segments().iter().map(size).sum()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A store and what it counts.
struct Disk {
    store: Store,
    meters: Meters,
}

impl Disk {
    fn new(text: &str) -> Self {
        let meters = Meters::new();
        let config = read(text).expect("the configuration is good");
        let store = Store::new(&config, &meters).expect("it is valid");
        Self { store, meters }
    }

    async fn open(&self) -> Arc<dyn RecordLog> {
        self.store.open(OWNER).await.expect("the log opens")
    }

    fn damaged(&self) -> u64 {
        let owner = [("owner", OWNER)];
        self.meters
            .counter(names::DAMAGED.0, names::DAMAGED.1, &owner)
            .get()
    }

    fn bytes(&self) -> u64 {
        let owner = [("owner", OWNER)];
        let gauge = self.meters.gauge(names::BYTES.0, names::BYTES.1, &owner);
        u64::try_from(gauge.get()).expect("not negative")
    }
}

/// Reads a configuration, or says at which line and why not.
fn read(text: &str) -> Result<Config, String> {
    let document = load(&[Input::text("c.yaml", text)], &Environment::default()).expect("YAML");
    let mut problems = Problems::new();
    decode_valid(document.root(), &mut problems).ok_or_else(|| problems.to_string())
}

/// What stands before every body.
const HEAD: Bytes = Bytes::from_static(b"head");
/// What a record takes on disk beside its body.
const OVERHEAD: usize = HEADER_BYTES + 4;

async fn append(log: &dyn RecordLog, text: &str) -> RecordNumber {
    let body = vec![Bytes::copy_from_slice(text.as_bytes())];
    log.append(HEAD, body).await.expect("the disk takes it")
}

/// Lists the numbers of all there is.
async fn numbers(log: &dyn RecordLog) -> Vec<RecordNumber> {
    let listed = log.list().await.expect("the disk works");
    listed.iter().map(|stored| stored.number).collect()
}

/// Reads all there is, in order.
async fn contents(log: &dyn RecordLog) -> Vec<(RecordNumber, Bytes)> {
    let mut records = Vec::new();
    for stored in log.list().await.expect("the disk works") {
        assert_eq!(stored.head, HEAD);
        if let Some(body) = log.read(stored.number).await.expect("the disk works") {
            assert_eq!(body.len() as u64, stored.body_bytes);
            records.push((stored.number, body));
        }
    }
    records
}

/// Reads all there is as text, separated by blanks.
async fn texts(log: &dyn RecordLog) -> String {
    let records = contents(log).await;
    let texts: Vec<_> = records
        .iter()
        .map(|(_, record)| String::from_utf8_lossy(record))
        .collect();
    texts.join(" ")
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("below the bound")
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count)
            .map(|_| u8::try_from(self.below(256)).expect("a byte"))
            .collect()
    }
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).expect("the directory is ours");
    for entry in fs::read_dir(from).expect("it is there") {
        let entry = entry.expect("readable");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("there is room");
    }
}
