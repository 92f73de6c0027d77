//! What a queue may rely on.

use std::collections::BTreeSet;

use tapline_pipeline::WriteError;
use tokio::task::JoinSet;

use super::*;

const KIB: usize = 1024;

#[tokio::test]
async fn keeps_records_in_order_until_they_are_removed() {
    let scratch = Scratch::new();
    let log = scratch.store("").open().await;
    let mut numbers = Vec::new();
    for text in ["a", "b", "", "d"] {
        numbers.push(append(&*log, text).await);
    }
    assert!(numbers.is_sorted());
    assert_eq!(texts(&*log).await, "a b  d");
    let listed = log.list().await.expect("the disk works");
    assert!(
        listed
            .iter()
            .map(|stored| stored.body_bytes)
            .eq([1, 1, 0, 1])
    );

    log.remove(&[numbers[1], numbers[1], 4711])
        .await
        .expect("the disk works");
    assert_eq!(log.read(numbers[1]).await, Ok(None));
    assert_eq!(texts(&*log).await, "a  d");
}

#[tokio::test]
async fn a_record_of_many_pieces_is_one() {
    let scratch = Scratch::new();
    let log = scratch.store("").open().await;
    let pieces: Vec<_> = (0..3000)
        .map(|at| Bytes::from(vec![at as u8; at % 7]))
        .collect();
    let number = log
        .append(HEAD, pieces.clone())
        .await
        .expect("the disk works");
    assert_eq!(
        log.read(number)
            .await
            .expect("the disk works")
            .expect("the disk works"),
        pieces.concat()
    );
}

#[tokio::test]
async fn is_the_same_after_it_was_closed_or_dropped() {
    let scratch = Scratch::new();
    for fsync in ["fsync: true", "fsync: false"] {
        let disk = scratch.store(fsync);
        let log = disk.open().await;
        let last = append(&*log, "a").await;
        let gone = append(&*log, "b").await;
        log.remove(&[gone]).await.expect("the disk works");
        scratch.close(log).await;
        let log = disk.open().await;
        assert_eq!(texts(&*log).await, "a");
        assert!(append(&*log, "c").await > last);
        drop(log);
        let log = disk.open().await;
        assert_eq!(texts(&*log).await, "a c");
        let numbers = numbers(&*log).await;
        log.remove(&numbers).await.expect("the disk works");
        scratch.close(log).await;
        assert_eq!(scratch.segments(), Vec::<PathBuf>::new(), "nothing is left");
        assert_eq!(disk.damaged(), 0);
    }
}

#[tokio::test]
async fn a_disk_that_takes_nothing_is_an_error_and_not_the_end() {
    let scratch = Scratch::new();
    let disk = scratch.store("");
    let log = disk.open().await;
    let path = scratch.0.join(OWNER);
    fs::remove_dir(&path).expect("it is empty");
    let error = log.append(HEAD, vec![Bytes::from_static(b"a")]).await.err();
    let expected = format!("cannot write to storage {}: ", path.display());
    let is_disk = |it| matches!(it, WriteError::Disk(why) if why.starts_with(&expected));
    assert!(error.is_some_and(is_disk));
    assert_eq!((texts(&*log).await.as_str(), disk.bytes()), ("", 0));

    fs::create_dir(&path).expect("it is gone");
    append(&*log, "b").await;
    scratch.close(log).await;
    assert_eq!(texts(&*disk.open().await).await, "b");
}

#[tokio::test]
async fn appends_made_together_are_all_kept() {
    for fsync in ["fsync: true", "fsync: false"] {
        let scratch = Scratch::new();
        let log = scratch.store(fsync).open().await;
        let mut writers = JoinSet::new();
        for writer in 0..8 {
            let log = Arc::clone(&log);
            writers.spawn(async move {
                let mut numbers = Vec::new();
                for at in 0..25 {
                    let text = format!("{writer}/{at}");
                    numbers.push((append(&*log, &text).await, text));
                }
                assert!(numbers.is_sorted(), "later records have larger numbers");
                numbers
            });
        }
        let acknowledged: BTreeSet<_> = writers.join_all().await.into_iter().flatten().collect();
        scratch.close(log).await;
        let log = scratch.store("").open().await;
        let found = contents(&*log).await;
        let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).expect("text");
        let found: Vec<_> = found
            .iter()
            .map(|(number, bytes)| (*number, text(bytes)))
            .collect();
        assert_eq!(found, acknowledged.into_iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_log_is_open_once() {
    let scratch = Scratch::new();
    let disk = scratch.store("timeout: 20ms");
    let log = disk.open().await;
    let lock = scratch.0.join(format!("{OWNER}~lock"));
    let error = scratch.store("timeout: 20ms").store.open(OWNER).await.err();
    assert_eq!(
        error,
        Some(format!("storage is in use: {} is locked", lock.display()))
    );
    // Another owner is not concerned.
    let other = disk.store.open("exporter_otlp_grpc_backup_logs").await;
    assert_eq!(texts(&*other.expect("it is free")).await, "");

    let waiting = scratch.store("timeout: 1m");
    let (opened, ()) = tokio::join!(waiting.open(), async { drop(log) });
    append(&*opened, "a").await;
}

#[tokio::test]
async fn disk_is_given_back_as_records_are_removed() {
    let scratch = Scratch::new();
    let disk = scratch.store("max_size_mib: 1");
    let log = disk.open().await;
    let text = "x".repeat(20 * KIB);
    let mut numbers = Vec::new();
    for _ in 0..40 {
        numbers.push(append(&*log, &text).await);
    }
    let full = scratch.bytes();
    assert_eq!(disk.bytes(), full);
    assert!(full > 40 * 20 * 1024 && scratch.segments().len() == 10);
    for number in &numbers[..20] {
        log.remove(&[*number]).await.expect("the disk works");
    }
    assert_eq!(scratch.bytes(), full / 2);
    assert_eq!(disk.bytes(), full / 2);
    log.remove(&numbers).await.expect("the disk works");
    assert_eq!(disk.bytes(), 0);
}

#[tokio::test]
async fn the_quota_holds_for_all_logs_together() {
    let scratch = Scratch::new();
    let disk = scratch.store("max_size_mib: 1");
    let log = disk.open().await;
    let other = disk.store.open("other").await.expect("it opens");
    let text = "x".repeat(100 * KIB);
    for _ in 0..5 {
        append(&*log, &text).await;
        append(&*other, &text).await;
    }
    let record = || vec![Bytes::from(text.clone())];
    let quota = Err(WriteError::Quota(1 << 20));
    assert_eq!(log.append(HEAD, record()).await, quota);
    assert_eq!(other.append(HEAD, record()).await, quota);

    // It counts after a restart too, and room is room for everybody.
    scratch.close(log).await;
    let log = disk.open().await;
    assert_eq!(other.append(HEAD, record()).await, quota);
    let first = numbers(&*log).await[0];
    log.remove(&[first]).await.expect("the disk works");
    append(&*other, &text).await;
    assert_eq!(other.append(HEAD, record()).await, quota);
}

#[tokio::test]
async fn removed_records_do_not_use_the_quota_up() {
    let scratch = Scratch::new();
    let log = scratch.store("max_size_mib: 1").open().await;
    for size in (0..500)
        .map(|at| at * 997 % 50_000)
        .chain([1_000_000, 1_000_000])
    {
        let number = append(&*log, &"x".repeat(size)).await;
        assert!(scratch.bytes() <= 1 << 20);
        log.remove(&[number]).await.expect("the disk works");
    }
}

#[tokio::test]
async fn an_open_log_goes_on_with_other_settings() {
    let scratch = Scratch::new();
    let (small, large) = (
        scratch.store("max_size_mib: 1"),
        scratch.store("max_size_mib: 2\nfsync: true"),
    );
    let log = small.open().await;
    let text = "x".repeat(100 * KIB);
    let record = || vec![Bytes::from(text.clone())];
    for _ in 0..10 {
        append(&*log, &text).await;
    }
    assert_eq!(
        log.append(HEAD, record()).await,
        Err(WriteError::Quota(1 << 20))
    );
    large.store.adopt(&*log).await.expect("the disk works");
    for _ in 0..10 {
        append(&*log, &text).await;
    }
    // What is there already counts, here and there.
    let quota = Err(WriteError::Quota(2 << 20));
    assert_eq!(log.append(HEAD, record()).await, quota);
    let other = large.store.open("other").await.expect("it opens");
    assert_eq!(other.append(HEAD, record()).await, quota);
    let third = small.store.open("third").await.expect("it opens");
    append(&*third, &text).await;

    small.store.adopt(&*log).await.expect("the disk works");
    assert_eq!(
        log.append(HEAD, record()).await,
        Err(WriteError::Quota(1 << 20))
    );
    append(&*other, &text).await;
    let all = numbers(&*log).await;
    assert_eq!(all.len(), 20, "nothing is lost to a smaller quota");
    log.remove(&all).await.expect("the disk works");
    append(&*log, &text).await;
}
