//! HTTP/1.0 and 1.1, both directions of a connection.
//!
//! Bytes become messages in `stream` (with `sniff`, `line`, `head` and `body`), one direction each;
//! messages become exchanges in `pairing`, which knows which response is due next (`slot`);
//! `reading` drives both and says what bytes mean that were not captured.
//!
//! Three rules decide every doubtful case:
//!
//! - A response is paired only if it is certain which request it answers. As long as a client was
//!   never seen to send a request before the last one was answered, a request that follows words of
//!   the server proves that nothing older is due, so that such a connection recovers from every
//!   loss. On a connection with pipelining a loss ends the pairing until the line was silent for
//!   the response timeout, or the client took turns with the server for a while.
//! - Bytes that were not captured are harmless inside a body whose end is still known.
//! - Once an end cannot be computed, a body lasts until another message starts.
//!
//! Two things cannot be seen, and may pair wrongly: pipelining all of whose overlapping requests
//! were lost or hidden behind a cut, and a client that after a loss always keeps exactly one
//! request ahead.

mod body;
mod head;
mod length;
mod line;
mod pairing;
mod reading;
mod slot;
mod sniff;
mod stream;
mod upgrade;

use std::collections::VecDeque;

pub use crate::conversation::{Chunk, Limits, Outcome, Toward, Unanswered};
pub use crate::http::{Exchange, Headers, Request, Response};
use crate::{
    over_http,
    recognition::{Begins, Protocol},
    wanted,
};
use pairing::Hidden;
use slot::Slot;
pub use sniff::{Sniff, sniff};
use stream::Stream;

/// How HTTP/1 is recognised. Its parser finds its own way into a connection with a past.
pub(crate) const PROTOCOL: Protocol = Protocol {
    name: "http",
    begins: |beginning| match sniff(beginning.bytes) {
        Sniff::Request => Begins::Surely(Toward::Server),
        Sniff::Response => Begins::Surely(Toward::Client),
        Sniff::Maybe => Begins::Maybe,
        Sniff::No => Begins::No,
    },
    parser: |_, limits| Box::new(upgrade::Connection::new(limits)),
};

/// Receives what the parser understood.
pub trait Sink {
    /// Takes a request whose head is complete. `id` is unique on its connection.
    fn request(&mut self, id: u32, request: &Request, thread: u64);
    /// Takes the finished exchange of a request that was announced before; called once for each.
    fn exchange(&mut self, id: u32, exchange: Box<Exchange>);
}

/// What bodies matter for on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bodies {
    /// Their sizes.
    Counted,
    /// What is in them: there was a request that may be more than HTTP.
    Watched,
}

/// Reads one TCP connection, both directions.
#[derive(Debug)]
pub struct Http1 {
    limits: Limits,
    requests: Stream,
    responses: Stream,
    /// The responses that are due, in order.
    slots: VecDeque<Slot>,
    /// The slot whose request body is being read.
    sending: Option<u32>,
    /// Whether requests may have been sent, unseen, behind the last slot.
    hidden: Hidden,
    /// Whether the server said something since then.
    turned: bool,
    /// Whether the client was seen not to wait for responses.
    pipelined: bool,
    /// Exchanges in a row whose answer the client waited for.
    turns: u32,
    /// The same, since it is in doubt which request is answered.
    doubtful_turns: u32,
    opaque: bool,
    bodies: Bodies,
    successor: upgrade::Successor,
    next_id: u32,
    /// When the last byte moved, in either direction.
    active_ns: u64,
}

impl Http1 {
    /// Creates the reader of a connection, whose beginning need not have been seen.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            requests: Stream::new(Toward::Server, limits),
            responses: Stream::new(Toward::Client, limits),
            slots: VecDeque::new(),
            sending: None,
            hidden: Hidden::No,
            turned: false,
            pipelined: false,
            turns: 0,
            doubtful_turns: 0,
            opaque: false,
            bodies: Bodies::Counted,
            successor: upgrade::Successor::None,
            next_id: 0,
            active_ns: 0,
        }
    }

    /// Takes the bytes of one socket call; the calls of each direction in their order.
    pub fn feed(&mut self, chunk: Chunk<'_>, out: &mut impl Sink) {
        if !self.opaque {
            self.after_silence(chunk.toward, chunk.at_ns, out);
            self.read_chunk(chunk, out);
        }
    }

    /// Notes that bytes were lost, how many if that is known.
    pub fn gap(&mut self, toward: Toward, at_ns: u64, len: Option<u64>, out: &mut impl Sink) {
        if !self.opaque && len != Some(0) {
            self.after_silence(toward, at_ns, out);
            self.read_gap(toward, at_ns, len, out);
        }
    }

    /// Ends the connection and with it every open request.
    ///
    /// A response that lasts until the connection ends is complete then; one that breaks off
    /// earlier is not, but it is reported as far as it was seen.
    pub fn close(&mut self, at_ns: u64, why: Unanswered, out: &mut impl Sink) {
        self.close_slots(at_ns, why, out);
        self.requests.lose();
        self.responses.lose();
        self.hidden = Hidden::No;
        self.pipelined = false;
    }

    /// Ends requests whose last byte is older than the response timeout and that have no response,
    /// and responses whose end was lost and that have been silent for as long.
    pub fn expire(&mut self, now_ns: u64, out: &mut impl Sink) {
        self.expire_slots(now_ns, out);
    }

    /// Returns how many requests are announced and not finished.
    pub fn open_requests(&self) -> usize {
        self.slots.iter().filter(|slot| slot.is_open()).count()
    }

    /// Returns whether the connection stopped being HTTP/1; nothing fed from then on is read.
    pub fn is_opaque(&self) -> bool {
        self.opaque
    }

    /// Returns whether bodies matter on this connection.
    pub(crate) fn is_watched(&self) -> bool {
        self.bodies == Bodies::Watched
    }

    /// Returns how many captured bytes are held; never more than [`Limits::buffered_bytes_max`].
    pub fn buffered_bytes(&self) -> usize {
        let slots = self.slots.iter().map(Slot::held).sum::<usize>();
        self.requests.held() + self.responses.held() + slots
    }
}

impl Limits {
    /// Returns the most bytes that one connection holds: its open requests, a head in either
    /// direction and a line of each.
    pub fn buffered_bytes_max(&self) -> usize {
        // Host and scheme repeat a part of the target, framing fields are kept beyond the limit.
        let wanted = if self.wanted.is_empty() {
            0
        } else {
            3 * wanted::BYTES_MAX
        };
        let head = self.head_bytes.max(line::LINE_BYTES) + 4 * 512 + wanted;
        let watched = self.open_requests.max(1) * over_http::BYTES_MAX;
        watched + (self.open_requests.max(1) + 2) * head + 2 * line::LINE_BYTES
    }
}
