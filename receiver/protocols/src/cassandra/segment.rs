//! The segments of version 5: a head with a checksum, frames or a part of one, a checksum.
//!
//! Heads are checked; so a segment is recognised wherever it begins. What is inside is passed on
//! as it comes, or its beginning unpacked once all of that is here.

use super::request::Compression;
use super::unpack::lz4;
use crate::conversation::Chunk;
use crate::cutter::{Cutter, Message, Stand};

/// How much of a compressed segment is kept to be unpacked, and of what comes out.
pub(super) const KEPT_BYTES: usize = 4096;
const UNPACKED_BYTES: usize = 16 * 1024;
/// A head: lengths and flags, and a checksum of three bytes.
const PLAIN_HEAD_BYTES: usize = 6;
const PACKED_HEAD_BYTES: usize = 8;
const HEAD_CHECK_BYTES: usize = 3;
/// The checksum behind the payload.
const CHECK_BYTES: u64 = 4;
const LEN_MASK: u64 = 0x1_ffff;

/// Cuts one direction.
#[derive(Debug)]
pub(super) struct Segments {
    compression: Compression,
    phase: Phase,
    head: [u8; PACKED_HEAD_BYTES],
    /// The beginning of a compressed payload.
    packed: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Unknown: only the first byte of a chunk may begin a segment.
    Lost,
    /// In a head, so many bytes of which were read.
    Head(usize),
    /// In a payload: so many bytes of it are left.
    Payload { left: u64, head: Head },
    /// In the checksum behind it.
    Check(u64),
}

/// What a head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    /// Bytes of the payload on the wire.
    len: u64,
    /// Bytes of it unpacked; 0 if it is not packed.
    unpacked: u64,
    /// It holds whole frames.
    is_whole: bool,
}

/// Where frames go.
pub(super) struct Wrapped<'a> {
    frames: &'a mut Cutter,
    messages: &'a mut Vec<Message>,
    stand: Stand,
}

impl<'a> Wrapped<'a> {
    pub(super) fn new(frames: &'a mut Cutter, messages: &'a mut Vec<Message>) -> Self {
        Self {
            frames,
            messages,
            stand: Stand::Sure,
        }
    }

    fn feed(&mut self, bytes: &[u8], len: usize, chunk: &Chunk<'_>) {
        let chunk = Chunk {
            bytes,
            len,
            tail: &[],
            ..*chunk
        };
        let messages = &mut *self.messages;
        let stand = self.frames.feed(&chunk, |message| messages.push(message));
        self.note(stand);
    }

    fn pass(&mut self, len: u64, at_ns: u64) {
        let messages = &mut *self.messages;
        let take = |message| messages.push(message);
        let stand = self.frames.pass(len, at_ns, 0, take);
        self.note(stand);
    }

    fn note(&mut self, stand: Stand) {
        if stand == Stand::JustLost {
            self.stand = stand;
        }
    }
}

impl Segments {
    pub(super) fn new(compression: Compression) -> Self {
        Self {
            compression,
            phase: Phase::Head(0),
            head: [0; PACKED_HEAD_BYTES],
            packed: Vec::new(),
        }
    }

    /// Reads a chunk.
    pub(super) fn feed(&mut self, chunk: &Chunk<'_>, out: &mut Wrapped<'_>) -> Stand {
        if self.phase == Phase::Lost {
            match read_head(self.compression, chunk.bytes) {
                Some(head) if head.is_whole => {
                    self.phase = Phase::Head(0);
                    out.frames.restart();
                }
                _ => return Stand::Lost,
            }
        }
        let mut rest = chunk.bytes;
        while !rest.is_empty() {
            if !self.step(&mut rest, chunk, out) {
                self.lose(out);
                return Stand::JustLost;
            }
        }
        let missing = chunk.len.saturating_sub(chunk.bytes.len()) as u64;
        if missing > 0 && !self.pass(missing, chunk, out) {
            self.lose(out);
            return Stand::JustLost;
        }
        out.stand
    }

    /// Notes that bytes were lost.
    pub(super) fn miss(&mut self, at_ns: u64, len: Option<u64>, out: &mut Wrapped<'_>) -> Stand {
        let nothing = Chunk {
            toward: crate::conversation::Toward::Client,
            at_ns,
            bytes: &[],
            len: 0,
            tail: &[],
            thread: 0,
        };
        match len {
            Some(len) if self.phase != Phase::Head(0) && self.pass(len, &nothing, out) => out.stand,
            _ => {
                self.lose(out);
                Stand::JustLost
            }
        }
    }

    pub(super) fn held(&self) -> usize {
        self.packed.capacity()
    }

    fn lose(&mut self, out: &mut Wrapped<'_>) {
        self.phase = Phase::Lost;
        self.packed = Vec::new();
        out.frames.lose();
    }

    /// Reads on to the end of a head, a payload or a checksum. Returns whether it makes sense.
    fn step(&mut self, rest: &mut &[u8], chunk: &Chunk<'_>, out: &mut Wrapped<'_>) -> bool {
        match self.phase {
            Phase::Lost => return false,
            Phase::Head(known) => {
                let size = head_bytes(self.compression);
                let taken = take(rest, (size - known) as u64);
                self.head[known..known + taken.len()].copy_from_slice(taken);
                self.phase = Phase::Head(known + taken.len());
                if known + taken.len() == size {
                    return self.begin(out);
                }
            }
            Phase::Payload { left, head } => {
                let taken = take(rest, left);
                if head.unpacked == 0 {
                    out.feed(taken, taken.len(), chunk);
                } else {
                    let room = KEPT_BYTES.saturating_sub(self.packed.len());
                    self.packed
                        .extend_from_slice(&taken[..taken.len().min(room)]);
                }
                self.advance(left - taken.len() as u64, head, chunk, out);
            }
            Phase::Check(left) => {
                let taken = take(rest, left).len() as u64;
                self.phase = match left - taken {
                    0 => Phase::Head(0),
                    left => Phase::Check(left),
                };
            }
        }
        true
    }

    fn begin(&mut self, out: &mut Wrapped<'_>) -> bool {
        let Some(head) = read_head(self.compression, &self.head) else {
            return false;
        };
        if head.is_whole && !out.frames.is_between() {
            // A frame was begun that never ended.
            out.frames.restart();
        }
        self.packed.clear();
        self.phase = Phase::Payload {
            left: head.len,
            head,
        };
        if head.len == 0 {
            self.phase = Phase::Check(CHECK_BYTES);
        }
        true
    }

    /// Passes over bytes that were not seen. Returns whether no head was among them.
    fn pass(&mut self, len: u64, chunk: &Chunk<'_>, out: &mut Wrapped<'_>) -> bool {
        let mut len = len;
        if let Phase::Payload { left, head } = self.phase {
            let passed = len.min(left);
            if head.unpacked == 0 {
                out.pass(passed, chunk.at_ns);
            }
            len -= passed;
            self.advance(left - passed, head, chunk, out);
        }
        if let Phase::Check(left) = self.phase {
            let passed = len.min(left);
            len -= passed;
            self.phase = match left - passed {
                0 => Phase::Head(0),
                left => Phase::Check(left),
            };
        }
        len == 0
    }

    fn advance(&mut self, left: u64, head: Head, chunk: &Chunk<'_>, out: &mut Wrapped<'_>) {
        if left > 0 {
            self.phase = Phase::Payload { left, head };
            return;
        }
        self.phase = Phase::Check(CHECK_BYTES);
        if head.unpacked > 0 {
            let plain = lz4(&self.packed, UNPACKED_BYTES);
            let len = usize::try_from(head.unpacked).unwrap_or(usize::MAX);
            out.feed(&plain[..plain.len().min(len)], len, chunk);
            self.packed = Vec::new();
        }
    }
}

/// Returns how segments are compressed, if a chunk begins with one.
pub(super) fn compression(bytes: &[u8]) -> Option<Compression> {
    [Compression::None, Compression::Lz4]
        .into_iter()
        .find(|compression| {
            read_head(*compression, bytes).is_some_and(|head| head.is_whole)
                && inner(*compression, bytes).is_none_or(|frame| is_version_5(&frame))
        })
}

/// Returns the beginning of the first frame, if a chunk begins with a segment.
pub(super) fn first_frame(bytes: &[u8]) -> Option<Vec<u8>> {
    inner(compression(bytes)?, bytes)
}

fn inner(compression: Compression, bytes: &[u8]) -> Option<Vec<u8>> {
    let head = read_head(compression, bytes)?;
    let payload = bytes
        .get(head_bytes(compression)..)
        .filter(|payload| !payload.is_empty())?;
    let frame = if head.unpacked > 0 {
        lz4(payload, 16)
    } else {
        payload[..payload.len().min(16)].to_vec()
    };
    Some(frame)
}

fn is_version_5(frame: &[u8]) -> bool {
    frame
        .first()
        .is_some_and(|version| matches!(version & 0x7f, 5 | 6))
}

fn head_bytes(compression: Compression) -> usize {
    match compression {
        Compression::Lz4 => PACKED_HEAD_BYTES,
        _ => PLAIN_HEAD_BYTES,
    }
}

fn read_head(compression: Compression, bytes: &[u8]) -> Option<Head> {
    let head = bytes.get(..head_bytes(compression))?;
    let (fields, check) = head.split_at(head.len() - HEAD_CHECK_BYTES);
    let number = |bytes: &[u8]| {
        let shifted = bytes.iter().rev();
        shifted.fold(0u64, |number, byte| number << 8 | u64::from(*byte))
    };
    if u64::from(crc24(fields)) != number(check) {
        return None;
    }
    let bits = number(fields);
    let len = bits & LEN_MASK;
    Some(match compression {
        Compression::Lz4 => Head {
            len,
            unpacked: bits >> 17 & LEN_MASK,
            is_whole: bits >> 34 & 1 == 1,
        },
        _ => Head {
            len,
            unpacked: 0,
            is_whole: bits >> 17 & 1 == 1,
        },
    })
}

/// The checksum of heads, as the protocol defines it.
fn crc24(bytes: &[u8]) -> u32 {
    let mut crc = 0x0087_5060_u32;
    for byte in bytes {
        crc ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= 0x0197_4f0b;
            }
        }
    }
    crc
}

fn take<'a>(rest: &mut &'a [u8], len: u64) -> &'a [u8] {
    let size = usize::try_from(len).unwrap_or(usize::MAX).min(rest.len());
    let (taken, after) = rest.split_at(size);
    *rest = after;
    taken
}
