//! A delivery that lives on while its exporter and settings are replaced.

use super::{
    disk::{FakeDisk, offer},
    *,
};

async fn replace(
    rig: &Rig,
    script: &str,
    settings: DeliverySettings,
) -> (Arc<FakeExporter>, RetiredExporter) {
    let exporter = FakeExporter::new(script);
    let given: Arc<dyn Exporter> = Arc::<FakeExporter>::clone(&exporter);
    let retired = rig.delivery.replace(given, settings).await;
    (exporter, retired.expect("replaced"))
}

#[tokio::test(start_paused = true)]
async fn what_waits_goes_to_the_new_exporter_at_once() {
    let rig = Rig::new("later=60", exact());
    rig.offer(&[1, 2]).await;
    sleep(secs(2)).await;
    let (new, retired) = replace(&rig, "take", exact()).await;
    sleep(secs(1)).await;
    assert_eq!(new.attempts(), "0:1 0:2");
    assert_eq!(rig.exporter.attempts(), "0:1");
    close_retired(vec![retired]).await;
    assert_eq!(rig.exporter.closed.load(Relaxed), 1);
    assert_eq!(rig.books(), "sent 3");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_ends_with_its_exporter_which_is_closed_afterwards() {
    let rig = Rig::new("slow", exact());
    rig.offer(&[1, 2]).await;
    tokio::task::yield_now().await;
    let (new, retired) = replace(&rig, "take", exact()).await;
    let before = Instant::now();
    close_retired(vec![retired]).await;
    assert_eq!(before.elapsed(), secs(1));
    sleep(secs(1)).await;
    assert_eq!(
        (rig.exporter.attempts(), new.attempts()),
        ("0:1".into(), "1:2".into())
    );
    assert_eq!(rig.exporter.closed.load(Relaxed), 1);
    assert_eq!(rig.books(), "sent 3");
}

#[tokio::test(start_paused = true)]
async fn bounds_and_consumers_change_and_what_is_queued_stays() {
    let rig = Rig::new("hang", with_queue(|queue| queue.capacity = 2));
    rig.offer(&[1, 2]).await;
    rig.delivery.consume(batch(3)).await.expect_err("full");
    tokio::task::yield_now().await;
    let larger = with_queue(|queue| {
        queue.capacity = 100;
        queue.sizer = Sizer::Items;
        queue.num_consumers = 3;
    });
    let (new, _retired) = replace(&rig, "slow", larger).await;
    rig.offer(&[3, 4]).await;
    assert_eq!(rig.total("otelcol_exporter_queue_size"), 10);
    // The first consumer stays with the exporter that hangs until its attempt times out.
    sleep(secs(3)).await;
    assert_eq!(new.attempts(), "0:2 0:3 1:4");
    sleep(secs(4)).await;
    assert_eq!(rig.books(), "sent 10, refused 3");
}

#[tokio::test(start_paused = true)]
async fn a_queue_in_memory_moves_to_disk_and_stays_there() {
    let disk = FakeDisk::default();
    let rig = Rig::new("later", exact());
    offer(&rig, &[1, 2, 3]).await;
    sleep(secs(1)).await;
    let (_, _retired) = replace(&rig, "later", disk.settings()).await;
    offer(&rig, &[4]).await;
    assert_eq!(disk.len(), 3, "all but the one being sent");
    assert_eq!(rig.delivery.drain(secs(2)).await.spilled_items, 9);
    let after = Rig::new("take", disk.settings());
    sleep(secs(1)).await;
    assert_eq!(after.exporter.attempts(), "0:2 0:3 0:4");
}

#[tokio::test(start_paused = true)]
async fn a_queue_on_disk_is_still_read_after_it_was_configured_away() {
    let disk = FakeDisk::default();
    let rig = Rig::new("later", disk.settings());
    offer(&rig, &[1, 2]).await;
    sleep(secs(1)).await;
    let (new, _retired) = replace(&rig, "take", exact()).await;
    offer(&rig, &[3]).await;
    sleep(secs(1)).await;
    assert_eq!(new.attempts(), "0:1 0:2 0:3");
    assert_eq!((rig.books(), disk.len()), ("sent 6".into(), 0));
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_comes_back_brings_nothing_twice() {
    let disk = FakeDisk::default();
    let rig = Rig::new("later", disk.settings());
    offer(&rig, &[1, 2]).await;
    sleep(secs(1)).await;
    let (_, _retired) = replace(&rig, "later", exact()).await;
    offer(&rig, &[3]).await;
    let (new, _retired) = replace(&rig, "slow", disk.settings()).await;
    assert_eq!(disk.len(), 3, "what came in between is there, too");
    sleep(secs(9)).await;
    assert_eq!(new.attempts(), "0:1 1:2 2:3");
    assert_eq!((rig.books(), disk.len()), ("sent 6".into(), 0));
}
