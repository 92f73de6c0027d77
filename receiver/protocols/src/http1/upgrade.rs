//! A connection that begins in HTTP/1 and may go on in HTTP/2 or as a WebSocket, when a client
//! asked for that (`Upgrade`) and the server agreed.

use super::{Exchange, Http1, Request};
use crate::{
    conversation::{Chunk, Limits, Toward, Unanswered},
    http2::Http2,
    parser::{Asked, Parser, Sink},
    websocket::WebSocket,
};

/// What a connection can become that is read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Http2,
    WebSocket,
}

/// What the next protocol needs to know.
#[derive(Debug)]
pub(super) struct Handover {
    pub(super) to: To,
    /// Captured bytes of the chunk that are of the next protocol.
    pub(super) unread: usize,
}

/// The next protocol, and the request that asked for it.
#[derive(Debug)]
pub(super) enum To {
    /// With the number under which the request still waits.
    Http2(u32, Box<Exchange>),
    WebSocket(Box<Request>),
}

impl Next {
    /// Reads the name of a protocol in a header.
    pub(super) fn named(value: &[u8]) -> Option<Self> {
        match value {
            value if value.eq_ignore_ascii_case(b"h2c") => Some(Self::Http2),
            value if value.eq_ignore_ascii_case(b"websocket") => Some(Self::WebSocket),
            _ => None,
        }
    }
}

/// Who reads a connection that becomes something else.
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
pub(super) enum Connection {
    Http1(Box<Http1>, Limits),
    Upgraded(Box<dyn Parser>),
}

impl Connection {
    pub(super) fn new(limits: Limits) -> Self {
        let mut first = Http1::new(limits);
        first.successor = Successor::Wanted;
        Self::Http1(Box::new(first), limits)
    }

    /// Gives the rest of a chunk to what the connection has come to.
    fn go_on(&mut self, chunk: Chunk<'_>, out: &mut dyn Sink) {
        let Self::Http1(first, limits) = self else {
            return;
        };
        let limits = *limits;
        let Successor::Due(handover) = std::mem::replace(&mut first.successor, Successor::Wanted)
        else {
            return;
        };
        let number = first.next_id;
        let mut second: Box<dyn Parser> = match handover.to {
            To::Http2(waiting, asked) => Box::new(Http2::upgraded(limits, waiting, number, *asked)),
            To::WebSocket(request) => {
                out.request(number, asked(&request, chunk.thread));
                Box::new(WebSocket::new(number, *request, chunk.at_ns))
            }
        };
        let read = chunk.bytes.len().saturating_sub(handover.unread);
        let rest = Chunk {
            bytes: &chunk.bytes[read..],
            len: chunk.len.max(chunk.bytes.len()) - read,
            tail: &[],
            ..chunk
        };
        if rest.len > 0 {
            second.feed(rest, out);
        }
        *self = Self::Upgraded(second);
    }
}

impl Parser for Connection {
    fn feed(&mut self, chunk: Chunk<'_>, mut out: &mut dyn Sink) {
        match self {
            Self::Upgraded(second) => return second.feed(chunk, out),
            Self::Http1(first, _) => first.feed(chunk, &mut out),
        }
        self.go_on(chunk, out);
    }

    fn gap(&mut self, toward: Toward, at_ns: u64, len: Option<u64>, mut out: &mut dyn Sink) {
        match self {
            Self::Http1(first, _) => first.gap(toward, at_ns, len, &mut out),
            Self::Upgraded(second) => return second.gap(toward, at_ns, len, out),
        }
        // A response may have ended with what is missing.
        let nothing = Chunk {
            toward,
            at_ns,
            bytes: &[],
            len: 0,
            tail: &[],
            thread: 0,
        };
        self.go_on(nothing, out);
    }

    fn close(&mut self, at_ns: u64, why: Unanswered, mut out: &mut dyn Sink) {
        match self {
            Self::Http1(first, _) => first.close(at_ns, why, &mut out),
            Self::Upgraded(second) => second.close(at_ns, why, out),
        }
    }

    fn expire(&mut self, now_ns: u64, mut out: &mut dyn Sink) {
        match self {
            Self::Http1(first, _) => first.expire(now_ns, &mut out),
            Self::Upgraded(second) => second.expire(now_ns, out),
        }
    }

    fn open_requests(&self) -> usize {
        match self {
            Self::Http1(first, _) => first.open_requests(),
            Self::Upgraded(second) => second.open_requests(),
        }
    }

    fn buffered_bytes(&self) -> usize {
        match self {
            Self::Http1(first, _) => first.buffered_bytes(),
            Self::Upgraded(second) => second.buffered_bytes(),
        }
    }

    fn wants_every_call(&self) -> bool {
        matches!(self, Self::Http1(first, _) if first.is_watched())
    }

    fn is_opaque(&self) -> bool {
        matches!(self, Self::Http1(first, _) if first.is_opaque())
    }

    fn stands_alone(&self) -> bool {
        matches!(self, Self::Http1(..))
    }
}

/// A WebSocket is a part of the trace that its request is.
fn asked(request: &Request, thread: u64) -> Asked<'_> {
    let headers = &request.headers;
    Asked {
        thread,
        trace: headers.context(),
        user_agent: headers.user_agent.as_deref(),
        is_lasting: true,
    }
}
