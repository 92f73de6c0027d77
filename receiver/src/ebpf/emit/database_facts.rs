//! What one database operation tells, seen from one of its two sides.

use std::borrow::Cow;

use tapline_ebpf::abi::{AF_UNIX, Tuple};
use tapline_protocols::{conversation::Outcome, database::Exchange};

use super::facts::{Side, address, service_port};

/// One operation and the connection it was seen on.
pub(crate) struct DatabaseFacts<'a> {
    /// Which end the process is.
    pub(super) side: Side,
    /// The two ends, if the connection has addresses that we know.
    pub(super) tuple: Option<&'a Tuple>,
    /// The operation itself.
    pub(super) exchange: &'a Exchange,
    peer: Option<String>,
}

impl<'a> DatabaseFacts<'a> {
    /// Reads an operation.
    pub(crate) fn new(side: Side, tuple: Option<&'a Tuple>, exchange: &'a Exchange) -> Self {
        let tuple = tuple.filter(|tuple| tuple.family != AF_UNIX);
        Self {
            side,
            peer: tuple.map(|tuple| address(tuple.remote)),
            tuple,
            exchange,
        }
    }

    /// `db.query.summary`, and the name of the span.
    pub(super) fn span_name(&self) -> &str {
        let operation = &self.exchange.operation;
        if let Some(summary) = &operation.summary {
            return summary;
        }
        match operation.name.as_ref() {
            tapline_protocols::database::OTHER => operation.system.name(),
            name => name,
        }
    }

    /// `error.type`: why there is no answer, or the code that the server gave.
    pub(super) fn error_type(&self) -> Option<&str> {
        match self.exchange.outcome {
            Outcome::Unanswered(reason) => Some(reason.error_type()),
            Outcome::Answered => self.exchange.error.as_deref(),
        }
    }

    /// `server.address`: the protocol names none, so it is the one on the wire.
    pub(super) fn server_address(&self) -> Option<Cow<'_, str>> {
        match self.side {
            Side::Client => self.peer_address().map(Cow::Borrowed),
            Side::Server => self.tuple.map(|tuple| Cow::Owned(address(tuple.local))),
        }
    }

    /// `server.port`.
    pub(super) fn server_port(&self) -> Option<u16> {
        self.tuple.map(|tuple| service_port(self.side, Some(tuple)))
    }

    /// `client.address`, which only a server is told.
    pub(super) fn client_address(&self) -> Option<&str> {
        self.peer_address().filter(|_| self.side == Side::Server)
    }

    /// `network.peer.address`.
    pub(super) fn peer_address(&self) -> Option<&str> {
        self.peer.as_deref()
    }

    /// `network.peer.port`.
    pub(super) fn peer_port(&self) -> Option<u16> {
        self.tuple.map(|tuple| tuple.remote_port)
    }
}
