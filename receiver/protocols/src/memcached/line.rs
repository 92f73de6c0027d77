//! Lines of one direction that come in pieces, with blocks of data between them.
//!
//! A line is kept up to a bound; a block is passed over by its length.

/// The longest line that is read: a key has 250 bytes, a `get` may name many.
pub(super) const LINE_BYTES_MAX: usize = 2048;

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The beginning of a line whose end has not come.
    draft: Vec<u8>,
    /// The line is longer than what is kept of it.
    is_cut: bool,
    /// Bytes of a block that still have to come, its line end included.
    block: u64,
    is_lost: bool,
    started_ns: u64,
    bytes: u64,
}

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// A line without its end; if it announces a block, the reader calls [`Lines::expect_block`].
    Line(Line),
    /// The block that the last line announced is over.
    BlockEnd {
        bytes: u64,
    },
    More,
}

/// A line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: Vec<u8>,
    pub(super) is_cut: bool,
    pub(super) started_ns: u64,
    pub(super) bytes: u64,
}

impl Lines {
    pub(super) fn read(&mut self, rest: &mut &[u8], at_ns: u64) -> Read {
        if self.is_lost || rest.is_empty() {
            *rest = &[];
            return Read::More;
        }
        if self.block > 0 {
            let size = usize::try_from(self.block)
                .unwrap_or(usize::MAX)
                .min(rest.len());
            *rest = &rest[size..];
            return self.pass_block(size as u64);
        }
        if self.bytes == 0 {
            self.started_ns = at_ns;
        }
        let end = memchr::memchr(b'\n', rest);
        let part = &rest[..end.unwrap_or(rest.len())];
        *rest = &rest[end.map_or(rest.len(), |end| end + 1)..];
        self.bytes += part.len() as u64 + u64::from(end.is_some());
        let room = LINE_BYTES_MAX - self.draft.len();
        self.is_cut |= part.len() > room;
        self.draft.extend_from_slice(&part[..part.len().min(room)]);
        if end.is_none() {
            return Read::More;
        }
        let mut text = std::mem::take(&mut self.draft);
        if text.last() == Some(&b'\r') {
            text.pop();
        }
        Read::Line(Line {
            text,
            is_cut: std::mem::take(&mut self.is_cut),
            started_ns: self.started_ns,
            bytes: std::mem::take(&mut self.bytes),
        })
    }

    /// Passes over bytes that were not seen. Outside a block they lose the place.
    pub(super) fn skip(&mut self, len: u64) -> Read {
        if len > 0 && len <= self.block {
            return self.pass_block(len);
        }
        if len > 0 {
            self.lose();
        }
        Read::More
    }

    /// Returns whether so many bytes that were not seen lose the place.
    pub(super) fn is_missing(&self, len: u64) -> bool {
        len > 0 && len > self.block
    }

    /// So many bytes and a line end come next.
    pub(super) fn expect_block(&mut self, len: u64) {
        self.block = len.saturating_add(2);
        self.bytes = 0;
    }

    pub(super) fn lose(&mut self) {
        *self = Self {
            is_lost: true,
            ..Self::default()
        };
    }

    /// The next byte begins a line.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Returns whether a line has begun.
    pub(super) fn is_in_line(&self) -> bool {
        !self.draft.is_empty()
    }

    pub(super) fn held(&self) -> usize {
        self.draft.capacity()
    }

    fn pass_block(&mut self, len: u64) -> Read {
        self.block -= len;
        self.bytes += len;
        if self.block > 0 {
            return Read::More;
        }
        Read::BlockEnd {
            bytes: std::mem::take(&mut self.bytes),
        }
    }
}
