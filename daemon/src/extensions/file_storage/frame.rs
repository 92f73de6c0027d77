//! What stands before every record on disk. Pure: bytes in, values out.
//!
//! ```text
//! magic 4 | state 4 | number 8 | head length 4 | body length 4 | head crc 4 | body crc 4 | crc 4
//! head | body
//! ```
//!
//! All numbers are little-endian. The last checksum covers what is between it and the state, and
//! begins with a salt that only the name of the file tells, so that no body can pass for a record.
//! Magic and state are outside of it: the magic only helps to find the next record behind damage,
//! and the state is overwritten in place when the record is removed.

use bytes::{Buf, BufMut, Bytes};
use tapline_pipeline::RecordNumber;

/// The size of what stands before a head.
pub(super) const HEADER_BYTES: usize = 36;
/// The longest head there is.
const HEAD_BYTES_MAX: u32 = 1 << 20;
/// Where the state stands in it.
pub(super) const STATE_AT: u64 = 4;
/// The state of a removed record. Any other state is that of a record that is there.
pub(super) const REMOVED: [u8; 4] = *b"gone";
/// How a header begins.
pub(super) const MAGIC: [u8; 4] = [0xA7, b't', b'p', 0x1C];

const LIVE: [u8; 4] = *b"live";
/// Where begins what is under the checksum.
const SUMMED_AT: usize = 8;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The number of the record.
    pub(super) number: RecordNumber,
    /// Its head.
    pub(super) head: Part,
    /// Its body.
    pub(super) body: Part,
    /// Whether it was removed.
    pub(super) is_removed: bool,
}

/// A part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its size.
    pub(super) length: u32,
    checksum: u32,
}

impl Part {
    /// Describes bytes; `None` if they are too many.
    fn of(pieces: &[Bytes]) -> Option<Self> {
        let mut hasher = crc32fast::Hasher::new();
        let mut length = 0;
        for piece in pieces {
            hasher.update(piece);
            length += piece.len();
        }
        Some(Self {
            length: u32::try_from(length).ok()?,
            checksum: hasher.finalize(),
        })
    }

    /// Returns whether these bytes are the ones that were written.
    pub(super) fn is_of(self, bytes: &[u8]) -> bool {
        crc32fast::hash(bytes) == self.checksum
    }
}

impl Header {
    /// Describes a record that is about to be written; `None` if it is too large to be one.
    pub(super) fn new(number: RecordNumber, head: &Bytes, body: &[Bytes]) -> Option<Self> {
        let head = Part::of(std::slice::from_ref(head))?;
        (head.length <= HEAD_BYTES_MAX).then_some(())?;
        Some(Self {
            number,
            head,
            body: Part::of(body)?,
            is_removed: false,
        })
    }

    /// Returns the bytes of the header.
    pub(super) fn encode(&self, salt: u64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.put_slice(&MAGIC);
        bytes.put_slice(if self.is_removed { &REMOVED } else { &LIVE });
        bytes.put_u64_le(self.number);
        bytes.put_u32_le(self.head.length);
        bytes.put_u32_le(self.body.length);
        bytes.put_u32_le(self.head.checksum);
        bytes.put_u32_le(self.body.checksum);
        let sum = sum(salt, &bytes[SUMMED_AT..]);
        bytes.put_u32_le(sum);
        bytes
    }

    /// Reads a header; `None` if this is none, or a damaged one.
    pub(super) fn decode(bytes: &[u8; HEADER_BYTES], salt: u64) -> Option<Self> {
        let mut fields = &bytes[SUMMED_AT..];
        let number = fields.get_u64_le();
        let (head_length, body_length) = (fields.get_u32_le(), fields.get_u32_le());
        let (head_checksum, body_checksum) = (fields.get_u32_le(), fields.get_u32_le());
        let is_sound = fields.get_u32_le() == sum(salt, &bytes[SUMMED_AT..HEADER_BYTES - 4]);
        is_sound.then_some(Self {
            number,
            head: Part {
                length: head_length,
                checksum: head_checksum,
            },
            body: Part {
                length: body_length,
                checksum: body_checksum,
            },
            is_removed: bytes[4..SUMMED_AT] == REMOVED,
        })
    }

    /// Returns where the body begins, counted from where the header does.
    pub(super) fn body_at(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.head.length)
    }

    /// Returns how much room header, head and body take.
    pub(super) fn bytes_on_disk(&self) -> u64 {
        self.body_at() + u64::from(self.body.length)
    }
}

fn sum(salt: u64, fields: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(fields);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let body = [Bytes::from_static(b"a"), Bytes::from_static(b"bc")];
        Header::new(7, &Bytes::from_static(b"head"), &body).expect("it is small")
    }

    fn decoded(bytes: &[u8], salt: u64) -> Option<Header> {
        Header::decode(bytes.try_into().expect("as long as a header"), salt)
    }

    #[test]
    fn reads_what_it_wrote() {
        let header = header();
        assert!(header.body.is_of(b"abc") && !header.body.is_of(b"abd"));
        assert!(header.head.is_of(b"head"));
        assert_eq!((header.body_at(), header.bytes_on_disk()), (40, 43));
        assert_eq!(decoded(&header.encode(1), 1), Some(header));
    }

    #[test]
    fn knows_a_header_by_the_salt_of_its_file() {
        assert_eq!(decoded(&header().encode(1), 2), None);
        assert_eq!(decoded(&[0; HEADER_BYTES], 0), None);
    }

    #[test]
    fn a_damaged_magic_or_state_costs_nothing() {
        for at in 0..HEADER_BYTES {
            let mut bytes = header().encode(1);
            bytes[at] ^= 0xFF;
            let expected = (at < SUMMED_AT).then(header);
            assert_eq!(decoded(&bytes, 1), expected, "byte {at}");
        }
    }

    #[test]
    fn a_head_is_not_too_long() {
        let head = Bytes::from(vec![0; HEAD_BYTES_MAX as usize + 1]);
        assert_eq!(Header::new(1, &head, &[]), None);
    }
}
