//! DNS: messages by themselves, in datagrams, and behind one another over TCP.

use proptest::collection::vec;
use proptest::prelude::*;
use tapline_protocols::{
    conversation::{Outcome, Since, Toward, Unanswered},
    dns::{self, Exchange, Moved, Pairing},
    parser::Told,
};

use super::script::{Act, Seen, in_pieces, protocol, recognised, replay};

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const NXDOMAIN: u16 = 3;

fn name(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).expect("short"));
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

fn message(header: [u16; 6], question: &str, kind: u16, records: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes: Vec<u8> = header.into_iter().flat_map(u16::to_be_bytes).collect();
    bytes.extend(name(question));
    bytes.extend([kind.to_be_bytes(), [0, 1]].concat());
    for (kind, data) in records {
        bytes.extend([0xc0, 12]); // the name of the question
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 0, 60]);
        bytes.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
        bytes.extend(*data);
    }
    bytes
}

fn query(id: u16, question: &str, kind: u16) -> Vec<u8> {
    message([id, 0x0100, 1, 0, 0, 0], question, kind, &[])
}

fn answer(id: u16, code: u16, question: &str, kind: u16, records: &[(u16, &[u8])]) -> Vec<u8> {
    let count = u16::try_from(records.len()).expect("few");
    let header = [id, 0x8180 | code, 1, count, 0, 0];
    message(header, question, kind, records)
}

fn chunk(toward: Toward, messages: &[Vec<u8>]) -> Act {
    let framed = messages.iter().flat_map(|message| {
        let length = u16::try_from(message.len()).expect("short").to_be_bytes();
        [length.to_vec(), message.clone()].concat()
    });
    Act::Chunk {
        toward,
        bytes: framed.collect(),
        missing: 0,
    }
}

fn line(told: &Told) -> String {
    let Told::Dns(exchange) = told else {
        panic!("no DNS: {told:?}");
    };
    let Exchange {
        question,
        code,
        addresses,
        outcome,
        ..
    } = exchange.as_ref();
    let kind = dns::kind(question.kind);
    let end = match (outcome, code) {
        (Outcome::Answered, Some(code)) => dns::code(*code),
        (Outcome::Unanswered(why), _) => why.error_type(),
        (Outcome::Answered, None) => "?",
    };
    format!("{kind} {} -> {end} {}", question.name, addresses.join(" "))
        .trim_end()
        .to_owned()
}

/// Two queries at once, answered the other way round; then a third.
fn conversation() -> Vec<Act> {
    let (www, mail) = ("www.Example.org", "mail.example.org");
    let six: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
    let alias: (u16, &[u8]) = (CNAME, b"\x03web\xc0\x10");
    let four: (u16, &[u8]) = (A, &[192, 0, 2, 7]);
    vec![
        chunk(Toward::Server, &[query(7, www, A), query(8, mail, AAAA)]),
        chunk(Toward::Client, &[answer(8, 0, mail, AAAA, &[(AAAA, &six)])]),
        chunk(Toward::Client, &[answer(7, 0, www, A, &[alias, four])]),
        chunk(Toward::Server, &[query(7, "gone.example.org", A)]),
        chunk(
            Toward::Client,
            &[answer(7, NXDOMAIN, "gone.example.org", A, &[])],
        ),
    ]
}

const CONVERSATION: &str = "\
A www.example.org -> NOERROR 192.0.2.7
AAAA mail.example.org -> NOERROR 2001:db8::7
A gone.example.org -> NXDOMAIN
";

#[test]
fn answers_over_tcp_find_their_queries_in_any_order_and_any_pieces() {
    let acts = conversation();
    for size in [1, 2, 3, 7, 1000] {
        let seen = replay(protocol("dns"), &in_pieces(&acts, size), Since::Begin);
        assert_eq!(seen.lines(line), CONVERSATION, "in pieces of {size}");
    }
    let alone = in_pieces(&acts, 2);
    for (toward_known, acts) in [(true, &acts), (false, &acts), (true, &alone)] {
        let found = recognised(acts, toward_known).map(|(name, _)| name);
        assert_eq!(found, Some("dns"), "a query says what it is");
    }
}

#[test]
fn a_cut_off_answer_over_tcp_is_told_by_its_front() {
    let mut acts = conversation();
    let Act::Chunk { bytes, missing, .. } = &mut acts[2] else {
        unreachable!();
    };
    *missing = 10;
    bytes.truncate(bytes.len() - 10);
    let seen = replay(protocol("dns"), &acts, Since::Begin);
    let without_address = CONVERSATION.replace(" 192.0.2.7", "");
    assert_eq!(seen.lines(line), without_address);
}

fn exchanges(messages: &[&[u8]]) -> (Pairing, Seen) {
    let (mut pairing, mut seen) = (Pairing::new("udp", 100), Seen::default());
    for (at_ns, bytes) in (10..).zip(messages) {
        let message = dns::read(bytes, bytes.len()).expect("a message");
        let moved = Moved { at_ns, thread: 1 };
        pairing.message(message, moved, &mut seen);
    }
    (pairing, seen)
}

#[test]
fn the_same_query_again_is_a_retry_and_one_exchange() {
    let (asked, answered) = (query(9, "a.test", A), answer(9, 2, "A.test", A, &[]));
    let (pairing, seen) = exchanges(&[&asked, &asked, &answered, &answered]);
    assert!(pairing.is_empty());
    let [(_, Told::Dns(exchange))] = seen.told.as_slice() else {
        panic!("{:?}", seen.told);
    };
    assert_eq!((exchange.retries, exchange.started_ns), (1, 10));
    assert_eq!(exchange.code.map(dns::code), Some("SERVFAIL"));
}

#[test]
fn an_answer_to_another_question_is_no_answer() {
    let asked = query(9, "a.test", A);
    let other = answer(9, 0, "b.test", A, &[]);
    let (mut pairing, mut seen) = exchanges(&[&asked, &other]);
    assert_eq!((seen.told.len(), pairing.len()), (0, 1));
    pairing.expire(10 + 100, &mut seen);
    let [(_, Told::Dns(exchange))] = seen.told.as_slice() else {
        panic!("{:?}", seen.told);
    };
    assert_eq!(exchange.outcome, Outcome::Unanswered(Unanswered::Timeout));
}

#[test]
fn too_many_open_queries_are_told_as_such() {
    let queries: Vec<Vec<u8>> = (0..300).map(|id| query(id, "a.test", A)).collect();
    let queries: Vec<&[u8]> = queries.iter().map(Vec::as_slice).collect();
    let (pairing, seen) = exchanges(&queries);
    assert_eq!(pairing.len(), dns::OPEN_MAX);
    assert_eq!(seen.told.len(), 300 - dns::OPEN_MAX);
}

#[test]
fn a_message_cut_anywhere_is_read_as_far_as_it_is_there() {
    let whole = answer(
        1,
        0,
        "x.test",
        A,
        &[(A, &[10, 0, 0, 1]), (A, &[10, 0, 0, 2])],
    );
    let question_ends = 12 + name("x.test").len() + 4;
    for end in 0..=whole.len() {
        match dns::read(&whole[..end], whole.len()) {
            None => assert!(end < question_ends, "at {end}"),
            Some(message) => {
                assert!(end >= question_ends, "at {end}");
                assert_eq!(message.answer_count, 2);
                let here = (end - question_ends) / 16;
                assert_eq!(message.addresses.len(), here, "at {end}");
            }
        }
    }
}

#[test]
fn what_no_resolver_sends_is_no_message() {
    let good = query(1, "a.test", A);
    let refused = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        dns::read(&bytes, bytes.len()).is_none()
    };
    assert!(!refused(0, 9), "any number is fine");
    assert!(refused(2, 0x58), "an operation that nobody uses");
    assert!(refused(3, 0x40), "a reserved bit");
    assert!(refused(3, 3), "an error in a query");
    assert!(refused(5, 2), "two questions");
    assert!(refused(7, 1), "an answer in a query");
    assert!(refused(12, 0xc0), "a pointer in front of everything");
    assert!(refused(13, b'\n'), "a line end in a name");
    assert!(refused(good.len() - 1, 7), "a class that does not exist");
}

proptest! {
    /// Changes anywhere in a real answer, and any bytes at all.
    #[test]
    fn no_bytes_break_the_reading_of_a_message(
        changes in vec((0usize..80, any::<u8>()), 0..6),
        noise in vec(any::<u8>(), 0..200),
    ) {
        let alias: (u16, &[u8]) = (CNAME, b"\x03web\xc0\x10");
        let mut bytes = answer(1, 0, "www.test", A, &[alias, (A, &[10, 0, 0, 1])]);
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        for bytes in [bytes, noise] {
            if let Some(message) = dns::read(&bytes, bytes.len()) {
                prop_assert!(message.addresses.len() <= 32);
                prop_assert!(message.question.is_none_or(|question| question.name.len() <= 255));
            }
        }
    }
}
