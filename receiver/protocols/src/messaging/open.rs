//! Operations that were announced and are not told yet, whichever protocol they are of.
//!
//! It keeps the promises of the sink: each is announced once and told once. Which answer belongs to
//! which operation is the protocol's to know.

use super::{Exchange, Operation};
use crate::{
    by_key::{ByKey, Waiting},
    conversation::{Outcome, Unanswered},
    parser::{Asked, Sink, Told},
    propagation::TraceContext,
};

/// An operation that was seen to its last byte.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) operation: Operation,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) started_ns: u64,
    pub(crate) ended_ns: u64,
    pub(crate) thread: u64,
    pub(crate) bytes: u64,
}

/// Operations by what their answers are known by, each with what its protocol must remember of it.
#[derive(Debug)]
pub(crate) struct Open<K, S = ()> {
    waiting: ByKey<K, (Box<Exchange>, S)>,
    timeout_ns: u64,
}

impl<K: Copy + Eq, S> Open<K, S> {
    pub(crate) fn new(open_max: usize, timeout_ns: u64) -> Self {
        Self {
            waiting: ByKey::new(open_max, timeout_ns),
            timeout_ns,
        }
    }

    /// Announces an operation that waits for its answer.
    pub(crate) fn ask(&mut self, key: K, state: S, request: Request, out: &mut dyn Sink) {
        let at_ns = request.ended_ns;
        let asked = Asked {
            thread: request.thread,
            trace: request.trace,
            // What a server begins itself is none of what its thread does next.
            is_lasting: request.operation.is_push,
            ..Asked::default()
        };
        let exchange = Box::new(Exchange {
            operation: request.operation,
            error: None,
            started_ns: request.started_ns,
            response_started_ns: None,
            ended_ns: request.ended_ns,
            request_thread: request.thread,
            outcome: Outcome::Answered,
            request_bytes: request.bytes,
            response_bytes: 0,
        });
        let (id, displaced) = self.waiting.ask(key, at_ns, (exchange, state));
        if let Some(displaced) = displaced {
            let why = if displaced.key == key {
                Unanswered::LostData
            } else {
                Unanswered::TooManyOpen
            };
            unanswered(displaced, at_ns, why, out);
        }
        out.request(id, asked);
    }

    /// Tells an operation that nobody answers. No other may wait under the key.
    pub(crate) fn tell(&mut self, key: K, mut request: Request, out: &mut dyn Sink)
    where
        S: Default,
    {
        request.operation.is_one_way = true;
        self.ask(key, S::default(), request, out);
        self.end_as_it_is(key, out);
    }

    /// Ends an operation with its answer. Returns whether there was one to end.
    pub(crate) fn answer(
        &mut self,
        key: K,
        (started_ns, ended_ns): (u64, u64),
        bytes: u64,
        out: &mut dyn Sink,
        complete: impl FnOnce(&mut Exchange, S),
    ) -> bool {
        let Some(waiting) = self.waiting.answer(key) else {
            return false;
        };
        let (mut exchange, state) = waiting.what;
        exchange.response_started_ns = Some(started_ns);
        exchange.ended_ns = ended_ns.max(exchange.ended_ns);
        exchange.response_bytes += bytes;
        complete(&mut exchange, state);
        out.exchange(waiting.id, Told::Messaging(exchange));
        true
    }

    /// Ends an operation that turned out to need no answer: it ended with its last byte.
    pub(crate) fn end_as_it_is(&mut self, key: K, out: &mut dyn Sink) {
        if let Some(mut waiting) = self.waiting.answer(key) {
            waiting.what.0.operation.is_one_way = true;
            out.exchange(waiting.id, Told::Messaging(waiting.what.0));
        }
    }

    /// Ends an operation whose answer will not be seen.
    pub(crate) fn give_up(&mut self, key: K, at_ns: u64, why: Unanswered, out: &mut dyn Sink) {
        if let Some(waiting) = self.waiting.answer(key) {
            unanswered(waiting, at_ns, why, out);
        }
    }

    /// Ends everything.
    pub(crate) fn end(&mut self, at_ns: u64, why: Unanswered, out: &mut dyn Sink) {
        self.waiting
            .end(|waiting| unanswered(waiting, at_ns, why, out));
    }

    /// Ends what waited for too long.
    pub(crate) fn expire(&mut self, now_ns: u64, out: &mut dyn Sink) {
        self.waiting.expire(now_ns, |late| {
            unanswered(late, now_ns, Unanswered::Timeout, out);
        });
    }

    /// Returns the operation that waits under a key.
    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut (Box<Exchange>, S)> {
        self.waiting.get_mut(key)
    }

    /// Returns the keys of what waits for too long, or of all if no time is given.
    pub(crate) fn late(&mut self, now_ns: Option<u64>, wanted: impl Fn(K) -> bool) -> Vec<K> {
        let timeout_ns = self.timeout_ns;
        let waiting = self.waiting.iter_mut();
        let is_late =
            |asked_ns| now_ns.is_none_or(|now_ns| now_ns.saturating_sub(asked_ns) >= timeout_ns);
        let late = waiting.filter(|waiting| wanted(waiting.key) && is_late(waiting.asked_ns));
        late.map(|waiting| waiting.key).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Returns how many bytes are held, names included at their longest.
    pub(crate) fn held(&self) -> usize {
        self.len() * Self::held_by_one()
    }

    pub(crate) const fn held_by_one() -> usize {
        const NAMES: usize = 7 * 4 * super::NAME_CHARS_MAX;
        size_of::<Waiting<K, (Box<Exchange>, S)>>() + size_of::<Exchange>() + NAMES
    }
}

fn unanswered<K, S>(
    waiting: Waiting<K, (Box<Exchange>, S)>,
    at_ns: u64,
    why: Unanswered,
    out: &mut dyn Sink,
) {
    let mut exchange = waiting.what.0;
    exchange.outcome = Outcome::Unanswered(why);
    exchange.ended_ns = at_ns.max(exchange.ended_ns);
    out.exchange(waiting.id, Told::Messaging(exchange));
}
