//! MongoDB: `OP_MSG` and what came before it, compressed or not, both directions of a connection.
//!
//! Bytes become messages in `cutter`; `message` reads what they say (with `document` and `unpack`);
//! responses name the request they are to. Documents are passed over by their lengths: of a command
//! its name, its collection and its database are kept, and no value.

mod document;
mod message;
pub(crate) mod unpack;

use std::borrow::Cow;

use self::message::{Command, Fields, HEAD_BYTES, KEPT_BYTES, fields, is_body, read_head};
use crate::by_key::{ByKey, Waiting};
use crate::conversation::{Chunk, Limits, Outcome, Toward, Unanswered};
use crate::cutter::{Cutter, Message, Stand};
use crate::database::{Exchange, OTHER, Operation, System};
use crate::parser::{Asked, Parser, Sink, Told};
use crate::recognition::{Beginning, Begins, Protocol};

/// How MongoDB is recognised: by a head and the body that such a head has.
pub(crate) const PROTOCOL: Protocol = Protocol {
    name: "mongodb",
    begins,
    parser: |_, limits| Box::new(MongoDb::new(limits)),
};

/// Requests that may wait for their responses; drivers have one.
pub const OPEN_MAX: usize = 128;

/// Reads one connection, both directions.
#[derive(Debug)]
pub struct MongoDb {
    requests: Cutter,
    responses: Cutter,
    open: ByKey<u32, Box<Exchange>>,
    /// Responses may have been missed for what was asked before.
    lost_ns: u64,
}

impl MongoDb {
    /// Creates the reader of a connection, whose beginning need not have been seen.
    pub fn new(limits: Limits) -> Self {
        Self {
            requests: Cutter::new(read_head, |bytes| {
                fields(bytes).is_some_and(Fields::is_request)
            }),
            responses: Cutter::new(read_head, |bytes| {
                fields(bytes).is_some_and(|fields| !fields.is_request())
            }),
            open: ByKey::new(OPEN_MAX, limits.response_timeout_ns),
            lost_ns: 0,
        }
    }

    /// Returns the most bytes that one connection holds.
    pub fn buffered_bytes_max() -> usize {
        OPEN_MAX * slot_bytes() + 4 * KEPT_BYTES
    }

    fn ask(&mut self, message: &Message, out: &mut dyn Sink) {
        let Some(fields) = fields(message.head()) else {
            return;
        };
        let command = message::open(message).and_then(|opened| opened.command());
        let command = command.unwrap_or_else(|| Command {
            is_cut: true,
            ..Command::default()
        });
        let exchange = Box::new(exchange(&command, message));
        let asked = Asked {
            thread: message.thread,
            ..Asked::default()
        };
        let (id, displaced) = self.open.ask(fields.id, message.ended_ns, exchange);
        if let Some(displaced) = displaced {
            tell(displaced, Unanswered::TooManyOpen, message.ended_ns, out);
        }
        out.request(id, asked);
        if command.is_unanswered
            && let Some(waiting) = self.open.answer(fields.id)
        {
            out.exchange(id, Told::Database(waiting.what));
        }
    }

    fn take(&mut self, message: &Message, out: &mut dyn Sink) {
        let Some(fields) = fields(message.head()) else {
            return;
        };
        let Some(mut waiting) = self.open.answer(fields.responds_to) else {
            return; // one more of a stream of responses, or of a request that was not seen
        };
        let exchange = &mut waiting.what;
        exchange.response_started_ns = Some(message.started_ns);
        exchange.ended_ns = message.ended_ns;
        exchange.response_bytes = message.bytes();
        exchange.error = message::open(message)
            .and_then(|opened| opened.error())
            .map(Cow::Owned);
        if exchange.error.as_deref() == Some("CommandNotFound") {
            // What the server does not know either may be anything.
            exchange.operation.name = Cow::Borrowed(OTHER);
            exchange.operation.collection = None;
            exchange.operation.summary = None;
        }
        out.exchange(waiting.id, Told::Database(waiting.what));
    }
}

impl Parser for MongoDb {
    fn feed(&mut self, chunk: Chunk<'_>, out: &mut dyn Sink) {
        let mut messages = Vec::new();
        let stand = match chunk.toward {
            Toward::Server => self.requests.feed(&chunk, |message| messages.push(message)),
            Toward::Client => self
                .responses
                .feed(&chunk, |message| messages.push(message)),
        };
        for message in &messages {
            match chunk.toward {
                Toward::Server => self.ask(message, out),
                Toward::Client => self.take(message, out),
            }
        }
        if (stand, chunk.toward) == (Stand::JustLost, Toward::Client) {
            self.lost_ns = chunk.at_ns;
        }
    }

    fn gap(&mut self, toward: Toward, at_ns: u64, len: Option<u64>, out: &mut dyn Sink) {
        let cutter = match toward {
            Toward::Server => &mut self.requests,
            Toward::Client => &mut self.responses,
        };
        let mut messages = Vec::new();
        let len = len.unwrap_or(u64::MAX);
        let stand = cutter.pass(len, at_ns, 0, |message| messages.push(message));
        for message in &messages {
            match toward {
                Toward::Server => self.ask(message, out),
                Toward::Client => self.take(message, out),
            }
        }
        if (stand, toward) == (Stand::JustLost, Toward::Client) {
            self.lost_ns = at_ns;
        }
    }

    fn close(&mut self, at_ns: u64, why: Unanswered, out: &mut dyn Sink) {
        self.open.end(|waiting| tell(waiting, why, at_ns, out));
        self.requests.lose();
        self.responses.lose();
    }

    fn expire(&mut self, now_ns: u64, out: &mut dyn Sink) {
        let lost_ns = self.lost_ns;
        self.open.expire(now_ns, |waiting| {
            let why = if waiting.asked_ns <= lost_ns {
                Unanswered::LostData
            } else {
                Unanswered::Timeout
            };
            tell(waiting, why, now_ns, out);
        });
    }

    fn open_requests(&self) -> usize {
        self.open.len()
    }

    fn buffered_bytes(&self) -> usize {
        self.open.len() * slot_bytes() + self.requests.held() + self.responses.held()
    }

    fn stands_alone(&self) -> bool {
        true
    }
}

fn begins(beginning: &Beginning<'_>) -> Begins {
    let Some(fields) = fields(beginning.bytes) else {
        return Begins::No;
    };
    let toward = if fields.is_request() {
        Toward::Server
    } else {
        Toward::Client
    };
    match &beginning.bytes[HEAD_BYTES..] {
        // Drivers read heads and bodies apart.
        [] => Begins::Perhaps(toward),
        body if is_body(fields, body) => Begins::Surely(toward),
        body if body.len() < 16 => Begins::Maybe,
        _ => Begins::No,
    }
}

fn exchange(command: &Command, message: &Message) -> Exchange {
    let is_named = !command.name.is_empty();
    let name = if is_named {
        Cow::Owned(command.name.clone())
    } else {
        Cow::Borrowed(OTHER)
    };
    let summary = command.collection.as_ref().filter(|_| is_named);
    Exchange {
        operation: Operation {
            system: System::Mongodb,
            summary: summary.map(|collection| format!("{name} {collection}")),
            collection: command.collection.clone(),
            text: None,
            namespace: command.database.clone().map(Cow::Owned),
            batch_size: command.documents.filter(|count| *count > 1),
            keys: None,
            truncated: command.is_cut,
            cassandra: None,
            name,
        },
        error: None,
        started_ns: message.started_ns,
        response_started_ns: None,
        ended_ns: message.ended_ns,
        request_thread: message.thread,
        outcome: Outcome::Answered,
        request_bytes: message.bytes(),
        response_bytes: 0,
    }
}

fn tell(mut waiting: Waiting<u32, Box<Exchange>>, why: Unanswered, at_ns: u64, out: &mut dyn Sink) {
    waiting.what.outcome = Outcome::Unanswered(why);
    waiting.what.ended_ns = at_ns.max(waiting.what.ended_ns);
    out.exchange(waiting.id, Told::Database(waiting.what));
}

fn slot_bytes() -> usize {
    size_of::<Waiting<u32, Box<Exchange>>>() + size_of::<Exchange>() + 1024
}
