//! The text form of a conversation in any protocol, and its replay through recognition and parser.
//!
//! ```text
//! > GET k\r\n            bytes to the server; \r \n \t \0 \\ and \xNN are escapes
//! < \x00\x01...{100}     bytes to the client, then 100 more that were not captured
//! ! gap server 10        lost bytes, `?` for an unknown number
//! ! close                the client closed the connection
//! ! expire               two minutes later
//! ```

use std::borrow::Borrow;

use tapline_protocols::{
    conversation::{Chunk, Limits, Outcome, Since, Toward, Unanswered},
    parser::{Asked, Parser, Sink, Told},
    recognition::{Beginning, Look, PROTOCOLS, Protocol, Recognizer},
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
    pub(crate) told: Vec<(u32, Told)>,
    /// The most bytes that the parser said it held.
    pub(crate) held_max: usize,
    /// Requests that continue a trace.
    pub(crate) traced: Vec<u32>,
    /// The parser says that the bytes are not of its protocol.
    pub(crate) is_mistaken: bool,
}

impl Sink for Seen {
    fn request(&mut self, id: u32, asked: Asked<'_>) {
        if asked.trace.is_some() {
            self.traced.push(id);
        }
        assert!(!self.announced.contains(&id), "{id} announced twice");
        self.announced.push(id);
    }

    fn exchange(&mut self, id: u32, told: Told) {
        assert!(self.announced.contains(&id), "{id} was not announced");
        let twice = self.told.iter().any(|(known, _)| *known == id);
        assert!(!twice, "{id} finished twice");
        self.told.push((id, told));
    }
}

impl Seen {
    /// Returns what was told as lines, in the order of the requests.
    pub(crate) fn lines(&self, line: fn(&Told) -> String) -> String {
        let mut sorted: Vec<_> = self.told.iter().collect();
        sorted.sort_by_key(|(id, _)| *id);
        sorted
            .iter()
            .map(|(_, told)| line(told) + "\n")
            .collect::<String>()
    }
}

/// Returns an operation on a database in words: what it is, of how much, and how it ended.
pub(crate) fn operation(told: &Told) -> String {
    let Told::Database(exchange) = told else {
        panic!("{told:?} of a database")
    };
    let operation = &exchange.operation;
    let summary = operation.summary.as_deref();
    let mut words = vec![summary.unwrap_or(&operation.name).to_owned()];
    words.extend(operation.namespace.iter().map(|name| format!("@{name}")));
    words.extend(operation.keys.iter().map(|keys| format!("keys={keys}")));
    words.extend(
        operation
            .batch_size
            .iter()
            .map(|size| format!("batch={size}")),
    );
    words.extend(operation.truncated.then(|| "truncated".to_owned()));
    words.push("->".to_owned());
    words.push(match exchange.outcome {
        Outcome::Answered => exchange.error.as_deref().unwrap_or("ok").to_owned(),
        Outcome::Unanswered(why) => format!("!{}", why.error_type()),
    });
    words.push(format!(
        "{}/{}",
        exchange.request_bytes, exchange.response_bytes
    ));
    words.join(" ")
}

/// Returns the protocol with a name.
pub(crate) fn protocol(name: &str) -> &'static Protocol {
    let found = PROTOCOLS.iter().find(|protocol| protocol.name == name);
    found.unwrap_or_else(|| panic!("no protocol {name}"))
}

/// Reads a conversation.
pub(crate) fn acts(script: &str) -> Vec<Act> {
    let lines = script.lines().map(str::trim);
    lines.filter(|line| !line.is_empty()).map(act).collect()
}

/// Plays a conversation, a chunk every microsecond, to a parser of the protocol.
pub(crate) fn replay(protocol: &Protocol, acts: &[Act], since: Since) -> Seen {
    let times = (2_000..).step_by(1_000);
    let timed: Vec<(u64, &Act)> = times.zip(acts).collect();
    replay_timed(protocol, &timed, since)
}

/// Plays a conversation of which it is given when each thing happens.
pub(crate) fn replay_timed(
    protocol: &Protocol,
    acts: &[(u64, impl Borrow<Act>)],
    since: Since,
) -> Seen {
    let (toward, bytes) = first_run(acts.iter().map(|(_, act)| act.borrow()));
    let beginning = Beginning {
        bytes: &bytes,
        len: bytes.len(),
        toward: Some(toward),
        since,
        port: 0,
    };
    let mut parser = (protocol.parser)(&beginning, Limits::default());
    let mut seen = Seen::default();
    let mut silent_ns = 0;
    for (at_ns, act) in acts {
        let act = act.borrow();
        let mut now_ns = at_ns + silent_ns;
        play(parser.as_mut(), act, &mut now_ns, &mut seen);
        silent_ns = now_ns - at_ns;
        seen.held_max = seen.held_max.max(parser.buffered_bytes());
        assert_eq!(
            parser.open_requests(),
            seen.announced.len() - seen.told.len(),
            "open requests of {} after {act:?}",
            protocol.name
        );
    }
    seen.is_mistaken = parser.is_mistaken();
    seen
}

/// Returns what one end says before the other does.
fn first_run<'a>(acts: impl Iterator<Item = &'a Act>) -> (Toward, Vec<u8>) {
    let (mut first, mut all) = (None, Vec::new());
    for act in acts {
        match act {
            Act::Chunk {
                toward,
                bytes,
                missing,
            } if first.is_none_or(|it| it == *toward) => {
                first = Some(*toward);
                all.extend_from_slice(bytes);
                if *missing > 0 {
                    break;
                }
            }
            _ => break,
        }
    }
    (first.unwrap_or(Toward::Server), all)
}

pub(crate) fn play(parser: &mut dyn Parser, act: &Act, at_ns: &mut u64, seen: &mut Seen) {
    match act {
        Act::Chunk {
            toward,
            bytes,
            missing,
        } => {
            let chunk = Chunk {
                toward: *toward,
                at_ns: *at_ns,
                bytes,
                len: bytes.len() + missing,
                tail: &[],
                thread: 7,
            };
            parser.feed(chunk, seen);
        }
        Act::Gap(toward, len) => parser.gap(*toward, *at_ns, *len, seen),
        Act::Close => parser.close(*at_ns, Unanswered::ClosedByClient, seen),
        Act::Expire => {
            *at_ns += 2 * MINUTE_NS;
            parser.expire(*at_ns, seen);
        }
    }
}

/// Returns the name of the protocol that recognition finds, and the act that showed it.
pub(crate) fn recognised(acts: &[Act], toward_known: bool) -> Option<(&'static str, usize)> {
    let mut recognizer = Recognizer::default();
    let mut run: (Option<Toward>, Vec<u8>, usize) = (None, Vec::new(), 0);
    for (number, act) in acts.iter().enumerate() {
        let Act::Chunk {
            toward,
            bytes,
            missing,
        } = act
        else {
            continue;
        };
        if run.0 != Some(*toward) {
            run = (Some(*toward), Vec::new(), 0);
        }
        run.1.extend(bytes);
        run.2 += bytes.len() + missing;
        let beginning = Beginning {
            bytes: &run.1,
            len: run.2,
            toward: toward_known.then_some(*toward),
            since: Since::Later,
            port: 0,
        };
        if let Look::Found(found, _) = recognizer.look(&beginning, *toward == Toward::Server) {
            return Some((PROTOCOLS[found].name, number));
        }
    }
    None
}

/// Returns the conversation with every chunk in pieces of `size` bytes.
pub(crate) fn in_pieces(acts: &[Act], size: usize) -> Vec<Act> {
    let mut out = Vec::new();
    for act in acts {
        match act {
            Act::Chunk {
                toward,
                bytes,
                missing: 0,
            } => out.extend(bytes.chunks(size).map(|piece| Act::Chunk {
                toward: *toward,
                bytes: piece.to_vec(),
                missing: 0,
            })),
            other => out.push(other.clone()),
        }
    }
    out
}

/// Returns every way to capture only the first `kept` bytes of one chunk.
pub(crate) fn cuts(acts: &[Act]) -> impl Iterator<Item = Vec<Act>> {
    let chunks = acts.iter().enumerate().flat_map(|(index, act)| match act {
        Act::Chunk { bytes, .. } => (0..bytes.len()).map(|kept| (index, kept)).collect(),
        _ => Vec::new(),
    });
    chunks.map(|(index, kept)| {
        let mut cut = acts.to_vec();
        if let Act::Chunk { bytes, missing, .. } = &mut cut[index] {
            *missing += bytes.len() - kept;
            bytes.truncate(kept);
        }
        cut
    })
}

fn act(line: &str) -> Act {
    let (mark, rest) = line.split_once(' ').expect("a mark and a text");
    match mark {
        ">" => chunk(Toward::Server, rest),
        "<" => chunk(Toward::Client, rest),
        _ => special(rest),
    }
}

fn special(text: &str) -> Act {
    let words: Vec<&str> = text.split(' ').collect();
    match words.as_slice() {
        ["close"] => Act::Close,
        ["expire"] => Act::Expire,
        ["gap", "server", len] => Act::Gap(Toward::Server, len.parse().ok()),
        ["gap", "client", len] => Act::Gap(Toward::Client, len.parse().ok()),
        _ => panic!("what is {text:?}?"),
    }
}

fn chunk(toward: Toward, text: &str) -> Act {
    let (text, missing) = match text.rsplit_once("...{") {
        Some((text, missing)) => {
            let number = missing.trim_end_matches('}').parse();
            (text, number.expect("a number of bytes"))
        }
        None => (text, 0),
    };
    Act::Chunk {
        toward,
        bytes: unescaped(text),
        missing,
    }
}

/// Returns the bytes of a text with escapes.
pub(crate) fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            bytes.extend(char.to_string().bytes());
            continue;
        }
        bytes.push(match chars.next() {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('t') => b'\t',
            Some('0') => 0,
            Some('\\') => b'\\',
            Some('x') => {
                let digits: String = chars.by_ref().take(2).collect();
                u8::from_str_radix(&digits, 16).expect("two hex digits")
            }
            other => panic!("no such escape: {other:?}"),
        });
    }
    bytes
}
