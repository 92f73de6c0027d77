//! Unpacks the beginning of a compressed message, of which the end may be missing.

use std::io::Read;

/// Methods as the protocol numbers them.
const NOOP: u8 = 0;
const SNAPPY: u8 = 1;
const ZLIB: u8 = 2;
const ZSTD: u8 = 3;

/// Returns what a body begins with, at most `max` bytes; `None` if nothing can be unpacked.
pub(super) fn unpack(method: u8, packed: &[u8], max: usize) -> Option<Vec<u8>> {
    let bytes = match method {
        NOOP => packed[..packed.len().min(max)].to_vec(),
        SNAPPY => snappy(packed, max),
        ZLIB => read(flate2::read::ZlibDecoder::new(packed), max),
        ZSTD => read(zstd::stream::read::Decoder::with_buffer(packed).ok()?, max),
        _ => return None,
    };
    (!bytes.is_empty()).then_some(bytes)
}

/// Reads as far as it goes: an error is the end of what was captured.
fn read(mut stream: impl Read, max: usize) -> Vec<u8> {
    let mut out = vec![0; max];
    let mut filled = 0;
    while filled < max {
        match stream.read(&mut out[filled..]) {
            Ok(count @ 1..) => filled += count,
            Ok(0) | Err(_) => break,
        }
    }
    out.truncate(filled);
    out
}

/// Snappy's block format, by its description: a length, then literals and copies of what came
/// before. The crate that we use elsewhere wants all of a block.
pub(crate) fn snappy(packed: &[u8], max: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let Some(start) = packed.iter().take(5).position(|byte| byte & 0x80 == 0) else {
        return out;
    };
    let mut rest = &packed[start + 1..];
    while out.len() < max {
        let Some((tag, after)) = rest.split_first() else {
            break;
        };
        let Some(after) = element(*tag, after, max, &mut out) else {
            break;
        };
        rest = after;
    }
    out
}

/// Unpacks one element; returns what follows it, or nothing if it is not whole or not right.
fn element<'a>(tag: u8, rest: &'a [u8], max: usize, out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let number = |bytes: &[u8]| {
        let shifted = bytes.iter().rev();
        shifted.fold(0usize, |value, byte| value << 8 | usize::from(*byte))
    };
    let (kind, upper) = (tag % 4, usize::from(tag / 4));
    let room = max - out.len();
    if kind == 0 {
        let extra = upper.saturating_sub(59);
        let (len, rest) = rest.split_at_checked(extra)?;
        let len = if extra == 0 { upper } else { number(len) } + 1;
        out.extend_from_slice(&rest[..rest.len().min(len).min(room)]);
        return rest.get(len..);
    }
    let (size, len, high) = match kind {
        1 => (1, 4 + (upper & 7), usize::from(tag >> 5) << 8),
        2 => (2, upper + 1, 0),
        _ => (4, upper + 1, 0),
    };
    let (offset, rest) = rest.split_at_checked(size)?;
    let offset = high | number(offset);
    let from = out.len().checked_sub(offset).filter(|_| offset > 0)?;
    for index in from..from + len.min(room) {
        out.push(out[index]);
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacks_as_much_as_is_there() {
        let text = b"abcdefgh".repeat(40);
        let snappy = snap::raw::Encoder::new().compress_vec(&text).expect("fits");
        let mut zlib = flate2::read::ZlibEncoder::new(&text[..], flate2::Compression::fast());
        let mut zlibbed = Vec::new();
        zlib.read_to_end(&mut zlibbed).expect("memory");
        let zstd = zstd::encode_all(&text[..], 1).expect("memory");
        for (method, packed) in [
            (NOOP, &text),
            (SNAPPY, &snappy),
            (ZLIB, &zlibbed),
            (ZSTD, &zstd),
        ] {
            assert_eq!(
                unpack(method, packed, 1000).as_deref(),
                Some(&text[..]),
                "{method}"
            );
            assert_eq!(
                unpack(method, packed, 9).as_deref(),
                Some(&text[..9]),
                "{method}"
            );
            for len in 0..packed.len() {
                let part = unpack(method, &packed[..len], 1000).unwrap_or_default();
                assert!(text.starts_with(&part), "{method} cut at {len}");
            }
        }
        assert_eq!(unpack(9, b"abc", 10), None);
        assert_eq!(
            unpack(SNAPPY, b"\x05\x05\xff", 10),
            None,
            "a copy of nothing"
        );
    }
}
