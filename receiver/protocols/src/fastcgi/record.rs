//! Records of FastCGI: heads, name-value pairs, and the first lines of a script's answer.
//!
//! Layouts by the FastCGI specification 1.0.

use crate::cutter::{Head, Message};
use crate::http::{Headers, Request, Response};
use crate::propagation::Key;

pub(super) const HEAD_BYTES: usize = 8;
pub(super) const BEGIN: u8 = 1;
pub(super) const ABORT: u8 = 2;
pub(super) const END: u8 = 3;
pub(super) const PARAMS: u8 = 4;
pub(super) const STDIN: u8 = 5;
pub(super) const STDOUT: u8 = 6;
pub(super) const STDERR: u8 = 7;

/// What is kept of a record with parameters, and of one with output.
const KEPT_PARAMS: usize = 4096;
const KEPT_OUTPUT: usize = 512;

/// Management records have the id 0; the types that belong to a request do not.
pub(super) fn read_head(bytes: &[u8]) -> Head {
    if bytes.len() < HEAD_BYTES {
        return Head::More;
    }
    if !is_head(bytes) {
        return Head::Wrong;
    }
    let keep = match bytes[1] {
        BEGIN | END => 8,
        PARAMS => KEPT_PARAMS,
        STDOUT => KEPT_OUTPUT,
        _ => 0,
    };
    Head::Body {
        len: u64::from(content_len(bytes)) + u64::from(bytes[6]),
        keep: keep.min(usize::from(content_len(bytes))),
    }
}

/// Tells whether `bytes` begin with a record.
pub(super) fn is_head(bytes: &[u8]) -> bool {
    match bytes {
        [1, kind, high, low, _, _, _, 0, ..] => {
            let is_of_request = (*high, *low) != (0, 0);
            match *kind {
                BEGIN | END => is_of_request && content_len(bytes) == 8,
                ABORT => is_of_request && content_len(bytes) == 0,
                PARAMS..=STDERR | 8 => is_of_request,
                9..=11 => !is_of_request,
                _ => false,
            }
        }
        _ => false,
    }
}

pub(super) fn kind(message: &Message) -> u8 {
    message.head().get(1).copied().unwrap_or_default()
}

pub(super) fn id(message: &Message) -> u16 {
    let head = message.head();
    u16::from_be_bytes([head[2], head[3]])
}

pub(super) fn content_len(head: &[u8]) -> u16 {
    u16::from_be_bytes([head[4], head[5]])
}

/// Takes the parameters that tell what is asked; all others are forgotten at once. Returns whether
/// all pairs were there.
pub(super) fn read_params(mut bytes: &[u8], request: &mut Request) -> bool {
    while !bytes.is_empty() {
        let Some((name, value, rest)) = pair(bytes) else {
            return false;
        };
        if let Ok(value) = std::str::from_utf8(value) {
            take(name, value, request);
        }
        bytes = rest;
    }
    true
}

fn take(name: &[u8], value: &str, request: &mut Request) {
    let headers = &mut request.headers;
    match name {
        b"REQUEST_METHOD" => value.clone_into(&mut request.method),
        b"REQUEST_URI" => value.clone_into(&mut request.target),
        b"SCRIPT_NAME" | b"DOCUMENT_URI" if request.target.is_empty() => {
            value.clone_into(&mut request.target);
        }
        b"SERVER_PROTOCOL" => {
            request.version = match value {
                "HTTP/1.1" => "1.1",
                "HTTP/1.0" => "1.0",
                "HTTP/2.0" => "2",
                "HTTP/3.0" => "3",
                _ => "",
            }
        }
        b"REQUEST_SCHEME" => headers.forwarded_proto = Some(value.to_ascii_lowercase()),
        b"HTTP_HOST" => request.host = Some(value.to_owned()),
        b"REMOTE_ADDR" => {
            headers
                .forwarded_for
                .get_or_insert_with(|| value.to_owned());
        }
        _ => take_header(name, value, headers),
    }
}

fn take_header(name: &[u8], value: &str, headers: &mut Headers) {
    let kept = match name {
        b"HTTP_USER_AGENT" => &mut headers.user_agent,
        b"CONTENT_TYPE" => &mut headers.content_type,
        b"HTTP_BAGGAGE" => &mut headers.baggage,
        b"HTTP_X_REQUEST_ID" => &mut headers.request_id,
        b"HTTP_X_FORWARDED_FOR" => &mut headers.forwarded_for,
        b"HTTP_TRACEPARENT" => return headers.traceparent.push(value.to_owned()),
        b"HTTP_TRACESTATE" => return headers.tracestate.push(value.to_owned()),
        _ => {
            if let Some(key) = name.strip_prefix(b"HTTP_").and_then(Key::of_cgi) {
                headers.trace(key, value.as_bytes());
            }
            return;
        }
    };
    if !value.is_empty() {
        *kept = Some(value.to_owned());
    }
}

/// Returns the first pair, and what follows it.
fn pair(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name, rest) = length(bytes)?;
    let (value, rest) = length(rest)?;
    let (name, rest) = rest.split_at_checked(name)?;
    let (value, rest) = rest.split_at_checked(value)?;
    Some((name, value, rest))
}

/// Returns a length of one byte, or of four.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if first & 0x80 == 0 {
        return Some((usize::from(*first), rest));
    }
    let (four, rest) = bytes.split_first_chunk::<4>()?;
    Some(((u32::from_be_bytes(*four) & 0x7fff_ffff) as usize, rest))
}

/// Reads the lines that a script's output begins with. Without a status it is 200, or 302 for a
/// place to go to.
pub(super) fn read_output(bytes: &[u8]) -> Response {
    let mut response = Response {
        status: 200,
        ..Response::default()
    };
    let mut rest = bytes;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let line = rest[..end].trim_ascii_end();
        rest = &rest[end + 1..];
        if line.is_empty() {
            return response;
        }
        let Some((name, value)) = std::str::from_utf8(line)
            .ok()
            .and_then(|line| line.split_once(':'))
        else {
            continue;
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().and_then(|code| code.parse().ok());
            response.status = code.unwrap_or(200);
        } else if name.eq_ignore_ascii_case("content-type") {
            response.content_type = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case("location") && response.status == 200 {
            response.status = 302;
        }
    }
    response.truncated = true;
    response
}
