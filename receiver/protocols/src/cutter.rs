//! One direction of a protocol whose messages say how long they are: cuts bytes into messages.
//!
//! A protocol tells how long its heads are and what a head says; here it is known what that means
//! for bytes that come in pieces, or not at all. Of a body only as much is kept as the protocol
//! asks for. Nothing here knows a protocol.

use crate::conversation::Chunk;

/// The longest head that a protocol may have.
pub const HEAD_BYTES_MAX: usize = 32;

/// What the first bytes of a message say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// The head is longer than these bytes.
    More,
    /// The head ends here. So many bytes follow, of which at most so many are worth keeping.
    Body {
        /// Bytes that follow the head.
        len: u64,
        /// Of these, from the front, what is kept; it bounds the memory of a direction.
        keep: usize,
    },
    /// No message begins like this.
    Wrong,
}

/// A message.
#[derive(Debug, Clone, Default)]
pub struct Message {
    head: [u8; HEAD_BYTES_MAX],
    head_len: u8,
    /// What was kept of its body, from the front.
    pub body: Vec<u8>,
    /// Bytes of its body on the wire.
    pub body_len: u64,
    /// A part of what should have been kept was not seen.
    pub is_holed: bool,
    /// When its first byte moved.
    pub started_ns: u64,
    /// When its last byte moved.
    pub ended_ns: u64,
    /// Who moved its last byte.
    pub thread: u64,
}

impl Message {
    /// Returns its head.
    pub fn head(&self) -> &[u8] {
        &self.head[..usize::from(self.head_len)]
    }

    /// Returns its bytes on the wire.
    pub fn bytes(&self) -> u64 {
        self.body_len + u64::from(self.head_len)
    }
}

/// What is known of a direction after a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// It is known where messages begin and end.
    Sure,
    /// It is not known any more, since this chunk: messages may have been missed.
    JustLost,
    /// It was not known before, and still is not.
    Lost,
}

/// Cuts one direction.
#[derive(Debug)]
pub struct Cutter {
    /// What a head says. It gets all that is here of one, one byte at least.
    read_head: fn(&[u8]) -> Head,
    /// Whether a chunk begins with a message, when it is not known where they begin.
    is_start: fn(&[u8]) -> bool,
    phase: Phase,
    draft: Message,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Lost,
    Head,
    Body { left: u64, keep: usize },
}

impl Cutter {
    /// Creates a cutter whose first byte begins a message.
    pub fn new(read_head: fn(&[u8]) -> Head, is_start: fn(&[u8]) -> bool) -> Self {
        Self {
            read_head,
            is_start,
            phase: Phase::Head,
            draft: Message::default(),
        }
    }

    /// Reads a chunk; hands over every message that ends in it.
    pub fn feed(&mut self, chunk: &Chunk<'_>, mut take: impl FnMut(Message)) -> Stand {
        if self.phase == Phase::Lost {
            if !(self.is_start)(chunk.bytes) {
                return Stand::Lost;
            }
            self.restart();
        }
        let mut rest = chunk.bytes;
        while !rest.is_empty() {
            if !self.step(&mut rest, chunk) {
                return Stand::JustLost;
            }
            self.hand_over(chunk.at_ns, chunk.thread, &mut take);
        }
        let missing = chunk.len.saturating_sub(chunk.bytes.len()) as u64;
        self.pass(missing, chunk.at_ns, chunk.thread, take)
    }

    /// Passes over bytes that were not seen; they hurt only where a head may have been.
    pub fn pass(
        &mut self,
        len: u64,
        at_ns: u64,
        thread: u64,
        mut take: impl FnMut(Message),
    ) -> Stand {
        match &mut self.phase {
            Phase::Lost => Stand::Lost,
            _ if len == 0 => Stand::Sure,
            Phase::Body { left, keep } if len <= *left => {
                *left -= len;
                self.draft.is_holed |= self.draft.body.len() < *keep;
                *keep = self.draft.body.len();
                self.hand_over(at_ns, thread, &mut take);
                Stand::Sure
            }
            _ => {
                self.lose();
                Stand::JustLost
            }
        }
    }

    /// It is not known any more where messages begin.
    pub fn lose(&mut self) {
        self.restart();
        self.phase = Phase::Lost;
    }

    /// The next byte begins a message.
    pub fn restart(&mut self) {
        self.phase = Phase::Head;
        self.draft = Message::default();
    }

    /// Returns whether it is unknown where messages begin.
    pub fn is_lost(&self) -> bool {
        self.phase == Phase::Lost
    }

    /// Returns whether the last byte ended a message.
    pub fn is_between(&self) -> bool {
        self.phase == Phase::Head && self.draft.head_len == 0
    }

    /// Returns how many bytes are held.
    pub fn held(&self) -> usize {
        self.draft.body.capacity()
    }

    /// Reads on to the end of a head or a body. Returns whether the bytes make sense.
    fn step(&mut self, rest: &mut &[u8], chunk: &Chunk<'_>) -> bool {
        match &mut self.phase {
            Phase::Lost => false,
            Phase::Head => self.read_into_head(rest, chunk),
            Phase::Body { left, keep } => {
                let size = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                let (part, after) = rest.split_at(size);
                *rest = after;
                *left -= size as u64;
                let room = keep.saturating_sub(self.draft.body.len());
                self.draft.body.extend_from_slice(&part[..size.min(room)]);
                true
            }
        }
    }

    fn read_into_head(&mut self, rest: &mut &[u8], chunk: &Chunk<'_>) -> bool {
        if self.draft.head_len == 0 {
            self.draft.started_ns = chunk.at_ns;
        }
        loop {
            let known = usize::from(self.draft.head_len);
            match rest.split_first() {
                Some((byte, after)) if known < HEAD_BYTES_MAX => {
                    self.draft.head[known] = *byte;
                    self.draft.head_len += 1;
                    *rest = after;
                }
                Some(_) => break,
                None => return true,
            }
            match (self.read_head)(&self.draft.head[..=known]) {
                Head::More => {}
                Head::Wrong => break,
                Head::Body { len, keep } => {
                    self.draft.body_len = len;
                    let keep = usize::try_from(len).unwrap_or(usize::MAX).min(keep);
                    self.phase = Phase::Body { left: len, keep };
                    return true;
                }
            }
        }
        self.lose();
        false
    }

    fn hand_over(&mut self, at_ns: u64, thread: u64, take: &mut impl FnMut(Message)) {
        if let Phase::Body { left: 0, .. } = self.phase {
            self.phase = Phase::Head;
            let mut message = std::mem::take(&mut self.draft);
            message.ended_ns = at_ns;
            message.thread = thread;
            take(message);
        }
    }
}
