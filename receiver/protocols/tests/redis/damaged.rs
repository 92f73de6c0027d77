//! Conversations of which not everything was seen, and bytes that nobody should send.

use proptest::collection::vec;
use proptest::prelude::*;
use tapline_protocols::conversation::Since;
use tapline_protocols::conversation::{Chunk, Outcome, Toward, Unanswered};
use tapline_protocols::redis::{Redis, is_command, is_inline_ping};

use super::script::{Act, Seen, command, replay};

/// The number of a command, in letters.
fn letters(number: usize) -> String {
    let letter = |digit: usize| char::from(b'A' + u8::try_from(digit % 26).expect("a letter"));
    [letter(number / 26), letter(number)].iter().collect()
}

/// Turns of so many commands each; every answer is an error that names its command.
fn turns(sizes: &[usize]) -> Vec<Act> {
    let mut acts = Vec::new();
    let mut number = 0;
    for size in sizes {
        let numbers = number..number + size;
        number += size;
        let asked = numbers
            .clone()
            .flat_map(|n| command(&format!("X.{} key value", letters(n))));
        let answered = numbers.flat_map(|n| format!("-C{} no\r\n", letters(n)).into_bytes());
        acts.push(chunk(Toward::Server, asked.collect()));
        acts.push(chunk(Toward::Client, answered.collect()));
    }
    acts
}

/// A client that is always one command ahead.
fn ahead(count: usize) -> Vec<Act> {
    let ask = |n| chunk(Toward::Server, command(&format!("X.{} key", letters(n))));
    let answer = |n| {
        chunk(
            Toward::Client,
            format!("-C{} no\r\n", letters(n)).into_bytes(),
        )
    };
    let mut acts = vec![ask(0)];
    for number in 1..count {
        acts.extend([ask(number), answer(number - 1)]);
    }
    acts.push(answer(count - 1));
    acts
}

fn chunk(toward: Toward, bytes: Vec<u8>) -> Act {
    Act::Chunk {
        toward,
        bytes,
        missing: 0,
    }
}

/// Asserts that whatever is told as answered got its own answer; returns how many were.
fn assert_pairs(seen: &Seen, how: &str) -> usize {
    let mut pairs = 0;
    for (_, exchange) in &seen.exchanges {
        let (name, error) = (&exchange.operation.name, exchange.error.as_deref());
        if let (Outcome::Answered, Some(error), Some(name)) =
            (exchange.outcome, error, name.strip_prefix("X."))
            && error != "_OTHER"
        {
            assert_eq!(&error[1..], name, "{how}");
            pairs += 1;
        }
    }
    pairs
}

fn cut(act: &Act, kept: usize) -> Act {
    match act {
        Act::Chunk {
            toward,
            bytes,
            missing,
        } => Act::Chunk {
            toward: *toward,
            bytes: bytes[..kept].to_vec(),
            missing: missing + bytes.len() - kept,
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
    let acts = turns(&[1, 3, 1, 2, 1, 1, 1]);
    for index in 0..acts.len() {
        for kept in 0..size(&acts[index]) {
            let mut acts = acts.clone();
            acts[index] = cut(&acts[index], kept);
            let seen = replay(&acts, Since::Begin);
            let pairs = assert_pairs(&seen, &format!("{index}@{kept}"));
            // What was cut is lost, and the turn after it at most.
            assert!(pairs >= 4, "{index}@{kept}: {}", seen.lines());
        }
    }
}

#[test]
fn never_pairs_wrongly_when_a_chunk_is_lost() {
    let acts = turns(&[1, 3, 1, 2, 1, 1, 1]);
    for index in 0..acts.len() {
        let Act::Chunk { toward, bytes, .. } = &acts[index] else {
            continue;
        };
        for len in [None, Some(bytes.len() as u64)] {
            let mut acts = acts.clone();
            acts[index] = Act::Gap(*toward, len);
            let seen = replay(&acts, Since::Begin);
            let pairs = assert_pairs(&seen, &format!("without {index}"));
            assert!(pairs >= 4, "without {index}: {}", seen.lines());
        }
    }
}

#[test]
fn a_client_that_does_not_wait_is_not_believed_after_a_loss_until_it_was_silent() {
    let acts = ahead(16);
    for index in 4..12 {
        let Act::Chunk { toward, .. } = acts[index] else {
            continue;
        };
        let mut damaged = acts.clone();
        damaged[index] = Act::Gap(toward, None);
        let lost = replay(&damaged, Since::Begin);
        let before = assert_pairs(&lost, &format!("without {index}"));
        damaged.push(Act::Expire);
        damaged.extend(turns(&[1, 1, 1]));
        let found = replay(&damaged, Since::Begin);
        assert_eq!(
            assert_pairs(&found, &format!("without {index}")),
            before + 3
        );
    }
}

#[test]
fn turns_that_add_up_end_the_doubt() {
    let mut acts = ahead(4);
    acts.push(Act::Gap(Toward::Server, None));
    acts.extend(turns(&[1; 26]));
    let pairs = assert_pairs(&replay(&acts, Since::Begin), "turns");
    assert!((10..=14).contains(&pairs), "{pairs}");
}

const PIECES: [&[u8]; 26] = [
    b"*1\r\n$4\r\nPING\r\n",
    b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
    b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n",
    b"*1\r\n$5\r\nMULTI\r\n",
    b"*1\r\n$4\r\nEXEC\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$99999\r\n",
    b"*1048577\r\n",
    b"*1048576\r\n",
    b"$536870913\r\n",
    b"$-1\r\n",
    b"*-1\r\n",
    b"*0\r\n",
    b"+OK\r\n",
    b"+QUEUED\r\n",
    b"-ERR unknown command 'x'\r\n",
    b":1\r\n",
    b">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n",
    b"*3\r\n$7\r\nmessage\r\n",
    b"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
    b"|1\r\n",
    b"%999999999999\r\n",
    b"!7\r\nBAD yes\r\n",
    b"PING\r\n",
    b"hello \xff\xfe",
    b"\r\n",
    b"\n",
];

#[derive(Debug, Clone)]
enum Move {
    Feed(bool, Vec<u8>, usize, u64),
    Gap(bool, Option<u64>),
    Expire,
    Close,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let piece = prop_oneof![
        9 => (0..PIECES.len()).prop_map(|index| PIECES[index].to_vec()),
        1 => vec(any::<u8>(), 0..40),
    ];
    let bytes = vec(piece, 0..8).prop_map(|pieces| pieces.concat());
    let missing = prop_oneof![6 => Just(0), 2 => 0..20_usize, 1 => Just(usize::MAX / 2)];
    let feed = (any::<bool>(), bytes, missing, 0..20_u64)
        .prop_map(|(server, bytes, missing, wait)| Move::Feed(server, bytes, missing, wait));
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
    fn keeps_its_bounds_whatever_comes(moves in moves()) {
        let mut reader = Redis::new(Since::Begin, 50);
        let mut seen = Seen::default();
        let mut at_ns = 0;
        for step in moves {
            match step {
                Move::Feed(server, bytes, missing, wait) => {
                    at_ns += wait;
                    let len = bytes.len() + missing;
                    let (toward, bytes) = (way(server), bytes.as_slice());
                    let chunk = Chunk { toward, at_ns, bytes, len, tail: &[], thread: 0 };
                    reader.feed(chunk, &mut seen);
                }
                Move::Gap(server, len) => reader.gap(way(server), at_ns, len, &mut seen),
                Move::Expire => reader.expire(at_ns, &mut seen),
                Move::Close => reader.close(at_ns, Unanswered::Reset, &mut seen),
            }
            prop_assert!(reader.buffered_bytes() <= Redis::buffered_bytes_max());
        }
        reader.close(at_ns, Unanswered::Closed, &mut seen);
        prop_assert_eq!(seen.announced.len(), seen.exchanges.len());
        prop_assert_eq!(reader.open_requests(), 0);
    }

    #[test]
    fn sniffs_anything(bytes in vec(any::<u8>(), 0..60)) {
        let _either = (is_command(&bytes), is_inline_ping(&bytes));
    }

    #[test]
    fn never_pairs_wrongly_under_random_losses(
        sizes in vec(1..5_usize, 1..14),
        losses in vec((any::<u16>(), 0..8_u8), 4..20),
    ) {
        let mut acts = turns(&sizes);
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
