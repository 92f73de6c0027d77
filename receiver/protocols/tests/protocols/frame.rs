//! The frame itself: messages are cut, answers find their requests, protocols are recognised.

use tapline_protocols::{
    by_key::ByKey,
    conversation::{Chunk, Since, Toward},
    cutter::{Cutter, Head, Message, Stand},
    parser::Told,
};

use super::script::{acts, cuts, in_pieces, protocol, recognised, replay, unescaped};

/// A length in one byte, then so many; the first two are kept.
fn head(bytes: &[u8]) -> Head {
    match bytes {
        [0xff, ..] => Head::Wrong,
        [len] => Head::Body {
            len: u64::from(*len),
            keep: 2,
        },
        _ => Head::More,
    }
}

fn cutter() -> Cutter {
    Cutter::new(head, |bytes| bytes.first() == Some(&3))
}

fn chunk(bytes: &[u8], missing: usize) -> Chunk<'_> {
    Chunk {
        toward: Toward::Server,
        at_ns: 5,
        bytes,
        len: bytes.len() + missing,
        tail: &[],
        thread: 1,
    }
}

fn cut(cutter: &mut Cutter, bytes: &[u8], missing: usize) -> (Stand, Vec<Message>) {
    let mut messages = Vec::new();
    let stand = cutter.feed(&chunk(bytes, missing), |message| messages.push(message));
    (stand, messages)
}

#[test]
fn cuts_messages_wherever_the_chunks_end() {
    let stream = b"\x03abc\x00\x01x\x05vwxyz";
    for size in 1..=stream.len() {
        let mut cutter = cutter();
        let mut bodies = Vec::new();
        for piece in stream.chunks(size) {
            let (stand, messages) = cut(&mut cutter, piece, 0);
            assert_eq!(stand, Stand::Sure);
            bodies.extend(messages.into_iter().map(|m| (m.body_len, m.body)));
        }
        let expected: [(u64, &[u8]); 4] = [(3, b"ab"), (0, b""), (1, b"x"), (5, b"vw")];
        assert_eq!(bodies, expected.map(|(len, body)| (len, body.to_vec())));
        assert!(cutter.is_between());
    }
}

#[test]
fn a_cut_inside_a_body_costs_nothing_and_one_beyond_it_loses_the_place() {
    let mut cutter = cutter();
    let (stand, messages) = cut(&mut cutter, b"\x05ab", 3);
    assert_eq!((stand, messages.len()), (Stand::Sure, 1));
    assert!(!messages[0].is_holed, "what was to be kept was seen");
    let (stand, messages) = cut(&mut cutter, b"\x05a", 4);
    assert_eq!((stand, messages[0].is_holed), (Stand::Sure, true));
    let (stand, messages) = cut(&mut cutter, b"\x05a", 5);
    assert_eq!((stand, messages.len()), (Stand::JustLost, 0));
    assert_eq!(cut(&mut cutter, b"\x02ab", 0).0, Stand::Lost);
    let (stand, messages) = cut(&mut cutter, b"\x03abc", 0);
    assert_eq!((stand, messages.len()), (Stand::Sure, 1), "found again");
    assert_eq!(cut(&mut cutter, b"\xff", 0).0, Stand::JustLost);
}

#[test]
fn keeps_no_more_than_was_asked_for() {
    let mut cutter = cutter();
    let (_, messages) = cut(&mut cutter, &[&[200u8][..], &[7; 200]].concat(), 0);
    assert_eq!(messages[0].body, [7, 7]);
    assert_eq!(messages[0].bytes(), 201);
}

#[test]
fn answers_find_their_requests_and_old_ones_make_room() {
    let mut open = ByKey::new(2, 100);
    assert_eq!(open.ask(10, 0, "a").0, 0);
    assert_eq!(open.ask(11, 50, "b").0, 1);
    let (id, displaced) = open.ask(12, 60, "c");
    assert_eq!((id, displaced.map(|oldest| oldest.what)), (2, Some("a")));
    let (_, displaced) = open.ask(12, 70, "again");
    assert_eq!(displaced.map(|same| same.what), Some("c"));
    assert_eq!(open.answer(12).map(|waiting| waiting.id), Some(3));
    assert!(open.answer(12).is_none(), "answered once");
    let mut late = Vec::new();
    open.expire(149, |waiting| late.push(waiting.what));
    assert!(late.is_empty());
    open.expire(150, |waiting| late.push(waiting.what));
    assert_eq!((late, open.is_empty()), (vec!["b"], true));
}

#[test]
fn recognises_a_protocol_whichever_end_is_seen() {
    for (name, script) in [
        ("http", r"> GET / HTTP/1.1\r\n\r\n"),
        ("http", r"< HTTP/1.1 200 OK\r\n\r\n"),
        ("redis", r"> *1\r\n$4\r\nPING\r\n"),
        ("postgresql", r"> Q\0\0\0\x0dSELECT 1\0"),
        (
            "mysql",
            r"< \x23\0\0\0\x0a8.0.36\0\x08\0\0\0abcdefgh\0\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0",
        ),
    ] {
        for toward_known in [true, false] {
            let found = recognised(&acts(script), toward_known);
            assert_eq!(found, Some((name, 0)), "{script}");
        }
    }
    assert_eq!(recognised(&acts("> EHLO me\n< 250 ok"), true), None);
    let backwards = r"< GET / HTTP/1.1\r\n\r\n";
    assert_eq!(recognised(&acts(backwards), true), None, "to the client");
}

#[test]
fn plays_one_conversation_in_any_pieces() {
    let script = acts("> *1\\r\\n$4\\r\\nPING\\r\\n\n< +PONG\\r\\n");
    let redis = protocol("redis");
    let since = Since::Begin;
    let lines = replay(redis, &script, since).lines(|told| {
        let Told::Database(exchange) = told else {
            panic!("{told:?} of a database")
        };
        format!("{} {:?}", exchange.operation.name, exchange.error)
    });
    assert_eq!(lines, "PING None\n");
    assert_eq!(replay(redis, &in_pieces(&script, 1), since).told.len(), 1);
    for cut in cuts(&script) {
        replay(redis, &cut, since);
    }
    assert_eq!(unescaped(r"a\x00\\"), b"a\0\\");
}
