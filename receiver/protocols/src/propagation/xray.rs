//! `x-amzn-trace-id: Root=1-TIME-RANDOM;Parent=SPAN;Sampled=1` of AWS X-Ray.
//!
//! A load balancer may name the root alone: then the trace is known and the parent is not. Other
//! fields (`Self`, `Lineage`) say nothing of the trace.

use super::{Format, Parent, Reading, digits::whole};

/// Reads the header.
pub(super) fn read(text: &[u8]) -> Reading {
    let (mut root, mut parent, mut sampled) = (None, None, None);
    for field in text.split(|byte| *byte == b';').map(<[u8]>::trim_ascii) {
        let Some(equals) = field.iter().position(|byte| *byte == b'=') else {
            if field.is_empty() {
                continue;
            }
            return Reading::Malformed;
        };
        let (name, value) = (&field[..equals], &field[equals + 1..]);
        let slot = match name {
            b"Root" => &mut root,
            b"Parent" => &mut parent,
            b"Sampled" => &mut sampled,
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return Reading::Malformed;
        }
    }
    let Some(root) = root else {
        // A tracer that is asked may answer with its decision alone.
        return match parent {
            None => Reading::Absent,
            Some(_) => Reading::Malformed,
        };
    };
    Reading::of(found(root, parent, sampled))
}

fn found(root: &[u8], parent: Option<&[u8]>, sampled: Option<&[u8]>) -> Option<Parent> {
    // `1-`, eight digits of time, `-` and 24 more.
    if root.len() != 35 || !root.starts_with(b"1-") || root[10] != b'-' {
        return None;
    }
    let mut trace_id = [0; 16];
    trace_id[..4].copy_from_slice(&whole::<4>(&root[2..10])?);
    trace_id[4..].copy_from_slice(&whole::<12>(&root[11..])?);
    let span_id = match parent.map(whole::<8>) {
        Some(Some(id)) if id != [0; 8] => Some(id),
        Some(_) => return None,
        None => None,
    };
    let flags = match sampled {
        None | Some(b"1" | b"?") => 1,
        Some(b"0") => 0,
        Some(_) => return None,
    };
    (trace_id != [0; 16]).then_some(Parent {
        format: Format::XRay,
        trace_id,
        span_id,
        flags,
    })
}
