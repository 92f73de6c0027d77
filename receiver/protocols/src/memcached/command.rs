//! What a line of a memcached client asks for. Keys are counted and forgotten.
//!
//! By `doc/protocol.txt` of memcached: the classic commands and the meta commands.

/// What a command is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) name: &'static str,
    pub(super) keys: Option<u32>,
    /// A block of so many bytes follows.
    pub(super) block: Option<u64>,
    pub(super) answer: Answer,
}

/// How it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// By one line.
    Line,
    /// By values or statistics, and `END`.
    UntilEnd,
    /// By one line that may announce a value.
    Meta,
    /// Not at all.
    Never,
    /// Not at all if there is nothing to tell, as its asker wished; else by one line.
    OnlyTrouble,
    /// It ends quiet commands: by their answers and `MN`.
    UntilMn,
    /// It ends quiet commands: by whatever comes before the client goes on.
    UntilTurn,
}

/// What stands behind a name.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// Keys.
    Keys,
    /// An expiry, then keys.
    ExpiryAndKeys,
    /// A key, flags, an expiry, a length; a block follows.
    Store,
    /// A key and whatever; `noreply` may end it.
    Key,
    /// No key.
    Plain,
    /// Answered until `END`.
    Many,
    /// A key and flags of a letter each.
    Meta,
    /// The same with a length behind the key; a block follows.
    MetaStore,
    /// Nothing is answered.
    Silent,
}

const COMMANDS: &[(&str, Shape)] = &[
    ("get", Shape::Keys),
    ("gets", Shape::Keys),
    ("gat", Shape::ExpiryAndKeys),
    ("gats", Shape::ExpiryAndKeys),
    ("set", Shape::Store),
    ("add", Shape::Store),
    ("replace", Shape::Store),
    ("append", Shape::Store),
    ("prepend", Shape::Store),
    ("cas", Shape::Store),
    ("delete", Shape::Key),
    ("incr", Shape::Key),
    ("decr", Shape::Key),
    ("touch", Shape::Key),
    ("mg", Shape::Meta),
    ("ms", Shape::MetaStore),
    ("md", Shape::Meta),
    ("ma", Shape::Meta),
    ("me", Shape::Meta),
    ("mn", Shape::Plain),
    ("stats", Shape::Many),
    ("flush_all", Shape::Plain),
    ("version", Shape::Plain),
    ("verbosity", Shape::Plain),
    ("cache_memlimit", Shape::Plain),
    ("quit", Shape::Silent),
];

/// Reads a line; `None` if it is no command that is known. A line that was cut is one all the same.
pub(super) fn command(line: &[u8], is_cut: bool) -> Option<Command> {
    let mut words = line
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty());
    let name = words.next()?;
    let (name, shape) = COMMANDS
        .iter()
        .find(|(known, _)| known.as_bytes() == name)?;
    let words: Vec<&[u8]> = words.collect();
    let keys = |count: usize| (!is_cut).then(|| u32::try_from(count).unwrap_or(u32::MAX));
    let quiet = words.last() == Some(&b"noreply".as_slice());
    let line_or_never = if quiet { Answer::Never } else { Answer::Line };
    let (keys, block, answer) = match shape {
        Shape::Keys | Shape::Key | Shape::Meta if words.is_empty() => return None,
        Shape::Keys => (keys(words.len()), None, Answer::UntilEnd),
        Shape::ExpiryAndKeys => (keys(words.len().checked_sub(1)?), None, Answer::UntilEnd),
        Shape::Store => (Some(1), Some(number(words.get(3)?)?), line_or_never),
        Shape::Key => (Some(1), None, line_or_never),
        Shape::Plain => (None, None, line_or_never),
        Shape::Many => (None, None, Answer::UntilEnd),
        Shape::Silent => (None, None, Answer::Never),
        Shape::Meta => (Some(1), None, meta_answer(&words[1..])),
        Shape::MetaStore => {
            let len = number(words.get(1)?)?;
            (Some(1), Some(len), meta_answer(&words[2..]))
        }
    };
    Some(Command {
        name,
        keys,
        block,
        answer,
    })
}

/// Tells whether `bytes` may be the beginning of a line with a command.
pub(super) fn may_be_command(bytes: &[u8]) -> bool {
    let word = bytes.split(|byte| matches!(byte, b' ' | b'\r' | b'\n'));
    let word = word.into_iter().next().unwrap_or_default();
    let is_whole = word.len() < bytes.len();
    COMMANDS.iter().any(|(name, _)| {
        if is_whole {
            name.as_bytes() == word
        } else {
            name.as_bytes().starts_with(word)
        }
    })
}

/// With the flag `q` only what is worth telling is told.
fn meta_answer(flags: &[&[u8]]) -> Answer {
    if flags.iter().any(|flag| *flag == b"q") {
        Answer::OnlyTrouble
    } else {
        Answer::Meta
    }
}

fn number(word: &[u8]) -> Option<u64> {
    const DIGITS_MAX: usize = 10;
    let text = std::str::from_utf8(word).ok()?;
    (text.len() <= DIGITS_MAX).then(|| text.parse().ok())?
}
