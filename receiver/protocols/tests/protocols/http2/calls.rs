//! What ends requests and calls, in conversations made by hand.

use tapline_protocols::conversation::Toward;

use super::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GO_AWAY, HEADERS, PADDED, PREFACE, PRIORITY,
    RESET, frame, lines, played,
};
use crate::script::Act;

/// `:method POST`, `:scheme http`, `:path /p.S/M`, `content-type application/grpc`, spelt out and
/// not to be remembered.
const CALL: &[u8] = b"\x83\x86\x04\x06/p.S/M\x0f\x10\x10application/grpc";
const GET: &[u8] = b"\x82\x86\x84";
const OK: &[u8] = b"\x88\x0f\x10\x10application/grpc";
const ONE: &[u8] = b"\0\0\0\0\x02hi";
/// `grpc-status: 0`
const FINE: &[u8] = b"\0\x0bgrpc-status\x010";

pub(super) fn to_server(frames: &[Vec<u8>]) -> Act {
    chunk(Toward::Server, &[&[PREFACE.to_vec()], frames].concat())
}

pub(super) fn more(frames: &[Vec<u8>]) -> Act {
    chunk(Toward::Server, frames)
}

pub(super) fn to_client(frames: &[Vec<u8>]) -> Act {
    chunk(Toward::Client, frames)
}

fn chunk(toward: Toward, frames: &[Vec<u8>]) -> Act {
    Act::Chunk {
        toward,
        bytes: frames.concat(),
        missing: 0,
    }
}

fn code(code: u32) -> [u8; 4] {
    code.to_be_bytes()
}

fn call() -> Act {
    to_server(&[
        frame(HEADERS, END_HEADERS, 1, CALL),
        frame(DATA, END_STREAM, 1, ONE),
    ])
}

#[test]
fn trailers_alone_are_a_whole_answer() {
    let only = [OK, b"\0\x0bgrpc-status\x0212"].concat();
    let acts = [
        call(),
        to_client(&[frame(HEADERS, END_HEADERS | END_STREAM, 1, &only)]),
    ];
    assert_eq!(lines(&played(&acts)), "grpc p.S/M UNIMPLEMENTED 1/0\n");
}

#[test]
fn an_answer_of_something_that_speaks_no_grpc_stands_for_a_status() {
    let acts = [
        call(),
        to_client(&[frame(HEADERS, END_HEADERS | END_STREAM, 1, b"H\x03503")]),
    ];
    assert_eq!(lines(&played(&acts)), "grpc p.S/M UNAVAILABLE(Http) 1/0\n");
}

#[test]
fn a_reset_ends_one_stream_and_says_why() {
    let acts = [
        to_server(&[
            frame(HEADERS, END_HEADERS, 1, CALL),
            frame(HEADERS, END_HEADERS | END_STREAM, 3, GET),
            frame(RESET, 0, 1, &code(8)),
        ]),
        to_client(&[frame(RESET, 0, 3, &code(0xb))]),
    ];
    let expected = "grpc p.S/M CANCELLED(Reset) 0/0 CANCEL\nhttp2 GET / 0 0/0 ENHANCE_YOUR_CALM\n";
    assert_eq!(lines(&played(&acts)), expected);
}

#[test]
fn a_call_given_up_after_its_deadline_is_late() {
    // The chunks of a conversation are a microsecond apart.
    let asked = [CALL, b"\0\x0cgrpc-timeout\x021u"].concat();
    let acts = [
        to_server(&[frame(HEADERS, END_HEADERS | END_STREAM, 1, &asked)]),
        more(&[frame(RESET, 0, 1, &code(8))]),
    ];
    assert_eq!(
        lines(&played(&acts)),
        "grpc p.S/M DEADLINE_EXCEEDED(Deadline) 0/0 CANCEL\n"
    );
}

#[test]
fn a_server_that_goes_away_refuses_what_it_did_not_begin() {
    let acts = [
        to_server(&[
            frame(HEADERS, END_HEADERS | END_STREAM, 1, GET),
            frame(HEADERS, END_HEADERS | END_STREAM, 3, GET),
        ]),
        to_client(&[
            frame(GO_AWAY, 0, 0, &[code(1), code(0)].concat()),
            frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x88"),
        ]),
    ];
    let expected = "http2 GET / 200 0/0\nhttp2 GET / 0 0/0 REFUSED_STREAM\n";
    assert_eq!(lines(&played(&acts)), expected);
}

#[test]
fn headers_go_on_in_further_frames_and_padding_is_none_of_them() {
    let (front, back) = CALL.split_at(9);
    let padded = [&[3u8][..], &[0, 0, 0, 0, 16], front, &[0; 3]].concat();
    let data = [&[4u8][..], ONE, &[0; 4]].concat();
    let acts = [
        to_server(&[
            frame(HEADERS, PADDED | PRIORITY, 1, &padded),
            frame(CONTINUATION, 0, 1, &back[..4]),
            frame(CONTINUATION, END_HEADERS, 1, &back[4..]),
            frame(DATA, PADDED | END_STREAM, 1, &data),
        ]),
        to_client(&[
            frame(HEADERS, END_HEADERS, 1, OK),
            frame(DATA, PADDED, 1, &data),
            frame(HEADERS, END_HEADERS | END_STREAM, 1, FINE),
        ]),
    ];
    let pieces = crate::script::in_pieces(&acts, 1);
    for acts in [&acts[..], &pieces] {
        assert_eq!(lines(&played(acts)), "grpc p.S/M OK 1/1\n");
    }
}

#[test]
fn an_early_answer_waits_for_the_end_of_its_request() {
    let asked = [
        to_server(&[frame(HEADERS, END_HEADERS, 1, b"\x83\x86\x84")]),
        to_client(&[frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x8d")]),
    ];
    assert_eq!(played(&asked).told.len(), 0, "the client goes on");
    for end in [
        more(&[frame(DATA, END_STREAM, 1, b"abc")]),
        more(&[frame(RESET, 0, 1, &code(0))]),
        Act::Close,
        Act::Expire,
    ] {
        let seen = played(&[&asked[..], std::slice::from_ref(&end)].concat());
        assert!(lines(&seen).starts_with("http2 POST / 404 "), "{end:?}");
        assert!(
            !lines(&seen).contains("closed"),
            "{end:?}: {}",
            lines(&seen)
        );
    }
}

#[test]
fn streams_end_with_their_connection_or_when_nobody_answers() {
    for (end, expected) in [
        (Act::Close, "grpc p.S/M ? 1/0 closed_by_client\n"),
        (Act::Expire, "grpc p.S/M ? 1/0 timeout\n"),
    ] {
        assert_eq!(lines(&played(&[call(), end])), expected);
    }
    let open = to_server(&[frame(HEADERS, END_HEADERS, 1, CALL)]);
    assert_eq!(
        lines(&played(&[open, Act::Expire])),
        "",
        "the caller is not done"
    );
}

#[test]
fn grpc_web_has_its_status_in_the_body() {
    let web = b"\x83\x86\x04\x06/p.S/M\x0f\x10\x14application/grpc-web";
    let body = [ONE, b"\x80\0\0\0\x0fgrpc-status:9\r\n"].concat();
    let acts = [
        to_server(&[
            frame(HEADERS, END_HEADERS, 1, web),
            frame(DATA, END_STREAM, 1, ONE),
        ]),
        to_client(&[
            frame(HEADERS, END_HEADERS, 1, b"\x88"),
            frame(DATA, END_STREAM, 1, &body),
        ]),
    ];
    assert_eq!(
        lines(&played(&acts)),
        "grpc p.S/M FAILED_PRECONDITION 1/1\n"
    );
}

#[test]
fn more_streams_than_may_be_open_push_the_oldest_out() {
    let opened: Vec<Vec<u8>> = (0..300)
        .map(|number| frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, GET))
        .collect();
    let seen = played(&[to_server(&opened)]);
    assert_eq!(seen.told.len(), 300 - 256);
    assert!(
        lines(&seen)
            .lines()
            .all(|line| line.ends_with("too_many_open"))
    );
}
