//! One direction: cuts its bytes into messages, each a type, a length and a body.
//!
//! Of a body only the beginning is kept: as much as a statement, a name or an error's code needs.
//! Rows and parameters are passed over by their lengths.

/// The longest message that is believed, as in PostgreSQL itself.
const MESSAGE_BYTES_MAX: u32 = 0x3fff_ffff;
/// Type and length.
const HEAD_BYTES: usize = 5;

/// A direction.
#[derive(Debug)]
pub(super) struct Frames {
    phase: Phase,
    /// Messages of these types have a body that is kept.
    kept_types: &'static [u8],
    kept_max: usize,
    head: [u8; HEAD_BYTES],
    /// The message that is read has no type.
    is_untyped: bool,
    draft: Message,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Unknown: only the first byte of a chunk may begin a message.
    Lost,
    /// In type and length, so many bytes of which were read.
    Head(usize),
    /// In a body.
    Body { left: u64 },
}

/// A message.
#[derive(Debug, Clone, Default)]
pub(super) struct Message {
    /// Its type; 0 for those at the beginning of a connection, which have none.
    pub(super) kind: u8,
    /// The beginning of its body.
    pub(super) body: Vec<u8>,
    /// The body is longer than what was kept or seen of it.
    pub(super) is_cut: bool,
    pub(super) started_ns: u64,
    pub(super) bytes: u64,
}

/// Where reading stopped.
#[derive(Debug)]
pub(super) enum Read {
    /// At the end of what there was.
    More,
    /// Behind a message.
    Message(Message),
    /// At something that is no message.
    Broken,
}

impl Frames {
    pub(super) fn new(kept_types: &'static [u8], kept_max: usize) -> Self {
        Self {
            phase: Phase::Head(0),
            kept_types,
            kept_max,
            head: [0; HEAD_BYTES],
            is_untyped: false,
            draft: Message::default(),
        }
    }

    /// The next message has no type.
    pub(super) fn begin_untyped(&mut self) {
        self.restart();
        self.head[0] = 0;
        self.is_untyped = true;
        self.phase = Phase::Head(1);
    }

    pub(super) fn is_lost(&self) -> bool {
        self.phase == Phase::Lost
    }

    /// Returns whether the last byte ended a message.
    pub(super) fn is_between(&self) -> bool {
        matches!(self.phase, Phase::Head(0)) || self.is_before_untyped()
    }

    pub(super) fn lose(&mut self) {
        self.restart();
        self.phase = Phase::Lost;
    }

    /// The next byte begins a message.
    pub(super) fn restart(&mut self) {
        self.phase = Phase::Head(0);
        self.is_untyped = false;
        self.draft = Message::default();
    }

    pub(super) fn held(&self) -> usize {
        self.draft.body.capacity()
    }

    /// Reads on until a message ends. What is left over belongs to the next.
    pub(super) fn read(&mut self, rest: &mut &[u8], at_ns: u64) -> Read {
        while !rest.is_empty() {
            if self.is_between() {
                self.draft.started_ns = at_ns;
            }
            let is_whole = match self.phase {
                Phase::Lost => {
                    *rest = &[];
                    return Read::More;
                }
                Phase::Head(read) => {
                    let (part, after) = rest.split_at(rest.len().min(HEAD_BYTES - read));
                    *rest = after;
                    self.head[read..read + part.len()].copy_from_slice(part);
                    self.phase = Phase::Head(read + part.len());
                    self.draft.bytes += part.len() as u64;
                    if read + part.len() < HEAD_BYTES {
                        return Read::More;
                    }
                    let Some(left) = self.begin_body() else {
                        return Read::Broken;
                    };
                    left == 0
                }
                Phase::Body { left } => {
                    let size = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    let (part, after) = rest.split_at(size);
                    *rest = after;
                    self.keep(part);
                    self.pass(left, size as u64)
                }
            };
            if is_whole {
                return Read::Message(self.taken());
            }
        }
        Read::More
    }

    /// Passes over bytes that were not captured; is broken if they go beyond the message.
    pub(super) fn skip(&mut self, len: u64) -> Read {
        if len == 0 || self.is_lost() {
            return Read::More;
        }
        match self.phase {
            Phase::Body { left } if len <= left => {
                self.draft.is_cut = true;
                if self.pass(left, len) {
                    return Read::Message(self.taken());
                }
                Read::More
            }
            _ => Read::Broken,
        }
    }

    fn is_before_untyped(&self) -> bool {
        matches!(self.phase, Phase::Head(1)) && self.head[0] == 0 && self.draft.bytes == 0
    }

    /// Returns the length of the body whose head was read.
    fn begin_body(&mut self) -> Option<u64> {
        let [kind, len @ ..] = self.head;
        let len = u32::from_be_bytes(len);
        let is_kind = kind.is_ascii_alphanumeric() || kind == 0 && self.is_untyped;
        if !(4..=MESSAGE_BYTES_MAX).contains(&len) || !is_kind {
            return None;
        }
        let left = u64::from(len - 4);
        self.draft.kind = kind;
        self.phase = Phase::Body { left };
        Some(left)
    }

    fn keep(&mut self, part: &[u8]) {
        if !self.kept_types.contains(&self.draft.kind) {
            return;
        }
        let room = self.kept_max - self.draft.body.len();
        let kept = &part[..part.len().min(room)];
        self.draft.is_cut |= kept.len() < part.len();
        if !self.draft.is_cut || self.draft.body.len() + kept.len() == self.kept_max {
            self.draft.body.extend_from_slice(kept);
        }
    }

    /// Returns whether the message ended.
    fn pass(&mut self, left: u64, len: u64) -> bool {
        self.draft.bytes += len;
        self.phase = Phase::Body { left: left - len };
        left == len
    }

    fn taken(&mut self) -> Message {
        let message = std::mem::take(&mut self.draft);
        self.is_untyped = false;
        self.phase = Phase::Head(0);
        message
    }
}

impl Message {
    /// Returns the text up to the next NUL, and what follows it. A text that was cut has no end.
    pub(super) fn text(bytes: &[u8]) -> (&[u8], &[u8]) {
        match memchr::memchr(0, bytes) {
            Some(end) => (&bytes[..end], &bytes[end + 1..]),
            None => (bytes, &[]),
        }
    }
}
