//! What one pair of turns tells that nobody can read, seen from one of its two sides.

use tapline_ebpf::abi::Tuple;
use tapline_protocols::{stream::Exchange, tls::Session};

use super::{
    ends::{Ends, OnConnection},
    facts::Side,
};

/// A pair of turns, or a handshake, and the connection it was seen on.
pub(crate) struct StreamFacts<'a> {
    ends: Ends<'a>,
    /// The handshake that hides the bytes.
    pub(super) session: Option<&'a Session>,
    /// The pair itself.
    pub(super) exchange: Option<&'a Exchange>,
}

impl OnConnection for StreamFacts<'_> {
    fn ends(&self) -> &Ends<'_> {
        &self.ends
    }
}

impl<'a> StreamFacts<'a> {
    /// Reads a pair of turns.
    pub(crate) fn of_exchange(
        side: Side,
        tuple: Option<&'a Tuple>,
        exchange: &'a Exchange,
    ) -> Self {
        Self {
            ends: Ends::new(side, tuple),
            session: exchange.tls.as_deref(),
            exchange: Some(exchange),
        }
    }

    /// Reads a pair of turns of which only the connection is known.
    pub(crate) fn of_connection(
        side: Side,
        tuple: Option<&'a Tuple>,
        session: Option<&'a Session>,
    ) -> Self {
        Self {
            ends: Ends::new(side, tuple),
            session,
            exchange: None,
        }
    }

    /// Reads a handshake.
    pub(crate) fn of_session(side: Side, tuple: Option<&'a Tuple>, session: &'a Session) -> Self {
        Self {
            ends: Ends::new(side, tuple),
            session: Some(session),
            exchange: None,
        }
    }

    /// `server.address`: as the client asked for it.
    pub(super) fn server_name(&self) -> Option<&str> {
        self.session?.server_name.as_deref()
    }

    /// The name for metrics: a client's own, not whatever strangers ask a server for.
    pub(super) fn own_server_name(&self) -> Option<&str> {
        self.server_name()
            .filter(|_| self.ends.side == Side::Client)
    }

    /// `tls.next_protocol`.
    pub(super) fn application(&self) -> Option<&str> {
        self.session?.application.as_deref()
    }

    /// `network.protocol.name` and `network.protocol.version`, of application protocols whose
    /// names say both.
    pub(super) fn protocol(&self) -> Option<(&'static str, &'static str)> {
        match self.application()? {
            "h2" => Some(("http", "2")),
            "http/1.1" => Some(("http", "1.1")),
            "http/1.0" => Some(("http", "1.0")),
            _ => None,
        }
    }
}
