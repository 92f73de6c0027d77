//! The parser of a connection: which protocol its first bytes begin, and one way to feed them all.
//!
//! A connection is taken for HTTP/1 until its bytes say otherwise, because that parser finds its
//! way into a connection with a past by itself. The others are chosen by a beginning that nothing
//! else has.

use tapline_ebpf::abi::EventData;
use tapline_protocols::{
    conversation::{Chunk, Toward, Unanswered},
    database::{self, Since},
    http1::{self, Http1, Limits, Sniff, sniff},
    postgres::{self, Postgres},
    redis::{self, Redis},
    trace_context,
};

use super::{Happening, Told};

/// How tapline's exporters introduce themselves. The far end of our own exports is recognised by
/// its addresses in the kernel; this holds where they were translated on the way.
const OWN_USER_AGENT: &str = "tapline/";

/// What the first bytes of a chunk begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begins {
    /// A request, of this protocol.
    Request(Protocol),
    /// A response, of this protocol.
    Response(Protocol),
    /// Too short to tell.
    Maybe,
    /// Nothing that is understood.
    Nothing,
}

/// A protocol that is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Postgres,
    Redis,
}

/// The parser of one connection.
#[expect(
    clippy::large_enum_variant,
    reason = "most connections are HTTP/1 and pay no indirection"
)]
pub(super) enum Reader {
    Http1(Http1),
    Postgres(Box<Postgres>),
    Redis(Box<Redis>),
}

/// Collects what a parser tells about bytes that moved at a time.
pub(super) struct Collect<'h>(pub(super) &'h mut Vec<Happening>, pub(super) u64);

/// Tells what a chunk begins, whichever end of the connection sent it.
pub(super) fn begins(bytes: &[u8], len: usize) -> Begins {
    match sniff(bytes) {
        Sniff::Request => Begins::Request(Protocol::Http1),
        Sniff::Response => Begins::Response(Protocol::Http1),
        Sniff::Maybe => Begins::Maybe,
        Sniff::No if redis::is_command(bytes) => Begins::Request(Protocol::Redis),
        Sniff::No if postgres::is_startup(bytes) || postgres::is_request(bytes, len) => {
            Begins::Request(Protocol::Postgres)
        }
        Sniff::No => Begins::Nothing,
    }
}

/// Tells the protocol of a chunk whose direction is known.
pub(super) fn begins_toward(
    toward: Toward,
    bytes: &[u8],
    len: usize,
    since: Since,
) -> Option<Protocol> {
    match begins(bytes, len) {
        Begins::Request(Protocol::Http1) | Begins::Response(Protocol::Http1) => {
            Some(Protocol::Http1)
        }
        Begins::Request(protocol) => (toward == Toward::Server).then_some(protocol),
        Begins::Response(protocol) => (toward == Toward::Client).then_some(protocol),
        Begins::Maybe | Begins::Nothing => {
            let is_first = toward == Toward::Server && since == Since::Begin;
            (is_first && redis::is_inline_ping(bytes)).then_some(Protocol::Redis)
        }
    }
}

/// Tells whether a parser sees a connection from its beginning, which its own first bytes may say
/// better than the handshake.
pub(super) fn since(protocol: Protocol, bytes: &[u8], handshake: Since) -> Since {
    match protocol {
        Protocol::Postgres if postgres::is_startup(bytes) => Since::Begin,
        Protocol::Postgres => Since::Later,
        Protocol::Http1 | Protocol::Redis => handshake,
    }
}

impl Reader {
    pub(super) fn new(protocol: Protocol, since: Since, limits: Limits) -> Self {
        match protocol {
            Protocol::Http1 => Self::Http1(Http1::new(limits)),
            Protocol::Postgres => {
                let timeout_ns = limits.response_timeout_ns;
                Self::Postgres(Box::new(Postgres::new(since, timeout_ns)))
            }
            Protocol::Redis => {
                let timeout_ns = limits.response_timeout_ns;
                Self::Redis(Box::new(Redis::new(since, timeout_ns)))
            }
        }
    }

    pub(super) fn protocol(&self) -> Protocol {
        match self {
            Self::Http1(_) => Protocol::Http1,
            Self::Postgres(_) => Protocol::Postgres,
            Self::Redis(_) => Protocol::Redis,
        }
    }

    pub(super) fn feed(&mut self, chunk: Chunk<'_>, out: &mut Collect<'_>) {
        match self {
            Self::Http1(http1) => http1.feed(chunk, out),
            Self::Postgres(postgres) => postgres.feed(chunk, out),
            Self::Redis(redis) => redis.feed(chunk, out),
        }
    }

    pub(super) fn gap(&mut self, toward: Toward, at_ns: u64, len: u64, out: &mut Collect<'_>) {
        match self {
            Self::Http1(http1) => http1.gap(toward, at_ns, Some(len), out),
            Self::Postgres(postgres) => postgres.gap(toward, at_ns, Some(len), out),
            Self::Redis(redis) => redis.gap(toward, at_ns, Some(len), out),
        }
    }

    pub(super) fn close(&mut self, at_ns: u64, why: Unanswered, out: &mut Collect<'_>) {
        match self {
            Self::Http1(http1) => http1.close(at_ns, why, out),
            Self::Postgres(postgres) => postgres.close(at_ns, why, out),
            Self::Redis(redis) => redis.close(at_ns, why, out),
        }
    }

    pub(super) fn expire(&mut self, now_ns: u64, out: &mut Collect<'_>) {
        match self {
            Self::Http1(http1) => http1.expire(now_ns, out),
            Self::Postgres(postgres) => postgres.expire(now_ns, out),
            Self::Redis(redis) => redis.expire(now_ns, out),
        }
    }

    pub(super) fn open_requests(&self) -> usize {
        match self {
            Self::Http1(http1) => http1.open_requests(),
            Self::Postgres(postgres) => postgres.open_requests(),
            Self::Redis(redis) => redis.open_requests(),
        }
    }

    pub(super) fn buffered_bytes(&self) -> usize {
        match self {
            Self::Http1(http1) => http1.buffered_bytes(),
            Self::Postgres(postgres) => postgres.buffered_bytes(),
            Self::Redis(redis) => redis.buffered_bytes(),
        }
    }
}

/// Names the thread that moved the bytes of an event.
pub(super) fn thread(event: &EventData) -> u64 {
    u64::from(event.tgid) << 32 | u64::from(event.tid)
}

impl http1::Sink for Collect<'_> {
    fn request(&mut self, id: u32, request: &http1::Request, thread: u64) {
        let headers = &request.headers;
        let agent = headers.user_agent.as_deref();
        self.0.push(Happening::Request {
            id,
            thread,
            at_ns: self.1,
            trace: trace_context::parse(&headers.traceparent, &headers.tracestate),
            is_export: agent.is_some_and(|agent| agent.starts_with(OWN_USER_AGENT)),
        });
    }

    fn exchange(&mut self, id: u32, exchange: http1::Exchange) {
        let told = Told::Http(Box::new(exchange));
        self.0.push(Happening::Exchange { id, told });
    }
}

impl database::Sink for Collect<'_> {
    fn request(&mut self, id: u32, thread: u64) {
        self.0.push(Happening::Request {
            id,
            thread,
            at_ns: self.1,
            trace: None,
            is_export: false,
        });
    }

    fn exchange(&mut self, id: u32, exchange: database::Exchange) {
        let told = Told::Database(Box::new(exchange));
        self.0.push(Happening::Exchange { id, told });
    }
}
