//! Opens one connection, plain or TLS. What goes wrong names the endpoint and the cause.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::tls::{self, TlsError, TlsSettings};

/// How long name resolution, connecting and the TLS handshake may take together.
const DIAL_TIME_MAX: Duration = Duration::from_secs(20);

/// Why there is no connection, such as `connection refused by 127.0.0.1:4318`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DialError(String);

/// Makes connections that share one TLS configuration.
#[derive(Clone, Debug)]
pub(crate) struct Dialer {
    tls: Option<Arc<ClientConfig>>,
    server_name: Option<ServerName<'static>>,
}

impl Dialer {
    /// Makes a dialer; without TLS settings it can only make plain connections.
    pub(crate) fn new(tls: Option<&TlsSettings>, alpn: &[&[u8]]) -> Result<Self, TlsError> {
        let Some(settings) = tls else {
            return Ok(Self {
                tls: None,
                server_name: None,
            });
        };
        let server_name = settings
            .server_name
            .as_deref()
            .map(tls::server_name)
            .transpose()?;
        Ok(Self {
            tls: Some(tls::client_config(settings, alpn)?),
            server_name,
        })
    }

    /// Connects. `host` may be a name, an address, or an address in brackets.
    pub(crate) async fn dial(
        &self,
        host: &str,
        port: u16,
        security: Security,
    ) -> Result<Connection, DialError> {
        let endpoint = format!("{host}:{port}");
        let dialled = tokio::time::timeout(DIAL_TIME_MAX, async {
            let socket = connect(host, port, &endpoint).await?;
            match security {
                Security::Plain => Ok(Connection::Plain(socket)),
                Security::Tls => self.handshake(socket, host, &endpoint).await,
            }
        });
        dialled.await.unwrap_or_else(|_elapsed| {
            Err(DialError(format!(
                "connection to {endpoint} timed out after {DIAL_TIME_MAX:?}"
            )))
        })
    }

    async fn handshake(
        &self,
        socket: TcpStream,
        host: &str,
        endpoint: &str,
    ) -> Result<Connection, DialError> {
        let failed =
            |cause: &str| DialError(format!("TLS handshake with {endpoint} failed: {cause}"));
        let Some(config) = &self.tls else {
            return Err(failed("TLS is not configured"));
        };
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => tls::server_name(host).map_err(|error| failed(&error.to_string()))?,
        };
        let stream = TlsConnector::from(Arc::clone(config))
            .connect(name, socket)
            .await;
        let stream = stream.map_err(|error| failed(&cause(&error)))?;
        Ok(Connection::Tls(Box::new(stream)))
    }
}

/// Whether a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    Plain,
    Tls,
}

async fn connect(host: &str, port: u16, endpoint: &str) -> Result<TcpStream, DialError> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let addresses = tokio::net::lookup_host((bare, port))
        .await
        .map_err(|error| DialError(format!("cannot resolve {host}: {}", cause(&error))))?;
    let mut last = DialError(format!("cannot resolve {host}: it has no address"));
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(socket) => {
                // Requests are written whole; waiting for more to send only adds latency.
                // A system that cannot do this is slower, not broken.
                let _best_effort = socket.set_nodelay(true);
                return Ok(socket);
            }
            Err(error) => last = refused(&error, endpoint),
        }
    }
    Err(last)
}

fn refused(error: &io::Error, endpoint: &str) -> DialError {
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

/// An open connection.
#[derive(Debug)]
pub(crate) enum Connection {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection {
    /// Returns whether the two ends agreed on HTTP/2 during the TLS handshake.
    pub(crate) fn negotiated_h2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
