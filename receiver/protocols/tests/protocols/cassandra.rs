//! Cassandra. The recorded conversations are those of its official driver for Python with the stub
//! of the kernel tests.

use tapline_protocols::cassandra::Cassandra;
use tapline_protocols::conversation::{Outcome, Since, Toward};
use tapline_protocols::database::Exchange;
use tapline_protocols::parser::Told;

use super::script::{Act, acts, cuts, in_pieces, protocol, recognised, replay};

const V3: &str = include_str!("recorded/cassandra_3none.txt");
const V4: &str = include_str!("recorded/cassandra_4none.txt");
const V4_LZ4: &str = include_str!("recorded/cassandra_4lz4.txt");
const V5: &str = include_str!("recorded/cassandra_5none.txt");
const V5_LZ4: &str = include_str!("recorded/cassandra_5lz4.txt");

/// What all of them come to.
const EXPECTED: &str = "OPTIONS||||
USE|USE shop||one|
INSERT|INSERT items|shop|local_one 5000|
SELECT|SELECT items|shop|local_quorum 100|
SELECT|SELECT missing|shop|local_one 5000|8704
SELECT|SELECT late|shop|local_one 5000|4608
PREPARE|PREPARE SELECT items|shop||
SELECT|SELECT items|shop|local_one 5000|
SELECT|SELECT items|shop|local_one 5000|
BATCH UPDATE|BATCH UPDATE items|shop|local_one|
DROP|DROP TABLE items|shop|local_one 5000|
";

fn database(told: &Told) -> &Exchange {
    let Told::Database(exchange) = told else {
        panic!("{told:?} of a database")
    };
    exchange
}

/// Name, summary, keyspace, consistency with page size, and how it ended.
fn line(told: &Told) -> String {
    let exchange = database(told);
    let operation = &exchange.operation;
    let own = operation.cassandra.expect("told of each");
    let size = own.page_size.map(|size| format!(" {size}"));
    let wanted = own.consistency.unwrap_or_default().to_owned() + &size.unwrap_or_default();
    format!(
        "{}|{}|{}|{wanted}|{}|{:?}",
        operation.name,
        operation.summary.as_deref().unwrap_or_default(),
        operation.namespace.as_deref().unwrap_or_default(),
        exchange.error.as_deref().unwrap_or_default(),
        exchange.outcome
    )
    .replace("|Answered", "")
}

fn lines(acts: &[Act], since: Since) -> String {
    replay(protocol("cassandra"), acts, since).lines(line)
}

#[test]
fn tells_every_request_of_every_version_compressed_or_not() {
    for script in [V3, V4, V4_LZ4, V5, V5_LZ4] {
        assert_eq!(lines(&acts(script), Since::Begin), EXPECTED, "{script}");
    }
}

#[test]
fn pieces_make_no_difference() {
    for script in [V4, V4_LZ4, V5, V5_LZ4] {
        for size in [1, 2, 3, 9, 100] {
            let pieces = in_pieces(&acts(script), size);
            assert_eq!(lines(&pieces, Since::Begin), EXPECTED, "{size} {script}");
        }
    }
}

#[test]
fn tells_statements_without_values_and_a_batch_by_what_its_statements_share() {
    for script in [V4, V4_LZ4, V5, V5_LZ4] {
        let seen = replay(protocol("cassandra"), &acts(script), Since::Begin);
        assert!(!format!("{seen:?}").contains("e5f6"));
        let batch = &database(&seen.told[9].1).operation;
        assert_eq!(batch.batch_size, Some(3));
        assert_eq!(batch.collection.as_deref(), Some("items"));
        let text = "UPDATE items SET name = ? WHERE id = ?";
        assert_eq!(batch.text.as_deref(), Some(text));
    }
}

#[test]
fn recognises_every_version_from_its_beginning_and_later() {
    for script in [V3, V4, V4_LZ4, V5, V5_LZ4] {
        let all = acts(script);
        for known in [true, false] {
            for begin in 0..all.len() - 1 {
                let found = recognised(&all[begin..], known);
                assert_eq!(
                    found.map(|found| found.0),
                    Some("cassandra"),
                    "{begin} {script}"
                );
                assert!(found.is_some_and(|(_, number)| number <= 1));
            }
        }
    }
}

#[test]
fn a_connection_with_a_past_is_understood_from_its_next_request_on() {
    for (script, knows_text) in [(V4, true), (V4_LZ4, false), (V5, true), (V5_LZ4, true)] {
        let all = acts(script);
        for begin in 4..all.len() {
            let told = lines(&all[begin..], Since::Later);
            let requests = all[begin..].iter().filter(|act| {
                matches!(
                    act,
                    Act::Chunk {
                        toward: Toward::Server,
                        ..
                    }
                )
            });
            assert_eq!(
                told.lines().count(),
                requests.count(),
                "{begin} {told} {script}"
            );
            assert!(!told.contains("Unanswered"), "{begin} {told}");
            if knows_text && begin < 7 {
                assert!(told.contains("INSERT items"), "{begin} {told}");
            }
        }
    }
}

fn frame(version: u8, stream: u16, kind: u8, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).expect("short").to_be_bytes();
    [
        &[version, 0],
        &stream.to_be_bytes()[..],
        &[kind],
        &len,
        body,
    ]
    .concat()
}

fn to(toward: Toward, bytes: Vec<u8>) -> Act {
    Act::Chunk {
        toward,
        bytes,
        missing: 0,
    }
}

/// Asks for the deletion in table number n.
fn ask(number: u16) -> Act {
    let text = format!("DELETE FROM t{number} WHERE a = 'secret'");
    let len = u32::try_from(text.len()).expect("short").to_be_bytes();
    let body = [&len, text.as_bytes(), &[0, 1, 0]].concat();
    to(Toward::Server, frame(4, number % 4, 7, &body))
}

/// It fails with code n.
fn answer(number: u16) -> Act {
    let body = [&u32::from(number).to_be_bytes()[..], &[0, 1, b'x']].concat();
    to(Toward::Client, frame(0x84, number % 4, 0, &body))
}

/// Asserts that whatever is told as answered got its own error; returns how many did.
fn assert_pairs(acts: &[Act], how: &str) -> usize {
    let seen = replay(protocol("cassandra"), acts, Since::Later);
    let mut pairs = 0;
    for (_, told) in &seen.told {
        let exchange = database(told);
        let table = exchange.operation.collection.as_deref().unwrap_or_default();
        let error = exchange.error.as_deref().unwrap_or_default();
        if exchange.outcome == Outcome::Answered
            && error.parse::<u16>().is_ok()
            && !table.is_empty()
        {
            assert_eq!(table.trim_start_matches('t'), error, "{how}");
            pairs += 1;
        }
    }
    pairs
}

#[test]
fn never_pairs_wrongly_whatever_order_answers_have_and_whatever_is_lost() {
    let order = [1, 0, 2, 3, 4, 6, 5, 7];
    let mut acts = Vec::new();
    for half in order.chunks(4) {
        let mut asked = half.to_vec();
        asked.sort_unstable();
        acts.extend(asked.into_iter().map(ask));
        acts.push(to(Toward::Client, frame(0x84, 0xffff, 0x0c, b"\0\x01x")));
        acts.extend(half.iter().map(|number| answer(*number)));
    }
    assert_eq!(assert_pairs(&acts, "whole"), 8);
    for (number, cut) in cuts(&acts).enumerate() {
        let pairs = assert_pairs(&cut, &format!("cut {number}"));
        assert!(pairs >= 4, "cut {number}: {pairs}");
    }
    for (index, act) in acts.iter().enumerate() {
        let Act::Chunk { toward, bytes, .. } = act else {
            continue;
        };
        for len in [None, Some(bytes.len() as u64)] {
            let mut lossy = acts.clone();
            lossy[index] = Act::Gap(*toward, len);
            let pairs = assert_pairs(&lossy, &format!("without {index}"));
            assert!(pairs >= 4, "without {index}: {pairs}");
        }
    }
    for script in [V5, V5_LZ4] {
        for cut in cuts(&self::acts(script)) {
            replay(protocol("cassandra"), &cut, Since::Begin);
        }
    }
}

#[test]
fn holds_no_more_than_its_bound() {
    let mut acts = Vec::new();
    for number in 0..3_000u16 {
        let text = format!("SELECT a FROM t{number} WHERE {}", "b = ? AND ".repeat(300));
        let len = u32::try_from(text.len()).expect("short").to_be_bytes();
        let asked = frame(4, number, 9, &[&len, text.as_bytes()].concat());
        acts.push(to(Toward::Server, asked));
        if number < 2_000 {
            let id = [&[0, 0, 0, 4, 0, 2][..], &number.to_be_bytes()].concat();
            acts.push(to(Toward::Client, frame(0x84, number, 8, &id)));
        }
    }
    let seen = replay(protocol("cassandra"), &acts, Since::Later);
    assert!(
        seen.held_max <= Cassandra::buffered_bytes_max(),
        "{}",
        seen.held_max
    );
    assert!(Cassandra::buffered_bytes_max() <= 2 * 1024 * 1024);
}
