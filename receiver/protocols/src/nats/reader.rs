//! One direction of NATS: lines, and payloads behind some of them, out of bytes in pieces.
//!
//! Of a payload its headers are kept, and a few bytes of an acknowledgement.

use super::line::{self, Line, Verb};
use crate::{conversation::Chunk, cutter::Stand};

/// The longest line that is kept; what is longer is a description of a server or a client, of which
/// the beginning is enough, or no line of NATS.
pub(super) const LINE_BYTES_MAX: usize = 4096;
/// Bytes of headers that are kept.
pub(super) const HEADER_BYTES_MAX: usize = 2048;
/// Bytes of an acknowledgement that are kept: `-NAK` and the like.
const ACK_BYTES: u64 = 5;
/// What every acknowledgement to a stream is sent to begins with.
pub(super) const ACK_SUBJECT: &[u8] = b"$JS.ACK.";

/// A line with its payload.
#[derive(Debug, Default)]
pub(super) struct Frame {
    line: Vec<u8>,
    /// What was kept of the payload, from the front.
    pub(super) kept: Vec<u8>,
    /// A part of what should have been kept was not seen.
    pub(super) is_holed: bool,
    pub(super) started_ns: u64,
    pub(super) ended_ns: u64,
    pub(super) thread: u64,
    /// Bytes on the wire.
    pub(super) bytes: u64,
}

impl Frame {
    pub(super) fn line(&self) -> Option<Line<'_>> {
        line::read(&self.line)
    }
}

#[derive(Debug)]
pub(super) struct Reader {
    phase: Phase,
    draft: Frame,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Lost,
    Line,
    /// The line is longer than what is kept.
    LongLine,
    Payload {
        left: u64,
        keep: usize,
    },
}

impl Reader {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Line,
            draft: Frame::default(),
        }
    }

    /// Reads a chunk; hands over every frame that ends in it.
    pub(super) fn feed(&mut self, chunk: &Chunk<'_>, mut take: impl FnMut(Frame)) -> Stand {
        if self.phase == Phase::Lost {
            if !super::sniff::is_line(chunk.bytes) {
                return Stand::Lost;
            }
            self.restart();
        }
        let mut rest = chunk.bytes;
        while !rest.is_empty() {
            let (used, is_done) = self.step(rest, chunk.at_ns);
            self.draft.bytes += used as u64;
            rest = &rest[used..];
            if self.phase == Phase::Lost {
                return Stand::JustLost;
            }
            if is_done {
                take(self.finish(chunk.at_ns, chunk.thread));
            }
        }
        let missing = chunk.len.saturating_sub(chunk.bytes.len()) as u64;
        self.pass(missing, chunk.at_ns, chunk.thread, take)
    }

    /// Passes over bytes that were not seen; they hurt only outside of payloads.
    pub(super) fn pass(
        &mut self,
        len: u64,
        at_ns: u64,
        thread: u64,
        mut take: impl FnMut(Frame),
    ) -> Stand {
        match &mut self.phase {
            Phase::Lost => Stand::Lost,
            _ if len == 0 => Stand::Sure,
            Phase::Payload { left, keep } if len <= *left => {
                *left -= len;
                self.draft.is_holed |= self.draft.kept.len() < *keep;
                *keep = self.draft.kept.len();
                self.draft.bytes += len;
                if *left == 0 {
                    take(self.finish(at_ns, thread));
                }
                Stand::Sure
            }
            _ => {
                self.lose();
                Stand::JustLost
            }
        }
    }

    pub(super) fn lose(&mut self) {
        self.restart();
        self.phase = Phase::Lost;
    }

    fn restart(&mut self) {
        self.phase = Phase::Line;
        self.draft = Frame::default();
    }

    pub(super) fn is_between(&self) -> bool {
        self.phase == Phase::Line && self.draft.bytes == 0
    }

    pub(super) fn held(&self) -> usize {
        self.draft.line.capacity() + self.draft.kept.capacity()
    }

    /// Reads on to the end of a line or a payload. Returns how many bytes that took, and whether a
    /// frame is complete.
    fn step(&mut self, rest: &[u8], at_ns: u64) -> (usize, bool) {
        if let Phase::Payload { left, keep } = &mut self.phase {
            let used = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
            let room = keep.saturating_sub(self.draft.kept.len());
            self.draft.kept.extend_from_slice(&rest[..used.min(room)]);
            *left -= used as u64;
            return (used, *left == 0);
        }
        if self.draft.bytes == 0 {
            self.draft.started_ns = at_ns;
        }
        let end = memchr::memchr(b'\n', rest);
        let used = end.map_or(rest.len(), |end| end + 1);
        if self.phase == Phase::LongLine {
            return (used, end.is_some());
        }
        let line = &mut self.draft.line;
        let room = LINE_BYTES_MAX.saturating_sub(line.len());
        line.extend_from_slice(&rest[..used.min(room)]);
        if used > room {
            let is_long = line::verb(line).is_some_and(|(verb, _)| verb.is_long());
            self.phase = if is_long {
                Phase::LongLine
            } else {
                Phase::Lost
            };
            return (used, end.is_some() && is_long);
        }
        if end.is_some() {
            let len = line.trim_ascii_end().len();
            line.truncate(len);
            return (used, self.end_line());
        }
        (used, false)
    }

    /// Returns whether the frame ends with its line.
    fn end_line(&mut self) -> bool {
        if self.draft.line.is_empty() {
            // An empty line is nothing.
            self.draft = Frame::default();
            return false;
        }
        let Some(line) = line::read(&self.draft.line) else {
            self.phase = Phase::Lost;
            return false;
        };
        if !line.verb.has_payload() {
            return true;
        }
        let is_ack = line.verb == Verb::Pub && line.subject.starts_with(ACK_SUBJECT);
        let keep = if is_ack {
            ACK_BYTES.min(line.payload_len)
        } else {
            line.header_len
        };
        self.phase = Phase::Payload {
            left: line.payload_len + 2,
            keep: usize::try_from(keep)
                .unwrap_or(usize::MAX)
                .min(HEADER_BYTES_MAX),
        };
        false
    }

    fn finish(&mut self, at_ns: u64, thread: u64) -> Frame {
        self.phase = Phase::Line;
        let mut frame = std::mem::take(&mut self.draft);
        frame.ended_ns = at_ns;
        frame.thread = thread;
        frame
    }
}
