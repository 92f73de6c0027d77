//! Damaged JSON, text and wire bytes: refused or read, never a panic, and what is read is sound.
//!
//! The fuzz targets in `core/pdata/fuzz` assert the same and go further; this runs everywhere.

use bytes::Bytes;
use tapline_pdata::{Batch, Signal, json, text};

use crate::samples;

/// A generator of numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits fit")
    }

    fn below(&mut self, end: usize) -> usize {
        self.next() % end.max(1)
    }
}

/// What is put into text where it hurts.
const PIECES: [&str; 24] = [
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "-",
    "0",
    "1e999",
    "\\u",
    "\\ud800",
    "99999999999999999999",
    "\"resource\":{},",
    "\"arrayValue\":{\"values\":[",
    " ",
    "\n",
    "|",
    "=",
    "0x",
    "\u{1f600}",
];

/// Damages bytes in one or two places.
fn damage(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..=random.below(2) {
        let (at, other) = (random.below(out.len() + 1), random.below(out.len() + 1));
        let (low, high) = (at.min(other), at.max(other).min(at.min(other) + 40));
        match random.below(6) {
            0 if at < out.len() => out[at] = random.next().to_le_bytes()[0],
            1 => drop(out.drain(low..high)),
            2 => {
                let copy = out[low..high].to_vec();
                out.splice(at..at, copy);
            }
            3 => out.truncate(at),
            _ => {
                let piece = PIECES[random.below(PIECES.len())];
                out.splice(at..at, piece.bytes());
            }
        }
    }
    out
}

const JSON: [(Signal, &str); 5] = [
    (Signal::Traces, include_str!("../testdata/traces.json")),
    (Signal::Metrics, include_str!("../testdata/metrics.json")),
    (Signal::Logs, include_str!("../testdata/logs.json")),
    (Signal::Logs, include_str!("../testdata/events.json")),
    (Signal::Profiles, include_str!("../testdata/profiles.json")),
];

/// A batch is what it says it is, and its JSON reads back as the same JSON.
fn assert_sound(batch: &Batch) {
    let again = Batch::checked(batch.signal(), batch.to_bytes()).expect("well-formed");
    assert_eq!(again.items(), batch.items());
}

#[test]
fn damaged_json_is_refused_or_sound() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut read = 0;
    for round in 0..4000 {
        let (signal, sample) = JSON[round % JSON.len()];
        let damaged = damage(&mut random, sample.as_bytes());
        match json::from_json(signal, &damaged) {
            Ok(batch) => {
                read += 1;
                assert_sound(&batch);
                let text = json::to_json(&batch);
                let again = json::from_json(signal, &text).expect("we read what we write");
                assert_eq!(json::to_json(&again), text);
            }
            Err(error) => assert!(error.at <= damaged.len(), "{error}"),
        }
    }
    assert!(read > 200, "damage is not always fatal: {read}");
}

#[test]
fn damaged_text_is_refused_or_sound() {
    let profiles = json::from_json(Signal::Profiles, JSON[4].1.as_bytes()).expect("a sample");
    let batches = [
        samples::traces(),
        samples::metrics(),
        samples::logs(),
        profiles,
    ];
    let mut random = Random(0xd1b5_4a32_d192_ed03);
    let mut read = 0;
    for round in 0..4000 {
        let batch = &batches[round % batches.len()];
        let damaged = damage(&mut random, text::compact(batch).as_bytes());
        let damaged = String::from_utf8_lossy(&damaged);
        if let Ok(batch) = text::parse(batch.signal(), &damaged) {
            read += 1;
            assert_sound(&batch);
            let shown = text::compact(&batch);
            let again = text::parse(batch.signal(), &shown).expect("we read what we show");
            assert_eq!(text::compact(&again), shown);
        }
    }
    assert!(read > 200, "damage is not always fatal: {read}");
}

#[test]
fn damaged_profiles_are_refused_or_join_and_split() {
    let sample = json::from_json(Signal::Profiles, JSON[4].1.as_bytes()).expect("a sample");
    let wire = sample.to_bytes();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut read = 0;
    for _ in 0..4000 {
        let damaged = Bytes::from(damage(&mut random, &wire));
        // As if checked, although it is not: nothing may panic.
        let unchecked = Batch::written(Signal::Profiles, damaged.clone(), 2);
        drop(unchecked.clone().split(1));
        drop(unchecked.join([sample.clone()]));
        let Ok(batch) = Batch::checked(Signal::Profiles, damaged) else {
            continue;
        };
        read += 1;
        let joined = batch.clone().join([sample.clone(), batch.clone()]);
        assert_sound(&joined);
        assert_eq!(joined.items(), 2 * batch.items() + sample.items());
        let pieces = joined.split(1);
        pieces.iter().for_each(assert_sound);
        text::compact(&batch);
    }
    assert!(read > 200, "damage is not always fatal: {read}");
}
