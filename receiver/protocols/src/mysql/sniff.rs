//! Recognises what either end begins a chunk with. Keeps no state.

use super::command;
use super::packet::{self, FULL_BYTES};
use crate::conversation::Toward;
use crate::recognition::{Beginning, Begins};

/// Flags of a client: it speaks the protocol of 4.1.
pub(super) const PROTOCOL_41: u64 = 0x200;
/// What stands between the character set and the name of the user: zeros, at least so many.
const FILLER_BYTES: usize = 19;
/// A request for TLS is a login that ends here.
pub(super) const LOGIN_HEAD_BYTES: usize = 32;

/// Says whether a beginning is MySQL's. A greeting and a login are, beyond doubt; a command may be,
/// if a fitting answer comes.
pub(super) fn begins(beginning: &Beginning<'_>) -> Begins {
    let bytes = beginning.bytes;
    let Some((len, number, body)) = split(bytes) else {
        // Some clients and servers read four bytes first.
        return if bytes.is_empty() {
            Begins::No
        } else {
            Begins::Maybe
        };
    };
    if len == 0 || len == FULL_BYTES {
        return Begins::No;
    }
    let whole = len as usize + 4;
    if body.is_empty() {
        let is_head = len < 0x0010_0000 && number <= 2 && beginning.len == 4;
        return if is_head { Begins::Maybe } else { Begins::No };
    }
    if number == 0 && is_greeting(body) && beginning.len == whole {
        return Begins::Surely(Toward::Client);
    }
    if matches!(number, 1 | 2) && is_login(body) && beginning.len == whole {
        return Begins::Surely(Toward::Server);
    }
    if number == 0 && command::is_command(body, len) && beginning.len >= whole {
        return Begins::Perhaps(Toward::Server);
    }
    if number == 1 && is_answer(len, body) && beginning.len >= whole {
        return Begins::Perhaps(Toward::Client);
    }
    Begins::No
}

/// Returns whether a chunk begins with a command, when it is not known where they begin.
pub(super) fn is_command(bytes: &[u8]) -> bool {
    let Some((len, 0, body)) = split(bytes) else {
        return false;
    };
    len > 0 && command::is_command(body, len)
}

/// Returns whether a chunk begins with the first packet of an answer.
pub(super) fn is_first_answer(bytes: &[u8]) -> bool {
    matches!(split(bytes), Some((len, 1, _)) if len > 0)
}

/// The version of the protocol, that of the server, a number, and half a challenge.
fn is_greeting(body: &[u8]) -> bool {
    let [10, rest @ ..] = body else {
        return false;
    };
    let mut rest = rest;
    let Some(version) = packet::until_nul(&mut rest) else {
        return false;
    };
    let is_version = version.len() >= 3
        && version[0].is_ascii_digit()
        && version.contains(&b'.')
        && version.iter().all(|byte| (b' '..0x7f).contains(byte));
    is_version && rest.get(12).is_none_or(|filler| *filler == 0)
}

pub(super) fn is_login(body: &[u8]) -> bool {
    let mut rest = body;
    let Some(flags) = packet::number::<4>(&mut rest) else {
        return false;
    };
    let filler = body.get(9..9 + FILLER_BYTES);
    flags & PROTOCOL_41 != 0 && filler.is_some_and(|filler| filler.iter().all(|byte| *byte == 0))
}

/// Done, failed, or a number of columns and the first of them.
fn is_answer(len: u32, body: &[u8]) -> bool {
    match body {
        [0, rest @ ..] if len >= 7 => {
            let is_prepared = len == 12 || len == 13;
            let mut flags = rest;
            let counts = packet::counted(&mut flags).zip(packet::counted(&mut flags));
            let flags = counts.and_then(|_| packet::number::<2>(&mut flags));
            is_prepared || flags.is_some_and(|flags| flags & 0x0003 != 0 || flags == 0)
        }
        [0xff, low, high, b'#', state @ ..] => {
            let code = u16::from_le_bytes([*low, *high]);
            code >= 1000 && state.iter().take(5).all(u8::is_ascii_alphanumeric)
        }
        [0xfe, rest @ ..] => len == 5 && rest.len() >= 4,
        [count, rest @ ..] if len <= 2 && *count > 0 => {
            let next = rest.get(len as usize - 1..).unwrap_or_default();
            next.is_empty() || matches!(next, [_, _, 0, 2, 3, b'd', b'e', b'f', ..])
        }
        _ => false,
    }
}

fn split(bytes: &[u8]) -> Option<(u32, u8, &[u8])> {
    let ([a, b, c, number], body) = bytes.split_first_chunk()?;
    let len = u32::from_le_bytes([*a, *b, *c, 0]);
    let size = (len as usize).min(body.len());
    let more = body.get(size..).unwrap_or_default();
    // An answer's first packet says little: what follows it is looked at, too.
    let body = if *number == 1 && !more.is_empty() {
        body
    } else {
        &body[..size]
    };
    Some((len, *number, body))
}
