//! Unpacks the beginning of a compressed body, of which the end may be missing.

use super::request::Compression;

/// Returns what a body begins with, at most `max` bytes.
pub(super) fn body(compression: Compression, packed: &[u8], max: usize) -> Vec<u8> {
    match compression {
        // The length of the body stands first.
        Compression::Lz4 => lz4(packed.get(4..).unwrap_or_default(), max),
        Compression::Snappy => crate::mongodb::unpack::snappy(packed, max),
        Compression::None => Vec::new(),
    }
}

/// LZ4's block format, by its description: literals, then a copy of what came before, in turns.
pub(super) fn lz4(packed: &[u8], max: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = packed;
    while out.len() < max {
        if turn(&mut rest, max, &mut out).is_none() {
            break;
        }
    }
    out.truncate(max);
    out
}

fn turn(rest: &mut &[u8], max: usize, out: &mut Vec<u8>) -> Option<()> {
    let (token, after) = rest.split_first()?;
    *rest = after;
    let literals = len(usize::from(token >> 4), rest)?;
    let here = literals.min(rest.len());
    let (taken, after) = rest.split_at(here);
    out.extend_from_slice(&taken[..here.min(max)]);
    *rest = after;
    if here < literals {
        return None;
    }
    let (offset, after) = rest.split_first_chunk()?;
    *rest = after;
    let offset = usize::from(u16::from_le_bytes(*offset));
    let copied = len(usize::from(token & 0x0f), rest)? + 4;
    let start = out.len().checked_sub(offset).filter(|_| offset > 0)?;
    for index in 0..copied.min(max.saturating_sub(out.len())) {
        out.push(out[start + index]);
    }
    Some(())
}

/// A length of four bits; all set, more bytes are added.
fn len(bits: usize, rest: &mut &[u8]) -> Option<usize> {
    let mut len = bits;
    if bits < 15 {
        return Some(len);
    }
    loop {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        len = len.saturating_add(usize::from(*byte));
        if *byte < 255 {
            return Some(len);
        }
    }
}
