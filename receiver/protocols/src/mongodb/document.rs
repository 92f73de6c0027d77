//! The elements of a BSON document, as far as they were captured. Values are passed over by their
//! lengths; only names, numbers and short texts are looked at.
//!
//! Layout by the BSON specification 1.1 (<https://bsonspec.org/spec.html>).

/// A document whose end may be missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Document<'a> {
    len: usize,
    /// What is here of it, behind its length.
    bytes: &'a [u8],
}

/// An element's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Text(&'a [u8]),
    Number(i64),
    /// An array of so many elements, if all of them are here.
    List(Option<u32>),
    /// An array whose beginning is here.
    Errors(&'a [u8]),
    /// Anything else.
    Other,
}

/// Walks a document.
#[derive(Debug)]
pub(super) struct Elements<'a> {
    rest: &'a [u8],
    is_complete: bool,
}

impl<'a> Document<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let (len, rest) = bytes.split_first_chunk()?;
        let len = u32::from_le_bytes(*len) as usize;
        let inner = len.checked_sub(4)?;
        (inner >= 1).then_some(Self {
            len,
            bytes: &rest[..rest.len().min(inner)],
        })
    }

    /// Returns its length on the wire.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Tells whether its first element looks like one.
    pub(super) fn begins_well(&self) -> bool {
        let Some((kind, rest)) = self.bytes.split_first() else {
            return false;
        };
        let name = rest.split(|byte| *byte == 0).next().unwrap_or_default();
        let is_name = !name.is_empty() && name.len() < 64 && name.iter().all(u8::is_ascii_graphic);
        (1..=0x13).contains(kind) && is_name
    }

    pub(super) fn elements(&self) -> Elements<'a> {
        Elements {
            rest: self.bytes,
            is_complete: false,
        }
    }
}

impl<'a> Value<'a> {
    pub(super) fn text(self) -> Option<&'a [u8]> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn number(self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Returns the code in the first of an array of errors.
    pub(super) fn first_error(self) -> Option<i64> {
        let Self::Errors(bytes) = self else {
            return None;
        };
        // Behind the array's length: the type of its first element, its name "0", its document.
        let document = Document::new(bytes.get(4 + 3..)?)?;
        let mut codes = document.elements().filter(|(key, _)| *key == b"code");
        codes.next().and_then(|(_, value)| value.number())
    }
}

impl Elements<'_> {
    /// Returns whether the end of the document was reached.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (&'a [u8], Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, rest) = self.rest.split_first()?;
        if *kind == 0 {
            self.is_complete = true;
            self.rest = &[];
            return None;
        }
        let end = memchr::memchr(0, rest)?;
        let (name, rest) = (&rest[..end], &rest[end + 1..]);
        let len = value_len(*kind, rest)?;
        let value = value(*kind, name, &rest[..rest.len().min(len)], len);
        // A value that was cut is the last thing that is known of the document.
        self.rest = rest.get(len..).unwrap_or_default();
        Some((name, value))
    }
}

/// Returns how many bytes a value has.
fn value_len(kind: u8, rest: &[u8]) -> Option<usize> {
    let counted = || Some(u32::from_le_bytes(*rest.first_chunk()?) as usize);
    Some(match kind {
        0x01 | 0x09 | 0x11 | 0x12 => 8,
        0x02 | 0x0d | 0x0e => counted()?.checked_add(4)?,
        0x03 | 0x04 | 0x0f => counted()?.max(5),
        0x05 => counted()?.checked_add(5)?,
        0x06 | 0x0a | 0x7f | 0xff => 0,
        0x07 => 12,
        0x08 => 1,
        0x0b => {
            let pattern = memchr::memchr(0, rest)? + 1;
            pattern + memchr::memchr(0, rest.get(pattern..)?)? + 1
        }
        0x10 => 4,
        0x13 => 16,
        _ => return None,
    })
}

fn value<'a>(kind: u8, name: &[u8], bytes: &'a [u8], len: usize) -> Value<'a> {
    match (kind, bytes.len() == len) {
        (0x02, true) => Value::Text(bytes.get(4..len.saturating_sub(1)).unwrap_or_default()),
        (0x01, true) => {
            let bits = bytes.first_chunk().map(|bytes| f64::from_le_bytes(*bytes));
            #[expect(clippy::cast_possible_truncation, reason = "codes are whole and small")]
            bits.map_or(Value::Other, |number| Value::Number(number as i64))
        }
        (0x08, true) => Value::Number(i64::from(bytes[0])),
        (0x10, true) => bytes.first_chunk().map_or(Value::Other, |b| {
            Value::Number(i64::from(i32::from_le_bytes(*b)))
        }),
        (0x12, true) => bytes
            .first_chunk()
            .map_or(Value::Other, |b| Value::Number(i64::from_le_bytes(*b))),
        (0x04, _) if name == b"writeErrors" => Value::Errors(bytes),
        (0x04, is_whole) => Value::List(is_whole.then(|| count(bytes))),
        _ => Value::Other,
    }
}

/// Counts the elements of an array that is here whole.
fn count(bytes: &[u8]) -> u32 {
    let Some(document) = Document::new(bytes) else {
        return 0;
    };
    u32::try_from(document.bytes.len())
        .map(|most| document.elements().take(most as usize).count())
        .map_or(0, |count| u32::try_from(count).unwrap_or(u32::MAX))
}
