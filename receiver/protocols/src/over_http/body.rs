//! The beginning and the end of a body, within bounds.

use std::io::Read;

use flate2::read::MultiGzDecoder;

/// Bytes kept of the beginning.
const HEAD_BYTES: usize = 8 * 1024;
/// Bytes kept of the end, behind the beginning.
const TAIL_BYTES: usize = 4 * 1024;
/// Bytes made of a compressed beginning at most.
const INFLATED_BYTES: usize = 64 * 1024;
const GZIP: &[u8] = &[0x1f, 0x8b];

/// What both bodies of an exchange hold at most.
pub const BYTES_MAX: usize = 2 * 2 * (HEAD_BYTES + TAIL_BYTES);

/// What is kept of a body.
#[derive(Debug, Clone, Default)]
pub struct Body {
    head: Vec<u8>,
    tail: Vec<u8>,
    /// Something is missing, before the tail or in it.
    is_cut: bool,
}

impl Body {
    /// Takes bytes that follow those before.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = if self.is_cut {
            0
        } else {
            HEAD_BYTES.saturating_sub(self.head.len())
        };
        let (head, rest) = bytes.split_at(bytes.len().min(room));
        self.head.extend_from_slice(head);
        if rest.is_empty() {
            return;
        }
        self.is_cut = true;
        let rest = &rest[rest.len().saturating_sub(TAIL_BYTES)..];
        let over = (self.tail.len() + rest.len()).saturating_sub(TAIL_BYTES);
        self.tail.drain(..over.min(self.tail.len()));
        self.tail.extend_from_slice(rest);
    }

    /// Notes that bytes were not seen.
    pub fn skip(&mut self) {
        self.is_cut = true;
        // What was there is not what follows: no name may be read across it.
        if self.tail.last().is_some_and(|last| *last != 0) {
            self.push(&[0]);
        }
    }

    /// Returns the beginning, as far as it was seen without a hole.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Returns the pieces that are known, in their order.
    pub(super) fn pieces(&self) -> [&[u8]; 2] {
        [&self.head, &self.tail]
    }

    /// Returns whether the beginning is all of it, as far as is known.
    pub(super) fn is_whole(&self) -> bool {
        !self.is_cut
    }

    /// Returns how many bytes are held.
    pub fn held(&self) -> usize {
        self.head.capacity() + self.tail.capacity()
    }

    /// Unpacks the beginning if it is compressed by gzip, as much as there is, within a bound.
    pub(super) fn inflate(&mut self) {
        if !self.head.starts_with(GZIP) {
            return;
        }
        let mut plain = Vec::new();
        let packed = MultiGzDecoder::new(self.head.as_slice());
        let read = packed.take(INFLATED_BYTES as u64).read_to_end(&mut plain);
        self.is_cut |= read.is_err() || plain.len() >= INFLATED_BYTES;
        self.tail.clear();
        self.head = plain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_beginning_and_the_end() {
        let mut body = Body::default();
        for n in 0..10_000u32 {
            body.push(format!("{n:05} ").as_bytes());
        }
        assert!(body.head().starts_with(b"00000 00001 "));
        assert_eq!(body.head().len(), HEAD_BYTES);
        let [_, tail] = body.pieces();
        assert!(tail.ends_with(b"09998 09999 "));
        assert_eq!(tail.len(), TAIL_BYTES);
        assert!(!body.is_whole());
    }

    #[test]
    fn what_follows_a_hole_is_not_what_came_before_it() {
        let mut body = Body::default();
        body.push(b"{\"mod");
        body.skip();
        body.push(b"el\": 1}");
        assert_eq!(body.pieces(), [b"{\"mod".as_slice(), b"el\": 1}"]);
        assert!(!body.is_whole());
    }

    #[test]
    fn unpacks_no_more_than_its_bound() {
        use std::io::Write;
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(&vec![b'a'; 2_000_000]).expect("packs");
        let mut body = Body::default();
        body.push(&packer.finish().expect("packs"));
        assert!(body.is_whole());
        body.inflate();
        assert_eq!(body.head().len(), INFLATED_BYTES);
        assert!(!body.is_whole());
    }
}
