//! The server side of TLS.

use std::{io, sync::Arc};

use rustls::ServerConfig;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::server::Socket;

/// Accepts TLS connections.
#[derive(Debug)]
pub struct TlsServer {
    config: Arc<ServerConfig>,
}

impl TlsServer {
    /// Completes one handshake.
    pub(crate) async fn accept(&self, socket: Socket) -> io::Result<TlsStream<Socket>> {
        TlsAcceptor::from(Arc::clone(&self.config))
            .accept(socket)
            .await
    }
}
