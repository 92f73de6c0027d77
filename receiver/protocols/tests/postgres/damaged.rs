//! Conversations of which not everything was seen, and bytes that nobody should send.

use proptest::collection::vec;
use proptest::prelude::*;
use tapline_protocols::conversation::Since;
use tapline_protocols::conversation::{Chunk, Outcome, Toward, Unanswered};
use tapline_protocols::postgres::{Postgres, is_request, is_startup};

use super::script::{Act, Seen, chunk, replay, request, response};

/// A statement on a table with a number, in one of the ways to ask.
fn ask(number: usize, way: usize) -> Vec<u8> {
    let sql = format!("DELETE FROM t{number:03}");
    let messages = match way % 3 {
        0 => vec![format!("Q {sql}")],
        1 => vec![
            format!("P - {sql}"),
            "B - -".into(),
            "E -".into(),
            "S".into(),
        ],
        _ => vec![
            format!("P s{number} {sql}"),
            format!("B p s{number}"),
            "E p".into(),
            "S".into(),
        ],
    };
    messages.iter().flat_map(|text| request(text)).collect()
}

/// Its answer: an error with the number.
fn answer(number: usize) -> Vec<u8> {
    let error = format!("E AB{number:03}");
    [response("N"), response(&error), response("Z")].concat()
}

/// A client that waits, asking in turn in so many ways.
fn turns(ways: &[usize]) -> Vec<Act> {
    let mut acts = vec![
        chunk(Toward::Server, request("startup me shop")),
        chunk(Toward::Client, response("Z")),
    ];
    for (number, way) in ways.iter().enumerate() {
        acts.push(chunk(Toward::Server, ask(number, *way)));
        acts.push(chunk(Toward::Client, answer(number)));
    }
    acts
}

/// Asserts that whatever is told as failed got its own error; returns how many did.
fn assert_pairs(seen: &Seen, how: &str) -> usize {
    let mut pairs = 0;
    for (_, exchange) in &seen.exchanges {
        let table = exchange.operation.collection.as_deref();
        let table = table.and_then(|table| table.strip_prefix('t'));
        let code = exchange.error.as_deref();
        let code = code.and_then(|code| code.strip_prefix("AB"));
        if let (Outcome::Answered, Some(table), Some(code)) = (exchange.outcome, table, code) {
            assert_eq!(code, table, "{how}");
            pairs += 1;
        }
    }
    pairs
}

fn cut(act: &Act, kept: usize) -> Act {
    match act {
        Act::Chunk { toward, bytes, .. } => Act::Chunk {
            toward: *toward,
            bytes: bytes.clone(),
            kept,
        },
        other => other.clone(),
    }
}

fn size(act: &Act) -> usize {
    match act {
        Act::Chunk { bytes, .. } => bytes.len(),
        _ => 0,
    }
}

#[test]
fn never_pairs_wrongly_when_a_chunk_is_cut_off_anywhere() {
    let acts = turns(&[0, 1, 2, 0, 2, 1, 0]);
    for index in 2..acts.len() {
        for kept in 0..size(&acts[index]) {
            let mut acts = acts.clone();
            acts[index] = cut(&acts[index], kept);
            let seen = replay(&acts, Since::Begin);
            let pairs = assert_pairs(&seen, &format!("{index}@{kept}"));
            assert!(pairs >= 5, "{index}@{kept}: {}", seen.lines());
        }
    }
}

#[test]
fn never_pairs_wrongly_when_a_chunk_is_lost() {
    let acts = turns(&[0, 1, 2, 0, 2, 1, 0]);
    for index in 2..acts.len() {
        let Act::Chunk { toward, bytes, .. } = &acts[index] else {
            continue;
        };
        for len in [None, Some(bytes.len() as u64)] {
            let mut acts = acts.clone();
            acts[index] = Act::Gap(*toward, len);
            let seen = replay(&acts, Since::Begin);
            let pairs = assert_pairs(&seen, &format!("without {index}"));
            assert!(pairs >= 5, "without {index}: {}", seen.lines());
        }
    }
}

#[test]
fn a_client_that_does_not_wait_is_not_believed_after_a_loss_until_it_was_silent() {
    let mut acts = turns(&[0]);
    acts.push(chunk(Toward::Server, ask(1, 0)));
    for number in 2..12 {
        acts.push(chunk(Toward::Server, ask(number, number)));
        acts.push(chunk(Toward::Client, answer(number - 1)));
    }
    for index in 8..14 {
        let Act::Chunk { toward, .. } = acts[index] else {
            continue;
        };
        let mut damaged = acts.clone();
        damaged[index] = Act::Gap(toward, None);
        let before = assert_pairs(&replay(&damaged, Since::Begin), &format!("without {index}"));
        damaged.push(Act::Expire);
        damaged.extend(turns(&[0, 1, 2]).split_off(2));
        let after = assert_pairs(&replay(&damaged, Since::Begin), &format!("without {index}"));
        assert_eq!(after, before + 3, "without {index}");
    }
}

fn pieces() -> Vec<Vec<u8>> {
    let asked = [
        "startup me shop",
        "tls",
        "cancel",
        "Q SELECT 1",
        "Q",
        "P s SELECT 1",
        "B p s",
        "E p",
        "S",
        "H",
        "D Ss",
        "C S s",
        "d data",
        "c",
        "X",
        "F",
        "p secret",
    ];
    let answered = [
        "R",
        "Z",
        "T",
        "D 9",
        "C SELECT 1",
        "E 42P01",
        "E x",
        "1",
        "2",
        "3",
        "n",
        "s",
        "I",
        "G",
        "H",
        "W",
        "N",
        "byte N",
        "byte S",
    ];
    let mut pieces: Vec<_> = asked.iter().map(|text| request(text)).collect();
    pieces.extend(answered.iter().map(|text| response(text)));
    pieces.push(b"Q\xff\xff\xff\xff".to_vec());
    pieces.push(b"D\0\x10\0\0".to_vec());
    pieces.push(b"E\0\0\0\x04".to_vec());
    pieces
}

#[derive(Debug, Clone)]
enum Move {
    Feed(bool, Vec<u8>, usize, Vec<u8>, u64),
    Gap(bool, Option<u64>),
    Expire,
    Close,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let pieces = pieces();
    let piece = prop_oneof![
        9 => (0..pieces.len()).prop_map(move |index| pieces[index].clone()),
        1 => vec(any::<u8>(), 0..40),
    ];
    let bytes = vec(piece, 0..8).prop_map(|pieces| pieces.concat());
    let missing = prop_oneof![6 => Just(0), 2 => 0..20_usize, 1 => Just(usize::MAX / 2)];
    let tail = vec(any::<u8>(), 0..9);
    let feed = (any::<bool>(), bytes, missing, tail, 0..20_u64);
    let feed = feed.prop_map(|(server, bytes, missing, tail, wait)| {
        Move::Feed(server, bytes, missing, tail, wait)
    });
    let len = prop_oneof![Just(None), (0..30_u64).prop_map(Some), Just(Some(u64::MAX))];
    let gap = (any::<bool>(), len).prop_map(|(server, len)| Move::Gap(server, len));
    vec(
        prop_oneof![20 => feed, 2 => gap, 1 => Just(Move::Expire), 1 => Just(Move::Close)],
        0..60,
    )
}

fn way(server: bool) -> Toward {
    if server {
        Toward::Server
    } else {
        Toward::Client
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn keeps_its_bounds_whatever_comes(moves in moves(), begin in any::<bool>()) {
        let since = if begin { Since::Begin } else { Since::Later };
        let mut reader = Postgres::new(since, 50);
        let mut seen = Seen::default();
        let mut at_ns = 0;
        for step in moves {
            match step {
                Move::Feed(server, bytes, missing, tail, wait) => {
                    at_ns += wait;
                    let len = bytes.len() + missing;
                    let (bytes, tail) = (bytes.as_slice(), tail.as_slice());
                    let toward = way(server);
                    let chunk = Chunk { toward, at_ns, bytes, len, tail, thread: 0 };
                    reader.feed(chunk, &mut seen);
                }
                Move::Gap(server, len) => reader.gap(way(server), at_ns, len, &mut seen),
                Move::Expire => reader.expire(at_ns, &mut seen),
                Move::Close => reader.close(at_ns, Unanswered::Reset, &mut seen),
            }
            prop_assert!(reader.buffered_bytes() <= Postgres::buffered_bytes_max());
        }
        reader.close(at_ns, Unanswered::Closed, &mut seen);
        prop_assert_eq!(seen.announced.len(), seen.exchanges.len());
        prop_assert_eq!(reader.open_requests(), 0);
    }

    #[test]
    fn sniffs_anything(bytes in vec(any::<u8>(), 0..60), missing in 0..100_usize) {
        let _either = (is_startup(&bytes), is_request(&bytes, bytes.len() + missing));
    }

    #[test]
    fn never_pairs_wrongly_under_random_losses(
        ways in vec(0..3_usize, 1..14),
        losses in vec((any::<u16>(), 0..8_u8), 4..20),
    ) {
        let mut acts = turns(&ways);
        for (act, (kept, how)) in acts.iter_mut().zip(losses.iter().cycle()) {
            let kept = usize::from(*kept) % (size(act) + 1);
            let Act::Chunk { toward, .. } = act else { continue };
            match how {
                0 => *act = Act::Gap(*toward, None),
                1 => *act = Act::Gap(*toward, Some(size(act) as u64)),
                2 => *act = cut(act, kept),
                _ => {}
            }
        }
        assert_pairs(&replay(&acts, Since::Begin), &format!("{acts:?}"));
    }
}
