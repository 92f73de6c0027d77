//! One direction of a connection: cuts its bytes into frames.
//!
//! Data is handed on as it comes; of every other frame as much is kept as it is worth. What bytes
//! mean that were not captured is known here as far as frames go. This module must not know
//! streams, nor what is in a header block.

use super::frame::{self, Frame, HEAD_BYTES, Kind, PADDED, PREFACE};

/// Bytes kept of a frame of settings: sixteen of them, where seven are defined.
const SETTINGS_BYTES: usize = 96;
/// A kept buffer larger than this is given back after each frame.
const IDLE_BYTES: usize = 1024;

/// One direction.
#[derive(Debug)]
pub(super) struct Flow {
    phase: Phase,
    head: [u8; HEAD_BYTES],
    head_len: usize,
    /// What is here of a frame that came in pieces.
    buffer: Vec<u8>,
    /// Whether a part of the frame that should be in the buffer was not seen.
    is_holed: bool,
    /// The most that is kept of a frame with headers.
    block_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It is not known where frames begin.
    Lost,
    /// So many bytes of the preface were seen.
    Preface(usize),
    Head,
    Payload {
        frame: Frame,
        left: u32,
    },
    Data {
        frame: Frame,
        left: u32,
        /// How many of these are padding, once that is known.
        padding: Option<u32>,
    },
}

/// What the next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// There are none left.
    More,
    /// A part of a frame of data. `is_end` tells that it is the last one.
    Data {
        frame: Frame,
        bytes: &'a [u8],
        is_end: bool,
    },
    /// Another frame that came in one piece.
    Frame(Frame, &'a [u8]),
    /// Another frame, to be taken with [`Flow::take_buffer`].
    Buffered(Frame),
    /// They are no frame. The place is lost.
    Garbage,
}

/// What bytes were that were not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// There were none.
    None,
    /// So many bytes of data, and whether their frame ends with them.
    Data(Frame, u32, bool),
    /// Within another frame, which goes on.
    Within,
    /// The end of another frame, to be taken with [`Flow::take_buffer`].
    End(Frame),
    /// Nobody knows: the place is lost.
    Place,
}

impl Flow {
    /// Creates a direction. `starts` tells that its first byte will be the first of all, and
    /// whether that is one of a preface.
    pub(super) fn new(starts: bool, with_preface: bool, block_bytes: usize) -> Self {
        Self {
            phase: match (starts, with_preface) {
                (false, _) => Phase::Lost,
                (true, true) => Phase::Preface(0),
                (true, false) => Phase::Head,
            },
            head: [0; HEAD_BYTES],
            head_len: 0,
            buffer: Vec::new(),
            is_holed: false,
            block_bytes,
        }
    }

    /// Finds the place again, if it is lost, at the beginning of a chunk of `len` bytes. Takes off
    /// what is before it; returns whether it is known.
    pub(super) fn find(&mut self, rest: &mut &[u8], len: usize, known: u32) -> bool {
        if self.phase != Phase::Lost {
            return true;
        }
        if rest.starts_with(&PREFACE[..PREFACE.len().min(rest.len())]) && rest.len() > 3 {
            self.restart(Phase::Preface(0));
            return true;
        }
        match frame::find(rest, len, known) {
            Some(at) => {
                *rest = &rest[at..];
                self.restart(Phase::Head);
                true
            }
            None => false,
        }
    }

    /// It is not known any more where frames begin.
    pub(super) fn lose(&mut self) {
        self.restart(Phase::Lost);
    }

    /// Returns how many bytes are held.
    pub(super) fn held(&self) -> usize {
        self.buffer.capacity()
    }

    /// Reads on to the next place where something is to be done.
    pub(super) fn step<'a>(&mut self, rest: &mut &'a [u8]) -> Part<'a> {
        loop {
            match self.phase {
                Phase::Lost => return Part::More,
                Phase::Preface(seen) => {
                    if rest.is_empty() {
                        return Part::More;
                    }
                    let due = &PREFACE[seen..];
                    let size = due.len().min(rest.len());
                    if rest[..size] != due[..size] {
                        self.lose();
                        return Part::Garbage;
                    }
                    *rest = &rest[size..];
                    let seen = seen + size;
                    self.phase = if seen == PREFACE.len() {
                        Phase::Head
                    } else {
                        Phase::Preface(seen)
                    };
                }
                Phase::Head => match self.read_head(rest) {
                    Some(true) => {}
                    Some(false) => return Part::More,
                    None => {
                        self.lose();
                        return Part::Garbage;
                    }
                },
                Phase::Data { .. } => return self.read_data(rest),
                Phase::Payload { frame, left } => return self.read_payload(rest, frame, left),
            }
        }
    }

    /// Passes over bytes that were not seen, `None` for an unknown number. To be called again with
    /// what is left of them while it returns [`Missing::Data`] or [`Missing::End`].
    pub(super) fn pass(&mut self, missing: &mut Option<u64>) -> Missing {
        if *missing == Some(0) || self.phase == Phase::Lost {
            return Missing::None;
        }
        let (left, is_data) = match self.phase {
            Phase::Data { left, .. } => (left, true),
            Phase::Payload { left, .. } => (left, false),
            _ => (0, false),
        };
        let Some(bytes) = *missing else {
            self.lose();
            return Missing::Place;
        };
        if left == 0 {
            self.lose();
            return Missing::Place;
        }
        let size = u32::try_from(bytes).unwrap_or(u32::MAX).min(left);
        *missing = Some(bytes - u64::from(size));
        let is_end = size == left;
        match &mut self.phase {
            Phase::Data {
                frame,
                left,
                padding,
            } if is_data => {
                let frame = *frame;
                let padded = padding.unwrap_or(0);
                let text = left.saturating_sub(padded).min(size);
                *left -= size;
                *padding = Some(padded.min(*left));
                if is_end {
                    self.phase = Phase::Head;
                }
                Missing::Data(frame, text, is_end)
            }
            Phase::Payload { frame, left } => {
                let frame = *frame;
                *left -= size;
                self.is_holed |= self.buffer.len() < keep(&frame, self.block_bytes);
                if is_end {
                    self.phase = Phase::Head;
                    Missing::End(frame)
                } else {
                    Missing::Within
                }
            }
            _ => Missing::Place,
        }
    }

    /// Takes what was kept of a frame that came in pieces, and whether that is all of it. To be
    /// given back.
    pub(super) fn take_buffer(&mut self, frame: &Frame) -> (Vec<u8>, bool) {
        let buffer = std::mem::take(&mut self.buffer);
        let is_whole = !std::mem::take(&mut self.is_holed) && buffer.len() == frame.len as usize;
        (buffer, is_whole)
    }

    /// Gives a buffer back.
    pub(super) fn give_buffer(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= IDLE_BYTES {
            buffer.clear();
            self.buffer = buffer;
        }
    }

    fn restart(&mut self, phase: Phase) {
        self.phase = phase;
        self.head_len = 0;
        self.buffer = Vec::new();
        self.is_holed = false;
    }

    /// Reads a head. Returns whether it is complete; `None` if it is none.
    fn read_head(&mut self, rest: &mut &[u8]) -> Option<bool> {
        let size = (HEAD_BYTES - self.head_len).min(rest.len());
        let (part, after) = rest.split_at(size);
        self.head[self.head_len..self.head_len + size].copy_from_slice(part);
        self.head_len += size;
        *rest = after;
        if self.head_len < HEAD_BYTES {
            return Some(false);
        }
        self.head_len = 0;
        let frame = Frame::read(&self.head)?;
        let left = frame.len;
        let padding = if frame.has(PADDED) && left > 0 {
            None
        } else {
            Some(0)
        };
        self.phase = match frame.kind {
            Kind::Data => Phase::Data {
                frame,
                left,
                padding,
            },
            _ => Phase::Payload { frame, left },
        };
        Some(true)
    }

    fn read_data<'a>(&mut self, rest: &mut &'a [u8]) -> Part<'a> {
        let Phase::Data {
            frame,
            left,
            padding,
        } = &mut self.phase
        else {
            return Part::More;
        };
        let frame = *frame;
        if rest.is_empty() && *left > 0 {
            return Part::More;
        }
        if padding.is_none()
            && let Some((length, after)) = rest.split_first()
        {
            *rest = after;
            *left -= 1;
            *padding = Some(u32::from(*length).min(*left));
        }
        let size = rest.len().min(*left as usize);
        let (part, after) = rest.split_at(size);
        *rest = after;
        let text = left.saturating_sub(padding.unwrap_or(0)) as usize;
        *left -= u32::try_from(size).unwrap_or(*left);
        let bytes = &part[..size.min(text)];
        let is_end = *left == 0;
        if is_end {
            self.phase = Phase::Head;
        }
        Part::Data {
            frame,
            bytes,
            is_end,
        }
    }

    fn read_payload<'a>(&mut self, rest: &mut &'a [u8], frame: Frame, left: u32) -> Part<'a> {
        let len = frame.len as usize;
        if left == frame.len && rest.len() >= len {
            let (payload, after) = rest.split_at(len);
            *rest = after;
            self.phase = Phase::Head;
            return Part::Frame(frame, payload);
        }
        let size = rest.len().min(left as usize);
        let (part, after) = rest.split_at(size);
        *rest = after;
        let room = keep(&frame, self.block_bytes).saturating_sub(self.buffer.len());
        if !self.is_holed {
            self.buffer.extend_from_slice(&part[..size.min(room)]);
        }
        let left = left - u32::try_from(size).unwrap_or(left);
        if left > 0 {
            self.phase = Phase::Payload { frame, left };
            return Part::More;
        }
        self.phase = Phase::Head;
        Part::Buffered(frame)
    }
}

/// Returns how much of a frame is worth keeping.
fn keep(frame: &Frame, block_bytes: usize) -> usize {
    let keep = match frame.kind {
        Kind::Headers | Kind::PushPromise | Kind::Continuation => block_bytes,
        Kind::Settings => SETTINGS_BYTES,
        Kind::Reset | Kind::GoAway => 8,
        _ => 0,
    };
    keep.min(frame.len as usize)
}
