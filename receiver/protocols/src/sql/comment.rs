//! Comments of a statement: dropped, but for the trace that one may name.
//!
//! Clients that follow sqlcommenter write `key='value'` pairs into a comment, values in percent
//! encoding.

use crate::propagation::{Headers, Key, TraceContext};

/// More of a value is not read.
const VALUE_BYTES_MAX: usize = 512;

/// Returns the trace that a comment says its statement belongs to.
pub(super) fn trace(comment: &[u8]) -> Option<TraceContext> {
    let parent = value(comment, b"traceparent='")?;
    let state = value(comment, b"tracestate='");
    let mut headers = Headers::default();
    headers.push(Key::TraceParent, parent.as_bytes());
    if let Some(state) = &state {
        headers.push(Key::TraceState, state.as_bytes());
    }
    headers.read()
}

fn value(comment: &[u8], key: &[u8]) -> Option<String> {
    let start = memchr::memmem::find(comment, key)? + key.len();
    let rest = &comment[start..];
    let rest = &rest[..rest.len().min(VALUE_BYTES_MAX)];
    let end = memchr::memchr(b'\'', rest)?;
    decoded(&rest[..end])
}

fn decoded(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>()?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}
