//! A connection that begins in HTTP/1 and may go on in HTTP/2, when a client asked for that
//! (`Upgrade: h2c`) and the server agreed.

use super::{Exchange, Http1};
use crate::{
    conversation::{Chunk, Limits, Toward, Unanswered},
    http2::Http2,
    parser::{Parser, Sink},
};

/// What the next protocol needs to know.
#[derive(Debug)]
pub(super) struct Handover {
    /// The number of the request whose response is still to come.
    pub(super) number: u32,
    /// The request.
    pub(super) asked: Box<Exchange>,
    /// Captured bytes of the chunk that are of the next protocol.
    pub(super) unread: usize,
}

/// Who reads a connection that becomes one of HTTP/2.
#[derive(Debug)]
pub(super) enum Successor {
    /// Nobody.
    None,
    /// Somebody will.
    Wanted,
    /// Somebody should from here on.
    Due(Handover),
}

impl Successor {
    pub(super) fn is_wanted(&self) -> bool {
        matches!(self, Self::Wanted)
    }
}

/// Reads a connection in the protocol that it has come to.
#[derive(Debug)]
pub(super) enum Connection {
    Http1(Box<Http1>, Limits),
    Http2(Box<Http2>),
}

impl Connection {
    pub(super) fn new(limits: Limits) -> Self {
        let mut first = Http1::new(limits);
        first.successor = Successor::Wanted;
        Self::Http1(Box::new(first), limits)
    }
}

impl Parser for Connection {
    fn feed(&mut self, chunk: Chunk<'_>, mut out: &mut dyn Sink) {
        let (first, limits) = match self {
            Self::Http2(second) => return second.feed(chunk, out),
            Self::Http1(first, limits) => (first, *limits),
        };
        first.feed(chunk, &mut out);
        let Successor::Due(handover) = std::mem::replace(&mut first.successor, Successor::Wanted)
        else {
            return;
        };
        let Handover {
            number,
            asked,
            unread,
        } = handover;
        let mut second = Http2::upgraded(limits, number, first.next_id, *asked);
        let read = chunk.bytes.len().saturating_sub(unread);
        let rest = Chunk {
            bytes: &chunk.bytes[read..],
            len: chunk.len.max(chunk.bytes.len()) - read,
            tail: &[],
            ..chunk
        };
        second.feed(rest, out);
        *self = Self::Http2(Box::new(second));
    }

    fn gap(&mut self, toward: Toward, at_ns: u64, len: Option<u64>, mut out: &mut dyn Sink) {
        match self {
            Self::Http1(first, _) => first.gap(toward, at_ns, len, &mut out),
            Self::Http2(second) => second.gap(toward, at_ns, len, out),
        }
    }

    fn close(&mut self, at_ns: u64, why: Unanswered, mut out: &mut dyn Sink) {
        match self {
            Self::Http1(first, _) => first.close(at_ns, why, &mut out),
            Self::Http2(second) => second.close(at_ns, why, out),
        }
    }

    fn expire(&mut self, now_ns: u64, mut out: &mut dyn Sink) {
        match self {
            Self::Http1(first, _) => first.expire(now_ns, &mut out),
            Self::Http2(second) => second.expire(now_ns, out),
        }
    }

    fn open_requests(&self) -> usize {
        match self {
            Self::Http1(first, _) => first.open_requests(),
            Self::Http2(second) => second.open_requests(),
        }
    }

    fn buffered_bytes(&self) -> usize {
        match self {
            Self::Http1(first, _) => first.buffered_bytes(),
            Self::Http2(second) => second.buffered_bytes(),
        }
    }

    fn is_opaque(&self) -> bool {
        matches!(self, Self::Http1(first, _) if first.is_opaque())
    }
}
