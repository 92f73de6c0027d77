//! Packets of MQTT: their heads, and the primitive types in their bodies.

use crate::{
    cutter,
    propagation::{Headers, TraceContext},
};

/// What a packet is, in the high half of its first byte.
pub(super) const CONNECT: u8 = 1;
pub(super) const CONNACK: u8 = 2;
pub(super) const PUBLISH: u8 = 3;
pub(super) const PUBACK: u8 = 4;
pub(super) const PUBREC: u8 = 5;
pub(super) const PUBREL: u8 = 6;
pub(super) const PUBCOMP: u8 = 7;
pub(super) const SUBSCRIBE: u8 = 8;
pub(super) const SUBACK: u8 = 9;
pub(super) const UNSUBSCRIBE: u8 = 10;
pub(super) const UNSUBACK: u8 = 11;
pub(super) const PINGREQ: u8 = 12;
pub(super) const PINGRESP: u8 = 13;
pub(super) const DISCONNECT: u8 = 14;

/// Bytes of a packet that are kept until its end was seen.
pub(super) const KEPT_BYTES: usize = 2048;
/// The most properties that are looked at.
const PROPERTIES_MAX: usize = 64;

/// Reads what a packet begins with.
pub(super) fn head(bytes: &[u8]) -> cutter::Head {
    let (first, rest) = (bytes[0], &bytes[1..]);
    if !is_first(first) {
        return cutter::Head::Wrong;
    }
    let mut len = 0u64;
    for (index, byte) in rest.iter().enumerate() {
        len |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return cutter::Head::Body {
                len,
                keep: KEPT_BYTES,
            };
        }
        if index == 3 {
            return cutter::Head::Wrong;
        }
    }
    cutter::Head::More
}

/// Returns whether a packet may begin with this byte.
pub(super) fn is_first(byte: u8) -> bool {
    let flags = byte & 0x0f;
    match byte >> 4 {
        0 => false,
        PUBLISH => flags & 0b0110 != 0b0110,
        PUBREL | SUBSCRIBE | UNSUBSCRIBE => flags == 0b0010,
        _ => flags == 0,
    }
}

/// A place in a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    pub(super) fn number(&mut self) -> Option<u16> {
        self.take(2)
            .map(|taken| u16::from_be_bytes([taken[0], taken[1]]))
    }

    pub(super) fn text(&mut self) -> Option<&'a [u8]> {
        let len = self.number()?;
        self.take(usize::from(len))
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// Reads the properties of a packet of version 5. What was cut of them is not there.
    pub(super) fn properties(&mut self) -> Option<Properties> {
        let len = self.varint()?;
        let seen = &self.rest[..self.rest.len().min(len)];
        let properties = Properties::read(Cursor { rest: seen }, len);
        self.rest = &self.rest[seen.len()..];
        Some(properties)
    }
}

/// What properties say that may be told.
#[derive(Debug, Default)]
pub(super) struct Properties {
    /// A number that stands for a topic.
    pub(super) alias: Option<u16>,
    pub(super) trace: Option<TraceContext>,
    /// How many bytes they have, seen or not.
    pub(super) len: usize,
}

impl Properties {
    fn read(mut cursor: Cursor<'_>, len: usize) -> Self {
        let mut properties = Self {
            len,
            ..Self::default()
        };
        let mut headers = Headers::default();
        for _ in 0..PROPERTIES_MAX {
            let Some(property) = property(&mut cursor) else {
                break;
            };
            match property {
                Property::Alias(alias) => properties.alias = Some(alias),
                Property::User(name, value) => headers.take(name, value),
                Property::Other => {}
            }
        }
        properties.trace = headers.read();
        properties
    }
}

enum Property<'a> {
    Alias(u16),
    User(&'a [u8], &'a [u8]),
    Other,
}

fn property<'a>(cursor: &mut Cursor<'a>) -> Option<Property<'a>> {
    match cursor.byte()? {
        0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28..=0x2a => cursor.take(1)?,
        0x23 => return cursor.number().map(Property::Alias),
        0x13 | 0x21 | 0x22 => cursor.take(2)?,
        0x02 | 0x11 | 0x18 | 0x27 => cursor.take(4)?,
        0x0b => {
            cursor.varint()?;
            &[]
        }
        0x03 | 0x08 | 0x09 | 0x12 | 0x15 | 0x16 | 0x1a | 0x1c | 0x1f => cursor.text()?,
        0x26 => return Some(Property::User(cursor.text()?, cursor.text()?)),
        _ => return None,
    };
    Some(Property::Other)
}
