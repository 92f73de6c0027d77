//! Numbers in header blocks (RFC 7541, section 5.1).

/// Why a number, or a text, cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// It goes on behind what is here.
    Cut,
    /// It is none.
    Wrong,
}

/// Bytes that a number may go on for behind its first: then it is about 2^28, longer than anything.
const MORE_MAX: u32 = 4;

/// Reads a number whose first byte has `bits` bits of it, and takes it off `bytes`.
pub(super) fn integer(bytes: &mut &[u8], bits: u32) -> Result<usize, Stop> {
    let (first, mut rest) = bytes.split_first().ok_or(Stop::Cut)?;
    let mask = (1usize << bits) - 1;
    let mut number = usize::from(*first) & mask;
    if number == mask {
        let mut shift = 0;
        loop {
            let (byte, after) = rest.split_first().ok_or(Stop::Cut)?;
            rest = after;
            number += usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
            if shift == 7 * MORE_MAX {
                return Err(Stop::Wrong);
            }
        }
    }
    *bytes = rest;
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_examples_of_the_standard_and_no_endless_ones() {
        // RFC 7541, C.1
        for (bytes, bits, expected) in [
            (&b"\x0a"[..], 5, Ok(10)),
            (b"\x1f\x9a\x0a", 5, Ok(1337)),
            (b"\x2a", 8, Ok(42)),
            (b"\x1f\x9a", 5, Err(Stop::Cut)),
            (b"", 5, Err(Stop::Cut)),
            (b"\xff\xff\xff\xff\xff\xff\xff", 7, Err(Stop::Wrong)),
        ] {
            assert_eq!(integer(&mut &*bytes, bits), expected, "{bytes:?}");
        }
    }
}
