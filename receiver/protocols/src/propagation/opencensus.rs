//! `grpc-trace-bin`: OpenCensus' binary form of a context, in base64 as gRPC's metadata are.
//!
//! Version 0; then fields, each behind its number and in their order: trace, span, options.

use super::{Format, Parent, Reading, base64, parent};

const BYTES: usize = 29;

/// Reads the header.
pub(super) fn read(text: &[u8]) -> Reading {
    Reading::of(found(text))
}

fn found(text: &[u8]) -> Option<Parent> {
    let (bytes, len) = base64::decode::<{ BYTES + 1 }>(text)?;
    let bytes = &bytes[..len];
    let (trace, rest) = bytes.strip_prefix(&[0, 0])?.split_first_chunk::<16>()?;
    let (span, rest) = rest.strip_prefix(&[1])?.split_first_chunk::<8>()?;
    let sampled = match rest {
        [] => None,
        [2, options] => Some(options & 1 == 1),
        _ => return None,
    };
    parent(Format::OpenCensus, *trace, *span, sampled)
}
