//! What one remote procedure call tells, seen from one of its two sides.

use std::borrow::Cow;

use tapline_ebpf::abi::Tuple;
use tapline_protocols::{
    conversation::Outcome,
    rpc::{Exchange, Source, Status},
};

use super::{
    ends::{Ends, OnConnection},
    facts::{Side, split_authority},
};

/// What a method is called in metrics that its server does not know: a caller could make up any
/// number of them.
const OTHER: &str = "_OTHER";
const UNIMPLEMENTED: &str = "UNIMPLEMENTED";

/// One call and the connection it was seen on.
pub(crate) struct RpcFacts<'a> {
    ends: Ends<'a>,
    /// The call itself.
    pub(super) exchange: &'a Exchange,
    authority: Option<(&'a str, Option<u16>)>,
}

impl OnConnection for RpcFacts<'_> {
    fn ends(&self) -> &Ends<'_> {
        &self.ends
    }
}

impl<'a> RpcFacts<'a> {
    /// Reads a call.
    pub(crate) fn new(side: Side, tuple: Option<&'a Tuple>, exchange: &'a Exchange) -> Self {
        Self {
            ends: Ends::new(side, tuple),
            exchange,
            authority: exchange.authority.as_deref().map(split_authority),
        }
    }

    /// The method, or what can be said without it.
    pub(super) fn span_name(&self) -> &str {
        let method = self.exchange.method.as_deref();
        method.unwrap_or(self.exchange.system.name())
    }

    /// `rpc.method` as metrics may have it.
    pub(super) fn counted_method(&self) -> Option<&str> {
        let is_unknown = self
            .exchange
            .status
            .is_some_and(|status| status.name == UNIMPLEMENTED);
        if is_unknown {
            Some(OTHER)
        } else {
            self.exchange.method.as_deref()
        }
    }

    /// Returns the status if it is an error for this side.
    pub(super) fn error(&self) -> Option<&Status> {
        let side = self.ends.side;
        self.exchange.status.as_ref().filter(|status| match side {
            Side::Server => status.is_server_error,
            Side::Client => status.is_client_error,
        })
    }

    /// `error.type`: the status, or why there is none.
    pub(super) fn error_type(&self) -> Option<&'static str> {
        if self.exchange.status.is_some() {
            return self.error().map(|status| status.name);
        }
        match self.exchange.outcome {
            Outcome::Unanswered(reason) => Some(reason.error_type()),
            Outcome::Answered => None,
        }
    }

    /// Where the status comes from, if nobody sent it.
    pub(super) fn status_source(&self) -> Option<&'static str> {
        match self.exchange.status?.source {
            Source::Sent => None,
            Source::Deadline => Some("deadline"),
            Source::Reset => Some("reset"),
            Source::Http => Some("http"),
        }
    }

    /// The host that the caller names, if it is not the address on the wire anyway.
    pub(super) fn named_host(&self) -> Option<Cow<'_, str>> {
        self.authority.map(|(host, _)| Cow::Borrowed(host))
    }

    /// The port that the caller names.
    pub(super) fn named_port(&self) -> Option<u16> {
        self.authority.and_then(|(_, port)| port)
    }

    /// Seconds from the request to the first message of the server.
    pub(super) fn first_message_seconds(&self) -> Option<f64> {
        let waited_ns = self
            .exchange
            .first_message_ns?
            .saturating_sub(self.exchange.started_ns);
        #[expect(clippy::cast_precision_loss, reason = "durations, not dates")]
        let seconds = waited_ns as f64 / 1e9;
        Some(seconds)
    }
}
