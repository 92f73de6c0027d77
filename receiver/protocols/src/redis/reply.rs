//! The server's direction: cuts its bytes into replies, RESP2 and RESP3.
//!
//! Values are passed over by their lengths. What is kept is the code of an error and the first word
//! of a list, by which messages to subscribers are told from replies.

use super::line::{Line, number};
use super::word::Word;

/// How deep lists may be nested.
const DEPTH_MAX: usize = 32;
/// The longest value, as in Redis itself.
const VALUE_BYTES_MAX: i64 = 512 * 1024 * 1024;

/// The server's direction.
#[derive(Debug)]
pub(super) struct Replies {
    phase: Phase,
    line: Line,
    /// Elements still to come, of every list that is open.
    open: Vec<u64>,
    draft: Reply,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Unknown where a reply begins.
    Lost,
    /// In a framing line, or before one.
    Line,
    /// In a value, its line end included.
    Value { left: u64, role: Role },
}

/// What a value is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Nothing,
    /// The first element of a list.
    First,
    /// The words of an error.
    Error,
}

/// A reply.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reply {
    /// The byte that it begins with.
    pub(super) mark: u8,
    /// The first word of a list, or a simple string.
    pub(super) first: Word,
    /// The code of the first error in it.
    pub(super) error: Option<Word>,
    /// The server does not know the command.
    pub(super) unknown_command: bool,
    pub(super) started_ns: u64,
    pub(super) bytes: u64,
    elements: u64,
}

/// Where reading stopped.
#[derive(Debug)]
pub(super) enum Read {
    /// At the end of what there was.
    More,
    /// Behind a reply.
    Reply(Reply),
    /// At something that is no reply.
    Broken,
}

impl Reply {
    const EMPTY: Self = Self {
        mark: 0,
        first: Word::EMPTY,
        error: None,
        unknown_command: false,
        started_ns: 0,
        bytes: 0,
        elements: 0,
    };
}

impl Replies {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Line,
            line: Line::new(),
            open: Vec::new(),
            draft: Reply::EMPTY,
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.phase == Phase::Lost
    }

    /// Returns whether the last byte ended a reply.
    pub(super) fn is_between(&self) -> bool {
        self.phase == Phase::Line && self.open.is_empty() && self.line.is_empty()
    }

    /// Returns the reply that was begun, as far as it was seen.
    pub(super) fn begun(&self) -> &Reply {
        &self.draft
    }

    /// Forgets what was begun.
    pub(super) fn lose(&mut self) {
        self.restart();
        self.phase = Phase::Lost;
    }

    /// The next byte begins a reply.
    pub(super) fn restart(&mut self) {
        self.phase = Phase::Line;
        self.line.clear();
        self.open.clear();
        self.draft = Reply::EMPTY;
    }

    pub(super) fn held(&self) -> usize {
        self.open.capacity() * size_of::<u64>()
    }

    /// Reads on until a reply ends.
    pub(super) fn read(&mut self, rest: &mut &[u8], at_ns: u64) -> Read {
        while !rest.is_empty() {
            if self.is_between() {
                self.draft = Reply {
                    started_ns: at_ns,
                    ..Reply::EMPTY
                };
            }
            let before = rest.len();
            let step = match self.phase {
                Phase::Lost => {
                    *rest = &[];
                    Step::On
                }
                Phase::Line if self.line.take(rest) => {
                    let step = self.on_line();
                    self.line.clear();
                    step
                }
                Phase::Line => Step::On,
                Phase::Value { left, role } => self.read_value(rest, left, role),
            };
            self.draft.bytes += (before - rest.len()) as u64;
            match step {
                Step::On => {}
                Step::Element if !self.end_element() => {}
                Step::Element => return Read::Reply(self.taken()),
                Step::Broken => return Read::Broken,
            }
        }
        Read::More
    }

    /// Passes over bytes that were not captured. Returns a reply that ended with them, or whether
    /// the place in the stream is still known.
    pub(super) fn skip(&mut self, len: u64) -> Read {
        if len == 0 || self.is_lost() {
            return Read::More;
        }
        let Phase::Value { left, role } = self.phase else {
            return Read::Broken;
        };
        if len > left {
            return Read::Broken;
        }
        self.draft.bytes += len;
        if role == Role::First && left > 2 {
            self.draft.first.cut();
        }
        self.phase = Phase::Value {
            left: left - len,
            role,
        };
        if left == len && self.end_element() {
            return Read::Reply(self.taken());
        }
        Read::More
    }

    fn taken(&mut self) -> Reply {
        let reply = self.draft;
        self.restart();
        reply
    }

    fn on_line(&mut self) -> Step {
        let Some((mark, text)) = self.line.begin().split_first() else {
            return Step::Broken;
        };
        let (mark, number) = (*mark, self.line.whole().and_then(|line| number(&line[1..])));
        if self.draft.mark == 0 {
            self.draft.mark = mark;
        }
        self.draft.elements += 1;
        match (mark, number) {
            (b'-', _) => {
                let words = text.to_owned();
                self.on_error(&words);
                Step::Element
            }
            (b'+', _) if self.draft.elements == 1 => {
                self.draft.first = Word::new(text);
                Step::Element
            }
            (b'+' | b',' | b'(' | b'_' | b'#', _)
            | (b':', Some(_))
            | (b'$' | b'=' | b'!', Some(-1))
            | (b'*' | b'~' | b'>' | b'%', Some(-1..=0)) => Step::Element,
            (b'$' | b'=' | b'!', Some(len @ 0..=VALUE_BYTES_MAX)) => {
                let role = match (mark, self.draft.elements, self.open.len()) {
                    (b'!', _, _) => Role::Error,
                    (b'$', 2, 1) => Role::First,
                    _ => Role::Nothing,
                };
                self.phase = Phase::Value {
                    left: len.unsigned_abs() + 2,
                    role,
                };
                Step::On
            }
            (b'*' | b'~' | b'>', Some(count @ 1..)) => self.open(count.unsigned_abs()),
            (b'%', Some(count @ 1..)) => self.open(2 * count.unsigned_abs()),
            // Attributes stand before what they belong to, as if both were one list.
            (b'|', Some(count @ 0..)) => {
                self.draft.mark = 0;
                self.open(2 * count.unsigned_abs() + 1)
            }
            _ => Step::Broken,
        }
    }

    fn open(&mut self, elements: u64) -> Step {
        if self.open.len() >= DEPTH_MAX {
            return Step::Broken;
        }
        self.open.push(elements);
        Step::On
    }

    fn read_value(&mut self, rest: &mut &[u8], left: u64, role: Role) -> Step {
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
        let (part, after) = rest.split_at(size);
        *rest = after;
        let inside = usize::try_from(left.saturating_sub(2)).unwrap_or(usize::MAX);
        let inner = &part[..part.len().min(inside)];
        match role {
            Role::Nothing => {}
            Role::First => self.draft.first.push(inner),
            Role::Error => {
                let mut inner = inner;
                let _whole = self.line.take(&mut inner);
            }
        }
        let left = left - size as u64;
        self.phase = Phase::Value { left, role };
        if left > 0 {
            return Step::On;
        }
        if role == Role::Error {
            let words = self.line.begin().to_owned();
            self.line.clear();
            self.on_error(&words);
        }
        if part.ends_with(b"\n") {
            Step::Element
        } else {
            Step::Broken
        }
    }

    /// Takes the code in front of an error, never its words.
    fn on_error(&mut self, words: &[u8]) {
        if self.draft.error.is_some() {
            return;
        }
        let code = words.split(|byte| *byte == b' ').next().unwrap_or_default();
        let is_code = code.first().is_some_and(u8::is_ascii_uppercase)
            && code
                .iter()
                .all(|byte| byte.is_ascii_uppercase() || *byte == b'_');
        self.draft.error = Some(if is_code {
            Word::new(code)
        } else {
            Word::EMPTY
        });
        self.draft.unknown_command |= words.starts_with(b"ERR unknown command");
    }

    /// Returns whether the reply ended with the element.
    fn end_element(&mut self) -> bool {
        self.phase = Phase::Line;
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return false;
            }
            self.open.pop();
        }
        true
    }
}

/// What a step came to.
#[derive(Debug)]
enum Step {
    On,
    Element,
    Broken,
}
