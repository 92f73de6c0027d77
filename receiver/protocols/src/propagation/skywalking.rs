//! `sw8` of SkyWalking: eight fields between dashes, texts in base64.
//!
//! Its ids are texts, so that OpenTelemetry's must be made of them. They are made as the
//! Collector's `skywalking` receiver makes them, so that our spans and those of SkyWalking's agents
//! meet in one trace: a trace is a UUID, or `UUID.THREAD.NUMBER` with the two numbers mixed into
//! it; a span is its segment's id of that kind with the index of the span mixed in, folded to half.
//! A segment that is not so written leaves the trace without a parent; a trace that is not so
//! written is nothing.

use super::{
    Format, Parent, Reading, base64,
    digits::{decimal, whole},
};

/// Bytes read of an id; agents write 32 to 64.
const ID_BYTES: usize = 96;
const FIELDS: usize = 8;
const UUID_DIGITS: usize = 32;

/// Reads the header.
pub(super) fn read(text: &[u8]) -> Reading {
    Reading::of(found(text))
}

fn found(text: &[u8]) -> Option<Parent> {
    let mut fields = [&[][..]; FIELDS];
    let mut split = text.split(|byte| *byte == b'-');
    for field in &mut fields {
        *field = split.next()?;
    }
    if split.next().is_some() {
        return None;
    }
    let [sample, trace, segment, span, ..] = fields;
    let flags = match sample {
        b"1" => 1,
        b"0" => 0,
        _ => return None,
    };
    let (trace, len) = base64::decode::<ID_BYTES>(trace)?;
    let trace_id = trace_id(&trace[..len]).filter(|id| *id != [0; 16])?;
    let (segment, len) = base64::decode::<ID_BYTES>(segment)?;
    let index = u32::try_from(decimal(span)?).ok()?;
    Some(Parent {
        format: Format::SkyWalking,
        trace_id,
        span_id: span_id(&segment[..len], index),
        flags,
    })
}

fn trace_id(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != 36 {
        return mixed(text, 0);
    }
    let mut digits = [0; UUID_DIGITS];
    let mut at = 0;
    for (index, letter) in text.iter().enumerate() {
        let is_dash = *letter == b'-';
        if is_dash != matches!(index, 8 | 13 | 18 | 23) {
            return None;
        }
        if !is_dash {
            digits[at] = *letter;
            at += 1;
        }
    }
    whole(&digits)
}

fn span_id(segment: &[u8], index: u32) -> Option<[u8; 8]> {
    let id = u128::from_be_bytes(mixed(segment, index)?);
    let folded = (id >> 64) as u64 ^ id as u64;
    (folded != 0).then_some(folded.to_be_bytes())
}

/// Reads `UUID` or `UUID.THREAD.NUMBER` and mixes three numbers into it, lowest byte first.
fn mixed(text: &[u8], index: u32) -> Option<[u8; 16]> {
    let (digits, rest) = text.split_at_checked(UUID_DIGITS)?;
    let uuid: [u8; 16] = whole(digits)?;
    let mut number = [0; 16];
    number[..4].copy_from_slice(&index.to_le_bytes());
    if !rest.is_empty() {
        let rest = rest.strip_prefix(b".")?;
        let dot = rest.iter().position(|byte| *byte == b'.')?;
        let thread = u32::try_from(decimal(&rest[..dot])?).ok()?;
        number[4..8].copy_from_slice(&thread.to_le_bytes());
        number[8..].copy_from_slice(&decimal(&rest[dot + 1..])?.to_le_bytes());
    }
    Some(std::array::from_fn(|at| uuid[at] ^ number[at]))
}
