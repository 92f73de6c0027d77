//! The text form of a conversation, its replay, and the text form of what came out.
//!
//! ```text
//! > SET k v ; GET k      commands in one chunk, written as Redis wants them
//! >> PING\r\n            bytes to the server as they are
//! < +OK ; $1\r\nv        replies in one chunk, each with a line end behind it
//! << +O                  bytes to the client as they are
//! >> ...{100}            a chunk that has 100 more bytes, which were not captured
//! ! gap server 10        lost bytes, `?` for an unknown number
//! ! close                the client closed the connection
//! ! expire               two minutes later
//! ```
//! What came out is a line for each exchange: statement, ` -> `, code of the error or why there is
//! no answer, and what else is known.

use std::fmt::Write as _;

use tapline_protocols::{
    conversation::{Chunk, Outcome, Since, Toward, Unanswered},
    database::{Exchange, Sink},
    redis::Redis,
};

const MINUTE_NS: u64 = 60_000_000_000;

/// One thing that happens on a connection.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Chunk {
        toward: Toward,
        bytes: Vec<u8>,
        missing: usize,
    },
    Gap(Toward, Option<u64>),
    Close,
    Expire,
}

/// Collects what comes out, and holds the promises of the sink.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) announced: Vec<u32>,
    pub(crate) exchanges: Vec<(u32, Exchange)>,
}

impl Sink for Seen {
    fn request(&mut self, id: u32, _thread: u64) {
        assert!(!self.announced.contains(&id), "{id} announced twice");
        self.announced.push(id);
    }

    fn exchange(&mut self, id: u32, exchange: Exchange) {
        assert!(self.announced.contains(&id), "{id} was not announced");
        let twice = self.exchanges.iter().any(|(known, _)| *known == id);
        assert!(!twice, "{id} finished twice");
        assert!(exchange.started_ns <= exchange.ended_ns, "{exchange:?}");
        self.exchanges.push((id, exchange));
    }
}

impl Seen {
    /// Returns the exchanges as text, in the order of their requests.
    pub(crate) fn lines(&self) -> String {
        let mut sorted: Vec<_> = self.exchanges.iter().collect();
        sorted.sort_by_key(|(id, _)| *id);
        let mut out = String::new();
        for (_, exchange) in sorted {
            let _infallible = writeln!(out, "{}", line(exchange));
        }
        out
    }
}

fn line(exchange: &Exchange) -> String {
    let operation = &exchange.operation;
    let text = operation.text.as_deref();
    let mut line = text.unwrap_or(operation.name.as_ref()).to_owned();
    assert!(line.starts_with(operation.name.as_ref()), "{line}");
    let outcome = match (exchange.outcome, exchange.error.as_deref()) {
        (Outcome::Answered, error) => error.unwrap_or("ok").to_owned(),
        (Outcome::Unanswered(why), _) => format!("!{}", why.error_type()),
    };
    let _infallible = write!(line, " -> {outcome}");
    let namespace = operation.namespace.as_deref().unwrap_or("?");
    if namespace != "0" {
        let _infallible = write!(line, " db={namespace}");
    }
    if let Some(keys) = operation.keys {
        let _infallible = write!(line, " keys={keys}");
    }
    if let Some(size) = operation.batch_size {
        let _infallible = write!(line, " batch={size}");
    }
    if operation.truncated {
        line.push_str(" truncated");
    }
    line
}

/// Reads a conversation.
pub(crate) fn acts(script: &str) -> Vec<Act> {
    let lines = script.lines().map(str::trim);
    lines.filter(|line| !line.is_empty()).map(act).collect()
}

/// Tells what a conversation comes to, seen from its first byte on.
pub(crate) fn told(script: &str) -> String {
    replay(&acts(script), Since::Begin).lines()
}

/// Plays a conversation; a chunk every microsecond.
pub(crate) fn replay(acts: &[Act], since: Since) -> Seen {
    let mut reader = Redis::new(since, MINUTE_NS);
    let mut seen = Seen::default();
    let mut at_ns = 1_000;
    for act in acts {
        at_ns += 1_000;
        match act {
            Act::Chunk {
                toward,
                bytes,
                missing,
            } => {
                let chunk = Chunk {
                    toward: *toward,
                    at_ns,
                    bytes,
                    len: bytes.len() + missing,
                    tail: &[],
                    thread: 7,
                };
                reader.feed(chunk, &mut seen);
            }
            Act::Gap(toward, len) => reader.gap(*toward, at_ns, *len, &mut seen),
            Act::Close => reader.close(at_ns, Unanswered::ClosedByClient, &mut seen),
            Act::Expire => {
                at_ns += 2 * MINUTE_NS;
                reader.expire(at_ns, &mut seen);
            }
        }
        let announced = seen.announced.len() - seen.exchanges.len();
        assert_eq!(reader.open_requests(), announced);
    }
    seen
}

/// Writes a command as clients do.
pub(crate) fn command(text: &str) -> Vec<u8> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
    }
    bytes
}

fn act(line: &str) -> Act {
    let (mark, text) = line.split_once(' ').expect("a mark and a text");
    let each = |text: &str, write: fn(&str) -> Vec<u8>| -> Vec<u8> {
        text.split(" ; ").flat_map(write).collect()
    };
    match mark {
        ">" => whole(Toward::Server, each(text, command)),
        ">>" => chunk(Toward::Server, text),
        "<" => whole(
            Toward::Client,
            each(text, |one| [raw(one), raw("\\r\\n")].concat()),
        ),
        "<<" => chunk(Toward::Client, text),
        _ => match text.split(' ').collect::<Vec<_>>().as_slice() {
            ["gap", toward, len] => {
                let toward = match *toward {
                    "server" => Toward::Server,
                    _ => Toward::Client,
                };
                Act::Gap(toward, len.parse().ok())
            }
            ["close"] => Act::Close,
            ["expire"] => Act::Expire,
            other => panic!("not an act: {other:?}"),
        },
    }
}

fn whole(toward: Toward, bytes: Vec<u8>) -> Act {
    Act::Chunk {
        toward,
        bytes,
        missing: 0,
    }
}

fn chunk(toward: Toward, text: &str) -> Act {
    let (text, missing) = match text.rsplit_once('{') {
        Some((text, missing)) => (
            text,
            missing.trim_end_matches('}').parse().expect("a number"),
        ),
        None => (text, 0),
    };
    Act::Chunk {
        toward,
        bytes: raw(text),
        missing,
    }
}

fn raw(text: &str) -> Vec<u8> {
    text.replace("\\r", "\r").replace("\\n", "\n").into_bytes()
}
