//! Frames: version, flags, stream, kind, length, body. And how a connection is recognised by them.

use super::body::{self, short, skip_payload};
use super::request::Compression;
use super::{segment, unpack};
use crate::conversation::Toward;
use crate::cutter::{Head, Message};
use crate::recognition::{Beginning, Begins};

/// How much of a body is kept.
pub(super) const KEPT_BYTES: usize = 4096;
/// How much of a body is kept that holds no statement.
const SMALL_BYTES: usize = 512;
/// How much of a body is unpacked.
const UNPACKED_BYTES: usize = 8192;
/// Version, flags, stream, kind, length.
pub(super) const HEAD_BYTES: usize = 9;
/// The longest frame that is believed, as in Cassandra itself.
const FRAME_BYTES_MAX: u32 = 256 * 1024 * 1024;

const RESPONSE: u8 = 0x80;
const COMPRESSED: u8 = 0x01;
const TRACED: u8 = 0x02;
const WITH_PAYLOAD: u8 = 0x04;
const WITH_WARNINGS: u8 = 0x08;

pub(super) const ERROR: u8 = 0x00;
pub(super) const STARTUP: u8 = 0x01;
pub(super) const READY: u8 = 0x02;
pub(super) const AUTHENTICATE: u8 = 0x03;
pub(super) const OPTIONS: u8 = 0x05;
pub(super) const QUERY: u8 = 0x07;
pub(super) const RESULT: u8 = 0x08;
pub(super) const PREPARE: u8 = 0x09;
pub(super) const EXECUTE: u8 = 0x0a;
pub(super) const REGISTER: u8 = 0x0b;
pub(super) const BATCH: u8 = 0x0d;

/// Kinds of requests, and of responses.
const ASKED: [u8; 8] = [
    STARTUP, OPTIONS, QUERY, PREPARE, EXECUTE, REGISTER, BATCH, 0x0f,
];
const ANSWERED: [u8; 8] = [ERROR, READY, AUTHENTICATE, 0x06, RESULT, 0x0c, 0x0e, 0x10];

/// A frame.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) version: u8,
    pub(super) is_response: bool,
    pub(super) stream: u16,
    pub(super) kind: u8,
    /// What is known of its body, behind everything that belongs to no kind.
    pub(super) body: Vec<u8>,
    /// That is all of it.
    pub(super) is_whole: bool,
}

/// Reads the head of a frame.
pub(super) fn read_head(bytes: &[u8]) -> Head {
    if bytes.first().is_some_and(|version| !is_version(*version)) {
        return Head::Wrong;
    }
    let Some((head, _)) = bytes.split_first_chunk::<HEAD_BYTES>() else {
        return Head::More;
    };
    let [_, _, _, _, kind, len @ ..] = *head;
    let len = u32::from_be_bytes(len);
    if len > FRAME_BYTES_MAX || kind > 0x10 {
        return Head::Wrong;
    }
    let keep = match kind {
        QUERY | PREPARE | BATCH => KEPT_BYTES,
        _ => SMALL_BYTES,
    };
    Head::Body {
        len: u64::from(len),
        keep,
    }
}

/// Returns whether a chunk begins with a request.
pub(super) fn is_request(bytes: &[u8]) -> bool {
    is_head(bytes, 0, &ASKED)
}

/// Returns whether a chunk begins with a response.
pub(super) fn is_response(bytes: &[u8]) -> bool {
    is_head(bytes, RESPONSE, &ANSWERED)
}

/// Says whether a beginning is Cassandra's. The first request, a segment, and a statement with its
/// length are, beyond doubt; anything else may be.
pub(super) fn begins(beginning: &Beginning<'_>) -> Begins {
    let bytes = beginning.bytes;
    if let Some(inner) = segment::first_frame(bytes) {
        return match inner.first() {
            Some(version) if version & RESPONSE != 0 => Begins::Surely(Toward::Client),
            Some(_) => Begins::Surely(Toward::Server),
            None => Begins::Maybe,
        };
    }
    let toward = if is_request(bytes) {
        Toward::Server
    } else if is_response(bytes) {
        Toward::Client
    } else {
        return Begins::No;
    };
    let len = bytes[5..]
        .first_chunk()
        .map_or(0, |len| u32::from_be_bytes(*len));
    let whole = len as usize + HEAD_BYTES;
    let may_wait = toward == Toward::Client && len > 0 && beginning.len == HEAD_BYTES;
    if beginning.len < whole && !may_wait {
        return Begins::No;
    }
    if toward == Toward::Server && is_clear(bytes[4], &bytes[HEAD_BYTES..]) {
        return Begins::Surely(toward);
    }
    Begins::Perhaps(toward)
}

/// Returns whether a body leaves no doubt.
fn is_clear(kind: u8, body: &[u8]) -> bool {
    let mut rest = body;
    match kind {
        STARTUP => memchr::memmem::find(body, b"CQL_VERSION").is_some(),
        QUERY | PREPARE => {
            let len = body::number::<4>(&mut rest).unwrap_or_default() as usize;
            let begin = &rest[..rest.len().min(len).min(24)];
            let is_text = |byte: &u8| *byte >= b' ' || byte.is_ascii_whitespace();
            begin.len() >= 3 && begin.iter().all(is_text) && begin[0].is_ascii_alphabetic()
        }
        _ => false,
    }
}

fn is_version(version: u8) -> bool {
    (3..=6).contains(&(version & !RESPONSE))
}

fn is_head(bytes: &[u8], direction: u8, kinds: &[u8]) -> bool {
    let Some(([version, flags, _, _, kind, len @ ..], _)) = bytes.split_first_chunk::<HEAD_BYTES>()
    else {
        return false;
    };
    is_version(*version)
        && version & RESPONSE == direction
        && *flags < 0x20
        && kinds.contains(kind)
        && u32::from_be_bytes(*len) <= FRAME_BYTES_MAX
}

impl Frame {
    /// Reads a message.
    pub(super) fn read(message: &Message, compression: Compression) -> Option<Self> {
        let (head, _) = message.head().split_first_chunk::<HEAD_BYTES>()?;
        let [version, flags, high, low, kind, ..] = *head;
        let mut is_whole = message.body.len() as u64 == message.body_len;
        let unpacked;
        let mut rest = message.body.as_slice();
        if flags & COMPRESSED != 0 {
            unpacked = unpack::body(compression, rest, UNPACKED_BYTES);
            is_whole &= unpacked.len() < UNPACKED_BYTES;
            rest = &unpacked;
        }
        let body = without_extras(version, flags, rest).unwrap_or_default();
        Some(Self {
            version: version & !RESPONSE,
            is_response: version & RESPONSE != 0,
            stream: u16::from_be_bytes([high, low]),
            kind,
            is_whole: is_whole && !message.is_holed && (body.len() <= rest.len()),
            body: body.to_vec(),
        })
    }

    /// Returns whether no request asked for it.
    pub(super) fn is_push(&self) -> bool {
        self.stream >= 0x8000
    }
}

/// Passes over what flags put before a body.
fn without_extras(version: u8, flags: u8, mut rest: &[u8]) -> Option<&[u8]> {
    let is_response = version & RESPONSE != 0;
    if is_response && flags & TRACED != 0 {
        body::bytes(&mut rest, 16)?;
    }
    if is_response && flags & WITH_WARNINGS != 0 {
        for _ in 0..body::number::<2>(&mut rest)? {
            short(&mut rest)?;
        }
    }
    if flags & WITH_PAYLOAD != 0 {
        skip_payload(&mut rest)?;
    }
    Some(rest)
}
