//! Recognises HTTP/2: by what a client says first, or in the middle of a connection by frames one
//! behind another, of which one has headers that only requests, or only responses, begin with.

use super::{
    frame::{self, END_HEADERS, HEAD_BYTES, Kind, PADDED, PREFACE, PRIORITY},
    head::Fields,
    hpack::{Decoded, Decoder},
};
use crate::{
    conversation::{Since, Toward},
    recognition::{Beginning, Begins},
    wanted::NOTHING,
};

/// The least of a preface that no other protocol says.
const PREFACE_SURE: usize = 14;

/// Looks at a beginning.
pub(super) fn begins(beginning: &Beginning<'_>) -> Begins {
    let bytes = beginning.bytes;
    if bytes.starts_with(&PREFACE[..PREFACE_SURE]) {
        return Begins::Surely(Toward::Server);
    }
    if bytes.len() < PREFACE_SURE && PREFACE.starts_with(bytes) {
        return Begins::Maybe;
    }
    if bytes.len() < HEAD_BYTES {
        // A head begins with a length, of which the first byte is nearly always 0 or 1.
        let may_be = bytes.first().is_some_and(|first| *first <= 1);
        let is_frame = |kind: &u8| *kind <= 9;
        let fits = may_be && bytes.get(3).is_none_or(is_frame);
        return if fits { Begins::Maybe } else { Begins::No };
    }
    if !frame::is_chain(bytes, beginning.len, 0) && !is_settings(beginning) && !is_long(beginning) {
        return Begins::No;
    }
    match (shown_by_headers(bytes), beginning.toward) {
        (Some(toward), _) => Begins::Surely(toward),
        (None, Some(toward)) => Begins::Perhaps(toward),
        (None, None) if is_settings(beginning) => Begins::Perhaps(Toward::Client),
        (None, None) => Begins::No,
    }
}

/// Returns whether a connection begins with settings and no preface, as servers begin.
fn is_settings(beginning: &Beginning<'_>) -> bool {
    let first = frame::first(beginning.bytes);
    beginning.since == Since::Begin
        && first.is_some_and(|frame| frame.kind == Kind::Settings && frame.flags == 0)
}

/// Returns whether the first frame, one of headers, goes on behind what was captured.
fn is_long(beginning: &Beginning<'_>) -> bool {
    let first = frame::first(beginning.bytes);
    let is_headers = first.is_some_and(|frame| {
        let reaches = HEAD_BYTES + frame.len as usize;
        frame.kind == Kind::Headers
            && frame.stream % 2 == 1
            && frame.has(END_HEADERS)
            && reaches > beginning.bytes.len()
            && frame.len <= 16 * 1024
    });
    is_headers && beginning.bytes.len() > HEAD_BYTES
}

/// Returns where the first frame with headers goes, if these are some and tell.
fn shown_by_headers(bytes: &[u8]) -> Option<Toward> {
    let mut at = 0;
    while let Some(frame) = bytes.get(at..).and_then(frame::first) {
        let start = at + HEAD_BYTES;
        let end = start + frame.len as usize;
        if frame.kind == Kind::Headers && !frame.has(PADDED) {
            let front = if frame.has(PRIORITY) { 5 } else { 0 };
            let is_whole = end <= bytes.len() && frame.has(END_HEADERS);
            let block = bytes.get(start + front..end.min(bytes.len()))?;
            return toward(block, is_whole);
        }
        at = end;
    }
    None
}

fn toward(block: &[u8], is_whole: bool) -> Option<Toward> {
    let mut fields = Fields::default();
    let mut decoder = Decoder::new(false, &NOTHING, true);
    let decoded = decoder.decode(block, is_whole, |name, value| fields.take(name, value));
    let is_request = fields.method.is_some() || fields.scheme.is_some() || fields.path.is_some();
    match (decoded, is_request, fields.status) {
        (Decoded::Wrong, ..) => None,
        (_, true, None) => Some(Toward::Server),
        (_, false, Some(100..=599)) => Some(Toward::Client),
        _ => None,
    }
}
