//! Frames of AMQP 0.9.1, and the primitive types in them.

use crate::cutter;

pub(super) const METHOD: u8 = 1;
pub(super) const HEADER: u8 = 2;
pub(super) const BODY: u8 = 3;
pub(super) const HEARTBEAT: u8 = 8;
/// What every frame ends with.
pub(super) const END: u8 = 0xce;
/// What a client of this version begins with.
pub(super) const GREETING: &[u8; 8] = b"AMQP\0\0\x09\x01";
/// Type, channel and size.
pub(super) const HEAD_BYTES: usize = 7;
/// Bytes of methods and headers that are kept.
pub(super) const KEPT_BYTES: usize = 2048;
/// Longer frames are not believed; brokers take 128 KiB unless told otherwise.
const SIZE_MAX: u32 = 64 << 20;

/// Reads what a frame begins with, or the greeting.
pub(super) fn head(bytes: &[u8]) -> cutter::Head {
    if bytes[0] == GREETING[0] {
        return match bytes {
            _ if bytes == GREETING => cutter::Head::Body { len: 0, keep: 0 },
            _ if GREETING.starts_with(bytes) => cutter::Head::More,
            _ => cutter::Head::Wrong,
        };
    }
    let keep = match bytes[0] {
        METHOD | HEADER => KEPT_BYTES,
        BODY | HEARTBEAT => 0,
        _ => return cutter::Head::Wrong,
    };
    let Some(size) = bytes.get(3..HEAD_BYTES) else {
        return cutter::Head::More;
    };
    let size = u32::from_be_bytes([size[0], size[1], size[2], size[3]]);
    if size > SIZE_MAX {
        return cutter::Head::Wrong;
    }
    cutter::Head::Body {
        len: u64::from(size) + 1,
        keep,
    }
}

/// A place in a frame.
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

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// Reads a text of 255 bytes at most.
    pub(super) fn short(&mut self) -> Option<&'a [u8]> {
        let len = self.u8()?;
        self.take(usize::from(len))
    }

    /// Reads a table, as far as it is here; passes over it if all of it is.
    pub(super) fn table(&mut self) -> Option<Table<'a>> {
        let len = self.u32()? as usize;
        let seen = &self.rest[..self.rest.len().min(len)];
        self.rest = self.rest.get(len..).unwrap_or_default();
        Some(Table(Cursor { rest: seen }))
    }

    /// Passes over a value, and returns it if it is a text.
    fn value(&mut self) -> Option<&'a [u8]> {
        let len = match self.u8()? {
            b'V' => 0,
            b't' | b'b' | b'B' => 1,
            b's' | b'u' | b'U' => 2,
            b'I' | b'i' | b'f' => 4,
            b'D' => 5,
            b'l' | b'L' | b'd' | b'T' => 8,
            b'S' => {
                let len = self.u32()? as usize;
                return self.take(len);
            }
            b'x' | b'A' | b'F' => self.u32()? as usize,
            _ => return None,
        };
        self.take(len).map(|_| &[][..])
    }
}

/// Names with values; those that are no texts are empty.
#[derive(Debug, Clone)]
pub(super) struct Table<'a>(Cursor<'a>);

impl<'a> Iterator for Table<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.short()?, self.0.value()?))
    }
}
