//! Percent-encoding, read leniently, written as `grpc-message` wants it.

/// Undoes percent-encoding; what is malformed stays as it is.
pub(crate) fn decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.first_chunk::<2>().filter(|_| *first == b'%');
        let byte = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(byte.unwrap_or(*first));
        rest = after.get(byte.map_or(0, |_| 2)..).unwrap_or_default();
    }
    out
}

/// Encodes all but printable ASCII, and `%`.
pub(crate) fn encoded(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{decoded, encoded};

    #[test]
    fn what_is_encoded_is_printable_and_can_be_decoded() {
        let text = "50% of \u{e9}\n";
        assert_eq!(encoded(text), "50%25 of %C3%A9%0A");
        assert_eq!(decoded(encoded(text).as_bytes()), text.as_bytes());
    }

    #[test]
    fn what_is_malformed_stays() {
        let cases = [
            ("plain", "plain"),
            ("50%25 %C3%A9", "50% é"),
            ("100%", "100%"),
            ("%zz%", "%zz%"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(decoded(text.as_bytes()), expected.as_bytes(), "{text}");
        }
    }
}
