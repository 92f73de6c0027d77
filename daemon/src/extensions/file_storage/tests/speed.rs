//! What a record costs. Not a test; run it in release when the numbers of decision 009 are asked.
#![expect(clippy::print_stderr, reason = "it measures for a person")]

use std::{fs, time::Instant};

use tokio::task::JoinSet;

use super::*;

#[tokio::test]
#[ignore = "measures: cargo test --release -p tapline speed -- --ignored --nocapture"]
async fn a_record_costs_so_much() {
    for (size, count) in [(3_500_000, 1000), (42_000, 20_000)] {
        for fsync in [false, true] {
            for together in [1, 8] {
                measure(size, count, fsync, together).await;
            }
        }
    }
}

#[tokio::test]
#[ignore = "measures: cargo test --release -p tapline speed -- --ignored --nocapture"]
async fn opening_takes_so_long() {
    let scratch = Scratch::new();
    let log = scratch.store("").open().await;
    let record = Bytes::from(Dice(5).bytes(42_000));
    for _ in 0..50_000 {
        log.append(HEAD, vec![record.clone()])
            .await
            .expect("the disk takes it");
    }
    scratch.close(log).await;
    let began = Instant::now();
    let log = scratch.store("").open().await;
    let opened = began.elapsed();
    let count = log.list().await.expect("it is open").len();
    let (files, mb) = (scratch.segments().len(), scratch.bytes() / 1_000_000);
    eprintln!("{count} records, {files} files, {mb} MB: opened in {opened:?}");
}

/// Appends, reads and removes, with 50 records waiting, as a queue does behind a slow backend.
async fn measure(size: usize, count: usize, fsync: bool, together: usize) {
    let scratch = Scratch::new();
    let log = scratch.store(&format!("fsync: {fsync}")).open().await;
    let record = Bytes::from(Dice(5).bytes(size));
    let (began, cpu) = (Instant::now(), cpu_ticks());
    let mut peak = 0;
    for _ in 0..count / together {
        let mut appends = JoinSet::new();
        for _ in 0..together {
            let (log, record) = (Arc::clone(&log), record.clone());
            appends.spawn(async move { log.append(HEAD, vec![record]).await });
        }
        for appended in appends.join_all().await {
            appended.expect("the disk takes it");
        }
        let waiting = log.list().await.expect("it is open");
        let oldest: Vec<_> = waiting.iter().map(|it| it.number).take(together).collect();
        if waiting.len() > 50 {
            for number in &oldest {
                assert!(log.read(*number).await.expect("it works").is_some());
            }
            log.remove(&oldest).await.expect("it works");
        }
        peak = peak.max(waiting.len());
    }
    let (seconds, used) = (began.elapsed().as_secs_f64(), cpu_ticks() - cpu);
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let (per_1000, mb) = (
        used as f64 / 100.0 * 1000.0 / count as f64,
        (size * count) as f64 / 1e6 / seconds,
    );
    let disk = scratch.bytes() / 1_000_000;
    eprintln!(
        "{size} B, fsync {fsync}, {together} together: {per_1000:.3} CPU s per 1000, \
         {mb:.0} MB/s, {disk} MB on disk"
    );
}

/// The CPU time of this process, in hundredths of a second.
fn cpu_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("this is Linux");
    let (_, fields) = stat.rsplit_once(')').expect("it has a name");
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks
        .map(|field| field.parse::<u64>().expect("a number"))
        .sum()
}
