//! Kafka: requests and answers of any version, both directions of a connection.
//!
//! `request` and `response` read what operations tell, through a `cursor` that knows both
//! encodings and a table of what requests there are (`api`); `batch` counts messages, `topics`
//! knows the names of those that go by ids. Keys, values, tokens and assignments are passed over
//! by their lengths.
//!
//! An answer names its request by a number, so that a pair is certain whatever was lost. Clients
//! read a length first and then what follows it: after a loss, an answer is found by a number that
//! is waited for, in one piece or behind such a length.

mod api;
mod batch;
mod cursor;
mod error_code;
mod found;
mod request;
mod response;
mod sniff;
mod topics;

use self::{api::Api, found::Found};
use crate::{
    conversation::{Chunk, Limits, Toward, Unanswered},
    cutter::{Cutter, Head, Message, Stand},
    messaging::{Kind, Open, Operation, Request, System, name},
    parser::{Parser, Sink},
    recognition::Protocol,
};

/// How Kafka is recognised.
pub(crate) const PROTOCOL: Protocol = Protocol {
    name: "kafka",
    begins: sniff::begins,
    parser: |_, limits| Box::new(Kafka::new(limits)),
};

/// The most requests that may wait for their answers.
pub const OPEN_MAX: usize = 256;
/// Bytes of a message that are kept until its end was seen.
const KEPT_BYTES: usize = 4096;
/// The length of a message, which clients read on its own.
const LENGTH_BYTES: usize = 4;

/// Reads one connection, both directions.
#[derive(Debug)]
pub struct Kafka {
    requests: Cutter,
    answers: Cutter,
    open: Open<i32, State>,
    /// The last four bytes from the server, where it is not known where answers begin.
    length: Option<([u8; LENGTH_BYTES], u64)>,
    /// An answer found its request, so that this is Kafka beyond doubt.
    is_proven: bool,
    is_mistaken: bool,
}

/// What is remembered of a request.
#[derive(Debug, Default, Clone, Copy)]
struct State {
    api: Option<&'static Api>,
    version: i16,
}

impl Kafka {
    fn new(limits: Limits) -> Self {
        Self {
            requests: Cutter::new(request_head, sniff::is_request),
            answers: Cutter::new(answer_head, |_| false),
            open: Open::new(OPEN_MAX, limits.response_timeout_ns),
            length: None,
            is_proven: false,
            is_mistaken: false,
        }
    }

    /// Returns the most bytes that one connection holds.
    pub fn buffered_bytes_max() -> usize {
        OPEN_MAX * Open::<i32, State>::held_by_one() + 4 * KEPT_BYTES
    }

    fn ask(&mut self, message: &Message, out: &mut dyn Sink) {
        let Some(head) = request::head(message.head()) else {
            return;
        };
        let (client, found) = request::body(&head, &message.body);
        let mut operation = Operation::new(System::Kafka, head.api.name, head.api.kind());
        operation.client_id = client.and_then(name);
        operation.group = found.group.and_then(name);
        operation.truncated = message.is_holed;
        operation.max_wait_ms = found.max_wait_ms.and_then(|ms| u32::try_from(ms).ok());
        found.note_topics(&mut operation);
        if operation.kind == Some(Kind::Send) {
            operation.messages = found.all_messages();
            operation.body_bytes = None;
        }
        let request = Request {
            operation,
            trace: found.trace,
            started_ns: message.started_ns,
            ended_ns: message.ended_ns,
            thread: message.thread,
            bytes: message.bytes(),
        };
        if found.is_one_way {
            self.open.tell(head.correlation, request, out);
        } else {
            let state = State {
                api: Some(head.api),
                version: head.version,
            };
            self.open.ask(head.correlation, state, request, out);
        }
    }

    fn answer(&mut self, message: &Message, out: &mut dyn Sink) {
        let Some(correlation) = correlation(message.head()) else {
            return;
        };
        let Some((_, state)) = self.open.get_mut(correlation) else {
            return;
        };
        let State { api, version } = *state;
        let found = api.map_or_else(Found::default, |api| {
            response::read(api, version, &message.body)
        });
        let when = (message.started_ns, message.ended_ns);
        let bytes = message.bytes();
        self.is_proven |= self
            .open
            .answer(correlation, when, bytes, out, |exchange, _| {
                exchange.error = found.error.map(error_code::name);
                if exchange.operation.kind == Some(Kind::Receive) {
                    exchange.operation.messages = found.all_messages();
                    found.note_topics(&mut exchange.operation);
                }
            });
    }

    /// Tries to find where an answer begins.
    fn find_answer(&mut self, chunk: &Chunk<'_>, out: &mut dyn Sink) {
        let is_better = !self.answers.is_between() && is_exact(chunk);
        if !self.answers.is_lost() && !is_better {
            return;
        }
        let length = self.length.take();
        if let Ok(alone) = <[u8; LENGTH_BYTES]>::try_from(chunk.bytes)
            && chunk.len <= LENGTH_BYTES
        {
            self.length = Some((alone, chunk.at_ns));
        }
        if self.is_awaited(chunk.bytes.get(LENGTH_BYTES..)) {
            self.answers.restart();
        } else if let Some((length, at_ns)) = length
            && u32::from_be_bytes(length) as usize == chunk.len.max(chunk.bytes.len())
            && self.is_awaited(Some(chunk.bytes))
        {
            self.answers.restart();
            let alone = Chunk {
                at_ns,
                bytes: &length,
                len: LENGTH_BYTES,
                ..*chunk
            };
            self.read_answers(&alone, out);
        }
    }

    fn is_awaited(&mut self, bytes: Option<&[u8]>) -> bool {
        let number = bytes.and_then(|bytes| bytes.first_chunk());
        number.is_some_and(|number| self.open.get_mut(i32::from_be_bytes(*number)).is_some())
    }

    fn read_answers(&mut self, chunk: &Chunk<'_>, out: &mut dyn Sink) {
        let mut messages = Vec::new();
        self.answers.feed(chunk, |message| messages.push(message));
        for message in messages {
            self.answer(&message, out);
        }
    }

    fn read_requests(&mut self, chunk: &Chunk<'_>, out: &mut dyn Sink) {
        // Where a message begins may have been guessed wrongly after a loss.
        let is_better = !self.requests.is_between() && is_exact(chunk);
        if is_better && sniff::is_request(chunk.bytes) {
            self.requests.restart();
        }
        let mut messages = Vec::new();
        let stand = self.requests.feed(chunk, |message| messages.push(message));
        for message in messages {
            self.ask(&message, out);
        }
        let was_all_seen = chunk.len <= chunk.bytes.len();
        if stand == Stand::JustLost && was_all_seen && !self.is_proven {
            self.is_mistaken = true;
            self.open.end(chunk.at_ns, Unanswered::LostData, out);
        }
    }
}

impl Parser for Kafka {
    fn feed(&mut self, chunk: Chunk<'_>, out: &mut dyn Sink) {
        match chunk.toward {
            Toward::Server => self.read_requests(&chunk, out),
            Toward::Client => {
                self.find_answer(&chunk, out);
                self.read_answers(&chunk, out);
            }
        }
    }

    fn gap(&mut self, toward: Toward, at_ns: u64, len: Option<u64>, out: &mut dyn Sink) {
        let cutter = match toward {
            Toward::Server => &mut self.requests,
            Toward::Client => &mut self.answers,
        };
        let mut messages = Vec::new();
        match len.filter(|_| !cutter.is_between()) {
            Some(len) => {
                cutter.pass(len, at_ns, 0, |message| messages.push(message));
            }
            None if len == Some(0) => {}
            None => cutter.lose(),
        }
        for message in messages {
            match toward {
                Toward::Server => self.ask(&message, out),
                Toward::Client => self.answer(&message, out),
            }
        }
    }

    fn close(&mut self, at_ns: u64, why: Unanswered, out: &mut dyn Sink) {
        self.open.end(at_ns, why, out);
        self.requests.lose();
        self.answers.lose();
    }

    fn expire(&mut self, now_ns: u64, out: &mut dyn Sink) {
        self.open.expire(now_ns, out);
    }

    fn open_requests(&self) -> usize {
        self.open.len()
    }

    fn buffered_bytes(&self) -> usize {
        self.open.held() + self.requests.held() + self.answers.held()
    }

    fn is_mistaken(&self) -> bool {
        self.is_mistaken
    }
}

/// Tells whether a chunk is as long as its first bytes say.
fn is_exact(chunk: &Chunk<'_>) -> bool {
    let size = chunk.bytes.first_chunk();
    let len = chunk.len.max(chunk.bytes.len());
    size.is_some_and(|size| u32::from_be_bytes(*size) as usize + LENGTH_BYTES == len)
}

/// Length, key, version and correlation id.
fn request_head(bytes: &[u8]) -> Head {
    const LEN: usize = 12;
    if bytes.len() < LEN {
        return Head::More;
    }
    let size = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let is_known = request::head(bytes).is_some_and(|head| head.version >= 0);
    if !is_known || !(8..=sniff::MESSAGE_BYTES_MAX).contains(&size) {
        return Head::Wrong;
    }
    Head::Body {
        len: u64::from(size) - 8,
        keep: KEPT_BYTES,
    }
}

/// Length and correlation id.
fn answer_head(bytes: &[u8]) -> Head {
    const LEN: usize = 8;
    let Some(size) = bytes.first_chunk() else {
        return Head::More;
    };
    let size = u32::from_be_bytes(*size);
    if !(4..=sniff::MESSAGE_BYTES_MAX).contains(&size) {
        return Head::Wrong;
    }
    if bytes.len() < LEN {
        return Head::More;
    }
    Head::Body {
        len: u64::from(size) - 4,
        keep: KEPT_BYTES,
    }
}

fn correlation(head: &[u8]) -> Option<i32> {
    let number = head.get(LENGTH_BYTES..)?.first_chunk()?;
    Some(i32::from_be_bytes(*number))
}
