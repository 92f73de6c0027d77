//! The forms of a gRPC endpoint that the Collector accepts.
//!
//! `http://` is only stripped: it does not switch TLS off. `https://` forces TLS.

use std::{fmt, path::PathBuf};

/// Where a gRPC server listens, as the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// What to connect to.
    pub target: Target,
    /// Whether the scheme was `https`.
    pub forces_tls: bool,
}

/// What to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A host, possibly with several addresses.
    Name {
        /// A name, an address, or an IPv6 address in brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A unix socket.
    Unix(PathBuf),
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
    /// There is a user, and perhaps a password, which is why the text is not repeated.
    #[error("a user and password in it is not supported by tapline yet; use `headers`")]
    Credentials,
    /// There is no host before the port.
    #[error("endpoint \"{0}\" has no host")]
    NoHost(String),
    /// A unix socket without a path.
    #[error("endpoint \"{0}\" has no path of a socket")]
    NoPath(String),
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
    /// Parses `host:port`, `http://host:port`, `https://host:port`, `dns:///host:port`,
    /// `unix:path` or `unix:///path`.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        if text.is_empty() {
            return Err(EndpointError::Empty);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            return Self::unix(text, path);
        }
        let not_supported = |what| Err(EndpointError::NotSupported(text.to_owned(), what));
        let (address, forces_tls) = match text.split_once("://") {
            Some(("http" | "passthrough", rest)) => (rest.trim_start_matches('/'), false),
            Some(("https", rest)) => (rest, true),
            Some(("dns", rest)) => match rest.strip_prefix('/') {
                Some(rest) => (rest, false),
                None => return not_supported("a DNS server of its own"),
            },
            Some(("unix-abstract", _)) => return not_supported("an abstract unix socket"),
            Some(_) => return not_supported("this scheme"),
            None => (text.strip_prefix("dns:").unwrap_or(text), false),
        };
        let target = host_and_port(text, address)?;
        Ok(Self { target, forces_tls })
    }

    fn unix(text: &str, path: &str) -> Result<Self, EndpointError> {
        // After `//` comes an authority, which must be empty.
        let path = match path.strip_prefix("//") {
            Some(rest) if !rest.starts_with('/') => "",
            Some(rest) => rest,
            None => path,
        };
        if path.is_empty() {
            return Err(EndpointError::NoPath(text.to_owned()));
        }
        Ok(Self {
            target: Target::Unix(path.into()),
            forces_tls: false,
        })
    }

    /// Returns the `:authority` of calls to this endpoint.
    pub(super) fn authority(&self) -> String {
        match &self.target {
            Target::Name { host, port } => format!("{host}:{port}"),
            Target::Unix(_) => "localhost".to_owned(),
        }
    }
}

fn host_and_port(text: &str, address: &str) -> Result<Target, EndpointError> {
    let bad_port = |port: &str| EndpointError::Port {
        endpoint: text.to_owned(),
        port: port.to_owned(),
    };
    if address.contains('@') {
        return Err(EndpointError::Credentials);
    }
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
    let host = host.to_owned();
    Ok(Target::Name { host, port })
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
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
            ("unix:///run/x", "unix:/run/x", false),
            ("unix:run/x", "unix:run/x", false),
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
            (
                "https://user:hunter2@backend:4317",
                "a user and password in it is not supported by tapline yet; use `headers`",
            ),
            (
                "user:hunter2@backend",
                "a user and password in it is not supported by tapline yet; use `headers`",
            ),
            ("::1:4317", "endpoint \"::1:4317\" has no host"),
            (
                "dns://10.0.0.1/backend:4317",
                "endpoint \"dns://10.0.0.1/backend:4317\": a DNS server of its own is not \
                 supported by tapline yet",
            ),
            (
                "unix://run/x",
                "endpoint \"unix://run/x\" has no path of a socket",
            ),
            (
                "xds:///backend:1",
                "endpoint \"xds:///backend:1\": this scheme is not supported by tapline yet",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(Endpoint::parse(text).expect_err(text).to_string(), message);
        }
    }
}
