//! What binds, what must not, and what is counted.

use tapline_ebpf::abi::{DIRECTION_RECEIVED, EventHeader};

use super::*;

/// Reads a line for each thing that happens on one thread, and returns what was delivered as
/// `cookie:plaintext`.
///
/// `w1 5` and `r1 5`: object 1 writes or reads 5 bytes; `w1@7 5`: inside the call socket 7 moved
/// bytes; in capitals the object is one whose end and moves nobody tells, and offsets follow;
/// `s7 22` and `g7 22 30`: socket 7 sends or gets records of these lengths; `free1`;
/// `close7`; `tick`: eleven seconds pass.
fn play(script: &str) -> (Vec<String>, BinderCounts) {
    let mut binder = Binder::default();
    let mut told = Vec::new();
    let mut now_ns = 1;
    for line in script.split(';').map(str::trim) {
        let mut deliver = |event: &EventData, bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            let at = if text.starts_with(['W', 'R']) {
                format!("+{}", event.offset)
            } else {
                String::new()
            };
            told.push(format!("{}:{text}{at}", event.cookie));
        };
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        let numbers: Vec<u16> = rest
            .split_whitespace()
            .filter_map(|n| n.parse().ok())
            .collect();
        now_ns += 1;
        if what == "tick" {
            now_ns += HELD_NS + 1;
            binder.tick(now_ns);
        } else if let Some(stream) = what.strip_prefix("free") {
            binder.on_end(&EventTlsEnd {
                stream: stream.parse().expect("a number"),
                tgid: 9,
                ..EventTlsEnd::default()
            });
        } else if let Some(cookie) = what.strip_prefix("close") {
            binder.on_close(cookie.parse().expect("a number"));
        } else if let Some(cookie) = what.strip_prefix(['s', 'g']) {
            let direction = if what.starts_with('s') {
                DIRECTION_SENT
            } else {
                DIRECTION_RECEIVED
            };
            binder.on_io(&io(cookie, direction, &numbers, now_ns), &mut deliver);
        } else {
            let event = data(what, numbers[0], now_ns);
            let bytes = format!("{what}/{}", numbers[0]);
            binder.on_data(&event, bytes.as_bytes(), &mut deliver);
        }
    }
    (told, binder.counts())
}

fn io(cookie: &str, direction: u8, records: &[u16], at_ns: u64) -> EventTlsIo {
    let mut event = EventTlsIo {
        header: EventHeader {
            at_ns,
            ..EventHeader::default()
        },
        cookie: cookie.parse().expect("a number"),
        tgid: 9,
        tid: 9,
        direction,
        count: u8::try_from(records.len()).expect("few"),
        ..EventTlsIo::default()
    };
    event.records[..records.len()].copy_from_slice(records);
    event
}

fn data(what: &str, len: u16, at_ns: u64) -> EventTlsData {
    let (direction, stream) = what.split_at(1);
    let (stream, cookie) = stream.split_once('@').unwrap_or((stream, "0"));
    let is_unended = direction.chars().all(char::is_uppercase);
    EventTlsData {
        header: EventHeader {
            at_ns,
            ..EventHeader::default()
        },
        offset: if is_unended { 1000 + at_ns } else { 0 },
        flags: if is_unended { TLS_DATA_UNENDED } else { 0 },
        stream: stream.parse().expect("a number"),
        cookie: cookie.parse().expect("a number"),
        tgid: 9,
        tid: 9,
        len: len.into(),
        direction: if direction.eq_ignore_ascii_case("w") {
            DIRECTION_SENT
        } else {
            DIRECTION_RECEIVED
        },
        ..EventTlsData::default()
    }
}

#[test]
fn the_socket_inside_the_call_is_the_socket() {
    let (told, counts) = play("w1@7 5; r1@7 9; r1 3");
    assert_eq!(told, ["7:w1@7/5", "7:r1@7/9", "7:r1/3"]);
    assert_eq!(counts.bound, 1);
}

#[test]
fn another_socket_inside_the_call_is_another_connection() {
    let (told, _) = play("w1@7 5; w1@8 5; r1 3");
    assert_eq!(told, ["7:w1@7/5", "8:w1@8/5", "8:r1/3"]);
}

#[test]
fn what_is_read_after_a_fitting_record_is_of_its_socket() {
    let (told, _) = play("g7 117; r1 100; w1 5");
    assert_eq!(told, ["7:r1/100", "7:w1/5"]);
}

#[test]
fn what_is_written_waits_for_the_fitting_record() {
    let (told, _) = play("w1 100; s7 117; r1 3");
    assert_eq!(told, ["7:w1/100", "7:r1/3"]);
}

#[test]
fn a_record_that_does_not_fit_binds_nothing() {
    let (told, counts) = play("g7 500; r1 100; w1 100; s7 99; tick");
    assert!(told.is_empty(), "{told:?}");
    assert_eq!((counts.unbound, counts.bound), (200, 0));
}

#[test]
fn two_that_fit_are_not_guessed_and_found_later() {
    let (told, counts) = play("w1 100; w2 100; s7 117; s8 117; g7 67; r1 50; g8 67; r2 50");
    assert_eq!(told, ["7:w1/100", "7:r1/50", "8:w2/100", "8:r2/50"]);
    assert_eq!(counts.ambiguous, 2);
}

#[test]
fn a_socket_that_has_its_object_takes_no_second_one() {
    let (told, _) = play("g7 117; r1 100; g7 117; r2 100");
    assert_eq!(told, ["7:r1/100"]);
}

#[test]
fn an_object_of_the_same_address_is_bound_anew() {
    let (told, counts) = play("g7 117; r1 100; free1; close7; g8 67; r1 50");
    assert_eq!(told, ["7:r1/100", "8:r1/50"]);
    assert_eq!(counts.bound, 1);
}

#[test]
fn tickets_in_front_of_an_answer_do_not_hide_it() {
    let (told, _) = play("g7 250 250 117; r1 100");
    assert_eq!(told, ["7:r1/100"]);
}

#[test]
fn an_object_that_moves_goes_on_where_it_was() {
    let (told, counts) = play("R1@7 5; W2 100; s7 117; R2@7 5");
    assert_eq!(told, ["7:R1@7/5+0", "7:W2/100+0", "7:R2@7/5+5"]);
    assert_eq!(counts.bound, 1);
}

#[test]
fn an_address_that_another_object_has_now_begins_anew() {
    let (told, _) = play("W1 9; R1@7 5; close7; W1 8; R1@8 5");
    let expected = ["7:W1/9+0", "7:R1@7/5+0", "8:W1/8+0", "8:R1@8/5+0"];
    assert_eq!(told, expected);
}

#[test]
fn a_record_of_an_object_that_is_known_is_not_that_of_one_that_moved() {
    let (told, _) = play("R1@7 5; W1 100; W2 100; s7 117; s8 117");
    assert_eq!(told, ["7:R1@7/5+0", "7:W1/100+0", "8:W2/100+0"]);
}

#[test]
fn ciphers_add_what_they_add() {
    for (record, fitting) in [
        (116, true),
        (117, true),
        (124, true),
        (144, true),
        (160, true),
        (118, false),
        (100, false),
        (200, false),
    ] {
        let found = fits(100, &io("7", DIRECTION_SENT, &[record], 0));
        assert_eq!(found, fitting, "a record of {record}");
    }
}

#[test]
fn nothing_is_held_beyond_its_bound() {
    let mut binder = Binder::default();
    let bytes = vec![0; 8192];
    for stream in 0..2000_u64 {
        let mut event = data("w1", 8192, 1);
        event.stream = stream;
        binder.on_data(&event, &bytes, &mut |_, _| {});
    }
    assert!(binder.held_bytes <= HELD_MAX, "{}", binder.held_bytes);
    assert_eq!(binder.counts.unbound, (2000 - 512) * 8192);
}
