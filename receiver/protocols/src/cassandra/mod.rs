//! Cassandra's native protocol, versions 3 to 5: both directions of a connection.
//!
//! Bytes become frames in `frame`, out of the segments of version 5 in `segment`; `request` and
//! `response` read what they say. Responses name the stream of their request; what the server
//! pushes names none. Statements are told by `sql`; bound values and rows are passed over.
//!
//! Compressed bodies are read as far as their beginning can be unpacked (`unpack`).

mod body;
mod frame;
mod prepared;
mod request;
mod response;
mod segment;
mod told;
mod unpack;

use std::sync::Arc;

use self::frame::{Frame, is_request, is_response, read_head};
use self::prepared::Prepared;
use self::request::{Asks, Compression};
use self::response::Answer;
use self::segment::{Segments, Wrapped};
use self::told::exchange;
use crate::by_key::{ByKey, Waiting};
use crate::conversation::{Chunk, Limits, Outcome, Toward, Unanswered};
use crate::cutter::{Cutter, Message, Stand};
use crate::database::Exchange;
use crate::parser::{Asked, Parser, Sink, Told};
use crate::recognition::{Beginning, Protocol};
use crate::sql::{SUMMARY_BYTES_MAX, Statement, TEXT_BYTES_MAX};

/// How Cassandra is recognised: by a first request, a segment, or a request and its response.
pub(crate) const PROTOCOL: Protocol = Protocol {
    name: "cassandra",
    begins: frame::begins,
    parser: |beginning, limits| Box::new(Cassandra::new(beginning, limits)),
};

/// Requests that may wait for their responses.
pub const OPEN_MAX: usize = 256;

/// Reads one connection, both directions.
#[derive(Debug)]
pub struct Cassandra {
    requests: Way,
    responses: Way,
    open: ByKey<u16, Open>,
    prepared: Prepared,
    compression: Compression,
    /// Frames come in segments, once the first request is answered.
    has_segments: bool,
    keyspace: Option<String>,
}

/// One direction.
#[derive(Debug)]
struct Way {
    segments: Option<Segments>,
    frames: Cutter,
}

/// A request that waits.
#[derive(Debug)]
struct Open {
    /// Nothing for what only opens the connection.
    told: Option<Box<Exchange>>,
    /// The statement that it prepares.
    prepares: Option<Arc<Statement>>,
    opens: bool,
}

impl Cassandra {
    /// Creates the reader of a connection, whose first chunk begins like this.
    pub fn new(beginning: &Beginning<'_>, limits: Limits) -> Self {
        let compression = segment::compression(beginning.bytes);
        let way = |is_start| Way {
            segments: compression.map(Segments::new),
            frames: Cutter::new(read_head, is_start),
        };
        Self {
            requests: way(is_request),
            responses: way(is_response),
            open: ByKey::new(OPEN_MAX, limits.response_timeout_ns),
            prepared: Prepared::default(),
            compression: compression.unwrap_or_default(),
            has_segments: compression.is_some(),
            keyspace: None,
        }
    }

    /// Returns the most bytes that one connection holds.
    pub fn buffered_bytes_max() -> usize {
        let ways = 4 * (frame::KEPT_BYTES + segment::KEPT_BYTES);
        OPEN_MAX * open_bytes() + prepared::HELD_MAX + ways
    }

    fn take(&mut self, toward: Toward, messages: &[Message], out: &mut dyn Sink) {
        for message in messages {
            let Some(frame) = Frame::read(message, self.compression) else {
                continue;
            };
            match toward {
                Toward::Server if frame.is_response => {}
                Toward::Server => self.ask(&frame, message, out),
                Toward::Client => self.answer(&frame, message, out),
            }
        }
    }

    fn ask(&mut self, frame: &Frame, message: &Message, out: &mut dyn Sink) {
        let asks = match request::read(frame, &self.prepared) {
            Asks::Operation(operation) => operation,
            Asks::Opening(compression) => {
                self.compression = compression.unwrap_or(self.compression);
                self.has_segments = frame.version >= 5;
                let open = Open {
                    told: None,
                    prepares: None,
                    opens: true,
                };
                self.wait(frame, message, open, out);
                return;
            }
            Asks::Nothing => return,
        };
        let mut exchange = exchange(&asks, self.keyspace.as_deref(), message.is_holed);
        exchange.started_ns = message.started_ns;
        exchange.ended_ns = message.ended_ns;
        exchange.request_thread = message.thread;
        exchange.request_bytes = message.bytes();
        let open = Open {
            told: Some(exchange),
            prepares: asks.statement.clone().filter(|_| asks.prepares),
            opens: false,
        };
        let id = self.wait(frame, message, open, out);
        let trace = asks
            .statement
            .as_ref()
            .and_then(|statement| statement.trace.clone());
        let asked = Asked {
            thread: message.thread,
            trace,
            ..Asked::default()
        };
        out.request(id, asked);
    }

    /// Lets a request wait for its response, and returns its number.
    fn wait(&mut self, frame: &Frame, message: &Message, open: Open, out: &mut dyn Sink) -> u32 {
        let (id, displaced) = self.open.ask(frame.stream, message.ended_ns, open);
        if let Some(displaced) = displaced {
            let why = if displaced.key == frame.stream {
                Unanswered::LostData
            } else {
                Unanswered::TooManyOpen
            };
            end(displaced, why, message.ended_ns, out);
        }
        id
    }

    fn answer(&mut self, frame: &Frame, message: &Message, out: &mut dyn Sink) {
        if !frame.is_response || frame.is_push() {
            return;
        }
        let Some(open) = self.open.answer(frame.stream) else {
            return;
        };
        let answer = response::read(frame);
        if open.what.opens && answer == Answer::LetIn {
            self.begin_segments();
        }
        match (&answer, open.what.prepares) {
            (Answer::Keyspace(name), _) => self.keyspace = Some(name.clone()),
            (Answer::Prepared(id), Some(statement)) => self.prepared.insert(id, statement),
            _ => {}
        }
        if let Some(mut exchange) = open.what.told {
            exchange.response_started_ns = Some(message.started_ns);
            exchange.ended_ns = message.ended_ns;
            exchange.response_bytes = message.bytes();
            if let Answer::Failed(code) = answer {
                exchange.error = Some(code);
            }
            out.exchange(open.id, Told::Database(exchange));
        }
    }

    /// From the answer to the first request on, version 5 puts its frames into segments.
    fn begin_segments(&mut self) {
        if !self.has_segments {
            return;
        }
        for way in [&mut self.requests, &mut self.responses] {
            way.segments.get_or_insert(Segments::new(self.compression));
        }
    }

    /// Responses were missed: which ones, nobody knows.
    fn lose_responses(&mut self, at_ns: u64, out: &mut dyn Sink) {
        self.end_all(at_ns, Unanswered::LostData, out);
    }

    fn end_all(&mut self, at_ns: u64, why: Unanswered, out: &mut dyn Sink) {
        self.open.end(|waiting| end(waiting, why, at_ns, out));
    }

    fn way(&mut self, toward: Toward) -> &mut Way {
        match toward {
            Toward::Server => &mut self.requests,
            Toward::Client => &mut self.responses,
        }
    }
}

impl Parser for Cassandra {
    fn feed(&mut self, chunk: Chunk<'_>, out: &mut dyn Sink) {
        let mut messages = Vec::new();
        let stand = self.way(chunk.toward).feed(&chunk, &mut messages);
        self.take(chunk.toward, &messages, out);
        if stand == Stand::JustLost && chunk.toward == Toward::Client {
            self.lose_responses(chunk.at_ns, out);
        }
    }

    fn gap(&mut self, toward: Toward, at_ns: u64, len: Option<u64>, out: &mut dyn Sink) {
        if len == Some(0) {
            return;
        }
        let mut messages = Vec::new();
        let stand = self.way(toward).miss(at_ns, len, &mut messages);
        self.take(toward, &messages, out);
        if stand == Stand::JustLost && toward == Toward::Client {
            self.lose_responses(at_ns, out);
        }
    }

    fn close(&mut self, at_ns: u64, why: Unanswered, out: &mut dyn Sink) {
        self.end_all(at_ns, why, out);
        self.requests.lose();
        self.responses.lose();
    }

    fn expire(&mut self, now_ns: u64, out: &mut dyn Sink) {
        self.open.expire(now_ns, |waiting| {
            end(waiting, Unanswered::Timeout, now_ns, out);
        });
    }

    fn open_requests(&self) -> usize {
        let told = self
            .open
            .iter()
            .filter(|waiting| waiting.what.told.is_some());
        told.count()
    }

    fn buffered_bytes(&self) -> usize {
        let open = self.open.len() * open_bytes();
        open + self.prepared.held() + self.requests.held() + self.responses.held()
    }
}

impl Way {
    fn feed(&mut self, chunk: &Chunk<'_>, messages: &mut Vec<Message>) -> Stand {
        let Self { segments, frames } = self;
        let take = |message| messages.push(message);
        match segments {
            None => frames.feed(chunk, take),
            Some(segments) => segments.feed(chunk, &mut Wrapped::new(frames, messages)),
        }
    }

    fn miss(&mut self, at_ns: u64, len: Option<u64>, messages: &mut Vec<Message>) -> Stand {
        let Self { segments, frames } = self;
        match (segments, len) {
            (Some(segments), len) => segments.miss(at_ns, len, &mut Wrapped::new(frames, messages)),
            (None, Some(len)) if !frames.is_between() => {
                frames.pass(len, at_ns, 0, |message| messages.push(message))
            }
            (None, _) => {
                frames.lose();
                Stand::JustLost
            }
        }
    }

    fn lose(&mut self) {
        self.frames.lose();
    }

    fn held(&self) -> usize {
        self.frames.held() + self.segments.as_ref().map_or(0, Segments::held)
    }
}

fn end(waiting: Waiting<u16, Open>, why: Unanswered, at_ns: u64, out: &mut dyn Sink) {
    if let Some(mut exchange) = waiting.what.told {
        exchange.outcome = Outcome::Unanswered(why);
        exchange.ended_ns = at_ns.max(exchange.ended_ns);
        out.exchange(waiting.id, Told::Database(exchange));
    }
}

/// What waits, its exchange, and the texts in it.
fn open_bytes() -> usize {
    size_of::<Waiting<u16, Open>>()
        + size_of::<Exchange>()
        + SUMMARY_BYTES_MAX
        + TEXT_BYTES_MAX
        + 512
}
