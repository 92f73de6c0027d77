//! The forms of a gRPC endpoint that the Collector accepts.
//!
//! `http://` is only stripped: it does not switch TLS off. `https://` forces TLS.

use std::fmt;

/// Where a gRPC server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A name, an address, or an IPv6 address in brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether the scheme was `https`.
    pub forces_tls: bool,
}

/// Why a text is not an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Nothing was given.
    #[error("requires a non-empty \"endpoint\"")]
    Empty,
    /// A resolver of gRPC that we do not have.
    #[error("endpoint \"{0}\": {1} is not supported by tapline yet")]
    NotSupported(String, &'static str),
    /// There is no host before the port.
    #[error("endpoint \"{0}\" has no host")]
    NoHost(String),
    /// There is no port, or it is not a number.
    #[error("invalid port \"{port}\" in endpoint \"{endpoint}\": it must be a number")]
    Port {
        /// The whole text.
        endpoint: String,
        /// What stands where the port should.
        port: String,
    },
}

impl Endpoint {
    /// Parses `host:port`, `http://host:port`, `https://host:port` or `dns:///host:port`.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        if text.is_empty() {
            return Err(EndpointError::Empty);
        }
        let not_supported = |what| Err(EndpointError::NotSupported(text.to_owned(), what));
        let (address, forces_tls) = match text.split_once("://") {
            Some(("http", rest)) => (rest, false),
            Some(("https", rest)) => (rest, true),
            Some(("dns", rest)) => match rest.strip_prefix('/') {
                Some(rest) => (rest, false),
                None => return not_supported("a DNS server of its own"),
            },
            Some(("unix" | "unix-abstract", _)) => return not_supported("a unix socket"),
            Some(_) => return not_supported("this scheme"),
            None if text.starts_with("unix:") => return not_supported("a unix socket"),
            None => (text.strip_prefix("dns:").unwrap_or(text), false),
        };
        let bad_port = |port: &str| EndpointError::Port {
            endpoint: text.to_owned(),
            port: port.to_owned(),
        };
        let (host, port) = address.rsplit_once(':').ok_or_else(|| bad_port(""))?;
        let number = port
            .parse()
            .ok()
            .filter(|_| port.bytes().all(|b| b.is_ascii_digit()));
        let port = number.ok_or_else(|| bad_port(port))?;
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if host.is_empty() || !(bracketed || host.chars().all(legal)) {
            return Err(EndpointError::NoHost(text.to_owned()));
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            forces_tls,
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn reads_the_collectors_forms() {
        let cases = [
            ("backend:4317", "backend:4317", false),
            ("http://backend:4317", "backend:4317", false),
            ("https://backend:443", "backend:443", true),
            ("dns:///backend.ns.svc:4317", "backend.ns.svc:4317", false),
            ("dns:backend:4317", "backend:4317", false),
            ("[::1]:4317", "[::1]:4317", false),
        ];
        for (text, shown, forces_tls) in cases {
            let endpoint = Endpoint::parse(text).expect(text);
            assert_eq!(
                (endpoint.to_string().as_str(), endpoint.forces_tls),
                (shown, forces_tls)
            );
        }
    }

    #[test]
    fn refuses_the_rest_by_name() {
        let cases = [
            ("", "requires a non-empty \"endpoint\""),
            (
                "backend",
                "invalid port \"\" in endpoint \"backend\": it must be a number",
            ),
            (
                "backend:otlp",
                "invalid port \"otlp\" in endpoint \"backend:otlp\": it must be a number",
            ),
            (
                "backend:+80",
                "invalid port \"+80\" in endpoint \"backend:+80\": it must be a number",
            ),
            (
                "b:70000",
                "invalid port \"70000\" in endpoint \"b:70000\": it must be a number",
            ),
            (":4317", "endpoint \":4317\" has no host"),
            ("::1:4317", "endpoint \"::1:4317\" has no host"),
            (
                "unix:///run/x",
                "endpoint \"unix:///run/x\": a unix socket is not supported by tapline yet",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(Endpoint::parse(text).expect_err(text).to_string(), message);
        }
    }
}
