//! A delivery that lives on while its exporter and settings are replaced.

use tokio::time::timeout;

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
    let mut retired = Vec::new();
    let replaced = rig.delivery.replace(given, settings, &mut retired).await;
    replaced.expect("replaced");
    (exporter, retired.pop().expect("there was one"))
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

/// Starts with five batches on a disk that are not in memory, the first of them being sent.
async fn full_disk(script: &str) -> (FakeDisk, Rig) {
    let disk = FakeDisk::default();
    offer(&Rig::new("hang", disk.settings()), &[1, 2, 3, 4, 5]).await;
    let rig = Rig::new(script, disk.settings());
    sleep(secs(1)).await;
    (disk, rig)
}

/// More than a move may take, whatever the disks do.
const MOVE_LIMIT: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn a_disk_that_cannot_be_read_does_not_hold_up_a_move_and_loses_nothing() {
    let (old, rig) = full_disk("later").await;
    let new = FakeDisk::default();
    old.is_unreadable(true);
    logged();
    let replaced = timeout(MOVE_LIMIT, replace(&rig, "take", new.settings())).await;
    let (exporter, _retired) = replaced.expect("it ends");
    assert_eq!((old.len(), new.len()), (5, 0));
    let logged = logged().join("\n");
    let expected = "WARN part of the queue stays where it is, and is sent from there \
                    component=exporter fake for traces batches=4 items=14 \
                    error=\"input/output error\"";
    assert!(logged.contains(expected), "{logged}");
    offer(&rig, &[6]).await;
    old.is_unreadable(false);
    sleep(secs(5)).await;
    assert_eq!(exporter.attempts(), "0:1 1:2 1:3 1:4 1:5 1:6");
    assert_eq!(
        (rig.books(), old.len(), new.len()),
        ("sent 21".into(), 0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_hangs_or_is_full_does_not_hold_up_a_move_and_loses_nothing() {
    for is_full in [false, true] {
        let (old, rig) = full_disk("later").await;
        let new = FakeDisk::default();
        if is_full {
            new.fill();
        } else {
            new.hangs(true);
        }
        let replaced = timeout(MOVE_LIMIT, replace(&rig, "slow", new.settings())).await;
        let (exporter, _retired) = replaced.expect("it ends");
        new.hangs(false);
        sleep(secs(9)).await;
        assert_eq!(exporter.taken_items.load(Relaxed), 15);
        let left = (old.len(), new.len());
        assert_eq!((rig.books(), left), ("sent 15".into(), (0, 0)), "{is_full}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_comes_back_to_a_disk_that_something_stayed_on() {
    let (old, rig) = full_disk("later").await;
    let new = FakeDisk::default();
    old.is_unreadable(true);
    let (_, _retired) = replace(&rig, "later", new.settings()).await;
    offer(&rig, &[6]).await;
    old.is_unreadable(false);
    let (exporter, _retired) = replace(&rig, "take", old.settings()).await;
    sleep(secs(1)).await;
    assert_eq!(exporter.attempts(), "0:1 0:2 0:3 0:4 0:5 0:6");
    assert_eq!(
        (rig.books(), old.len(), new.len()),
        ("sent 21".into(), 0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_move_that_nobody_waits_for_any_more_leaves_every_batch_on_one_disk() {
    let (old, rig) = full_disk("later").await;
    let new = FakeDisk::default();
    new.hangs(true);
    let cut = timeout(secs(1), replace(&rig, "later", new.settings())).await;
    assert!(cut.is_err(), "it hangs");
    new.hangs(false);
    let drained = rig.delivery.drain(secs(5)).await;
    assert_eq!((drained.lost_items(), drained.spilled_items), (0, 15));
    assert_eq!((old.len(), new.len()), (5, 0));
}
