//! `x-datadog-*`: the lower half of the trace and the parent as decimal numbers.
//!
//! The upper half is in `x-datadog-tags` as `_dd.p.tid`, sixteen hexadecimal digits; a malformed
//! one would make it another trace, so that nothing is believed. Without a priority the decision
//! is left to the receiver.

use super::{
    Format, Reading,
    digits::{decimal, whole},
    parent,
};

/// The headers, as far as they are there.
#[derive(Debug, Default)]
pub(super) struct Said<'a> {
    pub(super) trace: Option<&'a [u8]>,
    pub(super) parent: Option<&'a [u8]>,
    pub(super) priority: Option<&'a [u8]>,
    pub(super) tags: Option<&'a [u8]>,
}

/// Reads the headers.
pub(super) fn read(said: &Said<'_>) -> Reading {
    match (said.trace, said.parent) {
        // A priority or tags alone name no trace.
        (None, None) => Reading::Absent,
        (Some(trace), Some(span)) => Reading::of(found(said, trace, span)),
        _ => Reading::Malformed,
    }
}

fn found(said: &Said<'_>, trace: &[u8], span: &[u8]) -> Option<super::Parent> {
    let low = decimal(trace).filter(|low| *low != 0)?;
    let mut trace_id = [0; 16];
    trace_id[8..].copy_from_slice(&low.to_be_bytes());
    if let Some(tags) = said.tags {
        trace_id[..8].copy_from_slice(&upper(tags)?);
    }
    let sampled = match said.priority {
        Some(b"1" | b"2") => Some(true),
        Some(b"0" | b"-1") => Some(false),
        None => None,
        Some(_) => return None,
    };
    let span_id = decimal(span)?.to_be_bytes();
    parent(Format::Datadog, trace_id, span_id, sampled)
}

/// Returns the upper half that tags name; zero if they name none.
fn upper(tags: &[u8]) -> Option<[u8; 8]> {
    let mut tags = tags.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let said = tags.find_map(|tag| tag.strip_prefix(b"_dd.p.tid="));
    said.map_or(Some([0; 8]), whole)
}
