//! What parsers of remote procedure calls tell: which method, how it ended, how much was said.
//!
//! Plain data. Nothing here holds an argument or a result, and nothing parses.

use std::sync::Arc;

use crate::conversation::Outcome;

/// Which protocol of calls it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum System {
    /// gRPC, gRPC-Web with it.
    Grpc,
}

impl System {
    /// Returns the name that `rpc.system.name` has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
        }
    }
}

/// Where a status comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The server sent it.
    Sent,
    /// A deadline had passed when one end gave the call up.
    Deadline,
    /// One end gave the call up, with a code that stands for this status.
    Reset,
    /// A response that is none of a call, whose HTTP status stands for it.
    Http,
}

/// How a call ended, in the words of its system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Its number.
    pub code: u32,
    /// Its name.
    pub name: &'static str,
    /// Where it comes from.
    pub source: Source,
    /// Whether it says that the call failed by the server's fault.
    pub is_server_error: bool,
    /// Whether it says that the call failed, for whoever called.
    pub is_client_error: bool,
}

/// A call with how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Which protocol of calls it is.
    pub system: System,
    /// The method with its service in front, `pkg.Service/Method`, if it is known.
    pub method: Option<Arc<str>>,
    /// Whom the caller says it calls, with a port if one was said.
    pub authority: Option<Arc<str>>,
    /// The status, if there is one that is known.
    pub status: Option<Status>,
    /// Messages of the caller, if they could be counted.
    pub request_messages: Option<u64>,
    /// Messages of the server, likewise.
    pub response_messages: Option<u64>,
    /// When the first message of the server began.
    pub first_message_ns: Option<u64>,
    /// How long the caller says it waits.
    pub timeout_ns: Option<u64>,
    /// When the first byte of the request moved.
    pub started_ns: u64,
    /// When the first byte of the response moved.
    pub response_started_ns: Option<u64>,
    /// When the last byte of the response moved, or the time of the reason why there is none.
    pub ended_ns: u64,
    /// Who moved the bytes that completed the request's head.
    pub request_thread: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Bytes of the request on the wire.
    pub request_bytes: u64,
    /// Bytes of the response on the wire.
    pub response_bytes: u64,
    /// Whether a part of what was said about the call was not seen.
    pub truncated: bool,
}
