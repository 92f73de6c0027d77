//! The Huffman code of header texts (RFC 7541, appendix B).
//!
//! The code is canonical: the lengths of the symbols say everything. Short codes, which are nearly
//! all there are, are found with one look at a table.

/// How many bits each symbol takes; the last one, which ends a text, may not appear in it.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5,
    5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6,
    6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22,
    23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22,
    21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20,
    22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19,
    21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];
const END: u16 = 256;
const LONGEST: usize = 30;
/// Bits that the quick table is asked with.
const QUICK_BITS: u32 = 10;
const QUICK_LEN: usize = 1 << QUICK_BITS;

struct Code {
    /// By the next bits: the symbol and its length, which is 0 if it is longer than that.
    quick: [(u8, u8); QUICK_LEN],
    /// Symbols in the order of their codes.
    ordered: [u16; 257],
    /// By length: the first code, and how many symbols are shorter.
    first: [(u32, u16); LONGEST + 1],
    /// By length: one more than its last code, at the upper end of 32 bits.
    limit: [u64; LONGEST + 1],
}

static CODE: Code = code();

#[expect(
    clippy::cast_possible_truncation,
    reason = "symbols and lengths are small"
)]
const fn code() -> Code {
    let mut made = Code {
        quick: [(0, 0); QUICK_LEN],
        ordered: [0; 257],
        first: [(0, 0); LONGEST + 1],
        limit: [0; LONGEST + 1],
    };
    let (mut next, mut count, mut length) = (0u32, 0usize, 1usize);
    while length <= LONGEST {
        next <<= 1;
        made.first[length] = (next, count as u16);
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] as usize == length {
                made.ordered[count] = symbol as u16;
                let spare = QUICK_BITS as usize;
                if length <= spare {
                    let mut index = (next as usize) << (spare - length);
                    while index < (next as usize + 1) << (spare - length) {
                        made.quick[index] = (symbol as u8, length as u8);
                        index += 1;
                    }
                }
                next += 1;
                count += 1;
            }
            symbol += 1;
        }
        made.limit[length] = (next as u64) << (32 - length);
        length += 1;
    }
    made
}

/// Decodes a text into `push`, byte by byte. Returns whether it was one.
#[expect(
    clippy::cast_possible_truncation,
    reason = "ten bits, and symbols below 256"
)]
pub(super) fn decode(coded: &[u8], mut push: impl FnMut(u8)) -> bool {
    let mut coded = coded.iter();
    // The next bits, from the top.
    let (mut ahead, mut bits) = (0u64, 0u32);
    loop {
        while bits <= 56 {
            let Some(byte) = coded.next() else { break };
            ahead |= u64::from(*byte) << (56 - bits);
            bits += 8;
        }
        let (symbol, length) = CODE.quick[(ahead >> (64 - QUICK_BITS)) as usize];
        let mut length = u32::from(length);
        if length > 0 && length <= bits {
            push(symbol);
        } else {
            let Some((symbol, long)) = look_up((ahead >> 32) as u32) else {
                return false;
            };
            length = long;
            if length > bits {
                // What is left must be padding: less than a byte, of ones.
                return bits < 8 && (ahead >> 56) as u8 == !(0xffu16 >> bits) as u8;
            }
            if symbol == END {
                return false;
            }
            push(symbol as u8);
        }
        ahead <<= length;
        bits -= length;
    }
}

fn look_up(ahead: u32) -> Option<(u16, u32)> {
    let length = (1..=LONGEST).find(|length| u64::from(ahead) < CODE.limit[*length])?;
    let (first, shorter) = CODE.first[length];
    let index = (ahead >> (32 - length)).checked_sub(first)? as usize;
    let symbol = CODE.ordered.get(usize::from(shorter) + index)?;
    Some((*symbol, u32::try_from(length).ok()?))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn text(coded: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        decode(coded, |byte| out.push(byte)).then_some(out)
    }

    /// Encodes bit by bit, by the same lengths but without the tables.
    fn encoded(text: &[u8]) -> Vec<u8> {
        let mut bits = String::new();
        for byte in text {
            let length = LENGTHS[usize::from(*byte)];
            let mut code = 0u64;
            for (symbol, other) in LENGTHS.iter().copied().enumerate() {
                let before = symbol < usize::from(*byte);
                if other < length || other == length && before {
                    code += 1 << (length - other);
                }
            }
            write!(bits, "{code:0width$b}", width = usize::from(length)).expect("a string");
        }
        while !bits.len().is_multiple_of(8) {
            bits.push('1');
        }
        let bytes = bits.as_bytes().chunks(8);
        bytes
            .map(|byte| {
                let byte = std::str::from_utf8(byte).expect("digits");
                u8::from_str_radix(byte, 2).expect("a byte")
            })
            .collect()
    }

    #[test]
    fn decodes_the_examples_of_the_standard() {
        // RFC 7541, C.4.1 and C.6.1
        for (coded, expected) in [
            (
                &b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"[..],
                "www.example.com",
            ),
            (b"\x64\x02", "302"),
            (b"\xae\xc3\x77\x1a\x4b", "private"),
            (b"\xa8\xeb\x10\x64\x9c\xbf", "no-cache"),
            (b"", ""),
        ] {
            assert_eq!(text(coded).as_deref(), Some(expected.as_bytes()));
        }
    }

    #[test]
    fn decodes_every_byte() {
        for byte in 0..=255u8 {
            let whole = [b'a', byte, byte, b'!'];
            assert_eq!(text(&encoded(&whole)), Some(whole.to_vec()), "{byte}");
        }
    }

    #[test]
    fn refuses_bad_padding_and_the_end_symbol() {
        assert_eq!(text(b"\x00\x00"), None, "padding of zeros");
        assert_eq!(text(b"\x64\x02\xff"), None, "eight bits of padding");
        assert_eq!(text(b"\xff\xff\xff\xff"), None, "the end symbol");
        assert_eq!(text(b"\xff\xff\xff\xf8"), None, "cut inside a symbol");
    }
}
