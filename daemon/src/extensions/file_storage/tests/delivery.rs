//! A delivery whose queue is a real log.

use async_trait::async_trait;
use tapline_config::ComponentId;
use tapline_pdata::{Batch, Signal};
use tapline_pipeline::{
    BuildContext, Consumer, Delivery, DeliverySettings, Exporter, QueueSettings, Refusal,
    StatusTable,
};

use super::*;

/// Takes batches, or leaves them waiting for ever.
struct Backend {
    works: bool,
    taken: Arc<AtomicU64>,
}

#[async_trait]
impl Exporter for Backend {
    async fn export(&self, batch: Batch) -> Result<(), Refusal> {
        if !self.works {
            std::future::pending::<()>().await;
        }
        self.taken.fetch_add(u64::from(batch.items()), Relaxed);
        Ok(())
    }
}

fn settings(store: Store) -> DeliverySettings {
    DeliverySettings {
        queue: Some(QueueSettings {
            storage: Some(Arc::new(store)),
            ..QueueSettings::default()
        }),
        ..DeliverySettings::default()
    }
}

/// Starts a delivery whose queue is in this store; returns it and what its backend has taken.
async fn delivery(store: Store, works: bool) -> (Arc<Delivery>, Arc<AtomicU64>) {
    let taken = Arc::new(AtomicU64::new(0));
    let backend = Backend {
        works,
        taken: Arc::clone(&taken),
    };
    let settings = settings(store);
    let id = ComponentId::parse("otlp/a").expect("an id");
    let context = BuildContext::alone(id, Signal::Logs);
    let delivery = Delivery::new(Arc::new(backend), settings, &context, StatusTable::new([]));
    delivery.start().await.expect("starts");
    (delivery, taken)
}

#[tokio::test]
async fn a_queue_on_real_files_is_sent_by_the_next_process() {
    let scratch = Scratch::new();
    let (before, _) = delivery(scratch.store("").store, false).await;
    let record = Bytes::from_static(&[0x0a, 4, 0x12, 2, 0x12, 0]);
    for _ in 0..30 {
        let batch = Batch::checked(Signal::Logs, record.clone()).expect("well-formed");
        before.consume(batch).await.expect("taken");
    }
    // Ten hang in attempts, which are cut off; all are on disk.
    let drained = before.drain(Duration::from_millis(50)).await;
    assert_eq!((drained.lost_items(), drained.spilled_items), (0, 30));
    assert!(scratch.0.join("exporter_otlp_a_logs").is_dir());
    let (after, taken) = delivery(scratch.store("").store, true).await;
    while taken.load(Relaxed) < 30 {
        tokio::task::yield_now().await;
    }
    let drained = after.drain(Duration::from_secs(5)).await;
    assert_eq!((drained.lost_items(), drained.spilled_items), (0, 0));
}

#[tokio::test]
async fn a_queue_takes_more_when_the_quota_of_its_storage_grows() {
    let scratch = Scratch::new();
    let (delivery, _) = delivery(scratch.store("max_size_mib: 1").store, false).await;
    let spans = [&[0x12, 0x80, 0x80, 0x20][..], &vec![0; 512 << 10]].concat();
    let batch = || Batch::written(Signal::Logs, Bytes::from(spans.clone()), 1);
    delivery.consume(batch()).await.expect("there is room");
    let refused = delivery.consume(batch()).await;
    refused.expect_err("there is none");

    let taken = Arc::default();
    let works = true;
    let backend = Arc::new(Backend { works, taken });
    let settings = settings(scratch.store("max_size_mib: 2").store);
    let replaced = delivery.replace(backend, settings, &mut Vec::new()).await;
    replaced.expect("replaced");
    delivery.consume(batch()).await.expect("there is room");
}
