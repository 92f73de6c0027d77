//! What was cut off, lost, or said before anybody listened.

use proptest::prelude::*;
use tapline_protocols::{
    conversation::{Chunk, Limits, Since, Toward},
    http2::Http2,
    parser::{Parser, Told},
    recognition::Beginning,
};

use super::{joined, line, lines, played, recording};
use crate::script::{Act, Seen, cuts, in_pieces};

const RECORDINGS: [&str; 4] = ["grpcio", "node", "nginx", "h2load"];

/// What may be told in place of a whole line when something was not seen: the same exchange with
/// less known of it, and never one with another path, status or count.
fn is_less_of(part: &str, whole: &str) -> bool {
    let words = |line: &str| -> Vec<String> { line.split(' ').map(str::to_owned).collect() };
    let (part, whole) = (words(part), words(whole));
    let known = |index: usize| part.get(index).cloned().unwrap_or_default();
    let same = |index: usize, unknown: &[&str]| {
        unknown.contains(&known(index).as_str()) || part.get(index) == whole.get(index)
    };
    match (part[0].as_str(), whole[0].as_str()) {
        ("grpc", "grpc") => {
            // A server answers calls, too, that were given up; then the one word may be missing.
            let is_given_up = part.len() > 4 || whole.len() > 4;
            same(1, &["?"]) && (same(2, &["?"]) || is_given_up)
        }
        ("http2", "http2") => {
            let is_answered = part.len() == 5 || part.len() == 6 && known(5) == "cut";
            let sizes = |words: &[String]| words.get(4).cloned().unwrap_or_default();
            let is_size = !is_answered || are_sizes_of(&sizes(&part), &sizes(&whole));
            same(1, &[""]) && same(2, &[""]) && same(3, &["0"]) && is_size
        }
        // Nothing said that it was a call.
        ("http2", "grpc") => known(2).is_empty() || whole[1] == known(2)[1..],
        _ => false,
    }
}

/// Sizes of bodies are right, or marked as those of a part.
fn are_sizes_of(part: &str, whole: &str) -> bool {
    let mut pairs = part.split('/').zip(whole.split('/'));
    pairs.all(|(part, whole)| match part.strip_suffix('+') {
        Some(part) => part.parse::<u64>().ok() <= whole.parse::<u64>().ok(),
        None => part == whole,
    })
}

/// Every exchange told is one of those that happened, or less of it.
fn assert_true(seen: &Seen, whole: &[String], context: &str) {
    for (_, told) in &seen.told {
        let part = line(told);
        let is_one = whole.iter().any(|whole| is_less_of(&part, whole));
        assert!(is_one, "{part} is none of {whole:#?}, {context}");
    }
}

#[test]
fn whatever_is_cut_off_nothing_false_is_told() {
    for name in RECORDINGS {
        let acts = recording(name);
        let whole: Vec<String> = lines(&played(&acts)).lines().map(str::to_owned).collect();
        for (number, cut) in cuts(&acts).enumerate() {
            assert_true(&played(&cut), &whole, &format!("{name}, cut {number}"));
        }
    }
}

#[test]
fn whatever_is_lost_nothing_false_is_told() {
    for name in RECORDINGS {
        let acts = recording(name);
        let whole: Vec<String> = lines(&played(&acts)).lines().map(str::to_owned).collect();
        for index in 0..acts.len() {
            let Act::Chunk { toward, bytes, .. } = &acts[index] else {
                continue;
            };
            for len in [None, Some(bytes.len() as u64)] {
                let mut lossy = acts.clone();
                lossy[index] = Act::Gap(*toward, len);
                assert_true(
                    &played(&lossy),
                    &whole,
                    &format!("{name}, act {index} lost"),
                );
            }
        }
    }
}

#[test]
fn who_joins_late_tells_nothing_false_and_everything_new() {
    for name in RECORDINGS {
        let acts = recording(name);
        let whole: Vec<String> = lines(&played(&acts)).lines().map(str::to_owned).collect();
        for first in 1..acts.len() {
            let seen = joined(&acts[first..]);
            assert_true(&seen, &whole, &format!("{name}, from act {first}"));
            let pieces = joined(&in_pieces(&acts[first..], 20));
            assert_true(&pieces, &whole, &format!("{name}, from act {first} by 20"));
        }
    }
}

#[test]
fn methods_are_read_again_as_soon_as_they_are_said_again() {
    let acts = recording("grpcio");
    // Behind the first two calls: the third refers to what was said before, the fifth does not.
    let first = acts.iter().position(|act| match act {
        Act::Chunk { toward, bytes, .. } => {
            *toward == Toward::Server && bytes.windows(12).any(|text| text == b"failNOT_FOUN")
        }
        _ => false,
    });
    let seen = joined(&acts[first.expect("the third call")..]);
    let expected = "\
grpc ? NOT_FOUND 1/0 cut
grpc ? INTERNAL 1/0 cut
grpc shop.Cart/Nope UNIMPLEMENTED 1/0 cut
grpc shop.Cart/List ? 1/3 cut
grpc shop.Cart/Upload ? 2/1 cut
grpc shop.Cart/Chat ? 4/4 cut
http2 POST  0 13/0 cut CANCEL
http2 POST  0 13/0 cut CANCEL
grpc ? ? 1/1 cut
";
    assert_eq!(lines(&seen), expected);
}

#[test]
fn a_lost_chunk_costs_what_was_in_it_and_no_later_answer() {
    let acts = recording("h2load");
    let mut lossy = acts.clone();
    let answers = |act: &&Act| match act {
        Act::Chunk { toward, bytes, .. } if *toward == Toward::Client => bytes.len(),
        _ => 0,
    };
    let longest = acts.iter().max_by_key(answers).expect("a chunk");
    let index = acts.iter().position(|act| std::ptr::eq(act, longest));
    lossy[index.expect("the same")] = Act::Gap(Toward::Client, None);
    let seen = played(&[&lossy[..], &[Act::Close]].concat());
    let text = lines(&seen);
    assert!(
        text.contains("lost_data") && text.contains(" 200 "),
        "{text}"
    );
    let known = seen.told.iter().filter(|(_, told)| match told {
        Told::Http(exchange) => exchange.request.target == "/",
        _ => false,
    });
    assert_eq!(known.count(), 20, "requests were not lost");
}

/// Bytes that move one way: any, or some of a recording with a byte that may be another.
#[derive(Debug, Clone)]
struct Piece {
    toward: Toward,
    recorded: Option<usize>,
    bytes: Vec<u8>,
    missing: usize,
    then_lost: bool,
}

fn piece() -> impl Strategy<Value = Piece> {
    (
        prop_oneof![Just(Toward::Server), Just(Toward::Client)],
        proptest::option::of(0usize..50),
        proptest::collection::vec(any::<u8>(), 0..200),
        prop_oneof![8 => Just(0usize), 1 => 0usize..300],
        prop_oneof![8 => Just(false), 1 => Just(true)],
    )
        .prop_map(|(toward, recorded, bytes, missing, then_lost)| Piece {
            toward,
            recorded,
            bytes,
            missing,
            then_lost,
        })
}

impl Piece {
    fn bytes(&self, recording: &[Act]) -> Vec<u8> {
        let of = |number: usize| match &recording[number % recording.len()] {
            Act::Chunk { bytes, .. } if !bytes.is_empty() => Some(bytes.clone()),
            _ => None,
        };
        let Some(mut real) = self.recorded.and_then(of) else {
            return self.bytes.clone();
        };
        if let [at, byte @ 0..128, ..] = self.bytes.as_slice() {
            let at = usize::from(*at) % real.len();
            real[at] = *byte;
        }
        real
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn holds_its_bounds_whatever_comes(
        pieces in proptest::collection::vec(piece(), 0..40),
        since in prop_oneof![Just(Since::Begin), Just(Since::Later)],
    ) {
        let limits = Limits { head_bytes: 1024, open_requests: 2, ..Limits::default() };
        let beginning = Beginning { bytes: &[], len: 0, toward: None, since, port: 0 };
        let mut parser = Http2::new(&beginning, limits);
        let mut seen = Seen::default();
        let recorded = recording("grpcio");
        for (number, piece) in pieces.iter().enumerate() {
            let at_ns = number as u64 * 1_000_000_000;
            let bytes = piece.bytes(&recorded);
            let len = bytes.len() + piece.missing;
            let toward = piece.toward;
            let chunk = Chunk { toward, at_ns, bytes: &bytes, len, tail: &[], thread: 0 };
            parser.feed(chunk, &mut seen);
            prop_assert!(parser.buffered_bytes() <= Http2::buffered_bytes_max(&limits));
            if piece.then_lost {
                parser.gap(toward, at_ns, None, &mut seen);
                parser.expire(at_ns, &mut seen);
            }
            prop_assert_eq!(parser.open_requests(), seen.announced.len() - seen.told.len());
        }
    }
}
