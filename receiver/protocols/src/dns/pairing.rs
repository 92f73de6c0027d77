//! Which answer belongs to which query: the same number and the same question, in any order.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Exchange, Message, Question};
use crate::by_key::{ByKey, Waiting};
use crate::conversation::{Outcome, Unanswered};
use crate::parser::{Asked, Sink, Told};

/// The most queries that wait at once on one socket.
pub const OPEN_MAX: usize = 256;

/// When a message moved, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Moved {
    /// When its last byte moved.
    pub at_ns: u64,
    /// Who moved it.
    pub thread: u64,
}

/// Queries that wait on one socket, asked or to be answered.
#[derive(Debug)]
pub struct Pairing {
    waiting: ByKey<u64, Query>,
    transport: &'static str,
}

#[derive(Debug)]
struct Query {
    question: Question,
    transport: &'static str,
    retries: u32,
}

impl Pairing {
    /// Creates an empty one, for `udp` or `tcp`.
    pub fn new(transport: &'static str, timeout_ns: u64) -> Self {
        Self {
            waiting: ByKey::new(OPEN_MAX, timeout_ns),
            transport,
        }
    }

    /// Takes a message.
    pub fn message(&mut self, message: Message, moved: Moved, out: &mut dyn Sink) {
        let Some(question) = message.question.clone() else {
            return;
        };
        let key = key(message.id, &question);
        if message.is_response {
            if let Some(waiting) = self.waiting.answer(key) {
                tell(waiting, moved.at_ns, Ok(message), out);
            }
            return;
        }
        if let Some(query) = self.waiting.get_mut(key) {
            query.retries += 1;
            return;
        }
        let query = Query {
            question,
            transport: self.transport,
            retries: 0,
        };
        let (id, displaced) = self.waiting.ask(key, moved.at_ns, query);
        if let Some(waiting) = displaced {
            tell(waiting, moved.at_ns, Err(Unanswered::TooManyOpen), out);
        }
        let asked = Asked {
            thread: moved.thread,
            ..Asked::default()
        };
        out.request(id, asked);
    }

    /// Ends what has waited for too long.
    pub fn expire(&mut self, now_ns: u64, out: &mut dyn Sink) {
        self.waiting.expire(now_ns, |waiting| {
            tell(waiting, now_ns, Err(Unanswered::Timeout), out);
        });
    }

    /// Ends everything.
    pub fn end(&mut self, at_ns: u64, why: Unanswered, out: &mut dyn Sink) {
        self.waiting
            .end(|waiting| tell(waiting, at_ns, Err(why), out));
    }

    /// Returns how many queries wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Returns whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

fn tell(
    waiting: Waiting<u64, Query>,
    ended_ns: u64,
    answer: Result<Message, Unanswered>,
    out: &mut dyn Sink,
) {
    let mut exchange = Exchange {
        question: waiting.what.question,
        code: None,
        answer_count: 0,
        addresses: Vec::new(),
        transport: waiting.what.transport,
        is_truncated: false,
        retries: waiting.what.retries,
        started_ns: waiting.asked_ns,
        ended_ns,
        outcome: Outcome::Answered,
    };
    match answer {
        Ok(message) => {
            exchange.code = Some(message.code);
            exchange.answer_count = message.answer_count;
            exchange.addresses = message.addresses;
            exchange.is_truncated = message.is_truncated;
        }
        Err(why) => exchange.outcome = Outcome::Unanswered(why),
    }
    out.exchange(waiting.id, Told::Dns(Box::new(exchange)));
}

/// The number, and the question by its hash: an answer repeats both.
fn key(id: u16, question: &Question) -> u64 {
    let mut hasher = DefaultHasher::new();
    question.hash(&mut hasher);
    hasher.finish() << 16 | u64::from(id)
}
