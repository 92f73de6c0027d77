//! Files that somebody or something has changed.

use std::{fs::File, os::unix::fs::FileExt};

use super::*;
use crate::extensions::file_storage::frame::Header;

/// Writes records of these sizes and closes the log; returns what they are.
async fn written(scratch: &Scratch, sizes: impl Iterator<Item = usize>) -> Vec<Bytes> {
    let log = scratch.store("max_size_mib: 1").open().await;
    let mut dice = Dice(7);
    let mut records = Vec::new();
    for size in sizes {
        let record = Bytes::from(dice.bytes(size));
        log.append(HEAD, vec![record.clone()])
            .await
            .expect("the disk takes it");
        records.push(record);
    }
    scratch.close(log).await;
    records
}

#[tokio::test]
async fn truncation_at_every_byte_costs_what_is_behind_it() {
    let (original, scratch) = (Scratch::new(), Scratch::new());
    let records = written(&original, [30, 0, 41, 7, 19].into_iter()).await;
    let size = original.bytes();
    for length in 0..=size {
        copy(&original.0.join(OWNER), &scratch.0.join(OWNER));
        let file = File::options().write(true).open(&scratch.segments()[0]);
        file.expect("it is there")
            .set_len(length)
            .expect("it can be cut");
        let mut end = 0;
        let whole = records.iter().take_while(|record| {
            end += (OVERHEAD + record.len()) as u64;
            end <= length
        });
        let mut expected: Vec<_> = whole.cloned().collect();

        let disk = scratch.store("");
        let log = disk.open().await;
        let found =
            |records: Vec<(_, Bytes)>| records.into_iter().map(|it| it.1).collect::<Vec<_>>();
        assert_eq!(found(contents(&*log).await), expected, "cut at {length}");
        assert_eq!(disk.damaged(), 0, "what is torn was never acknowledged");
        append(&*log, "more").await;
        scratch.close(log).await;
        expected.push("more".into());
        let log = scratch.store("").open().await;
        assert_eq!(found(contents(&*log).await), expected, "cut at {length}");
    }
}

#[tokio::test]
async fn random_damage_costs_the_damaged_records_and_no_others() {
    let (original, scratch) = (Scratch::new(), Scratch::new());
    let records = written(&original, (0..60).map(|at| at * 7919 % 9000)).await;
    let segments = original.segments().len();
    assert!(segments > 3, "there are several files");
    let mut dice = Dice(4);
    for round in 0..300 {
        copy(&original.0.join(OWNER), &scratch.0.join(OWNER));
        let mut hit = vec![false; records.len()];
        for _ in 0..=dice.below(6) {
            let path = scratch.segments()[dice.below(segments)].clone();
            let bytes = fs::read(&path).expect("it is there");
            let at = dice.below(bytes.len());
            let length = (1 + dice.below(40)).min(bytes.len() - at);
            let file = File::options()
                .write(true)
                .open(&path)
                .expect("it is there");
            file.write_all_at(&dice.bytes(length), at as u64)
                .expect("it can be written");
            mark(&mut hit, &records, first_of(&path), at..at + length);
        }
        let disk = scratch.store("max_size_mib: 1");
        let log = disk.open().await;
        let found = contents(&*log).await;
        assert!(found.is_sorted_by_key(|it| it.0));
        let index = |number: u64| usize::try_from(number - 1).expect("small");
        for (number, record) in &found {
            assert_eq!(
                *record,
                records[index(*number)],
                "round {round}: not what was written"
            );
        }
        let is_found = |at: usize| found.iter().any(|it| index(it.0) == at);
        for at in (0..records.len()).filter(|at| !hit[*at]) {
            assert!(
                is_found(at),
                "round {round}: record {at} is lost and was not damaged"
            );
        }
        let lost = (records.len() - found.len()) as u64;
        assert!(
            disk.damaged() <= lost && (disk.damaged() > 0) == (lost > 0),
            "round {round}"
        );

        // What is left can be removed, and nothing stays behind.
        let numbers: Vec<_> = found.iter().map(|it| it.0).collect();
        log.remove(&numbers).await.expect("the disk works");
        scratch.close(log).await;
        assert!(scratch.segments().is_empty(), "round {round}");
    }
}

/// Returns the number of the first record of a segment, which its name tells.
fn first_of(path: &Path) -> usize {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name of ours");
    name[..20].parse().expect("a number")
}

/// Notes which records of a segment the changed bytes belong to.
fn mark(hit: &mut [bool], records: &[Bytes], first: usize, changed: std::ops::Range<usize>) {
    let mut start = 0;
    for (at, record) in records.iter().enumerate().skip(first - 1) {
        let end = start + OVERHEAD + record.len();
        hit[at] |= changed.start < end && start < changed.end;
        start = end;
    }
}

#[tokio::test]
async fn a_file_of_garbage_costs_its_records() {
    let scratch = Scratch::new();
    let records = written(&scratch, std::iter::repeat_n(20_000, 12)).await;
    let paths = scratch.segments();
    let middle = first_of(&paths[1])..first_of(&paths[2]);
    let size = fs::metadata(&paths[1]).expect("it is there").len();
    fs::write(&paths[1], vec![0; usize::try_from(size).expect("small")]).expect("writable");
    fs::write(scratch.0.join(OWNER).join("README"), "not ours").expect("writable");

    let disk = scratch.store("");
    let log = disk.open().await;
    let found: Vec<_> = contents(&*log).await.into_iter().map(|it| it.1).collect();
    let is_kept = |at: &usize| !middle.contains(&(at + 1));
    let kept: Vec<_> = (0..12)
        .filter(is_kept)
        .map(|at| records[at].clone())
        .collect();
    assert_eq!(found, kept);
    assert_eq!(disk.damaged(), 1);
}

#[tokio::test]
async fn a_deleted_file_costs_its_records() {
    let scratch = Scratch::new();
    written(&scratch, std::iter::repeat_n(20_000, 8)).await;
    let disk = scratch.store("");
    let log = disk.open().await;
    fs::remove_file(&scratch.segments()[0]).expect("it is there");
    assert_eq!(contents(&*log).await.len(), 4);
    assert_eq!(numbers(&*log).await.len(), 4, "they are not offered again");
    assert_eq!(disk.damaged(), 4);
}

#[tokio::test]
async fn a_payload_cannot_pass_for_a_record() {
    let scratch = Scratch::new();
    let log = scratch.store("").open().await;
    let inner = [Bytes::from_static(b"forged")];
    let header = Header::new(2, &HEAD, &inner).expect("it is small");
    let forged = [&header.encode(0)[..], &HEAD, b"forged"].concat();
    log.append(HEAD, vec![Bytes::from(forged)])
        .await
        .expect("the disk works");
    append(&*log, "next").await;
    scratch.close(log).await;

    let file = File::options()
        .write(true)
        .open(&scratch.segments()[0])
        .expect("it is there");
    file.write_all_at(&[0xFF; OVERHEAD], 0)
        .expect("it can be written");
    let disk = scratch.store("");
    assert_eq!(texts(&*disk.open().await).await, "next");
    assert_eq!(disk.damaged(), 1);
}
