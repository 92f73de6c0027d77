//! Recognises NATS by the line that bytes begin with. Keeps no state.

use super::line::{self, Verb};
use crate::{
    conversation::Toward,
    recognition::{Beginning, Begins},
};

/// A line must end within so many bytes, or be a description.
const FIRST_LINE_MAX: usize = 512;
/// The longest verb.
const VERB_MAX: usize = 7;

pub(super) fn begins(beginning: &Beginning<'_>) -> Begins {
    let bytes = beginning.bytes;
    if let Some((verb, rest)) = line::verb(bytes)
        && verb.is_long()
    {
        return match (verb, rest.first()) {
            (Verb::Info, Some(b'{')) => Begins::Surely(Toward::Client),
            (Verb::Connect, Some(b'{')) => Begins::Surely(Toward::Server),
            (_, None) => Begins::Maybe,
            _ => Begins::No,
        };
    }
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        return unfinished(bytes);
    };
    let line = bytes[..end].strip_suffix(b"\r").and_then(line::read);
    let Some(line) = line else {
        return Begins::No;
    };
    let toward = beginning.toward.unwrap_or(Toward::Server);
    match line.verb {
        Verb::Pub | Verb::Hpub => Begins::Surely(Toward::Server),
        Verb::Sub if is_number(line.subscription) => Begins::Surely(Toward::Server),
        Verb::Sub | Verb::Unsub => Begins::Perhaps(Toward::Server),
        Verb::Msg | Verb::Hmsg => Begins::Surely(Toward::Client),
        Verb::Ping => Begins::Perhaps(toward),
        Verb::Pong => Begins::Perhaps(beginning.toward.unwrap_or(Toward::Client)),
        Verb::Ok | Verb::Err => Begins::Perhaps(Toward::Client),
        Verb::Info | Verb::Connect => Begins::No,
    }
}

/// Tells whether bytes begin with a line, where it is not known where lines begin.
pub(super) fn is_line(bytes: &[u8]) -> bool {
    if let Some((verb, rest)) = line::verb(bytes)
        && verb.is_long()
    {
        return rest.first() == Some(&b'{');
    }
    let line = memchr::memchr(b'\n', bytes).and_then(|end| bytes[..end].strip_suffix(b"\r"));
    line.and_then(line::read).is_some()
}

fn unfinished(bytes: &[u8]) -> Begins {
    let is_verb = line::verb(bytes).is_some();
    let is_start = bytes.len() < VERB_MAX
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'+' | b'-' | b'\r'));
    if is_verb && bytes.len() < FIRST_LINE_MAX || is_start {
        Begins::Maybe
    } else {
        Begins::No
    }
}

fn is_number(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(u8::is_ascii_digit)
}
