//! The frame that every protocol fits in: bytes of a connection in, exchanges out.
//!
//! A parser is made when `recognition` knows the protocol; from then on it gets every chunk of both
//! directions, and is told what is missing. Nothing here parses.

use crate::{
    conversation::{Chunk, Toward, Unanswered},
    database, dns, http, http1, messaging,
    postgres::Postgres,
    propagation::TraceContext,
    redis::Redis,
    rpc, websocket,
};

/// Reads one connection, both directions.
///
/// No bytes may make it panic, hold more than a bound that it names, or take more steps than
/// there are bytes.
pub trait Parser: Send {
    /// Takes the bytes of one socket call; the calls of each direction in their order.
    fn feed(&mut self, chunk: Chunk<'_>, out: &mut dyn Sink);
    /// Notes that bytes were lost, how many if that is known.
    fn gap(&mut self, toward: Toward, at_ns: u64, len: Option<u64>, out: &mut dyn Sink);
    /// Ends the connection and with it every open request.
    fn close(&mut self, at_ns: u64, why: Unanswered, out: &mut dyn Sink);
    /// Ends requests without an answer for as long as the response timeout.
    fn expire(&mut self, now_ns: u64, out: &mut dyn Sink);
    /// Returns how many requests are announced and not finished.
    fn open_requests(&self) -> usize;
    /// Returns how many bytes are held for the connection.
    fn buffered_bytes(&self) -> usize;
    /// Returns whether the connection became something that cannot be read: encrypted, a stream of
    /// replication, a protocol after an upgrade. Nothing fed from then on is read.
    fn is_opaque(&self) -> bool {
        false
    }
    /// Returns whether more than the beginnings of messages should be copied from now on.
    fn wants_every_call(&self) -> bool {
        false
    }
    /// Returns whether every request can be understood without those before it, so that some may be
    /// left out where there are too many. Else whole connections are.
    fn stands_alone(&self) -> bool {
        false
    }
    /// Returns whether the bytes turned out not to be of this protocol, so that another one may be
    /// looked for. What was announced before must have been ended.
    fn is_mistaken(&self) -> bool {
        false
    }
}

/// A request that is complete enough to be told of.
#[derive(Debug, Clone, Default)]
pub struct Asked<'a> {
    /// Who moved the bytes that completed it.
    pub thread: u64,
    /// What it says of the trace that it continues.
    pub trace: Option<TraceContext>,
    /// Which program says it asks.
    pub user_agent: Option<&'a str>,
    /// It lasts as long as its ends like: what the thread does meanwhile need not be for it.
    pub is_lasting: bool,
}

/// A finished exchange, by the family of its protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A request of HTTP, whichever version.
    Http(Box<http::Exchange>),
    /// An operation on a database.
    Database(Box<database::Exchange>),
    /// A remote procedure call.
    Rpc(Box<rpc::Exchange>),
    /// A conversation over WebSocket.
    WebSocket(Box<websocket::Exchange>),
    /// A query of DNS.
    Dns(Box<dns::Exchange>),
    /// An operation on queues or topics.
    Messaging(Box<messaging::Exchange>),
}

/// Receives what a parser understood.
pub trait Sink {
    /// Takes a request that is complete. `id` is unique on its connection.
    fn request(&mut self, id: u32, asked: Asked<'_>);
    /// Takes the finished exchange of a request that was announced before; called once for each.
    fn exchange(&mut self, id: u32, told: Told);
}

impl http1::Sink for &mut (dyn Sink + '_) {
    fn request(&mut self, id: u32, request: &http::Request, thread: u64) {
        let headers = &request.headers;
        let asked = Asked {
            thread,
            trace: headers.context(),
            user_agent: headers.user_agent.as_deref(),
            ..Asked::default()
        };
        Sink::request(*self, id, asked);
    }

    fn exchange(&mut self, id: u32, exchange: Box<http::Exchange>) {
        Sink::exchange(*self, id, Told::Http(exchange));
    }
}

impl database::Sink for &mut (dyn Sink + '_) {
    fn request(&mut self, id: u32, thread: u64) {
        let asked = Asked {
            thread,
            ..Asked::default()
        };
        Sink::request(*self, id, asked);
    }

    fn request_in(&mut self, id: u32, thread: u64, trace: Option<TraceContext>) {
        let asked = Asked {
            thread,
            trace,
            ..Asked::default()
        };
        Sink::request(*self, id, asked);
    }

    fn exchange(&mut self, id: u32, exchange: database::Exchange) {
        Sink::exchange(*self, id, Told::Database(Box::new(exchange)));
    }
}

/// Makes a parser of a reader that has the same methods over its family's sink, and whose requests
/// stand alone, or not.
macro_rules! parser {
    ($reader:ty, $stands_alone:literal) => {
        impl Parser for $reader {
            fn feed(&mut self, chunk: Chunk<'_>, mut out: &mut dyn Sink) {
                <$reader>::feed(self, chunk, &mut out);
            }

            fn gap(
                &mut self,
                toward: Toward,
                at_ns: u64,
                len: Option<u64>,
                mut out: &mut dyn Sink,
            ) {
                <$reader>::gap(self, toward, at_ns, len, &mut out);
            }

            fn close(&mut self, at_ns: u64, why: Unanswered, mut out: &mut dyn Sink) {
                <$reader>::close(self, at_ns, why, &mut out);
            }

            fn expire(&mut self, now_ns: u64, mut out: &mut dyn Sink) {
                <$reader>::expire(self, now_ns, &mut out);
            }

            fn open_requests(&self) -> usize {
                <$reader>::open_requests(self)
            }

            fn buffered_bytes(&self) -> usize {
                <$reader>::buffered_bytes(self)
            }

            fn is_opaque(&self) -> bool {
                <$reader>::is_opaque(self)
            }

            fn stands_alone(&self) -> bool {
                $stands_alone
            }
        }
    };
}

parser!(Postgres, false); // prepared statements have names
parser!(Redis, true);
