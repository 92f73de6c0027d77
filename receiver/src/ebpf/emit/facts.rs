//! What one HTTP exchange tells, seen from one of its two sides.

use std::{borrow::Cow, net::Ipv6Addr};

use tapline_ebpf::abi::{AF_UNIX, Tuple};
use tapline_protocols::{
    http1::{Exchange, Outcome},
    over_http::{Application, graphql},
    redact,
    wanted::Wanted,
};

use crate::ebpf::privacy::Privacy;

/// Returns whether the conventions know a method; others are `_OTHER` and keep their own name
/// beside it.
fn is_known_method(method: &str) -> bool {
    matches!(
        method,
        "GET"
            | "HEAD"
            | "POST"
            | "PUT"
            | "DELETE"
            | "CONNECT"
            | "OPTIONS"
            | "TRACE"
            | "PATCH"
            | "QUERY"
    )
}

/// What a request names: its path, its query, and whom it asks.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    /// The path; `/` if there is none.
    pub(crate) path: &'a str,
    query: Option<&'a str>,
    authority: Option<(&'a str, Option<u16>)>,
}

impl<'a> Names<'a> {
    /// Reads the target and the host of a request.
    pub(crate) fn of(exchange: &'a Exchange) -> Self {
        let request = &exchange.request;
        let (path, query) = redact::split_target(&request.target);
        Self {
            path,
            query,
            authority: request.host.as_deref().map(split_authority),
        }
    }

    /// Returns the host without its port.
    pub(crate) fn host(&self) -> Option<&'a str> {
        self.authority.map(|(host, _)| host)
    }
}

/// Which end of the connection the process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    /// It answered.
    Server,
    /// It asked.
    Client,
}

fn graphql(exchange: &Exchange) -> Option<&graphql::Operation> {
    match exchange.application.as_deref() {
        Some(Application::GraphQl(operation)) => Some(operation),
        _ => None,
    }
}

/// One exchange and the connection it was seen on.
pub(crate) struct Facts<'a> {
    /// What is told of headers.
    pub(crate) wanted: &'a Wanted,
    /// Keys of baggage that are told.
    pub(crate) baggage: &'a [String],
    /// Which end the process is.
    pub(crate) side: Side,
    /// The two ends, if the connection has addresses that we know.
    pub(crate) tuple: Option<&'a Tuple>,
    /// The exchange itself.
    pub(crate) exchange: &'a Exchange,
    /// It was encrypted on the wire.
    is_tls: bool,
    path: &'a str,
    query: Option<String>,
    route: Option<&'a str>,
    /// The name of the span: `{method} {route}`.
    name: String,
    authority: Option<(&'a str, Option<u16>)>,
    peer: Option<String>,
}

impl<'a> Facts<'a> {
    /// Reads an exchange, telling as much as is allowed.
    pub(crate) fn new(
        (side, tuple): (Side, Option<&'a Tuple>),
        (exchange, names): (&'a Exchange, Names<'a>),
        route: Option<&'a str>,
        privacy: &'a Privacy,
    ) -> Self {
        let (path, query) = match exchange.request.target.as_str() {
            "" => ("", None), // not known
            _ => (names.path, names.query),
        };
        let tuple = tuple.filter(|tuple| tuple.family != AF_UNIX);
        Self {
            wanted: privacy.wanted,
            baggage: &privacy.baggage,
            name: match graphql(exchange) {
                Some(operation) => operation.span_name(),
                None => span_name(&exchange.request.method, route),
            },
            route,
            side,
            peer: tuple.map(|tuple| address(tuple.remote)),
            tuple,
            exchange,
            is_tls: false,
            path,
            query: query.and_then(|query| privacy.query().of(query)),
            authority: names.authority,
        }
    }

    /// Says whether it was encrypted on the wire.
    pub(crate) fn over_tls(self, is_tls: bool) -> Self {
        Self { is_tls, ..self }
    }

    /// `http.request.method`.
    pub(crate) fn method(&self) -> &str {
        let method = self.exchange.request.method.as_str();
        if is_known_method(method) {
            method
        } else {
            "_OTHER"
        }
    }

    /// `http.request.method_original`, when the method is not a known one.
    pub(crate) fn method_original(&self) -> Option<&str> {
        let method = self.exchange.request.method.as_str();
        let is_other = !method.is_empty() && !is_known_method(method);
        is_other.then_some(method)
    }

    /// The operation of GraphQL that it was.
    pub(super) fn graphql(&self) -> Option<&graphql::Operation> {
        graphql(self.exchange)
    }

    /// `http.route` of a server, `url.template` of a client.
    pub(crate) fn route(&self) -> Option<&str> {
        self.route
    }

    /// The name of the span.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// `url.path`.
    pub(crate) fn path(&self) -> &str {
        self.path
    }

    /// `url.query`, redacted.
    pub(crate) fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// `url.scheme`: the one a proxy in front names, else that of the wire.
    pub(crate) fn scheme(&self) -> &str {
        let forwarded = self.exchange.request.headers.forwarded_proto.as_deref();
        let is_https = |list: &str| {
            let first = list.split(',').next().unwrap_or_default().trim();
            first.eq_ignore_ascii_case("https")
        };
        let forwarded = self.side == Side::Server && forwarded.is_some_and(is_https);
        if forwarded || self.is_tls {
            "https"
        } else {
            "http"
        }
    }

    /// `url.full`, redacted. For a proxy's CONNECT there is no URL, only the authority.
    pub(crate) fn url_full(&self) -> String {
        let is_url = self.method() != "CONNECT";
        let mut url = String::with_capacity(128);
        if is_url {
            url.push_str(self.scheme());
            url.push_str("://");
        }
        match (self.authority, &self.peer, self.tuple) {
            (Some((host, port)), ..) => push_authority(&mut url, host, port),
            (None, Some(peer), Some(tuple)) => {
                push_authority(&mut url, peer, Some(tuple.remote_port));
            }
            _ => url.push_str("localhost"),
        }
        if is_url {
            url.push_str(self.path);
            if let Some(query) = &self.query {
                url.push('?');
                url.push_str(query);
            }
        }
        url
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
        if self.is_error_status(status) {
            return Some(Cow::Owned(status.to_string()));
        }
        let failed = self.graphql().and_then(|operation| operation.error.clone());
        failed.map(Cow::Owned)
    }

    /// A server failed at 500 and above, a client's request already at 400.
    pub(crate) fn is_error_status(&self, status: u16) -> bool {
        status >= if self.side == Side::Server { 500 } else { 400 }
    }

    /// `server.address`: as the request names it, else the address on the wire.
    pub(crate) fn server_address(&self) -> Option<Cow<'_, str>> {
        if let Some((host, _)) = self.authority {
            return Some(Cow::Borrowed(host));
        }
        match self.side {
            Side::Client => self.peer_address().map(Cow::Borrowed),
            Side::Server => self.tuple.map(|tuple| Cow::Owned(address(tuple.local))),
        }
    }

    /// `server.port`: the named one, the scheme's for a name without one, else the port on the
    /// wire.
    pub(crate) fn server_port(&self) -> Option<u16> {
        match (self.authority, self.tuple) {
            (Some((_, Some(port))), _) => Some(port),
            (Some((_, None)), None) => None,
            (Some((_, None)), Some(_)) => Some(if self.scheme() == "https" { 443 } else { 80 }),
            (None, tuple) => tuple.map(|tuple| service_port(self.side, Some(tuple))),
        }
    }

    /// `client.address`: the first hop that proxies in front name, else the peer.
    pub(crate) fn client_address(&self) -> Option<Cow<'_, str>> {
        let named = self.exchange.request.headers.forwarded_for.as_deref();
        let first = named.and_then(|list| list.split(',').next()).map(str::trim);
        match first {
            Some(first) if !first.is_empty() => Some(Cow::Borrowed(first)),
            _ => self.peer_address().map(Cow::Borrowed),
        }
    }

    /// `network.peer.address`.
    pub(crate) fn peer_address(&self) -> Option<&str> {
        self.peer.as_deref()
    }

    /// `network.peer.port`.
    pub(crate) fn peer_port(&self) -> Option<u16> {
        self.tuple.map(|tuple| tuple.remote_port)
    }
}

/// `{method} {route}`, without a route `{method}`. An unknown method is `HTTP`.
fn span_name(method: &str, route: Option<&str>) -> String {
    let method = if is_known_method(method) {
        method
    } else {
        "HTTP"
    };
    match route {
        Some(route) => [method, " ", route].concat(),
        None => method.to_owned(),
    }
}

/// Returns the port of the service: local for a server, remote for a client; 0 without one.
pub(crate) fn service_port(side: Side, tuple: Option<&Tuple>) -> u16 {
    tuple.map_or(0, |tuple| match side {
        Side::Server => tuple.local_port,
        Side::Client => tuple.remote_port,
    })
}

/// Writes an address; IPv4-mapped ones as IPv4. Done for every request, so IPv4 does without the
/// formatting machinery.
pub(crate) fn address(bytes: [u8; 16]) -> String {
    let ip = Ipv6Addr::from(bytes);
    let Some(v4) = ip.to_ipv4_mapped() else {
        return ip.to_string();
    };
    let (mut text, mut end) = ([b'.'; 15], 0);
    for (index, part) in v4.octets().into_iter().enumerate() {
        end += usize::from(index > 0);
        for (divisor, least) in [(100, 100), (10, 10), (1, 0)] {
            if part >= least {
                text[end] = b'0' + part / divisor % 10;
                end += 1;
            }
        }
    }
    String::from_utf8_lossy(&text[..end]).into_owned()
}

pub(super) fn push_authority(url: &mut String, host: &str, port: Option<u16>) {
    if host.contains(':') {
        url.push('[');
        url.push_str(host);
        url.push(']');
    } else {
        url.push_str(host);
    }
    if let Some(port) = port {
        url.push(':');
        push_number(url, port);
    }
}

fn push_number(text: &mut String, mut number: u16) {
    let mut digits = [b'0'; 5];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] += (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.push_str(std::str::from_utf8(&digits[first..]).expect("digits"));
}

/// Splits `host[:port]`; an IPv6 host loses its brackets.
pub(super) fn split_authority(text: &str) -> (&str, Option<u16>) {
    if let Some((host, after)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (
            host,
            after.strip_prefix(':').and_then(|port| port.parse().ok()),
        );
    }
    let colon = text.bytes().rposition(|byte| byte == b':');
    match colon.map(|colon| (&text[..colon], text[colon + 1..].parse())) {
        Some((host, Ok(port))) => (host, Some(port)),
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_addresses_as_std_does() {
        for text in [
            "0.0.0.0",
            "127.0.0.1",
            "10.200.3.40",
            "255.255.255.255",
            "::1",
            "fe80::1:2",
        ] {
            let ip: std::net::IpAddr = text.parse().expect("an address");
            let bytes = match ip {
                std::net::IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
                std::net::IpAddr::V6(v6) => v6.octets(),
            };
            assert_eq!(address(bytes), text);
        }
    }

    #[test]
    fn takes_ports_off_and_brackets_away() {
        assert_eq!(split_authority("shop:80"), ("shop", Some(80)));
        assert_eq!(split_authority("[::1]:8080"), ("::1", Some(8080)));
        assert_eq!(split_authority("[::1]"), ("::1", None));
        assert_eq!(split_authority("shop:http"), ("shop:http", None));
    }

    #[test]
    fn puts_ports_and_brackets_back() {
        let mut url = String::new();
        push_authority(&mut url, "::1", Some(60_005));
        assert_eq!(url, "[::1]:60005");
    }
}
