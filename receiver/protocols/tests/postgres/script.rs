//! The text form of a conversation, its replay, and the text form of what came out.
//!
//! ```text
//! > startup me shop ; tls ; Q SELECT 1 ; S      messages in one chunk; `-` is the empty name
//! > P s1 SELECT $1 ; B p s1 ; E p ; C S s1 ; d some data
//! < R ; Z ; D 100 ; C SELECT 1 ; E 42P01 ; N    likewise; D is a row of so many bytes
//! < byte N                                      one byte as it is
//! cut 10 < D 9000 ; C SELECT 1 ; Z              of the chunk only 10 bytes were captured
//! ! gap server 10                               lost bytes, `?` for an unknown number
//! ! close                                       the client closed the connection
//! ! expire                                      two minutes later
//! ```

use std::fmt::Write as _;

use tapline_protocols::{
    conversation::{Chunk, Outcome, Since, Toward, Unanswered},
    database::{Exchange, Sink},
    postgres::Postgres,
};

const MINUTE_NS: u64 = 60_000_000_000;

/// One thing that happens on a connection.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Chunk {
        toward: Toward,
        bytes: Vec<u8>,
        /// How many of them were captured.
        kept: usize,
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
    let summary = operation.summary.as_deref();
    let mut line = summary.unwrap_or(operation.name.as_ref()).to_owned();
    let outcome = match (exchange.outcome, exchange.error.as_deref()) {
        (Outcome::Answered, error) => error.unwrap_or("ok").to_owned(),
        (Outcome::Unanswered(why), _) => format!("!{}", why.error_type()),
    };
    let _infallible = write!(line, " -> {outcome}");
    if let Some(namespace) = operation.namespace.as_deref() {
        let _infallible = write!(line, " db={namespace}");
    }
    line
}

/// Reads a conversation.
pub(crate) fn acts(script: &str) -> Vec<Act> {
    let lines = script.lines().map(str::trim);
    lines.filter(|line| !line.is_empty()).map(act).collect()
}

/// Tells what a conversation comes to.
pub(crate) fn told(script: &str, since: Since) -> String {
    replay(&acts(script), since).lines()
}

/// Plays a conversation; a chunk every microsecond.
pub(crate) fn replay(acts: &[Act], since: Since) -> Seen {
    let mut reader = Postgres::new(since, MINUTE_NS);
    let mut seen = Seen::default();
    let mut at_ns = 1_000;
    for act in acts {
        at_ns += 1_000;
        match act {
            Act::Chunk {
                toward,
                bytes,
                kept,
            } => {
                let tail = if *kept < bytes.len() {
                    &bytes[bytes.len().saturating_sub(8)..]
                } else {
                    &[]
                };
                let chunk = Chunk {
                    toward: *toward,
                    at_ns,
                    bytes: &bytes[..*kept],
                    len: bytes.len(),
                    tail,
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
        assert!(reader.buffered_bytes() <= Postgres::buffered_bytes_max());
    }
    seen
}

/// Makes a whole chunk.
pub(crate) fn chunk(toward: Toward, bytes: Vec<u8>) -> Act {
    let kept = bytes.len();
    Act::Chunk {
        toward,
        bytes,
        kept,
    }
}

fn act(line: &str) -> Act {
    if let Some(text) = line.strip_prefix("! ") {
        return match text.split(' ').collect::<Vec<_>>().as_slice() {
            ["gap", "server", len] => Act::Gap(Toward::Server, len.parse().ok()),
            ["gap", _, len] => Act::Gap(Toward::Client, len.parse().ok()),
            ["close"] => Act::Close,
            ["expire"] => Act::Expire,
            other => panic!("not an act: {other:?}"),
        };
    }
    let (limit, line) = match line.strip_prefix("cut ") {
        Some(rest) => {
            let (limit, line) = rest.split_once(' ').expect("a number and a chunk");
            (limit.parse().expect("a number"), line)
        }
        None => (usize::MAX, line),
    };
    let (mark, text) = line.split_once(' ').expect("a mark and a text");
    let messages = text.split(" ; ");
    let (toward, bytes): (_, Vec<u8>) = match mark {
        ">" => (Toward::Server, messages.flat_map(request).collect()),
        _ => (Toward::Client, messages.flat_map(response).collect()),
    };
    let kept = bytes.len().min(limit);
    Act::Chunk {
        toward,
        bytes,
        kept,
    }
}

/// Writes what a client sends.
pub(crate) fn request(text: &str) -> Vec<u8> {
    let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
    let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
    let (first, second) = (name(first), name(second));
    match kind {
        "startup" => {
            let body = format!("\0\x03\0\0user\0{first}\0database\0{second}\0\0");
            framed(None, body.as_bytes())
        }
        "tls" => framed(None, &80_877_103_u32.to_be_bytes()),
        "cancel" => framed(None, &[&80_877_102_u32.to_be_bytes()[..], &[7; 8]].concat()),
        "Q" => framed(Some(b'Q'), format!("{rest}\0").as_bytes()),
        "P" => framed(Some(b'P'), format!("{first}\0{second}\0\0\0").as_bytes()),
        "B" => {
            let value = "\0\0\0\x01\0\0\0\x06secret\0\0";
            framed(Some(b'B'), format!("{first}\0{second}\0{value}").as_bytes())
        }
        "E" => framed(Some(b'E'), format!("{first}\0\0\0\0\0").as_bytes()),
        "C" | "D" => framed(
            Some(kind.as_bytes()[0]),
            format!("{first}{second}\0").as_bytes(),
        ),
        kind => framed(Some(kind.as_bytes()[0]), rest.as_bytes()),
    }
}

/// Writes what a server sends.
pub(crate) fn response(text: &str) -> Vec<u8> {
    let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
    match kind {
        "byte" => rest.as_bytes().to_vec(),
        "Z" => framed(Some(b'Z'), b"I"),
        "D" => framed(Some(b'D'), &vec![b'x'; rest.parse().expect("a size")]),
        "C" => framed(Some(b'C'), format!("{rest}\0").as_bytes()),
        "E" => {
            let body = format!("SERROR\0VERROR\0C{rest}\0Msecret \"hunter2\"\0\0");
            framed(Some(b'E'), body.as_bytes())
        }
        kind => framed(Some(kind.as_bytes()[0]), b"\0\0\0\0"),
    }
}

fn name(text: &str) -> &str {
    if text == "-" { "" } else { text }
}

fn framed(kind: Option<u8>, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len() + 4).expect("short");
    let mut bytes: Vec<u8> = kind.into_iter().collect();
    bytes.extend(len.to_be_bytes());
    bytes.extend(body);
    bytes
}
