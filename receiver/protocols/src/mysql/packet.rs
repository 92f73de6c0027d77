//! Packets: a length of three bytes, a number, a body. Which part of a body is kept, and how its
//! numbers and texts are read.

use crate::cutter::{Head, Message};

/// A packet of this length goes on in the next one.
pub(super) const FULL_BYTES: u32 = 0x00ff_ffff;
/// How much of a statement is read.
pub(super) const STATEMENT_BYTES_MAX: usize = 4096;
/// How much of a login is read: its database stands behind user and password.
pub(super) const LOGIN_BYTES_MAX: usize = 1024;
/// How much of the server's words is read, at most: what stands before its challenge.
pub(super) const GREETING_BYTES_MAX: usize = 256;
/// An answer that ends something: counts and flags.
const END_BYTES_MAX: usize = 32;

/// Length, number, and the first byte of the body, if it has one.
const HEAD_BYTES: usize = 5;

/// A query of the text protocol.
pub(super) const QUERY: u8 = 0x03;
/// A statement to prepare.
pub(super) const PREPARE: u8 = 0x16;

/// Reads the head of a client's packet.
pub(super) fn asked_head(bytes: &[u8]) -> Head {
    head(bytes, |number, kind, _| match (number, kind) {
        (0, QUERY | PREPARE) => STATEMENT_BYTES_MAX,
        _ => LOGIN_BYTES_MAX,
    })
}

/// Reads the head of a server's packet. Rows are passed over, the short ones excepted: they look
/// like counts.
pub(super) fn answered_head(bytes: &[u8]) -> Head {
    head(bytes, |number, kind, len| match (number, kind) {
        (0, 10) => GREETING_BYTES_MAX,
        (_, 0 | 0xfe | 0xff) => END_BYTES_MAX,
        _ if len <= 10 => 10,
        _ => 0,
    })
}

fn head(bytes: &[u8], keep: fn(u8, u8, u32) -> usize) -> Head {
    let [a, b, c, number, rest @ ..] = bytes else {
        return Head::More;
    };
    let len = u32::from_le_bytes([*a, *b, *c, 0]);
    match rest.first() {
        None if len == 0 => Head::Body { len: 0, keep: 0 },
        None => Head::More,
        Some(kind) => Head::Body {
            len: u64::from(len - 1),
            keep: keep(*number, *kind, len),
        },
    }
}

/// A packet, as its head and the front of its body tell it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet<'a> {
    /// Its number within a command and its answer.
    pub(super) number: u8,
    /// Bytes of its body.
    pub(super) len: u64,
    /// The first byte of its body, if it has one.
    pub(super) kind: Option<u8>,
    /// What is kept of the rest.
    pub(super) rest: &'a [u8],
}

impl<'a> Packet<'a> {
    pub(super) fn new(message: &'a Message) -> Self {
        let head = message.head();
        Self {
            number: head.get(3).copied().unwrap_or_default(),
            len: message.body_len + u64::from(head.len() == HEAD_BYTES),
            kind: head.get(4).copied(),
            rest: &message.body,
        }
    }

    /// Returns whether the next packet carries on.
    pub(super) fn goes_on(&self) -> bool {
        self.len == u64::from(FULL_BYTES)
    }
}

/// Takes a number of the given size, the lowest byte first.
pub(super) fn number<const N: usize>(rest: &mut &[u8]) -> Option<u64> {
    let (bytes, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    let digits = bytes.iter().rev();
    Some(digits.fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Takes a number that says how long it is.
pub(super) fn counted(rest: &mut &[u8]) -> Option<u64> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    match first {
        0..=0xfa => Some(u64::from(*first)),
        0xfc => number::<2>(rest),
        0xfd => number::<3>(rest),
        0xfe => number::<8>(rest),
        _ => None,
    }
}

/// Takes so many bytes.
pub(super) fn bytes<'a>(rest: &mut &'a [u8], len: u64) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(usize::try_from(len).ok()?)?;
    *rest = after;
    Some(taken)
}

/// Takes a text that a NUL ends.
pub(super) fn until_nul<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = memchr::memchr(0, rest)?;
    let text = &rest[..end];
    *rest = &rest[end + 1..];
    Some(text)
}
