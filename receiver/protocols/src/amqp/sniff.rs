//! Recognises AMQP 0.9.1: by the greeting, or by a method that exists in a frame with an end.

use super::{
    frame::{self, END, GREETING, HEAD_BYTES, HEARTBEAT, METHOD},
    method,
};
use crate::{
    conversation::Toward,
    cutter::Head,
    recognition::{Beginning, Begins},
};

pub(super) fn begins(beginning: &Beginning<'_>) -> Begins {
    let bytes = beginning.bytes;
    if bytes.starts_with(GREETING) {
        return Begins::Surely(Toward::Server);
    }
    if GREETING.starts_with(bytes) {
        return Begins::Maybe;
    }
    match start(bytes) {
        Start::Method((true, _)) => Begins::Surely(Toward::Server),
        Start::Method((_, true)) => Begins::Surely(Toward::Client),
        Start::Method(_) => match beginning.toward {
            Some(toward) => Begins::Surely(toward),
            None => Begins::Perhaps(Toward::Server),
        },
        Start::Heartbeat => Begins::Perhaps(beginning.toward.unwrap_or(Toward::Server)),
        Start::Unfinished if bytes.len() == beginning.len => Begins::Maybe,
        Start::Unfinished | Start::No => Begins::No,
    }
}

/// Tells whether bytes begin with a frame, where it is not known where frames begin.
pub(super) fn is_start(bytes: &[u8]) -> bool {
    matches!(start(bytes), Start::Method(_) | Start::Heartbeat)
}

enum Start {
    /// Who sends it: only a client, only a server, either.
    Method((bool, bool)),
    Heartbeat,
    Unfinished,
    No,
}

fn start(bytes: &[u8]) -> Start {
    /// The longest method that is waited for.
    const METHOD_MAX: u64 = 1024;
    let Some(head) = bytes.get(..HEAD_BYTES) else {
        let is_fine = bytes
            .first()
            .is_none_or(|kind| matches!(*kind, METHOD | HEARTBEAT));
        return if is_fine {
            Start::Unfinished
        } else {
            Start::No
        };
    };
    let Head::Body { len, .. } = frame::head(head) else {
        return Start::No;
    };
    let body = &bytes[HEAD_BYTES..];
    match (head[0], body) {
        (HEARTBEAT, [END, ..]) if len == 1 && head[1..3] == [0, 0] => Start::Heartbeat,
        (HEARTBEAT, []) if len == 1 && head[1..3] == [0, 0] => Start::Unfinished,
        (METHOD, [a, b, c, d, ..]) => {
            let id = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
            let end = usize::try_from(len).ok().and_then(|len| body.get(len - 1));
            match (method::sender(id), end) {
                (Some(sender), Some(&END)) => Start::Method(sender),
                (Some(_), None) if len <= METHOD_MAX => Start::Unfinished,
                _ => Start::No,
            }
        }
        (METHOD, _) if len <= METHOD_MAX => Start::Unfinished,
        _ => Start::No,
    }
}
