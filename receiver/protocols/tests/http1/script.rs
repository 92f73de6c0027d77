//! The text form of a conversation, its replay, and the text form of what came out.
//!
//! ```text
//! ## name
//! > GET /a HTTP/1.1       bytes to the server, CRLF at the end
//! > no line end\          a backslash: no CRLF
//! > bare\n                a bare LF
//! > +100                  bytes that were not captured
//! > +100 tail 0\r\n\r\n   of which the last are known
//! >>                      another chunk in the same direction
//! < ...                   bytes to the client
//! ! gap server 10         lost bytes, `?` for an unknown number
//! ! close reset           the end of the connection
//! ! expire                two minutes later
//! = GET /a -> 200 | 0 5   an exchange: body bytes of request and response
//! ~~                      losses are tried from here on: before, nobody could know of pipelining
//! ~ /b 201                what was the truth of a pair that cannot be known any more
//! ```

use std::fmt::Write as _;

use tapline_protocols::http1::{
    Chunk, Exchange, Http1, Limits, Outcome, Request, Sink, Toward, Unanswered,
};

/// One thing that happens on a connection.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Chunk(Piece),
    Gap(Toward, Option<u64>),
    Close(Unanswered),
    Expire,
}

/// A chunk that owns its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) toward: Toward,
    pub(crate) bytes: Vec<u8>,
    pub(crate) missing: usize,
    pub(crate) tail: Vec<u8>,
}

/// A conversation and what it must come to.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) name: String,
    pub(crate) acts: Vec<Act>,
    pub(crate) expected: Vec<String>,
    pub(crate) unknowable: Vec<(String, u16)>,
    /// The first act that may be lost.
    pub(crate) fragile: usize,
}

/// Collects what comes out, and holds the promises of the sink.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) announced: Vec<(u32, Request)>,
    pub(crate) exchanges: Vec<(u32, Exchange)>,
}

impl Sink for Seen {
    fn request(&mut self, id: u32, request: &Request, _thread: u64) {
        assert!(
            self.announced.iter().all(|(known, _)| *known != id),
            "id {id} announced twice"
        );
        self.announced.push((id, request.clone()));
    }

    fn exchange(&mut self, id: u32, exchange: Box<Exchange>) {
        assert!(
            self.announced.iter().any(|(known, _)| *known == id),
            "{id} was not announced"
        );
        assert!(
            self.exchanges.iter().all(|(known, _)| *known != id),
            "id {id} finished twice"
        );
        assert!(
            exchange.started_ns <= exchange.request_ended_ns,
            "{exchange:?}"
        );
        assert!(exchange.started_ns <= exchange.ended_ns, "{exchange:?}");
        self.exchanges.push((id, *exchange));
    }
}

impl Seen {
    /// Returns the exchanges as text, in the order of their requests.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.sorted().into_iter().map(line).collect()
    }

    /// Returns everything but the times, in the order of the requests.
    pub(crate) fn timeless(&self) -> Vec<Exchange> {
        let timeless = |exchange: &Exchange| Exchange {
            started_ns: 0,
            request_ended_ns: 0,
            response_started_ns: exchange.response_started_ns.map(|_| 0),
            ended_ns: 0,
            ..exchange.clone()
        };
        self.sorted().into_iter().map(timeless).collect()
    }

    fn sorted(&self) -> Vec<&Exchange> {
        let mut sorted: Vec<_> = self.exchanges.iter().collect();
        sorted.sort_by_key(|(id, _)| *id);
        sorted.into_iter().map(|(_, exchange)| exchange).collect()
    }
}

fn line(exchange: &Exchange) -> String {
    let request = &exchange.request;
    let mut line = format!("{} {}", request.method, request.target);
    if request.version != "1.1" {
        let _ = write!(line, " ({})", request.version);
    }
    if let Some(scheme) = &request.scheme {
        let _ = write!(line, " scheme {scheme}");
    }
    if let Some(host) = &request.host {
        let _ = write!(line, " host {host}");
    }
    line += if request.truncated { " cut ->" } else { " ->" };
    if let Some(response) = &exchange.response {
        let _ = write!(line, " {}", response.status);
        line += if response.truncated { " cut" } else { "" };
    }
    if let Outcome::Unanswered(why) = exchange.outcome {
        let _ = write!(line, " {}", why.error_type());
    }
    line += if exchange.upgraded { " upgraded" } else { "" };
    line + &format!(
        " | {} {}",
        exchange.request_body_bytes, exchange.response_body_bytes
    )
}

/// Replays a conversation, a millisecond between its chunks, and closes what it leaves open.
pub(crate) fn replay(acts: &[Act]) -> Seen {
    let limits = Limits::default();
    let mut reader = Http1::new(limits);
    let mut seen = Seen::default();
    let mut now = 1_000_000;
    for act in acts {
        now += 1_000_000;
        match act {
            Act::Chunk(piece) => reader.feed(piece.chunk(now), &mut seen),
            Act::Gap(toward, len) => reader.gap(*toward, now, *len, &mut seen),
            Act::Close(why) => reader.close(now, *why, &mut seen),
            Act::Expire => {
                now += 2 * limits.response_timeout_ns;
                reader.expire(now, &mut seen);
            }
        }
        assert!(reader.buffered_bytes() <= limits.buffered_bytes_max());
    }
    reader.close(now + 1, Unanswered::Closed, &mut seen);
    assert_eq!(reader.open_requests(), 0);
    assert_eq!(
        seen.announced.len(),
        seen.exchanges.len(),
        "every request comes to an end"
    );
    seen
}

impl Piece {
    pub(crate) fn chunk(&self, at_ns: u64) -> Chunk<'_> {
        Chunk {
            toward: self.toward,
            at_ns,
            bytes: &self.bytes,
            len: self.bytes.len() + self.missing,
            tail: &self.tail,
            thread: 7,
        }
    }

    /// Cuts the captured bytes in two.
    pub(crate) fn split(&self, at: usize) -> [Self; 2] {
        let (before, after) = self.bytes.split_at(at);
        let first = Self {
            bytes: before.to_vec(),
            missing: 0,
            tail: Vec::new(),
            ..self.clone()
        };
        [
            first,
            Self {
                bytes: after.to_vec(),
                ..self.clone()
            },
        ]
    }

    /// Forgets all but a prefix, and all but the tail of the rest if that is wanted.
    pub(crate) fn truncate(&self, kept: usize, with_tail: bool) -> Self {
        if self.missing > 0 || kept >= self.bytes.len() {
            return self.clone();
        }
        let tail = &self.bytes[self.bytes.len().saturating_sub(8)..];
        Self {
            toward: self.toward,
            bytes: self.bytes[..kept].to_vec(),
            missing: self.bytes.len() - kept,
            tail: if with_tail { tail.to_vec() } else { Vec::new() },
        }
    }
}

/// Reads every conversation of this directory.
pub(crate) fn scripts() -> Vec<Script> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http1/conversations");
    let mut scripts = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the conversations are beside this file") {
        let path = entry.expect("a readable entry").path();
        let text = std::fs::read_to_string(&path).expect("a readable conversation");
        scripts.extend(text.split("## ").skip(1).map(parse));
    }
    assert!(scripts.len() > 40, "the conversations were not found");
    scripts
}

/// Reads one conversation.
pub(crate) fn parse(text: &str) -> Script {
    let (name, text) = text.split_once('\n').expect("a name");
    let mut script = Script {
        name: name.to_owned(),
        acts: Vec::new(),
        expected: Vec::new(),
        unknowable: Vec::new(),
        fragile: 0,
    };
    let mut open = false;
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (mark, rest) = line.split_at(line.len().min(2));
        match mark {
            ">>" | "<<" => open = false,
            "> " | "< " | ">" | "<" => {
                let toward = if mark.starts_with('>') {
                    Toward::Server
                } else {
                    Toward::Client
                };
                script.add(toward, rest, open);
                open = true;
            }
            "~~" => script.fragile = script.acts.len(),
            "~ " => {
                let (target, status) = rest.split_once(' ').expect("target and status");
                let status = status.parse().expect("a status");
                script.unknowable.push((target.to_owned(), status));
            }
            "= " => script.expected.push(rest.to_owned()),
            "! " => {
                script.acts.push(act(rest));
                open = false;
            }
            _ => panic!("{name}: what is {line:?}?"),
        }
    }
    script
}

impl Script {
    fn add(&mut self, toward: Toward, line: &str, open: bool) {
        let same = match self.acts.last() {
            Some(Act::Chunk(last)) => open && last.toward == toward,
            _ => false,
        };
        if !same {
            let (bytes, tail) = (Vec::new(), Vec::new());
            self.acts.push(Act::Chunk(Piece {
                toward,
                bytes,
                missing: 0,
                tail,
            }));
        }
        let Some(Act::Chunk(piece)) = self.acts.last_mut() else {
            unreachable!("just pushed");
        };
        if let Some(hole) = line.strip_prefix('+') {
            let (count, tail) = hole.split_once(" tail ").unwrap_or((hole, ""));
            piece.missing = count.parse().expect("a count");
            piece.tail = tail.replace("\\r", "\r").replace("\\n", "\n").into_bytes();
        } else if let Some(line) = line.strip_suffix("\\n") {
            piece.bytes.extend([line.as_bytes(), b"\n"].concat());
        } else if let Some(line) = line.strip_suffix('\\') {
            piece.bytes.extend(line.as_bytes());
        } else {
            piece.bytes.extend([line.as_bytes(), b"\r\n"].concat());
        }
    }
}

fn act(text: &str) -> Act {
    let words: Vec<_> = text.split(' ').collect();
    let toward = |word| {
        if word == "server" {
            Toward::Server
        } else {
            Toward::Client
        }
    };
    match words[..] {
        ["gap", way, "?"] => Act::Gap(toward(way), None),
        ["gap", way, count] => Act::Gap(toward(way), Some(count.parse().expect("a count"))),
        ["close", "reset"] => Act::Close(Unanswered::Reset),
        ["close", "peer"] => Act::Close(Unanswered::ClosedByPeer),
        ["expire"] => Act::Expire,
        _ => panic!("what is {text:?}?"),
    }
}
