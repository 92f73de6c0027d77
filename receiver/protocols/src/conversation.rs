//! What every parser of a connection takes and says: bytes in directions, and how a request ends.
//!
//! Plain data that belongs to no protocol. Nothing here parses.

use crate::wanted::{NOTHING, Wanted};

/// What one connection may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message head that are kept; what follows is read for framing only.
    pub head_bytes: usize,
    /// Requests that may wait for their response at once.
    pub open_requests: usize,
    /// How old a request without a response may become.
    pub response_timeout_ns: u64,
    /// Headers of HTTP that are kept because somebody asked for them.
    pub wanted: &'static Wanted,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 16 * 1024,
            open_requests: 64,
            response_timeout_ns: 60_000_000_000,
            wanted: &NOTHING,
        }
    }
}

/// Whether a connection was seen from its first byte on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Since {
    /// It was.
    Begin,
    /// It is older than what was seen of it.
    Later,
}

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
    /// One end gave up this request alone, with an error code of HTTP/2.
    StreamReset(u32),
}

/// The names of the error codes of HTTP/2 (RFC 9113, section 7), by number.
const STREAM_ERRORS: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

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
            Self::StreamReset(code) => {
                let code = usize::try_from(code).ok();
                let name = code.and_then(|code| STREAM_ERRORS.get(code));
                name.copied().unwrap_or("stream_reset")
            }
        }
    }
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The response was read to its end, as far as that can be known.
    Answered,
    /// It was not. A response that broke off still shows in the exchange.
    Unanswered(Unanswered),
}
