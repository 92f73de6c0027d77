//! B3 of Zipkin: one header, or one for each part.
//!
//! `b3: TRACE-SPAN[-SAMPLED[-PARENT]]`, or the decision alone (`0`, `1`, `d`), which names no
//! trace. A trace has 64 or 128 bits. The debug flag says that the request must be sampled.

use super::{
    Format, Reading,
    digits::{hex, whole},
    parent,
};

/// Reads the one header.
pub(super) fn single(text: &[u8]) -> Reading {
    if sampled(text).is_some() {
        return Reading::Absent;
    }
    let mut parts = text.split(|byte| *byte == b'-');
    let (Some(trace), Some(span)) = (parts.next(), parts.next()) else {
        return Reading::Malformed;
    };
    let sampling = match parts.next().map(sampled) {
        Some(None) => return Reading::Malformed,
        Some(known) => known,
        None => None,
    };
    let has_parent = parts.next().map(whole::<8>);
    if has_parent == Some(None) || parts.next().is_some() {
        return Reading::Malformed;
    }
    read(Format::B3, trace, span, sampling)
}

/// The headers of the other form, as far as they are there.
#[derive(Debug, Default)]
pub(super) struct Multi<'a> {
    pub(super) trace: Option<&'a [u8]>,
    pub(super) span: Option<&'a [u8]>,
    pub(super) sampled: Option<&'a [u8]>,
    pub(super) flags: Option<&'a [u8]>,
}

/// Reads the headers of the other form.
pub(super) fn multi(said: &Multi<'_>) -> Reading {
    let sampling = match (said.flags, said.sampled) {
        // Old tracers write words. Debugging overrules the decision.
        (Some(b"1"), _) | (Some(b"0") | None, Some(b"true" | b"1")) => Some(true),
        (Some(b"0") | None, Some(b"false" | b"0")) => Some(false),
        (Some(b"0") | None, None) => None,
        _ => return Reading::Malformed,
    };
    match (said.trace, said.span) {
        (None, None) => Reading::Absent,
        (Some(trace), Some(span)) => read(Format::B3Multi, trace, span, sampling),
        _ => Reading::Malformed,
    }
}

fn sampled(text: &[u8]) -> Option<bool> {
    match text {
        b"1" | b"d" => Some(true),
        b"0" => Some(false),
        _ => None,
    }
}

fn read(format: Format, trace: &[u8], span: &[u8], sampled: Option<bool>) -> Reading {
    if !matches!(trace.len(), 16 | 32) {
        return Reading::Malformed;
    }
    let ids = hex(trace).zip(whole(span));
    Reading::of(ids.and_then(|(trace, span)| parent(format, trace, span, sampled)))
}
