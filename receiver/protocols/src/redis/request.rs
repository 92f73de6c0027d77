//! The client's direction: cuts its bytes into commands.
//!
//! Arguments are passed over by their lengths and never kept, but for the first three words, which
//! may be a name, a second name, a count or a database's index.

use super::line::{Line, number};
use super::sniff::is_command;
use super::word::Word;

/// The most arguments that a command is believed to have, as in Redis itself.
const ARGUMENTS_MAX: i64 = 1024 * 1024;
/// The longest argument, as in Redis itself.
const ARGUMENT_BYTES_MAX: i64 = 512 * 1024 * 1024;
/// How many words of a command are kept.
const WORDS: usize = 3;

/// The client's direction.
#[derive(Debug)]
pub(super) struct Commands {
    phase: Phase,
    line: Line,
    draft: Command,
    /// Arguments of the command that are still to come.
    left: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Unknown: only the first byte of a chunk may begin a command.
    Lost,
    /// In a framing line, or before one, or in an inline command.
    Line,
    /// In an argument, its line end included.
    Argument(u64),
}

/// A command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Command {
    words: [Word; WORDS],
    /// How many words there are, the name included.
    pub(super) count: u32,
    pub(super) started_ns: u64,
    pub(super) bytes: u64,
    /// A part of the name was not seen.
    pub(super) truncated: bool,
}

/// Where reading stopped.
#[derive(Debug)]
pub(super) enum Read {
    /// At the end of what there was.
    More,
    /// Behind a command.
    Command(Command),
    /// At something that is no command.
    Broken,
}

impl Command {
    const EMPTY: Self = Self {
        words: [Word::EMPTY; WORDS],
        count: 0,
        started_ns: 0,
        bytes: 0,
        truncated: false,
    };

    /// Returns the first words, as many as there are.
    pub(super) fn words(&self) -> &[Word] {
        &self.words[..WORDS.min(self.count as usize)]
    }

    /// Returns how many arguments stand behind the name.
    pub(super) fn arguments(&self) -> u32 {
        self.count.saturating_sub(1)
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.words[0].is(name)
    }
}

impl Commands {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Line,
            line: Line::new(),
            draft: Command::EMPTY,
            left: 0,
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.phase == Phase::Lost
    }

    /// Returns whether the last byte ended a command.
    pub(super) fn is_between(&self) -> bool {
        self.phase == Phase::Line && self.left == 0 && self.line.is_empty()
    }

    /// Forgets what was begun.
    pub(super) fn lose(&mut self) {
        self.begin(Phase::Lost);
    }

    /// Finds its way back, if a chunk begins with a command beyond doubt.
    pub(super) fn find(&mut self, bytes: &[u8]) {
        if self.is_lost() && is_command(bytes) {
            self.begin(Phase::Line);
        }
    }

    /// Reads on until a command ends.
    pub(super) fn read(&mut self, rest: &mut &[u8], at_ns: u64) -> Read {
        while !rest.is_empty() {
            if self.is_between() {
                self.draft = Command {
                    started_ns: at_ns,
                    ..Command::EMPTY
                };
            }
            let before = rest.len();
            let step = match self.phase {
                Phase::Lost => {
                    *rest = &[];
                    Read::More
                }
                Phase::Line => self.read_line(rest),
                Phase::Argument(left) => self.read_argument(rest, left),
            };
            self.draft.bytes += (before - rest.len()) as u64;
            match step {
                Read::More => {}
                Read::Command(_) => {
                    let command = self.draft;
                    self.begin(Phase::Line);
                    return Read::Command(command);
                }
                Read::Broken => {
                    self.lose();
                    return Read::Broken;
                }
            }
        }
        Read::More
    }

    /// Passes over bytes that were not captured. Returns a command that ended with them; is lost
    /// behind the argument that they began in, unless they ended with it.
    pub(super) fn skip(&mut self, len: u64) -> Option<Command> {
        if len == 0 || self.is_lost() {
            return None;
        }
        let Phase::Argument(left) = self.phase else {
            self.lose();
            return None;
        };
        if len > left {
            self.lose();
            return None;
        }
        self.draft.bytes += len;
        let at = self.word_at();
        if let (true, Some(word)) = (left > 2, self.draft.words.get_mut(at)) {
            word.cut();
            self.draft.truncated |= at == 0;
        }
        self.phase = Phase::Argument(left - len);
        if left > len || !self.end_argument() {
            return None;
        }
        let command = self.draft;
        self.begin(Phase::Line);
        Some(command)
    }

    fn begin(&mut self, phase: Phase) {
        self.phase = phase;
        self.line.clear();
        self.left = 0;
        self.draft = Command::EMPTY;
    }

    /// Returns the number of the word that is being read.
    fn word_at(&self) -> usize {
        (self.draft.count - self.left) as usize
    }

    fn read_line(&mut self, rest: &mut &[u8]) -> Read {
        if !self.line.take(rest) {
            return Read::More;
        }
        let step = if self.left > 0 {
            self.argument_line()
        } else {
            self.first_line()
        };
        self.line.clear();
        step
    }

    /// `*3`, an inline command, or an empty line, which means nothing.
    fn first_line(&mut self) -> Read {
        let begin = self.line.begin();
        match begin.first() {
            None => Read::More,
            Some(b'*') => {
                let count = self.line.whole().and_then(|line| number(&line[1..]));
                match count {
                    Some(..=0) => Read::More,
                    Some(count @ 1..=ARGUMENTS_MAX) => {
                        self.left = u32::try_from(count).expect("bounded by the pattern");
                        self.draft.count = self.left;
                        Read::More
                    }
                    _ => Read::Broken,
                }
            }
            Some(first) if first.is_ascii_alphabetic() => {
                let words = begin
                    .split(u8::is_ascii_whitespace)
                    .filter(|word| !word.is_empty());
                for (kept, word) in self.draft.words.iter_mut().zip(words) {
                    *kept = Word::new(word);
                }
                self.draft.count = self.line.words();
                Read::Command(self.draft)
            }
            Some(_) => Read::Broken,
        }
    }

    /// `$5`.
    fn argument_line(&mut self) -> Read {
        let line = self.line.whole().unwrap_or_default();
        let len = match line.split_first() {
            Some((b'$', digits)) => number(digits),
            _ => None,
        };
        let Some(len @ 0..=ARGUMENT_BYTES_MAX) = len else {
            return Read::Broken;
        };
        self.phase = Phase::Argument(len.unsigned_abs() + 2);
        Read::More
    }

    fn read_argument(&mut self, rest: &mut &[u8], left: u64) -> Read {
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
        let (part, after) = rest.split_at(size);
        *rest = after;
        let at = self.word_at();
        if let Some(word) = self.draft.words.get_mut(at) {
            // The last two bytes are the line end.
            let inside = usize::try_from(left.saturating_sub(2)).unwrap_or(usize::MAX);
            word.push(&part[..part.len().min(inside)]);
        }
        self.phase = Phase::Argument(left - size as u64);
        if left > size as u64 {
            return Read::More;
        }
        if !part.ends_with(b"\n") {
            return Read::Broken;
        }
        if self.end_argument() {
            Read::Command(self.draft)
        } else {
            Read::More
        }
    }

    /// Returns whether it was the last of its command.
    fn end_argument(&mut self) -> bool {
        self.left -= 1;
        self.phase = Phase::Line;
        self.left == 0
    }
}
