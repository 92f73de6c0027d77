//! `uber-trace-id: TRACE:SPAN:PARENT:FLAGS` of Jaeger, which may be percent-encoded.
//!
//! Ids are hexadecimal; leading zeros may be missing. The baggage of `uberctx-*` is not read.

use super::{Format, Reading, digits::hex, parent};

const SAMPLED: u8 = 1;

/// Reads the header.
pub(super) fn read(text: &[u8]) -> Reading {
    Reading::of(fields(text).and_then(|[trace, span, above, flags]| {
        // What is above the parent is deprecated, but must be there.
        hex::<8>(above)?;
        let [flags] = hex(flags)?;
        parent(
            Format::Jaeger,
            hex(trace)?,
            hex(span)?,
            Some(flags & SAMPLED != 0),
        )
    }))
}

/// Splits at colons, written as such or as `%3A`.
fn fields(text: &[u8]) -> Option<[&[u8]; 4]> {
    let mut rest = text;
    let mut fields = [&[][..]; 4];
    for (index, field) in fields.iter_mut().enumerate() {
        let end = rest.iter().position(|byte| matches!(byte, b':' | b'%'));
        let end = match (end, index) {
            (None, 3) => rest.len(),
            (Some(end), 0..=2) => end,
            _ => return None,
        };
        (*field, rest) = rest.split_at(end);
        rest = match rest {
            [b':', rest @ ..] | [b'%', b'3', b'A' | b'a', rest @ ..] => rest,
            [] => rest,
            _ => return None,
        };
    }
    Some(fields)
}
