//! Connects for the pool of an HTTP client: `https` means TLS, and a proxy may stand between.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Uri, uri::Scheme};
use hyper::rt;
use hyper_util::{
    client::legacy::connect::{Connected, Connection as Describe},
    rt::TokioIo,
};
use tower_service::Service;

use crate::{
    connection::Connection,
    dial::{DialError, Dialer, Place, Security},
};

/// Connects for the pool: `https` means TLS.
#[derive(Clone, Debug)]
pub(super) struct Connector(pub(super) Dialer);

impl Service<Uri> for Connector {
    type Response = Pooled;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Pooled, DialError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let dialer = self.0.clone();
        Box::pin(async move {
            let (host, port, security) = destination(&url);
            let host = host.to_owned();
            let is_fetched =
                security == Security::Plain && dialer.proxy(&host, port, security).is_some();
            let connection = dialer.dial(&Place::Name { host, port }, security).await?;
            Ok(Pooled {
                io: TokioIo::new(connection),
                is_fetched,
            })
        })
    }
}

/// Returns the host, the port and the security that a URL asks for.
pub(super) fn destination(url: &Uri) -> (&str, u16, Security) {
    let (security, usual_port) = match url.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => (Security::Tls, 443),
        _ => (Security::Plain, 80),
    };
    let port = url.port_u16().unwrap_or(usual_port);
    (url.host().unwrap_or_default(), port, security)
}

/// A connection that tells the pool what it speaks.
pub(super) struct Pooled {
    io: TokioIo<Connection>,
    /// Whether a proxy reads the requests: then they name the whole URL.
    is_fetched: bool,
}

impl Describe for Pooled {
    fn connected(&self) -> Connected {
        let connected = Connected::new().proxy(self.is_fetched);
        if self.io.inner().negotiated_h2() {
            connected.negotiated_h2()
        } else {
            connected
        }
    }
}

impl rt::Read for Pooled {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: rt::ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buf)
    }
}

impl rt::Write for Pooled {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
