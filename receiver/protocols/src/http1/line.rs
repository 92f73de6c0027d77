//! Collects one line from pieces, within a bound, without copying lines that arrive whole.
//!
//! Every byte is looked at once, however small the pieces are. What exceeds the bound is dropped,
//! and the line says so.

use super::sniff::trim_cr;

/// The most bytes of a line that are kept: a target of 8 KiB with what surrounds it.
pub(super) const LINE_BYTES: usize = 8 * 1024 + 64;
/// A kept buffer larger than this is given back between messages.
const IDLE_BYTES: usize = 1024;

/// A line under construction.
#[derive(Debug)]
pub(super) struct Line {
    bytes: Vec<u8>,
    bound: usize,
    over: bool,
    /// The line was handed out; the next byte begins another.
    spent: bool,
}

/// A whole line, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole<'a> {
    pub(super) text: &'a [u8],
    /// Whether the end of the line was dropped.
    pub(super) cut: bool,
}

impl Line {
    pub(super) fn new(bound: usize) -> Self {
        Self {
            bytes: Vec::new(),
            bound,
            over: false,
            spent: false,
        }
    }

    /// Takes from `input` what belongs to the line and returns the line once it is whole.
    pub(super) fn take<'a, 'b: 'a>(&'a mut self, input: &mut &'b [u8]) -> Option<Whole<'a>> {
        if self.spent {
            self.clear();
        }
        let end = memchr::memchr(b'\n', input);
        let (piece, rest) = match end {
            Some(end) => (&input[..end], &input[end + 1..]),
            None => (*input, &input[input.len()..]),
        };
        *input = rest;
        let kept = piece.len().min(self.bound - self.bytes.len());
        self.over |= kept < piece.len();
        if end.is_none() || !self.bytes.is_empty() {
            self.bytes.extend_from_slice(&piece[..kept]);
        }
        end?;
        self.spent = true;
        let text = if self.bytes.is_empty() {
            &piece[..kept]
        } else {
            &self.bytes
        };
        let text = if self.over { text } else { trim_cr(text) };
        Some(Whole {
            text,
            cut: self.over,
        })
    }

    /// Hands over whole lines from the front of `input`, with how many bytes each took, as long as
    /// they need no bound and nothing of the first one came before. `take` says which is the last.
    /// Returns how many bytes all of them took, and whether the last one was there.
    pub(super) fn take_all(
        &mut self,
        input: &[u8],
        mut take: impl FnMut(&[u8], usize) -> bool,
    ) -> (usize, bool) {
        if self.spent {
            self.clear();
        }
        let mut start = 0;
        if !self.bytes.is_empty() || self.over {
            return (start, false);
        }
        for end in memchr::memchr_iter(b'\n', input) {
            let line = &input[start..end];
            if line.len() > self.bound {
                break;
            }
            let bytes = end + 1 - start;
            start = end + 1;
            if take(trim_cr(line), bytes) {
                return (start, true);
            }
        }
        (start, false)
    }

    /// Returns what is kept of an unfinished line.
    pub(super) fn partial(&self) -> &[u8] {
        if self.spent { &[] } else { &self.bytes }
    }

    /// Forgets the line.
    pub(super) fn clear(&mut self) {
        if self.bytes.capacity() > IDLE_BYTES {
            self.bytes = Vec::new();
        }
        self.bytes.clear();
        self.over = false;
        self.spent = false;
    }
}
