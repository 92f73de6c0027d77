//! What the `Content-Length` fields of a head say, all of them.
//!
//! One number is the usual case and costs no memory; whatever else there is stays text until the
//! head is over.

use super::head::{Framing, VALUE_BYTES, append};

/// The lengths of one head.
#[derive(Debug)]
pub(super) enum Length {
    None,
    One(u64),
    Text(String),
}

impl Length {
    /// Adds the value of another field, or with `fold` the continuation of the last one.
    pub(super) fn add(&mut self, fold: &str, value: &[u8]) {
        let only = std::str::from_utf8(value).ok().and_then(number);
        let mut text = match (std::mem::replace(self, Self::None), only) {
            (Self::None, Some(length)) => {
                *self = Self::One(length);
                return;
            }
            (Self::None, None) => String::new(),
            (Self::One(length), _) => length.to_string(),
            (Self::Text(text), _) => text,
        };
        append(&mut text, ",", fold, value, VALUE_BYTES);
        if !text.is_empty() {
            *self = Self::Text(text);
        }
    }

    /// Returns what they say about the body.
    pub(super) fn framing(&self) -> Framing {
        let text = match self {
            Self::None => return Framing::Absent,
            Self::One(length) => return Framing::Length(*length),
            Self::Text(text) => text,
        };
        let mut lengths = text.split(',').map(number);
        let first = lengths.next().flatten();
        match first {
            Some(length) if lengths.all(|other| other == first) => Framing::Length(length),
            _ => Framing::Broken,
        }
    }

    /// Returns how many bytes are held.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::None | Self::One(_) => 0,
            Self::Text(text) => text.len(),
        }
    }
}

/// Reads a decimal number, and nothing that merely resembles one.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing(fields: &[(&str, &str)]) -> Framing {
        let mut length = Length::None;
        for (fold, value) in fields {
            length.add(fold, value.as_bytes());
        }
        length.framing()
    }

    #[test]
    fn all_lengths_must_be_the_same_number() {
        for (fields, expected) in [
            (&[][..], Framing::Absent),
            (&[("", "")], Framing::Absent),
            (&[("", "12")], Framing::Length(12)),
            (&[("", " 012 ")], Framing::Length(12)),
            (&[("", "12"), ("", "12")], Framing::Length(12)),
            (&[("", "12,12")], Framing::Length(12)),
            (&[("", "012"), ("", "12, 12")], Framing::Length(12)),
            (&[("", "12"), ("", "13")], Framing::Broken),
            (&[("", "1"), (" ", "2")], Framing::Broken),
            (&[("", "+12")], Framing::Broken),
            (&[("", "12"), ("", "x")], Framing::Broken),
            (&[("", "99999999999999999999")], Framing::Broken),
        ] {
            assert_eq!(framing(fields), expected, "{fields:?}");
        }
    }
}
