//! Queues that survive the process, on a disk of memory.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicU64},
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use super::*;
use crate::{RecordLog, RecordNumber, Storage, Stored, WriteError};

/// A disk with one log. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub(super) struct FakeDisk(Arc<Log>);

#[derive(Debug, Default)]
struct Log {
    records: Mutex<BTreeMap<RecordNumber, (Bytes, Bytes)>>,
    next: AtomicU64,
    full: AtomicBool,
    /// Whether reading fails.
    unreadable: AtomicBool,
    /// Until when writing hangs.
    hung: watch::Sender<bool>,
}

impl FakeDisk {
    pub(super) fn len(&self) -> usize {
        self.0.records.lock().expect("not poisoned").len()
    }

    pub(super) fn fill(&self) {
        self.0.full.store(true, Relaxed);
    }

    /// Makes reading fail, or work again.
    pub(super) fn is_unreadable(&self, yes: bool) {
        self.0.unreadable.store(yes, Relaxed);
    }

    /// Makes writing hang, or go on.
    pub(super) fn hangs(&self, yes: bool) {
        self.0.hung.send_replace(yes);
    }

    pub(super) fn settings(&self) -> DeliverySettings {
        with_queue(|queue| queue.storage = Some(Arc::new(self.clone())))
    }
}

#[async_trait]
impl Storage for FakeDisk {
    fn location(&self) -> String {
        format!("{:p}", Arc::as_ptr(&self.0))
    }

    async fn open(&self, owner: &str) -> Result<Arc<dyn RecordLog>, String> {
        assert_eq!(owner, "exporter_fake__traces");
        Ok(Arc::<Log>::clone(&self.0))
    }
}

#[async_trait]
impl RecordLog for Log {
    async fn append(&self, head: Bytes, body: Vec<Bytes>) -> Result<RecordNumber, WriteError> {
        let mut hung = self.hung.subscribe();
        hung.wait_for(|hung| !hung).await.expect("we hold it");
        if self.full.load(Relaxed) {
            return Err(WriteError::Quota(7));
        }
        let number = self.next.fetch_add(1, Relaxed);
        let record = (head, body.concat().into());
        self.records
            .lock()
            .expect("not poisoned")
            .insert(number, record);
        Ok(number)
    }

    async fn read(&self, number: RecordNumber) -> Result<Option<Bytes>, String> {
        if self.unreadable.load(Relaxed) {
            return Err("input/output error".to_owned());
        }
        let records = self.records.lock().expect("not poisoned");
        Ok(records.get(&number).map(|(_, body)| body.clone()))
    }

    async fn remove(&self, numbers: &[RecordNumber]) -> Result<(), String> {
        let mut records = self.records.lock().expect("not poisoned");
        for number in numbers {
            records.remove(number);
        }
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Stored>, String> {
        let records = self.records.lock().expect("not poisoned");
        let stored = |(number, (head, body)): (&RecordNumber, &(Bytes, Bytes))| Stored {
            number: *number,
            head: head.clone(),
            body_bytes: body.len() as u64,
        };
        Ok(records.iter().map(stored).collect())
    }
}

/// Makes a batch that can be read back: this many spans.
pub(super) fn spans(count: u8) -> Batch {
    let spans = [0x12, 0].repeat(usize::from(count));
    let scope = [&[0x12, spans.len() as u8], spans.as_slice()].concat();
    let resource = [&[0x0a, scope.len() as u8], scope.as_slice()].concat();
    Batch::checked(Signal::Traces, Bytes::from(resource)).expect("well-formed")
}

pub(super) async fn offer(rig: &Rig, sizes: &[u8]) {
    for items in sizes {
        let taken = rig.delivery.consume(spans(*items)).await;
        taken.expect("there is room");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_survives_in_order_and_what_was_sent_is_gone() {
    let disk = FakeDisk::default();
    let before = Rig::new("take hang", disk.settings());
    offer(&before, &[1, 2, 3]).await;
    sleep(secs(1)).await;
    assert_eq!(before.books(), "sent 1, queued 5");
    // As with `kill -9`: nobody drains.
    let after = Rig::new("take", disk.settings());
    sleep(secs(1)).await;
    assert_eq!(after.exporter.attempts(), "0:2 0:3");
    assert_eq!(after.books(), "sent 5");
    assert_eq!(after.total("tapline_exporter_recovered_items"), 5);
    assert_eq!(disk.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn leaves_on_disk_what_cannot_be_sent_at_the_end_and_says_so() {
    let disk = FakeDisk::default();
    let rig = Rig::new("later", disk.settings());
    offer(&rig, &[1, 2, 3]).await;
    sleep(secs(1)).await;
    let before = Instant::now();
    let drained = rig.delivery.drain(secs(30)).await;
    assert_eq!(before.elapsed(), secs(0), "nothing to wait for");
    assert_eq!((drained.lost_items(), drained.spilled_items), (0, 6));
    assert_eq!(rig.books(), "stored 6");
    assert_eq!(disk.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn keeps_more_than_fits_after_a_restart_but_takes_no_more() {
    let disk = FakeDisk::default();
    offer(&Rig::new("hang", disk.settings()), &[1, 2, 3]).await;
    let mut settings = disk.settings();
    settings.queue.as_mut().expect("there is one").capacity = 2;
    let rig = Rig::new("hang", settings);
    assert_eq!(rig.books(), "queued 6");
    let refusal = rig.delivery.consume(spans(1)).await.expect_err("full");
    assert_eq!(refusal.verdict, Verdict::Full);
}

#[tokio::test(start_paused = true)]
async fn refuses_as_full_when_the_disk_is() {
    let disk = FakeDisk::default();
    disk.fill();
    let rig = Rig::new("take", disk.settings());
    let refusal = rig.delivery.consume(spans(4)).await.expect_err("full");
    assert_eq!(refusal.verdict, Verdict::Full);
    assert_eq!(rig.books(), "refused 4");
    assert_eq!(rig.total("otelcol_exporter_queue_size"), 0);
}

#[tokio::test(start_paused = true)]
async fn counts_what_the_disk_lost() {
    let disk = FakeDisk::default();
    offer(&Rig::new("hang", disk.settings()), &[1, 2]).await;
    let last = |log: &Log| {
        log.records
            .lock()
            .expect("not poisoned")
            .get_mut(&1)
            .map(|record| record.1 = Bytes::from_static(b"\x0a\xff"))
    };
    last(&disk.0).expect("the second record");
    let rig = Rig::new("take", disk.settings());
    sleep(secs(1)).await;
    assert_eq!(rig.books(), "sent 1, dropped 2");
    assert_eq!(disk.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_cannot_be_read_stays_on_disk_and_others_get_their_turn() {
    let disk = FakeDisk::default();
    offer(&Rig::new("hang", disk.settings()), &[1, 2]).await;
    disk.is_unreadable(true);
    let rig = Rig::new("take", disk.settings());
    sleep(secs(90)).await;
    assert_eq!(rig.books(), "stored 1, queued 2");
    disk.is_unreadable(false);
    sleep(secs(2)).await;
    assert_eq!(rig.books(), "sent 2, stored 1");
    assert_eq!(disk.len(), 1, "the next process finds it");
}

#[tokio::test(start_paused = true)]
async fn ends_at_once_though_its_disk_cannot_be_read() {
    let disk = FakeDisk::default();
    offer(&Rig::new("hang", disk.settings()), &[1, 2]).await;
    disk.is_unreadable(true);
    let rig = Rig::new("take", disk.settings());
    sleep(secs(1)).await;
    let before = Instant::now();
    let drained = rig.delivery.drain(secs(30)).await;
    assert!(before.elapsed() <= secs(1), "{:?}", before.elapsed());
    assert_eq!((drained.lost_items(), drained.spilled_items), (0, 3));
    assert_eq!(disk.len(), 2);
}
