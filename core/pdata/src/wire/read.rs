//! Walks the protobuf fields of borrowed bytes.
//!
//! [`Fields::step`] says why and where it stopped; the iterator simply ends there, which is what
//! views need. Every read is bounds-checked and nothing allocates. It must not know a message of
//! OTLP.

use super::{DELIMITED, FIXED32, FIXED64, VARINT};

/// One field as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    pub(crate) payload: Payload<'a>,
}

/// What a field carries, by wire type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Payload<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// Why bytes are not a sequence of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The bytes end within a field.
    #[error("field runs past the end")]
    Truncated,
    /// A varint does not fit 64 bits, or a tag does not fit 32.
    #[error("varint is too long")]
    Overlong,
    /// A tag has field number zero.
    #[error("field number is zero")]
    NumberZero,
    /// A tag has a wire type that OTLP does not use: groups, or undefined.
    #[error("wire type is a group or undefined")]
    WireType,
}

/// The fields of one message, in wire order.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
    len: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            len: bytes.len(),
        }
    }

    /// Returns where the next field begins. After a broken field: where that one begins.
    #[inline]
    pub(crate) fn at(&self) -> usize {
        self.len - self.rest.len()
    }

    /// Reads the next field if it is delimited, with a tag and a length of one byte each. Otherwise
    /// stays where it is: [`step`](Self::step) knows more.
    #[inline]
    pub(crate) fn step_short(&mut self) -> Option<(u32, &'a [u8])> {
        let [tag, len @ ..0x80, rest @ ..] = self.rest else {
            return None;
        };
        // The bits of the wire type, and the one that says that the tag goes on.
        if tag & 0x87 != DELIMITED as u8 || *tag < 8 {
            return None;
        }
        let (bytes, after) = rest.split_at_checked(usize::from(*len))?;
        self.rest = after;
        Some((u32::from(tag >> 3), bytes))
    }

    /// Reads the next field, `None` at the end. A broken field is never stepped over.
    #[inline]
    pub(crate) fn step(&mut self) -> Result<Option<Field<'a>>, Broken> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut rest = self.rest;
        let field = take_field(&mut rest)?;
        self.rest = rest;
        Ok(Some(field))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        self.step().ok().flatten()
    }
}

/// The varints of a packed field; ends at the first that is broken.
#[derive(Clone, Debug)]
pub(crate) struct Varints<'a>(pub(crate) &'a [u8]);

impl Varints<'_> {
    /// Says whether every byte belongs to a varint.
    pub(crate) fn check(mut self) -> Result<(), Broken> {
        while !self.0.is_empty() {
            take_varint(&mut self.0)?;
        }
        Ok(())
    }
}

impl Iterator for Varints<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.0.is_empty() {
            return None;
        }
        take_varint(&mut self.0).ok()
    }
}

#[inline]
fn take_field<'a>(rest: &mut &'a [u8]) -> Result<Field<'a>, Broken> {
    let tag = u32::try_from(take_varint(rest)?).map_err(|_| Broken::Overlong)?;
    let number = tag >> 3;
    if number == 0 {
        return Err(Broken::NumberZero);
    }
    let payload = match tag & 7 {
        VARINT => Payload::Varint(take_varint(rest)?),
        FIXED64 => Payload::Fixed64(u64::from_le_bytes(take_array(rest)?)),
        DELIMITED => {
            let len = usize::try_from(take_varint(rest)?).map_err(|_| Broken::Truncated)?;
            let (bytes, after) = rest.split_at_checked(len).ok_or(Broken::Truncated)?;
            *rest = after;
            Payload::Bytes(bytes)
        }
        FIXED32 => Payload::Fixed32(u32::from_le_bytes(take_array(rest)?)),
        _ => return Err(Broken::WireType),
    };
    Ok(Field { number, payload })
}

#[inline]
fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Broken> {
    let (array, after) = rest.split_first_chunk::<N>().ok_or(Broken::Truncated)?;
    *rest = after;
    Ok(*array)
}

#[inline]
fn take_varint(rest: &mut &[u8]) -> Result<u64, Broken> {
    // Most varints of OTLP are tags and lengths of one byte.
    if let Some((&first, after)) = rest.split_first()
        && first < 0x80
    {
        *rest = after;
        return Ok(u64::from(first));
    }
    // Lengths of records, and tags beyond field 15.
    if let [first, second @ ..0x80, after @ ..] = *rest {
        *rest = after;
        return Ok(u64::from(first & 0x7f) | u64::from(*second) << 7);
    }
    take_long_varint(rest)
}

#[cold]
fn take_long_varint(rest: &mut &[u8]) -> Result<u64, Broken> {
    const MAX_LEN: usize = 10;
    let mut value = 0u64;
    for (index, &byte) in rest.iter().take(MAX_LEN).enumerate() {
        // The tenth byte has room for the 64th bit only.
        if index == MAX_LEN - 1 && byte > 1 {
            return Err(Broken::Overlong);
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            *rest = &rest[index + 1..];
            return Ok(value);
        }
    }
    Err(Broken::Truncated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::write;

    #[test]
    fn reads_back_every_wire_type() {
        let mut out = Vec::new();
        write::uint(&mut out, 1, u64::MAX);
        write::fixed64(&mut out, 2, 7);
        write::bytes(&mut out, 3000, b"abc");
        write::fixed32(&mut out, 4, 9);
        let read: Vec<_> = Fields::new(&out)
            .map(|field| (field.number, field.payload))
            .collect();
        let expected = [
            (1, Payload::Varint(u64::MAX)),
            (2, Payload::Fixed64(7)),
            (3000, Payload::Bytes(b"abc")),
            (4, Payload::Fixed32(9)),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn names_what_is_broken() {
        let step = |bytes: &'static [u8]| Fields::new(bytes).step();
        assert_eq!(step(b""), Ok(None));
        assert_eq!(step(b"\x08"), Err(Broken::Truncated));
        assert_eq!(step(b"\x08\x80"), Err(Broken::Truncated));
        assert_eq!(step(b"\x0a\x02x"), Err(Broken::Truncated));
        assert_eq!(step(b"\x09\0\0\0"), Err(Broken::Truncated));
        assert_eq!(step(b"\x00\x00"), Err(Broken::NumberZero));
        assert_eq!(step(b"\x0b"), Err(Broken::WireType));
        assert_eq!(
            step(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
            Err(Broken::Overlong)
        );
        assert_eq!(step(b"\xff\xff\xff\xff\xff\x01\x00"), Err(Broken::Overlong));
    }

    #[test]
    fn patches_lengths_of_every_width() {
        for len in [0, 1, 127, 128, 16_383, 16_384, 2_097_152] {
            let mut out = vec![0xee];
            let open = write::open(&mut out, 5);
            out.resize(out.len() + len, 0x55);
            write::close(&mut out, open);
            let body = vec![0x55; len];
            let mut expected = vec![0xee];
            write::bytes(&mut expected, 5, &body);
            assert_eq!(out, expected, "length {len}");
            assert_eq!(out.len() - 1, write::field_len(5, len));
        }
    }
}
