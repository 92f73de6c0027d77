//! Bytes as hex and base64, both ways.

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends bytes in hex.
pub(super) fn put_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    }
}

/// Reads hex of either case.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, odd) = text.as_bytes().as_chunks();
    if !odd.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |&[high, low]: &[u8; 2]| Some((digit(high)? << 4 | digit(low)?) as u8);
    pairs.iter().map(pair).collect()
}

/// Appends bytes in base64, padded.
pub(super) fn put_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    for group in bytes.chunks(3) {
        let byte = |index| u32::from(group.get(index).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let letter = BASE64[(bits >> (18 - 6 * index) & 63) as usize];
            out.push(if index > group.len() { b'=' } else { letter });
        }
    }
}

/// Reads base64, standard or safe in URLs, padded or not.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    if digits.len() % 4 == 1 || (padding > 0 && (padding > 2 || !text.len().is_multiple_of(4))) {
        return None;
    }
    let mut out = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.as_bytes().chunks(4) {
        let mut bits = 0u32;
        for index in 0..4 {
            bits = bits << 6
                | group
                    .get(index)
                    .map_or(Some(0), |&byte| base64_digit(byte))?;
        }
        let [_, bytes @ ..] = bits.to_be_bytes();
        out.extend_from_slice(&bytes[..group.len() - 1]);
    }
    Some(out)
}

fn base64_digit(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_comes_back_at_every_length() {
        for len in 0..20u8 {
            let bytes: Vec<u8> = (0..len).map(|at| at.wrapping_mul(83) ^ 0xf5).collect();
            let mut text = Vec::new();
            put_base64(&mut text, &bytes);
            let text = String::from_utf8(text).expect("base64 is ASCII");
            assert_eq!(base64(&text).as_ref(), Some(&bytes));
            let bare = text
                .trim_end_matches('=')
                .replace('+', "-")
                .replace('/', "_");
            assert_eq!(base64(&bare), Some(bytes));
        }
    }

    #[test]
    fn refuses_what_is_not_base64_or_hex() {
        for text in ["a", "ab=", "=", "====", "a===", "ab!=", "abcde", "ab==c"] {
            assert_eq!(base64(text), None, "{text}");
        }
        for text in ["a", "0g", "+1", "0x"] {
            assert_eq!(hex(text), None, "{text}");
        }
        assert_eq!(hex("aBC0"), Some(vec![0xab, 0xc0]));
    }
}
