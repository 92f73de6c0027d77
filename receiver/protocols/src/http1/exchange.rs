//! What goes into the HTTP/1 parser and what comes out of it.
//!
//! Plain data, so that callers and tests can build and compare it. Nothing here parses.

/// The way bytes travel on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Toward {
    /// From the client to the server: requests.
    Server,
    /// From the server to the client: responses.
    Client,
}

/// The bytes of one socket call, of which only a prefix may have been captured.
#[derive(Debug, Clone, Copy)]
pub struct Chunk<'a> {
    /// The direction of the bytes.
    pub toward: Toward,
    /// When they moved.
    pub at_ns: u64,
    /// The captured prefix; empty is normal (`sendfile`).
    pub bytes: &'a [u8],
    /// The full length; a value below `bytes.len()` is read as `bytes.len()`.
    pub len: usize,
    /// The very last bytes (up to 8) of a chunk that was cut, else empty. May overlap `bytes`.
    pub tail: &'a [u8],
    /// An opaque tag of who moved the bytes; it is handed back unread.
    pub thread: u64,
}

/// What one connection may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message head that are kept; what follows is read for framing only.
    pub head_bytes: usize,
    /// Requests that may wait for their response at once.
    pub open_requests: usize,
    /// How old a request without a response may become.
    pub response_timeout_ns: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 16 * 1024,
            open_requests: 64,
            response_timeout_ns: 60_000_000_000,
        }
    }
}

/// The request headers that may be kept; every other header value is forgotten at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// Every `traceparent`, in order.
    pub traceparent: Vec<String>,
    /// Every `tracestate`, in order.
    pub tracestate: Vec<String>,
    /// `baggage`; several are joined with commas, as are those below.
    pub baggage: Option<String>,
    /// `X-Request-Id`.
    pub request_id: Option<String>,
    /// `X-Forwarded-For`.
    pub forwarded_for: Option<String>,
    /// `X-Forwarded-Proto`.
    pub forwarded_proto: Option<String>,
    /// `Forwarded`.
    pub forwarded: Option<String>,
}

/// The head of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The method as sent, known or not.
    pub method: String,
    /// The target as sent (origin, absolute, authority or `*` form), less any userinfo.
    pub target: String,
    /// `1.1` or `1.0`; empty when the head was cut before it.
    pub version: &'static str,
    /// The host, with a port if one was sent: from the target if it names one, else from `Host`.
    pub host: Option<String>,
    /// The scheme of an absolute-form target, in lower case.
    pub scheme: Option<String>,
    /// The headers of the allow list.
    pub headers: Headers,
    /// Whether a part of the head was not seen or not kept.
    pub truncated: bool,
}

/// The head of a final response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// `1.1` or `1.0`.
    pub version: &'static str,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// Whether a part of the head was not seen or not kept.
    pub truncated: bool,
}

/// Why a request has no complete response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unanswered {
    /// The connection was reset.
    Reset,
    /// The other end, whichever that is, closed the connection.
    ClosedByPeer,
    /// The client closed the connection.
    ClosedByClient,
    /// The server closed the connection.
    ClosedByServer,
    /// The connection is gone and nobody saw who ended it.
    Closed,
    /// No response came in time.
    Timeout,
    /// Bytes were lost, so that the response cannot be told from others.
    LostData,
    /// Too many requests were waiting; this one was the oldest.
    TooManyOpen,
}

impl Unanswered {
    /// Returns the low-cardinality name for an `error.type` attribute.
    pub fn error_type(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::ClosedByPeer => "closed_by_peer",
            Self::ClosedByClient => "closed_by_client",
            Self::ClosedByServer => "closed_by_server",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::LostData => "lost_data",
            Self::TooManyOpen => "too_many_open",
        }
    }
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The response was read to its end, as far as that can be known.
    Answered,
    /// It was not. A response that broke off still shows in [`Exchange::response`].
    Unanswered(Unanswered),
}

/// A request with its response, or with the reason why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The request.
    pub request: Request,
    /// The final response, if its head was seen.
    pub response: Option<Response>,
    /// When the first byte of the request moved.
    pub started_ns: u64,
    /// When the last byte of the request that was seen moved.
    pub request_ended_ns: u64,
    /// When the first byte of the final response moved.
    pub response_started_ns: Option<u64>,
    /// When the last byte of the response moved, or the time of the reason why there is none.
    pub ended_ns: u64,
    /// Who moved the bytes that completed the request head.
    pub request_thread: u64,
    /// Who moved the first byte of the final response.
    pub response_thread: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
    /// Body bytes of the request, without chunk framing as long as that could be followed.
    pub request_body_bytes: u64,
    /// Body bytes of the response, likewise.
    pub response_body_bytes: u64,
    /// Bytes of the request on the wire.
    pub request_bytes: u64,
    /// Bytes of the response on the wire, interim responses not counted.
    pub response_bytes: u64,
    /// Whether the connection stopped being HTTP/1 with this exchange (101, or CONNECT with 2xx).
    pub upgraded: bool,
}

/// Receives what the parser understood.
pub trait Sink {
    /// Takes a request whose head is complete. `id` is unique on its connection.
    fn request(&mut self, id: u32, request: &Request, thread: u64);
    /// Takes the finished exchange of a request that was announced before; called once for each.
    fn exchange(&mut self, id: u32, exchange: Exchange);
}
