//! Ids as texts of digits. Whether a format is strict about letters and zeros is its own matter.

/// Reads hexadecimal digits of either case, from one to as many as fit, as a big-endian number.
pub(super) fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.is_empty() || text.len() > 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (at, letter) in text.iter().rev().enumerate() {
        let digit = char::from(*letter).to_digit(16)?;
        bytes[N - 1 - at / 2] |= u8::try_from(digit).ok()? << (4 * (at % 2));
    }
    Some(bytes)
}

/// Reads exactly as many hexadecimal digits as fit.
pub(super) fn whole<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() == 2 * N { hex(text) } else { None }
}

/// Reads a decimal number of digits only.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_digits_and_nothing_that_resembles_them() {
        assert_eq!(hex(b"1aF"), Some([0x01, 0xaf]));
        assert_eq!(hex(b"1aF00"), None::<[u8; 2]>);
        assert_eq!(hex(b""), None::<[u8; 2]>);
        assert_eq!(hex(b"+1"), None::<[u8; 2]>);
        assert_eq!(whole(b"1af"), None::<[u8; 2]>);
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for text in [
            &b""[..],
            b"+1",
            b"-1",
            b"18446744073709551616",
            b"1 ",
            b"0x1",
        ] {
            assert_eq!(decimal(text), None);
        }
    }
}
