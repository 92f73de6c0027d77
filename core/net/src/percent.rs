//! Percent-encoding, read leniently.

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

#[cfg(test)]
mod tests {
    use super::decoded;

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
