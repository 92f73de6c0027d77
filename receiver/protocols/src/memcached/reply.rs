//! What a line of a memcached server says.

use super::command::Answer;

/// A line of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    /// It ends an answer; with a code if it went wrong.
    End(Option<&'static str>),
    /// A value of so many bytes follows, and then more lines.
    Value(u64),
    /// A value of so many bytes follows, which ends the answer.
    LastValue(u64),
    /// More lines follow.
    Line,
    /// Nothing a server says.
    Strange,
}

/// Reads a line, which answers a command that is answered like this.
pub(super) fn reply(line: &[u8], answer: Answer) -> Reply {
    let mut words = line.split(|byte| *byte == b' ');
    let first = words.next().unwrap_or_default();
    match first {
        b"ERROR" => Reply::End(Some("ERROR")),
        b"CLIENT_ERROR" => Reply::End(Some("CLIENT_ERROR")),
        b"SERVER_ERROR" => Reply::End(Some("SERVER_ERROR")),
        b"VALUE" => match words.nth(2).and_then(number) {
            Some(len) => Reply::Value(len),
            None => Reply::Strange,
        },
        b"VA" => match words.next().and_then(number) {
            Some(len) => Reply::LastValue(len),
            None => Reply::Strange,
        },
        b"STAT" | b"ITEM" => Reply::Line,
        b"END" | b"RESET" | b"EN" | b"HD" | b"NS" | b"EX" | b"NF" | b"MN" | b"ME" => {
            Reply::End(None)
        }
        b"STORED" | b"NOT_STORED" | b"EXISTS" | b"NOT_FOUND" | b"DELETED" | b"TOUCHED" | b"OK"
        | b"VERSION" => Reply::End(None),
        digits if is_number(digits) && answer == Answer::Line => Reply::End(None),
        _ => Reply::Strange,
    }
}

/// Tells whether `bytes` begin with a line of a server, whatever it answers.
pub(super) fn is_reply(bytes: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b'\r', bytes) else {
        return false;
    };
    bytes.get(end + 1).is_none_or(|next| *next == b'\n')
        && reply(&bytes[..end], Answer::Line) != Reply::Strange
}

fn is_number(word: &[u8]) -> bool {
    !word.is_empty() && word.len() <= 20 && word.iter().all(u8::is_ascii_digit)
}

fn number(word: &[u8]) -> Option<u64> {
    if !is_number(word) {
        return None;
    }
    std::str::from_utf8(word).ok()?.parse().ok()
}
