//! Frames of WebSocket: what their heads say.
//!
//! Layout by RFC 6455, section 5.2.

use crate::cutter::{Head, Message};

pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
const PONG: u8 = 10;
/// A frame of control has at most this much; of a close, code and key are all that is looked at.
const CONTROL_BYTES_MAX: u64 = 125;

const LAST: u8 = 0x80;
const MASKED: u8 = 0x80;

/// Reads a head, which has 2 to 14 bytes.
pub(super) fn read_head(bytes: &[u8]) -> Head {
    let &[first, second, ref rest @ ..] = bytes else {
        return Head::More;
    };
    let opcode = first & 0x0f;
    let is_known = matches!(opcode, 0..=2 | CLOSE | PING | PONG);
    let short = second & 0x7f;
    let extra = match short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let is_control = opcode >= CLOSE;
    if !is_known || is_control && (first & LAST == 0 || extra > 0) {
        return Head::Wrong;
    }
    let key = if second & MASKED == 0 { 0 } else { 4 };
    if rest.len() < extra + key {
        return Head::More;
    }
    let len = match extra {
        0 => u64::from(short),
        _ => rest[..extra]
            .iter()
            .fold(0, |len, byte| len << 8 | u64::from(*byte)),
    };
    if len >> 63 != 0 || is_control && len > CONTROL_BYTES_MAX {
        return Head::Wrong;
    }
    let keep = if opcode == CLOSE { 2 } else { 0 };
    Head::Body { len, keep }
}

/// Tells whether a chunk begins with a frame of a client, which are masked, or of a server.
pub(super) fn is_start(bytes: &[u8], is_masked: bool) -> bool {
    let has_mask = bytes.get(1).is_some_and(|second| second & MASKED != 0);
    has_mask == is_masked && bytes[0] & 0x30 == 0 && read_head(bytes) != Head::Wrong
}

pub(super) fn opcode(message: &Message) -> u8 {
    message.head()[0] & 0x0f
}

/// Returns whether a message of the application ends with this frame.
pub(super) fn ends_message(message: &Message) -> bool {
    opcode(message) < CLOSE && message.head()[0] & LAST != 0
}

/// Returns the code of a close; 1005 stands for none.
pub(super) fn close_code(message: &Message) -> u16 {
    let head = message.head();
    let key = if head[1] & MASKED == 0 {
        [0, 0]
    } else {
        [head[head.len() - 4], head[head.len() - 3]]
    };
    match message.body.first_chunk() {
        Some(&[high, low]) => u16::from_be_bytes([high ^ key[0], low ^ key[1]]),
        None => 1005,
    }
}
