//! The binary protocol of memcached: messages with a head of 24 bytes, answered by opaque and
//! operation. Deprecated by its authors, and still spoken by clients.
//!
//! Quiet operations are answered only if there is something to tell: that a later one is answered
//! proves that they went well.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::operation;
use crate::conversation::{Chunk, Limits, Outcome, Toward, Unanswered};
use crate::cutter::{Cutter, Head, Message, Stand};
use crate::database::{Exchange, OTHER};
use crate::parser::{Asked, Parser, Sink, Told};
use crate::recognition::{Beginning, Begins};

const REQUEST: u8 = 0x80;
const RESPONSE: u8 = 0x81;
const HEAD_BYTES: usize = 24;
/// Operations that may wait for their answers; beyond it the oldest are told as unknown.
const OPEN_MAX: usize = 512;
/// The longest value that servers may be told to take.
const BODY_BYTES_MAX: u32 = 1 << 30;

/// Reads one connection, both directions.
#[derive(Debug)]
pub struct Binary {
    requests: Cutter,
    responses: Cutter,
    due: VecDeque<Slot>,
    next_id: u32,
    timeout_ns: u64,
    lost_ns: u64,
}

#[derive(Debug)]
struct Slot {
    id: u32,
    code: u8,
    opaque: [u8; 4],
    asked_ns: u64,
    exchange: Box<Exchange>,
}

/// Operations by their code: the name, and whether it is quiet.
const OPERATIONS: &[(u8, &str, bool)] = &[
    (0x00, "get", false),
    (0x01, "set", false),
    (0x02, "add", false),
    (0x03, "replace", false),
    (0x04, "delete", false),
    (0x05, "incr", false),
    (0x06, "decr", false),
    (0x07, "quit", false),
    (0x08, "flush_all", false),
    (0x09, "get", true),
    (0x0a, "noop", false),
    (0x0b, "version", false),
    (0x0c, "get", false),
    (0x0d, "get", true),
    (0x0e, "append", false),
    (0x0f, "prepend", false),
    (0x10, "stats", false),
    (0x11, "set", true),
    (0x12, "add", true),
    (0x13, "replace", true),
    (0x14, "delete", true),
    (0x15, "incr", true),
    (0x16, "decr", true),
    (0x17, "quit", true),
    (0x18, "flush_all", true),
    (0x19, "append", true),
    (0x1a, "prepend", true),
    (0x1c, "touch", false),
    (0x1d, "gat", false),
    (0x1e, "gat", true),
    (0x20, "sasl_list_mechs", false),
    (0x21, "sasl_auth", false),
    (0x22, "sasl_step", false),
];
const STATS: u8 = 0x10;

impl Binary {
    /// Creates the reader of a connection, whose beginning need not have been seen.
    pub fn new(limits: Limits) -> Self {
        Self {
            requests: Cutter::new(read_head, |bytes| is_of(bytes, REQUEST)),
            responses: Cutter::new(read_head, |bytes| is_of(bytes, RESPONSE)),
            due: VecDeque::new(),
            next_id: 0,
            timeout_ns: limits.response_timeout_ns,
            lost_ns: 0,
        }
    }

    fn ask(&mut self, message: &Message, out: &mut dyn Sink) {
        let head = message.head();
        let found = OPERATIONS.iter().find(|(code, ..)| *code == head[1]);
        let (name, is_quiet) = found.map_or((OTHER, false), |(_, name, quiet)| (*name, *quiet));
        let keys = (head[2..4] != [0, 0]).then_some(1);
        let exchange = Box::new(Exchange {
            operation: operation(name, keys, false),
            error: None,
            started_ns: message.started_ns,
            response_started_ns: None,
            ended_ns: message.ended_ns,
            request_thread: message.thread,
            outcome: Outcome::Answered,
            request_bytes: message.bytes(),
            response_bytes: 0,
        });
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        let asked = Asked {
            thread: message.thread,
            ..Asked::default()
        };
        out.request(id, asked);
        if name == "quit" && is_quiet {
            return out.exchange(id, Told::Database(exchange));
        }
        if self.due.len() >= OPEN_MAX
            && let Some(oldest) = self.due.pop_front()
        {
            oldest.tell(Unanswered::TooManyOpen, message.ended_ns, out);
        }
        self.due.push_back(Slot {
            id,
            code: head[1],
            opaque: opaque(head),
            asked_ns: message.ended_ns,
            exchange,
        });
    }

    fn take(&mut self, message: &Message, out: &mut dyn Sink) {
        let head = message.head();
        let found = self
            .due
            .iter()
            .position(|slot| slot.code == head[1] && slot.opaque == opaque(head));
        let Some(index) = found else {
            return; // of an operation that was not seen
        };
        for _ in 0..index {
            if let Some(mut slot) = self.due.pop_front() {
                if slot.is_quiet() {
                    slot.exchange.ended_ns = message.started_ns;
                    out.exchange(slot.id, Told::Database(slot.exchange));
                } else {
                    slot.tell(Unanswered::LostData, message.started_ns, out);
                }
            }
        }
        let Some(slot) = self.due.front_mut() else {
            return;
        };
        let exchange = &mut slot.exchange;
        exchange
            .response_started_ns
            .get_or_insert(message.started_ns);
        exchange.response_bytes += message.bytes();
        exchange.ended_ns = message.ended_ns;
        exchange.error = error(u16::from_be_bytes([head[6], head[7]]));
        // Statistics are many answers, the last of which is empty.
        if slot.code == STATS && message.body_len > 0 {
            return;
        }
        if let Some(slot) = self.due.pop_front() {
            out.exchange(slot.id, Told::Database(slot.exchange));
        }
    }

    fn read(
        &mut self,
        toward: Toward,
        messages: &[Message],
        stand: Stand,
        at_ns: u64,
        out: &mut dyn Sink,
    ) {
        for message in messages {
            match toward {
                Toward::Server => self.ask(message, out),
                Toward::Client => self.take(message, out),
            }
        }
        if (stand, toward) == (Stand::JustLost, Toward::Client) {
            self.lost_ns = at_ns;
        }
    }
}

impl Parser for Binary {
    fn feed(&mut self, chunk: Chunk<'_>, out: &mut dyn Sink) {
        let mut messages = Vec::new();
        let cutter = match chunk.toward {
            Toward::Server => &mut self.requests,
            Toward::Client => &mut self.responses,
        };
        let stand = cutter.feed(&chunk, |message| messages.push(message));
        self.read(chunk.toward, &messages, stand, chunk.at_ns, out);
    }

    fn gap(&mut self, toward: Toward, at_ns: u64, len: Option<u64>, out: &mut dyn Sink) {
        let mut messages = Vec::new();
        let cutter = match toward {
            Toward::Server => &mut self.requests,
            Toward::Client => &mut self.responses,
        };
        let len = len.unwrap_or(u64::MAX);
        let stand = cutter.pass(len, at_ns, 0, |message| messages.push(message));
        self.read(toward, &messages, stand, at_ns, out);
    }

    fn close(&mut self, at_ns: u64, why: Unanswered, out: &mut dyn Sink) {
        for slot in self.due.drain(..) {
            slot.tell(why, at_ns, out);
        }
        self.requests.lose();
        self.responses.lose();
    }

    fn expire(&mut self, now_ns: u64, out: &mut dyn Sink) {
        let (timeout_ns, lost_ns) = (self.timeout_ns, self.lost_ns);
        while let Some(slot) = self
            .due
            .pop_front_if(|slot| now_ns.saturating_sub(slot.asked_ns) >= timeout_ns)
        {
            let why = if slot.asked_ns <= lost_ns {
                Unanswered::LostData
            } else {
                Unanswered::Timeout
            };
            slot.tell(why, now_ns, out);
        }
    }

    fn open_requests(&self) -> usize {
        self.due.len()
    }

    fn buffered_bytes(&self) -> usize {
        let slot = size_of::<Slot>() + size_of::<Exchange>();
        self.due.len() * slot + self.requests.held() + self.responses.held()
    }

    fn stands_alone(&self) -> bool {
        true
    }
}

impl Slot {
    fn is_quiet(&self) -> bool {
        let mut operations = OPERATIONS.iter();
        operations.any(|(code, _, is_quiet)| *code == self.code && *is_quiet)
    }

    /// A quiet one of which nothing was heard is not told as failed: it had nothing to say.
    fn tell(mut self, why: Unanswered, at_ns: u64, out: &mut dyn Sink) {
        if !self.is_quiet() || why == Unanswered::LostData {
            self.exchange.outcome = Outcome::Unanswered(why);
        }
        self.exchange.ended_ns = at_ns.max(self.exchange.ended_ns);
        out.exchange(self.id, Told::Database(self.exchange));
    }
}

pub(super) fn begins(beginning: &Beginning<'_>) -> Begins {
    match beginning.bytes.first() {
        Some(&REQUEST) if is_head(beginning.bytes) => Begins::Perhaps(Toward::Server),
        Some(&RESPONSE) if is_head(beginning.bytes) => Begins::Perhaps(Toward::Client),
        _ => Begins::No,
    }
}

fn is_of(bytes: &[u8], magic: u8) -> bool {
    bytes.first() == Some(&magic) && is_head(bytes)
}

/// Key and extras are within the body, the type of data is the only one there is, and the
/// operation exists.
fn is_head(bytes: &[u8]) -> bool {
    let Some(head) = bytes.first_chunk::<HEAD_BYTES>() else {
        return false;
    };
    let body = u32::from_be_bytes([head[8], head[9], head[10], head[11]]);
    let inner = u32::from(u16::from_be_bytes([head[2], head[3]])) + u32::from(head[4]);
    let is_known = OPERATIONS.iter().any(|(code, ..)| *code == head[1]);
    is_known && head[5] == 0 && inner <= body && body <= BODY_BYTES_MAX && head[4] <= 20
}

fn read_head(bytes: &[u8]) -> Head {
    if bytes.len() < HEAD_BYTES {
        return Head::More;
    }
    if !is_head(bytes) {
        return Head::Wrong;
    }
    let body = u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
    Head::Body {
        len: u64::from(body),
        keep: 0,
    }
}

fn opaque(head: &[u8]) -> [u8; 4] {
    [head[12], head[13], head[14], head[15]]
}

/// Names a status. That a key is not there, or is there already, is no error.
fn error(status: u16) -> Option<Cow<'static, str>> {
    Some(Cow::Borrowed(match status {
        0x00 | 0x01 | 0x02 | 0x05 | 0x21 => return None,
        0x03 => "TOO_LARGE",
        0x04 => "INVALID_ARGUMENTS",
        0x06 => "NON_NUMERIC_VALUE",
        0x20 => "AUTH_ERROR",
        0x81 => "UNKNOWN_COMMAND",
        0x82 => "OUT_OF_MEMORY",
        0x83 => "NOT_SUPPORTED",
        0x84 => "INTERNAL_ERROR",
        0x85 => "BUSY",
        0x86 => "TEMPORARY_FAILURE",
        other => return Some(Cow::Owned(format!("0x{other:02x}"))),
    }))
}
