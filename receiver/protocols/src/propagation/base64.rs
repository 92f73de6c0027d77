//! Base64 of the standard and the URL alphabet, padded or not, into a bounded place.

/// Decodes as many bytes as fit into `N`; `None` if there are more, or it is no base64.
pub(super) fn decode<const N: usize>(text: &[u8]) -> Option<([u8; N], usize)> {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let text = &text[..text.len() - padding];
    if padding > 2 || text.len() % 4 == 1 || text.len() / 4 * 3 > N {
        return None;
    }
    let (mut bytes, mut len) = ([0; N], 0);
    let (mut bits, mut count) = (0_u32, 0);
    for letter in text {
        bits = bits << 6 | sextet(*letter)?;
        count += 6;
        if count >= 8 {
            count -= 8;
            *bytes.get_mut(len)? = u8::try_from(bits >> count & 0xff).ok()?;
            len += 1;
        }
    }
    Some((bytes, len))
}

fn sextet(letter: u8) -> Option<u32> {
    Some(u32::from(match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_standard_writes() {
        for (text, plain) in [("", ""), ("Zg==", "f"), ("Zm8", "fo"), ("Zm9v", "foo")] {
            let (bytes, len) = decode::<3>(text.as_bytes()).expect("base64");
            assert_eq!(&bytes[..len], plain.as_bytes());
        }
    }

    #[test]
    fn refuses_what_is_too_long_or_no_base64() {
        for text in ["Zm9vZg", "Z", "Z===", "Zm9v====", "Zm!v", "Zm=v"] {
            assert_eq!(decode::<3>(text.as_bytes()), None, "{text}");
        }
    }
}
