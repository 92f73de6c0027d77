//! Recognises start lines: what a chunk begins with, and what a whole line says.
//!
//! Strict enough that bodies and other protocols rarely pass, lenient enough for unknown methods
//! and for targets with raw spaces. It looks at single lines only and keeps no state.

/// The longest method that is believed.
const METHOD_BYTES: usize = 32;

/// What the first bytes of a chunk look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sniff {
    /// A request line.
    Request,
    /// A status line.
    Response,
    /// Too short to tell.
    Maybe,
    /// Not the start of an HTTP/1 message.
    No,
}

/// Tells whether `bytes` begin an HTTP/1 message.
///
/// A well-known method with the start of a fitting target is a request; any other method is one
/// once its line shows the version.
pub fn sniff(bytes: &[u8]) -> Sniff {
    match (sniff_response(bytes), sniff_request(bytes)) {
        (Sniff::No, request) => request,
        (response, Sniff::No) => response,
        _ => Sniff::Maybe,
    }
}

/// Tells whether `bytes` begin a status line; never answers [`Sniff::Request`].
pub(super) fn sniff_response(bytes: &[u8]) -> Sniff {
    let fits = |(index, byte): (usize, &u8)| match index {
        0..7 => *byte == b"HTTP/1."[index],
        7 | 10 | 11 => byte.is_ascii_digit(),
        8 => *byte == b' ',
        9 => matches!(byte, b'1'..=b'9'),
        _ => matches!(byte, b' ' | b'\r' | b'\n'),
    };
    if !bytes.iter().take(13).enumerate().all(fits) {
        Sniff::No
    } else if bytes.len() < 12 {
        Sniff::Maybe
    } else {
        Sniff::Response
    }
}

/// Tells whether `bytes` begin a request line; never answers [`Sniff::Response`].
pub(super) fn sniff_request(bytes: &[u8]) -> Sniff {
    let line = memchr::memchr(b'\n', bytes);
    if let Some(end) = line {
        let whole = request_line(trim_cr(&bytes[..end])).is_some();
        return if whole { Sniff::Request } else { Sniff::No };
    }
    if bytes
        .first()
        .is_some_and(|first| !first.is_ascii_uppercase())
    {
        return Sniff::No;
    }
    let method = bytes.iter().take_while(|byte| is_token(**byte)).count();
    if method > METHOD_BYTES {
        return Sniff::No;
    }
    let (method, rest) = bytes.split_at(method);
    let target = match rest {
        [] | [b' '] => return Sniff::Maybe,
        [b' ', target @ ..] => target,
        _ => return Sniff::No,
    };
    if !target
        .iter()
        .all(|byte| is_visible(*byte) || matches!(byte, b' ' | b'\r'))
    {
        Sniff::No
    } else if is_known(method, target[0]) {
        Sniff::Request
    } else {
        sniff_unknown(target)
    }
}

/// Judges the unfinished rest of a request line whose method is not well known.
fn sniff_unknown(target: &[u8]) -> Sniff {
    if !is_target_start(target[0]) {
        return Sniff::No;
    }
    let Some(space) = memchr::memchr(b' ', target) else {
        return Sniff::Maybe;
    };
    let version = &target[space + 1..];
    let name = b"HTTP/1.";
    if version.len() > name.len() && version.starts_with(name) {
        Sniff::Request
    } else if name.starts_with(version) {
        Sniff::Maybe
    } else {
        Sniff::No
    }
}

/// A request line, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RequestLine<'a> {
    pub(super) method: &'a [u8],
    pub(super) target: &'a [u8],
    /// Empty when the line was cut.
    pub(super) version: &'static str,
}

/// Takes a whole request line apart.
pub(super) fn request_line(line: &[u8]) -> Option<RequestLine<'_>> {
    let method = line
        .iter()
        .take(METHOD_BYTES + 1)
        .position(|byte| *byte == b' ')?;
    let last = memchr::memrchr(b' ', line)?;
    let (method, target) = (&line[..method], line.get(method + 1..last)?);
    let version = version(&line[last + 1..])?;
    let legal = method.first()?.is_ascii_uppercase()
        && method.iter().all(|byte| is_token(*byte))
        && (is_known(method, *target.first()?)
            || is_target_start(target[0]) && !target.contains(&b' '))
        && target.iter().all(|byte| is_visible(*byte) || *byte == b' ');
    legal.then_some(RequestLine {
        method,
        target,
        version,
    })
}

/// Takes the beginning of a request line apart, if it is believed without its end.
pub(super) fn cut_request_line(line: &[u8]) -> Option<RequestLine<'_>> {
    if sniff_request(line) != Sniff::Request {
        return None;
    }
    let method = memchr::memchr(b' ', line)?;
    let (method, target) = (&line[..method], &line[method + 1..]);
    // The cut may be inside the version or right behind it.
    let begins_version = |text: &[u8]| b"HTTP/1.".starts_with(text) || text.starts_with(b"HTTP/1.");
    let (target, version) = match memchr::memrchr(b' ', target) {
        Some(space) if begins_version(&target[space + 1..]) => {
            let version = version(trim_cr(&target[space + 1..]));
            (&target[..space], version.unwrap_or_default())
        }
        _ => (target, ""),
    };
    Some(RequestLine {
        method,
        target,
        version,
    })
}

/// Reads status code and version of a status line, which may lack its end.
pub(super) fn status_line(line: &[u8]) -> Option<(u16, &'static str)> {
    if sniff_response(line) != Sniff::Response {
        return None;
    }
    let digits = line[9..12].iter().map(|digit| u16::from(digit - b'0'));
    Some((
        digits.fold(0, |code, digit| code * 10 + digit),
        version(&line[..8])?,
    ))
}

/// Removes one carriage return from the end.
pub(super) fn trim_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Later minor versions are read as 1.1, as their rules demand.
fn version(text: &[u8]) -> Option<&'static str> {
    match text.strip_prefix(b"HTTP/1.")? {
        [b'0'] => Some("1.0"),
        [digit] if digit.is_ascii_digit() => Some("1.1"),
        _ => None,
    }
}

/// Returns whether method and target fit so well that the version need not be seen.
fn is_known(method: &[u8], target: u8) -> bool {
    let fits = match method {
        b"CONNECT" => target == b'[' || target.is_ascii_alphanumeric(),
        _ => matches!(target, b'/' | b'*' | b'h' | b'H'),
    };
    fits && is_known_method(method)
}

/// Returns whether this is a method that is believed before its HTTP version is seen. None ends
/// with another, so that a piece of one is never taken for the whole.
fn is_known_method(method: &[u8]) -> bool {
    matches!(
        method,
        b"GET"
            | b"POST"
            | b"PUT"
            | b"DELETE"
            | b"HEAD"
            | b"OPTIONS"
            | b"PATCH"
            | b"CONNECT"
            | b"TRACE"
    )
}

fn is_target_start(byte: u8) -> bool {
    matches!(byte, b'/' | b'*' | b'[') || byte.is_ascii_alphanumeric()
}

fn is_visible(byte: u8) -> bool {
    byte > b' ' && byte != 0x7f
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognises_start_lines_from_their_beginning() {
        for (text, expected) in [
            ("", Sniff::Maybe),
            ("H", Sniff::Maybe),
            ("HEAD /", Sniff::Request),
            ("HTTP/1.1 20", Sniff::Maybe),
            ("HTTP/1.1 200", Sniff::Response),
            ("HTTP/1.1 200 OK\r\n", Sniff::Response),
            ("HTTP/1.1 2000", Sniff::No),
            ("HTTP/2 200", Sniff::No),
            ("GET ", Sniff::Maybe),
            ("GET /", Sniff::Request),
            ("GET /\n", Sniff::No),
            ("GET / HTTP/1.1\n", Sniff::Request),
            ("GET /a b HTTP/1.0\r\n", Sniff::Request),
            ("CONNECT [::1]:443", Sniff::Request),
            ("PROPFIND /", Sniff::Maybe),
            ("PROPFIND / HTTP/1.1", Sniff::Request),
            ("OPTIONS * RTSP/1.0\r\n", Sniff::No),
            ("PRI * HTTP/2.0\r\n", Sniff::No),
            ("INVITE sip:a@b SIP/2.0", Sniff::No),
            ("get / HTTP/1.1\r\n", Sniff::No),
            ("\u{16}\u{3}\u{1}", Sniff::No),
            ("*1\r\n$4\r\nPING\r\n", Sniff::No),
        ] {
            assert_eq!(sniff(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn never_takes_back_a_verdict_when_a_true_start_grows() {
        for line in [
            "PUT /a?b HTTP/1.1\r\n",
            "M-SEARCH * HTTP/1.1\r\n",
            "HTTP/1.0 404 No\r\n",
        ] {
            for end in 0..line.len() {
                assert_ne!(sniff(&line.as_bytes()[..end]), Sniff::No, "{line:?} {end}");
            }
        }
    }

    #[test]
    fn takes_cut_request_lines_apart() {
        for (text, target, version) in [
            ("GET /a", "/a", ""),
            ("GET /a HTT", "/a", ""),
            ("GET /a HTTP/1.1", "/a", "1.1"),
            ("GET /a HTTP/1.0\r", "/a", "1.0"),
        ] {
            let line = cut_request_line(text.as_bytes()).expect("a request");
            assert_eq!(
                (line.target, line.version),
                (target.as_bytes(), version),
                "{text:?}"
            );
        }
        assert_eq!(cut_request_line(b"PURGE /a"), None);
    }
}
