//! NATS: lines and payloads, both directions of a connection between a client and a server.
//!
//! `reader` cuts lines and payloads, `line` reads them; `asking` says what a client's line begins,
//! `telling` what a server's line ends or begins. Payloads and credentials are passed over.
//!
//! Little is answered: a publication with a reply subject, by a message on it; a message of
//! a stream, by an acknowledgement to the subject that it names; in verbose mode every line, in
//! order. Subjects pair for certain; what pairs by order is given up at a loss.

mod asking;
mod line;
mod reader;
mod sniff;
mod telling;
mod words;

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher},
};

use self::reader::{Frame, HEADER_BYTES_MAX, LINE_BYTES_MAX, Reader};
use crate::{
    conversation::{Chunk, Limits, Toward, Unanswered},
    cutter::Stand,
    messaging::{Kind, Open, Operation, Request, System},
    parser::{Parser, Sink},
    propagation::TraceContext,
    recognition::Protocol,
};

/// How NATS is recognised.
pub(crate) const PROTOCOL: Protocol = Protocol {
    name: "nats",
    begins: sniff::begins,
    parser: |_, limits| Box::new(Nats::new(limits)),
};

/// The most operations that may wait for an answer, and the most lines for a confirmation.
pub const OPEN_MAX: usize = 256;
/// The most subscriptions whose groups are remembered.
const GROUPS_MAX: usize = 256;

/// What an answer is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Connect,
    /// The subject that a reply goes to, hashed.
    Reply(u64),
    /// The subject that an acknowledgement goes to, hashed.
    Ack(u64),
    /// A place in the order of lines that are confirmed.
    Line(u64),
    /// A place in the order of pings.
    Ping(u64),
    Nothing,
}

/// Reads one connection, both directions.
#[derive(Debug)]
pub struct Nats {
    to_server: Reader,
    to_client: Reader,
    open: Open<Key>,
    /// What the next confirmations are of, in verbose mode.
    confirming: VecDeque<Key>,
    /// Pings of the client without a pong.
    pings: VecDeque<Key>,
    is_verbose: bool,
    /// Places given out.
    next: u64,
    client: Option<String>,
    /// Queue groups by the number of a subscription, hashed.
    groups: VecDeque<(u64, String)>,
}

impl Nats {
    fn new(limits: Limits) -> Self {
        Self {
            to_server: Reader::new(),
            to_client: Reader::new(),
            open: Open::new(OPEN_MAX, limits.response_timeout_ns),
            confirming: VecDeque::new(),
            pings: VecDeque::new(),
            is_verbose: false,
            next: 0,
            client: None,
            groups: VecDeque::new(),
        }
    }

    /// Returns the most bytes that one connection holds.
    pub fn buffered_bytes_max() -> usize {
        const GROUP: usize = 512;
        OPEN_MAX * Open::<Key>::held_by_one()
            + GROUPS_MAX * GROUP
            + 4 * (LINE_BYTES_MAX + HEADER_BYTES_MAX)
    }

    fn request(
        &self,
        frame: &Frame,
        name: &'static str,
        kind: Option<Kind>,
        trace: Option<TraceContext>,
    ) -> Request {
        let mut operation = Operation::new(System::Nats, name, kind);
        operation.client_id.clone_from(&self.client);
        operation.truncated = frame.is_holed;
        Request {
            operation,
            trace,
            started_ns: frame.started_ns,
            ended_ns: frame.ended_ns,
            thread: frame.thread,
            bytes: frame.bytes,
        }
    }

    fn place(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// What pairs by order is not known any more.
    fn lose(&mut self, at_ns: u64, out: &mut dyn Sink) {
        let confirming = std::mem::take(&mut self.confirming);
        let pings = std::mem::take(&mut self.pings);
        for key in confirming.into_iter().chain(pings) {
            if matches!(key, Key::Line(_) | Key::Ping(_) | Key::Connect) {
                self.open.give_up(key, at_ns, Unanswered::LostData, out);
            }
        }
    }

    fn take(&mut self, toward: Toward, frames: Vec<Frame>, out: &mut dyn Sink) {
        for frame in frames {
            match toward {
                Toward::Server => self.ask(&frame, out),
                Toward::Client => self.tell(&frame, out),
            }
        }
    }
}

impl Parser for Nats {
    fn feed(&mut self, chunk: Chunk<'_>, out: &mut dyn Sink) {
        let reader = match chunk.toward {
            Toward::Server => &mut self.to_server,
            Toward::Client => &mut self.to_client,
        };
        let mut frames = Vec::new();
        let stand = reader.feed(&chunk, |frame| frames.push(frame));
        self.take(chunk.toward, frames, out);
        if stand == Stand::JustLost {
            self.lose(chunk.at_ns, out);
        }
    }

    fn gap(&mut self, toward: Toward, at_ns: u64, len: Option<u64>, out: &mut dyn Sink) {
        let reader = match toward {
            Toward::Server => &mut self.to_server,
            Toward::Client => &mut self.to_client,
        };
        let mut frames = Vec::new();
        let inside = len.filter(|len| *len == 0 || !reader.is_between());
        let stand = if let Some(len) = inside {
            reader.pass(len, at_ns, 0, |frame| frames.push(frame))
        } else {
            reader.lose();
            Stand::JustLost
        };
        self.take(toward, frames, out);
        if stand == Stand::JustLost {
            self.lose(at_ns, out);
        }
    }

    fn close(&mut self, at_ns: u64, why: Unanswered, out: &mut dyn Sink) {
        self.end_unacknowledged(None, out);
        self.open.end(at_ns, why, out);
        self.confirming.clear();
        self.pings.clear();
        self.to_server.lose();
        self.to_client.lose();
    }

    fn expire(&mut self, now_ns: u64, out: &mut dyn Sink) {
        self.end_unacknowledged(Some(now_ns), out);
        self.open.expire(now_ns, out);
    }

    fn open_requests(&self) -> usize {
        self.open.len()
    }

    fn buffered_bytes(&self) -> usize {
        let groups: usize = self.groups.iter().map(|(_, group)| group.capacity()).sum();
        self.open.held() + self.to_server.held() + self.to_client.held() + groups
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
