//! Recognises what begins a chunk. Keeps no state.

use super::command;

/// The most arguments of a command that is believed at first sight.
const DIGITS_MAX: usize = 7;

/// Tells whether `bytes` begin with a command beyond doubt: `*`, a count, the length of a name and
/// the name of a command that exists, or one of a module.
pub fn is_command(bytes: &[u8]) -> bool {
    let Some((count, rest)) = header(b'*', bytes) else {
        return false;
    };
    let Some((len, rest)) = header(b'$', rest) else {
        return false;
    };
    let Some(name) = rest.get(..len) else {
        return false;
    };
    count > 0 && (command::is_known(name) || is_of_module(name)) && {
        let end = &rest[len..];
        b"\r\n".starts_with(&end[..end.len().min(2)])
    }
}

/// Tells whether `bytes` are inline `PING`s and nothing else, the only command without framing that
/// is believed at first sight, and only as the first words of a connection: others speak like this
/// too.
pub fn is_inline_ping(bytes: &[u8]) -> bool {
    let is_ping = |line: &[u8]| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        line.eq_ignore_ascii_case(b"PING")
    };
    let Some(lines) = bytes.strip_suffix(b"\n") else {
        return false;
    };
    lines.split(|byte| *byte == b'\n').all(is_ping)
}

/// Tells whether `bytes` may begin a reply.
pub(super) fn may_be_reply(bytes: &[u8]) -> bool {
    match bytes {
        [b'+' | b'-' | b',' | b'(' | b'_' | b'#', ..] => true,
        [
            b':' | b'$' | b'*' | b'%' | b'~' | b'>' | b'=' | b'!' | b'|',
            next,
            ..,
        ] => next.is_ascii_digit() || *next == b'-',
        _ => false,
    }
}

/// Reads a framing line: the number, and what stands behind.
fn header(mark: u8, bytes: &[u8]) -> Option<(usize, &[u8])> {
    let rest = bytes.strip_prefix(&[mark])?;
    let digits = rest
        .iter()
        .take(DIGITS_MAX + 1)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits == 0 || digits > DIGITS_MAX {
        return None;
    }
    let (digits, rest) = rest.split_at(digits);
    let value = digits
        .iter()
        .fold(0, |value, digit| value * 10 + usize::from(digit - b'0'));
    Some((value, rest.strip_prefix(b"\r\n")?))
}

/// `JSON.GET` and the like.
fn is_of_module(name: &[u8]) -> bool {
    let Some(dot) = memchr::memchr(b'.', name) else {
        return false;
    };
    let (module, command) = (&name[..dot], &name[dot + 1..]);
    let is_word = |word: &[u8]| (1..=24).contains(&word.len()) && word.is_ascii();
    let letters = |word: &[u8]| {
        word.iter()
            .all(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
    };
    is_word(module) && is_word(command) && letters(module) && letters(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn believes_commands_and_nothing_else() {
        for (text, expected) in [
            ("*1\r\n$4\r\nPING\r\n", true),
            ("*2\r\n$3\r\nget\r\n$1\r\nk\r\n", true),
            ("*2\r\n$3\r\nGET", true),
            ("*2\r\n$9\r\nFT.SEARCH\r\n", true),
            ("*2\r\n$3\r\nGE", false),
            ("*2\r\n$3\r\nfoo\r\n$3\r\nbar\r\n", false),
            ("*0\r\n$3\r\nGET\r\n", false),
            ("*2\r\n:1\r\n", false),
            ("+OK\r\n", false),
            ("GET / HTTP/1.1\r\n", false),
            ("PING\r\n", false),
            ("*99999999\r\n$3\r\nGET\r\n", false),
            ("", false),
        ] {
            assert_eq!(is_command(text.as_bytes()), expected, "{text:?}");
        }
        assert!(is_inline_ping(b"ping\r\n"));
        assert!(is_inline_ping(b"PING\r\nPING\r\n"));
        assert!(!is_inline_ping(b"PING\r\n+OK\r\n"));
        assert!(!is_inline_ping(b""));
        assert!(!is_inline_ping(b"PING :irc\r\n"));
    }
}
