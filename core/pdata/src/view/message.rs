//! A message as a slice, and the ways to get a field out of it.

use std::borrow::Cow;

use crate::wire::read::{Fields, Payload, Varints};

/// The body of a message. It must not know which one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a>(pub(super) &'a [u8]);

impl<'a> Message<'a> {
    /// Returns the payloads of every field of this number, in wire order.
    pub(super) fn all(self, number: u32) -> impl Iterator<Item = Payload<'a>> + Clone {
        Fields::new(self.0)
            .filter(move |field| field.number == number)
            .map(|field| field.payload)
    }

    /// Returns the last length-delimited field of this number.
    pub(super) fn find(self, number: u32) -> Option<&'a [u8]> {
        self.all(number).filter_map(delimited).last()
    }

    /// Says whether there is a field of this number.
    pub(super) fn has(self, number: u32) -> bool {
        self.all(number).next().is_some()
    }

    pub(super) fn bytes(self, number: u32) -> &'a [u8] {
        self.find(number).unwrap_or_default()
    }

    pub(super) fn string(self, number: u32) -> Cow<'a, str> {
        text(self.bytes(number))
    }

    pub(super) fn message(self, number: u32) -> Message<'a> {
        Message(self.bytes(number))
    }

    pub(super) fn messages(self, number: u32) -> impl Iterator<Item = Message<'a>> + Clone {
        self.all(number).filter_map(delimited).map(Message)
    }

    pub(super) fn strings(self, number: u32) -> impl Iterator<Item = Cow<'a, str>> + Clone {
        self.all(number)
            .filter_map(delimited)
            .map(String::from_utf8_lossy)
    }

    pub(super) fn uint(self, number: u32) -> u64 {
        let varint = |payload| match payload {
            Payload::Varint(value) => Some(value),
            _ => None,
        };
        self.all(number)
            .filter_map(varint)
            .last()
            .unwrap_or_default()
    }

    /// Returns a `uint32`; what does not fit is cut off, as protobuf does.
    pub(super) fn uint32(self, number: u32) -> u32 {
        self.uint(number) as u32
    }

    /// Returns an `int32` or an enum; what does not fit is cut off, as protobuf does.
    pub(super) fn int32(self, number: u32) -> i32 {
        self.uint32(number).cast_signed()
    }

    /// Returns a `sint32`, which is zigzag-coded.
    pub(super) fn sint32(self, number: u32) -> i32 {
        let value = self.uint32(number);
        (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
    }

    pub(super) fn fixed64(self, number: u32) -> u64 {
        self.optional64(number).unwrap_or_default()
    }

    pub(super) fn fixed32(self, number: u32) -> u32 {
        let fixed = |payload| match payload {
            Payload::Fixed32(value) => Some(value),
            _ => None,
        };
        self.all(number)
            .filter_map(fixed)
            .last()
            .unwrap_or_default()
    }

    pub(super) fn double(self, number: u32) -> f64 {
        f64::from_bits(self.fixed64(number))
    }

    pub(super) fn optional_double(self, number: u32) -> Option<f64> {
        self.optional64(number).map(f64::from_bits)
    }

    /// Returns the words of a repeated field, packed or not.
    pub(super) fn words(self, number: u32) -> impl Iterator<Item = u64> + Clone {
        self.all(number).flat_map(|payload| {
            let (packed, single) = match payload {
                Payload::Bytes(packed) => (packed, None),
                Payload::Fixed64(word) => (&[][..], Some(word)),
                _ => (&[][..], None),
            };
            let (words, _) = packed.as_chunks();
            words.iter().copied().map(u64::from_le_bytes).chain(single)
        })
    }

    /// Returns the varints of a repeated field, packed or not.
    pub(super) fn varints(self, number: u32) -> impl Iterator<Item = u64> + Clone {
        self.all(number).flat_map(|payload| {
            let (packed, single) = match payload {
                Payload::Bytes(packed) => (packed, None),
                Payload::Varint(value) => (&[][..], Some(value)),
                _ => (&[][..], None),
            };
            Varints(packed).chain(single)
        })
    }

    fn optional64(self, number: u32) -> Option<u64> {
        let fixed = |payload| match payload {
            Payload::Fixed64(value) => Some(value),
            _ => None,
        };
        self.all(number).filter_map(fixed).last()
    }
}

/// Returns bytes as a string, with replacement characters where they are not UTF-8.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    // Measured faster than the lossy conversion alone, which looks at every byte on its own.
    match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

fn delimited(payload: Payload<'_>) -> Option<&[u8]> {
    match payload {
        Payload::Bytes(bytes) => Some(bytes),
        _ => None,
    }
}
