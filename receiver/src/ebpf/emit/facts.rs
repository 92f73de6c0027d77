//! What one HTTP exchange tells, seen from one of its two sides.

use std::{borrow::Cow, net::Ipv6Addr};

use tapline_ebpf::abi::{AF_UNIX, Tuple};
use tapline_protocols::{
    http1::{Exchange, Outcome},
    redact,
};

/// Methods the conventions know; others are `_OTHER` and keep their own name beside it.
const KNOWN_METHODS: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY",
];

/// Which end of the connection the process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    /// It answered.
    Server,
    /// It asked.
    Client,
}

/// One exchange and the connection it was seen on.
pub(crate) struct Facts<'a> {
    /// Which end the process is.
    pub(crate) side: Side,
    /// The two ends, if the connection has addresses that we know.
    pub(crate) tuple: Option<&'a Tuple>,
    /// The exchange itself.
    pub(crate) exchange: &'a Exchange,
    path: &'a str,
    query: Option<String>,
    authority: Option<(String, Option<u16>)>,
}

impl<'a> Facts<'a> {
    /// Reads an exchange.
    pub(crate) fn new(side: Side, tuple: Option<&'a Tuple>, exchange: &'a Exchange) -> Self {
        let (path, query) = redact::split_target(&exchange.request.target);
        Self {
            side,
            tuple: tuple.filter(|tuple| tuple.family != AF_UNIX),
            exchange,
            path,
            query: query.map(redact::query),
            authority: exchange.request.host.as_deref().map(split_authority),
        }
    }

    /// `http.request.method`.
    pub(crate) fn method(&self) -> &str {
        let method = self.exchange.request.method.as_str();
        if KNOWN_METHODS.contains(&method) {
            method
        } else {
            "_OTHER"
        }
    }

    /// `http.request.method_original`, when the method is not a known one.
    pub(crate) fn method_original(&self) -> Option<&str> {
        let method = self.exchange.request.method.as_str();
        (!KNOWN_METHODS.contains(&method)).then_some(method)
    }

    /// `url.path`.
    pub(crate) fn path(&self) -> &str {
        self.path
    }

    /// `url.query`, redacted.
    pub(crate) fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// `url.scheme`: the one a proxy in front names, else that of the wire we read, which is plain.
    pub(crate) fn scheme(&self) -> &str {
        let request = &self.exchange.request;
        let forwarded = request.headers.forwarded_proto.as_deref().map(str::trim);
        match (self.side, forwarded) {
            (Side::Server, Some("https")) => "https",
            _ => "http",
        }
    }

    /// `url.full`, redacted. For a proxy's CONNECT there is no URL, only the authority.
    pub(crate) fn url_full(&self) -> String {
        let authority = match (&self.authority, self.tuple) {
            (Some((host, Some(port))), _) => format!("{}:{port}", bracketed(host)),
            (Some((host, None)), _) => bracketed(host).into_owned(),
            (None, Some(tuple)) => {
                format!(
                    "{}:{}",
                    bracketed(&address(tuple.remote)),
                    tuple.remote_port
                )
            }
            (None, None) => "localhost".to_owned(),
        };
        if self.method() == "CONNECT" {
            return authority;
        }
        let query = self
            .query
            .as_ref()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        format!("http://{authority}{}{query}", self.path)
    }

    /// `http.response.status_code`.
    pub(crate) fn status(&self) -> Option<u16> {
        self.exchange
            .response
            .as_ref()
            .map(|response| response.status)
    }

    /// `error.type`: why there is no answer, or the status that says it went wrong for this side.
    pub(crate) fn error_type(&self) -> Option<Cow<'static, str>> {
        if let Outcome::Unanswered(reason) = self.exchange.outcome {
            return Some(Cow::Borrowed(reason.error_type()));
        }
        let status = self.status()?;
        self.is_error_status(status)
            .then(|| Cow::Owned(status.to_string()))
    }

    /// A server failed at 500 and above, a client's request already at 400.
    pub(crate) fn is_error_status(&self, status: u16) -> bool {
        status >= if self.side == Side::Server { 500 } else { 400 }
    }

    /// `server.address`: as the request names it, else the address on the wire.
    pub(crate) fn server_address(&self) -> Option<Cow<'_, str>> {
        if let Some((host, _)) = &self.authority {
            return Some(Cow::Borrowed(host));
        }
        self.server_end().map(|(address, _)| Cow::Owned(address))
    }

    /// `server.port`: the named one, 80 for a name without one, else the port on the wire.
    pub(crate) fn server_port(&self) -> Option<u16> {
        match (&self.authority, self.server_end()) {
            (Some((_, Some(port))), _) => Some(*port),
            (Some((_, None)), None) => None,
            (Some((_, None)), Some(_)) => Some(80),
            (None, end) => end.map(|(_, port)| port),
        }
    }

    /// `client.address`: the first hop that proxies in front name, else the peer.
    pub(crate) fn client_address(&self) -> Option<Cow<'_, str>> {
        let named = self.exchange.request.headers.forwarded_for.as_deref();
        let first = named.and_then(|list| list.split(',').next()).map(str::trim);
        match first {
            Some(first) if !first.is_empty() => Some(Cow::Borrowed(first)),
            _ => self.peer_address().map(Cow::Owned),
        }
    }

    /// `network.peer.address`.
    pub(crate) fn peer_address(&self) -> Option<String> {
        self.tuple.map(|tuple| address(tuple.remote))
    }

    /// `network.peer.port`.
    pub(crate) fn peer_port(&self) -> Option<u16> {
        self.tuple.map(|tuple| tuple.remote_port)
    }

    /// The port of the service: local for a server, remote for a client; 0 without one.
    pub(crate) fn service_port(side: Side, tuple: Option<&Tuple>) -> u16 {
        tuple.map_or(0, |tuple| match side {
            Side::Server => tuple.local_port,
            Side::Client => tuple.remote_port,
        })
    }

    fn server_end(&self) -> Option<(String, u16)> {
        self.tuple.map(|tuple| match self.side {
            Side::Server => (address(tuple.local), tuple.local_port),
            Side::Client => (address(tuple.remote), tuple.remote_port),
        })
    }
}

/// Writes an address; IPv4-mapped ones as IPv4.
pub(crate) fn address(bytes: [u8; 16]) -> String {
    Ipv6Addr::from(bytes).to_canonical().to_string()
}

fn bracketed(host: &str) -> Cow<'_, str> {
    if host.contains(':') {
        Cow::Owned(format!("[{host}]"))
    } else {
        Cow::Borrowed(host)
    }
}

/// Splits `host[:port]`; an IPv6 host loses its brackets.
fn split_authority(text: &str) -> (String, Option<u16>) {
    if let Some((host, after)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (
            host.to_owned(),
            after.strip_prefix(':').and_then(|port| port.parse().ok()),
        );
    }
    match text.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host.to_owned(), port.parse().ok()),
        _ => (text.to_owned(), None),
    }
}
