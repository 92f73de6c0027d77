//! What a pass writes: untouched bytes stay where they are until something beside them changes.
//!
//! A frame stands for a message that is being walked. Its framing is written when something in it
//! changes, so a message in which nothing does is part of the run of bytes around it. A long run at
//! the top is sliced instead of copied.

use std::{mem, ops::Range};

use bytes::Bytes;
use smallvec::SmallVec;

use crate::wire::write::{self as wire, Open};

/// A run of fewer bytes is copied: a piece of its own would cost more.
const SLICE_MIN_BYTES: usize = 4096;
/// A run of less than this part of its chunk is copied, so that a little does not keep much alive.
const SLICE_MIN_PART: usize = 8;

struct Frame<'a> {
    number: u32,
    /// Where its field stands in the message around it.
    whole: Range<usize>,
    body: &'a [u8],
    /// How much of the body is written or skipped, once it is open.
    done: usize,
    /// Where its field begins in what is written, and the length to be patched.
    open: Option<(usize, Open)>,
    kept: u32,
    dropped: u32,
}

#[derive(Default)]
pub(super) struct Output<'a> {
    chunks: SmallVec<[Bytes; 1]>,
    written: Vec<u8>,
    source: Option<&'a Bytes>,
    /// How much of the source is written, sliced or skipped.
    done: usize,
    frames: Vec<Frame<'a>>,
    /// How many of the frames are open: always the outermost.
    opened: usize,
}

impl<'a> Output<'a> {
    pub(super) fn begin(&mut self, chunk: &'a Bytes) {
        self.source = Some(chunk);
        self.done = 0;
    }

    pub(super) fn end(&mut self) {
        if let Some(chunk) = self.source {
            self.flush(chunk.len());
        }
    }

    pub(super) fn finish(mut self) -> SmallVec<[Bytes; 1]> {
        self.end_written();
        self.chunks
    }

    /// Steps into a message that stands at `whole` in the one around it.
    pub(super) fn enter(&mut self, number: u32, whole: Range<usize>, body: &'a [u8]) {
        self.frames.push(Frame {
            number,
            whole,
            body,
            done: 0,
            open: None,
            kept: 0,
            dropped: 0,
        });
    }

    /// Steps out. A message that lost all it led to disappears; others stay.
    pub(super) fn leave(&mut self) {
        if let Some(frame) = self.frames.last()
            && frame.dropped > 0
            && frame.kept == 0
        {
            return self.abandon();
        }
        let Some(frame) = self.frames.pop() else {
            return;
        };
        if let Some((_, open)) = frame.open {
            self.written.extend_from_slice(&frame.body[frame.done..]);
            wire::close(&mut self.written, open);
            self.opened -= 1;
            *self.done_mut() = frame.whole.end;
        }
        self.keep();
    }

    /// Steps out, and takes the message away with whatever was written of it.
    pub(super) fn abandon(&mut self) {
        let Some(frame) = self.frames.pop() else {
            return;
        };
        if let Some((start, _)) = frame.open {
            self.written.truncate(start);
            self.opened -= 1;
            *self.done_mut() = frame.whole.start;
        }
        self.drop_child(frame.whole);
    }

    /// Notes that something the current message leads to stays.
    pub(super) fn keep(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.kept += 1;
        }
    }

    /// Takes away something that the current message leads to.
    pub(super) fn drop_child(&mut self, whole: Range<usize>) {
        self.replace(whole);
        if let Some(frame) = self.frames.last_mut() {
            frame.dropped += 1;
        }
    }

    /// Skips a field of the current message; what is appended to the returned buffer replaces it.
    pub(super) fn replace(&mut self, whole: Range<usize>) -> &mut Vec<u8> {
        self.open_all();
        self.flush(whole.start);
        *self.done_mut() = whole.end;
        &mut self.written
    }

    /// Like [`replace`](Self::replace), but keeps the last bytes of the field.
    pub(super) fn replace_start(&mut self, whole: Range<usize>, behind: usize) -> &mut Vec<u8> {
        self.replace(whole);
        *self.done_mut() -= behind;
        &mut self.written
    }

    fn open_all(&mut self) {
        while self.opened < self.frames.len() {
            let (number, from) = {
                let frame = &self.frames[self.opened];
                (frame.number, frame.whole.start)
            };
            self.flush(from);
            let frame = &mut self.frames[self.opened];
            let start = self.written.len();
            let open = wire::open_like(&mut self.written, number, frame.body.len());
            frame.open = Some((start, open));
            self.opened += 1;
        }
    }

    /// Where the innermost open message, or the source, is done.
    fn done_mut(&mut self) -> &mut usize {
        match self.opened.checked_sub(1) {
            Some(inner) => &mut self.frames[inner].done,
            None => &mut self.done,
        }
    }

    /// Writes what stands in the innermost open message before `to`.
    fn flush(&mut self, to: usize) {
        if let Some(inner) = self.opened.checked_sub(1) {
            let frame = &mut self.frames[inner];
            let run = &frame.body[frame.done..to];
            self.written.extend_from_slice(run);
            frame.done = to;
            return;
        }
        let Some(source) = self.source else { return };
        let run = mem::replace(&mut self.done, to)..to;
        if run.len() >= SLICE_MIN_BYTES && run.len() * SLICE_MIN_PART >= source.len() {
            self.end_written();
            self.chunks.push(source.slice(run));
        } else {
            if self.written.is_empty() {
                self.written.reserve(source.len() - run.start);
            }
            self.written.extend_from_slice(&source[run]);
        }
    }

    fn end_written(&mut self) {
        let mut written = mem::take(&mut self.written);
        if written.is_empty() {
            return;
        }
        // Most of it was dropped: the rest need not keep the room.
        if written.len() < written.capacity() / 2 {
            written.shrink_to_fit();
        }
        self.chunks.push(written.into());
    }
}
