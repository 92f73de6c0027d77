//! The two ends of a connection, as attributes. Protocols that name no server themselves have these
//! rows alike.

use std::{borrow::Cow, net::Ipv6Addr};

use tapline_ebpf::abi::{AF_UNIX, Tuple};

use super::{
    facts::{Side, address, service_port},
    table::{Row, Subject, Value, int, text},
};

/// The two ends of a connection, seen from one.
pub(crate) struct Ends<'a> {
    /// Which end the process is.
    pub(super) side: Side,
    /// The addresses, if the connection has any that we know.
    tuple: Option<&'a Tuple>,
    peer: Option<String>,
}

/// Facts of something that happened on a connection.
pub(crate) trait OnConnection {
    /// Returns the ends of the connection.
    fn ends(&self) -> &Ends<'_>;
}

impl<'a> Ends<'a> {
    /// Reads a tuple.
    pub(crate) fn new(side: Side, tuple: Option<&'a Tuple>) -> Self {
        let tuple = tuple.filter(|tuple| tuple.family != AF_UNIX);
        Self {
            side,
            tuple,
            peer: tuple
                .filter(|tuple| tuple.remote_port != 0)
                .map(|tuple| address(tuple.remote)),
        }
    }

    fn server_address(&self) -> Option<Cow<'_, str>> {
        match self.side {
            Side::Client => self.peer.as_deref().map(Cow::Borrowed),
            // A socket of datagrams may be bound to no address in particular.
            Side::Server => self
                .tuple
                .filter(|tuple| !is_unspecified(tuple.local))
                .map(|tuple| Cow::Owned(address(tuple.local))),
        }
    }
}

fn is_unspecified(address: [u8; 16]) -> bool {
    let address = Ipv6Addr::from(address);
    address.to_canonical().is_unspecified()
}

/// The rows, for every subject whose facts are of a connection.
pub(super) trait EndRows: Subject
where
    for<'a> Self::Facts<'a>: OnConnection,
{
    /// The address on the wire.
    const SERVER_ADDRESS: Row<Self> = Row {
        key: "server.address",
        value: |facts| facts.ends().server_address().map(Value::Str),
    };
    /// The port on the wire.
    const SERVER_PORT: Row<Self> = Row {
        key: "server.port",
        value: |facts| {
            let ends = facts.ends();
            ends.tuple
                .map(|tuple| int(service_port(ends.side, Some(tuple))))
        },
    };
    /// Only a server is told of its client.
    const CLIENT_ADDRESS: Row<Self> = Row {
        key: "client.address",
        value: |facts| {
            let ends = facts.ends();
            let peer = ends.peer.as_deref();
            peer.filter(|_| ends.side == Side::Server).and_then(text)
        },
    };
    /// The address of the other end.
    const PEER_ADDRESS: Row<Self> = Row {
        key: "network.peer.address",
        value: |facts| facts.ends().peer.as_deref().and_then(text),
    };
    /// The port of the other end.
    const PEER_PORT: Row<Self> = Row {
        key: "network.peer.port",
        value: |facts| {
            let tuple = facts.ends().tuple;
            let port = tuple.map(|tuple| tuple.remote_port);
            port.filter(|port| *port != 0).map(int)
        },
    };
    /// Told where there are no addresses to see.
    const TRANSPORT: Row<Self> = Row {
        key: "network.transport",
        value: |facts| match facts.ends().tuple {
            Some(_) => None,
            None => text("unix"),
        },
    };
}

impl<S: Subject> EndRows for S where for<'a> S::Facts<'a>: OnConnection {}
