//! Opens one connection: plain or TLS, direct or through a proxy, to a name, an address or a path.
//!
//! What goes wrong names the endpoint and the cause.

use std::{fmt, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use http::HeaderValue;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use crate::{
    connection::{Connection, Socket},
    proxy::{Proxy, ProxySettings},
    tls::{self, ReloadWhen, Reloading, TlsError, TlsSettings},
};

/// How long name resolution, connecting and the TLS handshake may take together.
const DIAL_TIME_MAX: Duration = Duration::from_secs(20);

/// Why there is no connection, such as `connection refused by 127.0.0.1:4318`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DialError(String);

impl DialError {
    pub(crate) fn new(message: String) -> Self {
        Self(message)
    }
}

/// Something to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A name, an address, or an address in brackets; looked up when connecting.
    Name { host: String, port: u16 },
    /// One address of a host; TLS asks for the host.
    Address { host: String, address: SocketAddr },
    /// A unix socket.
    Unix(PathBuf),
}

impl Place {
    fn host(&self) -> &str {
        match self {
            Self::Name { host, .. } | Self::Address { host, .. } => host,
            Self::Unix(_) => "localhost",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { host, port } => write!(f, "{host}:{port}"),
            Self::Address { host, address } => {
                let bare = host.trim_start_matches('[').trim_end_matches(']');
                if bare == address.ip().to_string() {
                    return write!(f, "{address}");
                }
                write!(f, "{host}:{} ({})", address.port(), address.ip())
            }
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Whether a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    Plain,
    Tls,
}

/// Which connections go through a proxy by `CONNECT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tunnel {
    /// All, and plain ones use the proxy for TLS as well, as in gRPC.
    Always,
    /// Those with TLS. Over a plain one the proxy is asked to fetch the whole URL.
    ForTls,
}

/// Makes connections that share one TLS configuration.
#[derive(Clone, Debug)]
pub(crate) struct Dialer {
    tls: Option<Arc<Reloading<ClientConfig>>>,
    server_name: Option<ServerName<'static>>,
    proxies: Arc<ProxySettings>,
    tunnel: Tunnel,
}

impl Dialer {
    /// Makes a dialer; without TLS settings it can only make plain connections.
    pub(crate) fn new(
        tls: Option<&TlsSettings>,
        alpn: &[&[u8]],
        proxies: ProxySettings,
        tunnel: Tunnel,
    ) -> Result<Self, TlsError> {
        let name = tls.and_then(|settings| settings.server_name.as_deref());
        Ok(Self {
            tls: tls.map(|settings| reloading(settings, alpn)).transpose()?,
            server_name: name.map(tls::server_name).transpose()?,
            proxies: Arc::new(proxies),
            tunnel,
        })
    }

    /// Returns the proxy between us and a host, if there is one.
    pub(crate) fn proxy(&self, host: &str, port: u16, security: Security) -> Option<&Proxy> {
        let security = match self.tunnel {
            Tunnel::Always => Security::Tls,
            Tunnel::ForTls => security,
        };
        self.proxies.between(host, port, security)
    }

    /// Returns what a request that a proxy fetches has to carry, if it has to.
    pub(crate) fn proxy_authorization(
        &self,
        host: &str,
        port: u16,
        security: Security,
    ) -> Option<HeaderValue> {
        let proxy = self.proxy(host, port, security)?;
        let is_fetched = self.tunnel == Tunnel::ForTls && security == Security::Plain;
        proxy.authorization().filter(|_| is_fetched).cloned()
    }

    /// Connects.
    pub(crate) async fn dial(
        &self,
        place: &Place,
        security: Security,
    ) -> Result<Connection, DialError> {
        let dialled = tokio::time::timeout(DIAL_TIME_MAX, async {
            let socket = self.connect(place, security).await?;
            match security {
                Security::Plain => Ok(Connection::Plain(socket)),
                Security::Tls => self.handshake(socket, place).await,
            }
        });
        dialled.await.unwrap_or_else(|_elapsed| {
            Err(DialError(format!(
                "connection to {place} timed out after {DIAL_TIME_MAX:?}"
            )))
        })
    }

    async fn connect(&self, place: &Place, security: Security) -> Result<Socket, DialError> {
        match place {
            Place::Unix(path) => match UnixStream::connect(path).await {
                Ok(socket) => Ok(Socket::Unix(socket)),
                Err(error) => Err(refused(&error, place)),
            },
            Place::Address { address, .. } => match TcpStream::connect(address).await {
                Ok(socket) => Ok(Socket::tcp(socket)),
                Err(error) => Err(refused(&error, place)),
            },
            Place::Name { host, port } => match self.proxy(host, *port, security) {
                None => Ok(Socket::tcp(connect_to_any(host, *port).await?)),
                Some(proxy) => {
                    let mut socket = connect_to_any(proxy.host(), proxy.port()).await?;
                    if self.tunnel == Tunnel::Always || security == Security::Tls {
                        proxy.open_tunnel(&mut socket, host, *port).await?;
                    }
                    Ok(Socket::tcp(socket))
                }
            },
        }
    }

    async fn handshake(&self, socket: Socket, place: &Place) -> Result<Connection, DialError> {
        let failed = |cause: &str| DialError(format!("TLS handshake with {place} failed: {cause}"));
        let Some(config) = &self.tls else {
            return Err(failed("TLS is not configured"));
        };
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => tls::server_name(place.host()).map_err(|error| failed(&error.to_string()))?,
        };
        let stream = TlsConnector::from(config.current())
            .connect(name, socket)
            .await;
        let stream = stream.map_err(|error| failed(&cause(&error)))?;
        Ok(Connection::Tls(Box::new(stream)))
    }
}

/// Makes a TLS configuration that follows its files, if that is wanted.
fn reloading(
    settings: &TlsSettings,
    alpn: &[&[u8]],
) -> Result<Arc<Reloading<ClientConfig>>, TlsError> {
    let when = ReloadWhen {
        interval: settings.reload_interval,
        changed: None,
    };
    let settings = settings.clone();
    let alpn: Vec<Vec<u8>> = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    let made = Reloading::new(when, move || {
        let alpn: Vec<&[u8]> = alpn.iter().map(Vec::as_slice).collect();
        tls::client_config(&settings, &alpn)
    });
    made.map(Arc::new)
}

/// Looks up the addresses of a host, without repetitions.
pub(crate) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((bare, port))
        .await
        .map_err(|error| DialError(format!("cannot resolve {host}: {}", cause(&error))))?;
    let mut addresses = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(DialError(format!(
            "cannot resolve {host}: it has no address"
        )));
    }
    Ok(addresses)
}

async fn connect_to_any(host: &str, port: u16) -> Result<TcpStream, DialError> {
    let place = Place::Name {
        host: host.to_owned(),
        port,
    };
    let mut failure = None;
    for address in resolve(host, port).await? {
        match TcpStream::connect(address).await {
            Ok(socket) => return Ok(socket),
            Err(error) => failure = Some(refused(&error, &place)),
        }
    }
    Err(failure.expect("a resolved host has an address"))
}

fn refused(error: &io::Error, endpoint: &Place) -> DialError {
    DialError(match error.kind() {
        io::ErrorKind::ConnectionRefused => format!("connection refused by {endpoint}"),
        io::ErrorKind::TimedOut => format!("connection to {endpoint} timed out"),
        _ => format!("cannot connect to {endpoint}: {}", cause(error)),
    })
}

/// Says what the system said, in our style: lower case, without the error number.
fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let text = text
        .strip_prefix("failed to lookup address information: ")
        .unwrap_or(text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn places_are_shown_with_the_address_that_was_tried() {
        let address = "10.0.0.3:4317".parse().expect("is an address");
        let shown = |host: &str| {
            let host = host.to_owned();
            Place::Address { host, address }.to_string()
        };
        assert_eq!(shown("backend"), "backend:4317 (10.0.0.3)");
        assert_eq!(shown("10.0.0.3"), "10.0.0.3:4317");
    }
}
