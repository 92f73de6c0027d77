//! Reads the primitive types of Kafka's protocol, in the classic and the compact encoding.
//!
//! Whatever is not there, or makes no sense, is `None`; nothing is read beyond what was captured.

/// A place in a message.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    /// Lengths are variable, and tagged fields follow each structure.
    is_flexible: bool,
}

/// The id of a topic.
pub(super) type TopicId = [u8; 16];

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], is_flexible: bool) -> Self {
        Self {
            rest: bytes,
            is_flexible,
        }
    }

    /// Returns what is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

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

    pub(super) fn i8(&mut self) -> Option<i8> {
        self.array().map(i8::from_be_bytes)
    }

    pub(super) fn i16(&mut self) -> Option<i16> {
        self.array().map(i16::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    pub(super) fn topic_id(&mut self) -> Option<TopicId> {
        self.array()
    }

    /// Reads an unsigned number of seven bits a byte, five bytes at most.
    pub(super) fn uvarint(&mut self) -> Option<u32> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).ok();
            }
        }
        None
    }

    /// Reads a signed number of seven bits a byte, ten bytes at most.
    pub(super) fn varint(&mut self) -> Option<i64> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        None
    }

    /// Reads the length of an array or of bytes; null is none of either.
    pub(super) fn len32(&mut self) -> Option<usize> {
        if self.is_flexible {
            return Some(self.uvarint()?.saturating_sub(1) as usize);
        }
        let len = self.i32()?;
        if len < -1 {
            return None;
        }
        Some(usize::try_from(len).unwrap_or(0))
    }

    /// Reads a text; null is an empty one.
    pub(super) fn text(&mut self) -> Option<&'a [u8]> {
        let len = if self.is_flexible {
            self.uvarint()?.saturating_sub(1) as usize
        } else {
            usize::try_from(self.i16()?).unwrap_or(0)
        };
        self.take(len)
    }

    /// Passes over the tagged fields that end a structure of a flexible version.
    pub(super) fn tags(&mut self) -> Option<()> {
        if !self.is_flexible {
            return Some(());
        }
        for _ in 0..self.uvarint()? {
            self.uvarint()?;
            let len = self.uvarint()? as usize;
            self.take(len)?;
        }
        Some(())
    }

    /// Passes over an array of elements of one size.
    pub(super) fn skip_array(&mut self, element: usize) -> Option<()> {
        let len = self.len32()?.checked_mul(element)?;
        self.take(len).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_encodings() {
        let mut classic = Cursor::new(b"\x00\x02ab\x00\x00\x00\x01\xff\xff\xff\xff\xff\xff", false);
        assert_eq!(classic.text(), Some(b"ab".as_slice()));
        assert_eq!((classic.len32(), classic.len32()), (Some(1), Some(0)));
        assert_eq!(
            (classic.text(), classic.text()),
            (Some(b"".as_slice()), None)
        );
        let mut compact = Cursor::new(b"\x03ab\x02\x00\x01\x07\x02xy\x05", true);
        assert_eq!(compact.text(), Some(b"ab".as_slice()));
        assert_eq!((compact.len32(), compact.len32()), (Some(1), Some(0)));
        assert_eq!(
            (compact.tags(), compact.rest()),
            (Some(()), b"\x05".as_slice())
        );
    }

    #[test]
    fn refuses_numbers_without_an_end() {
        assert_eq!(Cursor::new(&[0xff; 12], true).uvarint(), None);
        assert_eq!(Cursor::new(&[0xff; 12], true).varint(), None);
        assert_eq!(Cursor::new(b"\x01", true).varint(), Some(-1));
        assert_eq!(
            Cursor::new(b"\xff\xff\xff\xff\x0f", true).uvarint(),
            Some(u32::MAX)
        );
        assert_eq!(Cursor::new(b"\x80\x00\x00\x00", false).len32(), None);
    }
}
