//! Open connections of a client, whatever they run over.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::client::TlsStream;

/// After how much silence the system asks whether the other end is still there, as Go does.
const PROBE_AFTER: Duration = Duration::from_secs(15);
/// How long what was sent may stay unacknowledged. The system's own patience is a quarter of an
/// hour, during which every attempt would die on a connection that nobody is at the end of.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// An open socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Asks of a socket what suits us.
    pub(crate) fn tcp(socket: TcpStream) -> Self {
        // Requests are written whole; waiting for more to send only adds latency.
        // A system that cannot do this is slower, not broken.
        let _best_effort = socket.set_nodelay(true);
        let options = SockRef::from(&socket);
        let probes = TcpKeepalive::new()
            .with_time(PROBE_AFTER)
            .with_interval(PROBE_AFTER);
        let _best_effort = options.set_tcp_keepalive(&probes);
        let _best_effort = options.set_tcp_user_timeout(Some(SILENCE_MAX));
        Self::Tcp(socket)
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) enum Connection {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
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

/// Passes reading and writing on to whichever variant it is.
///
/// Without vectored writes, HTTP/2 writes every frame head on its own and HTTP/1 copies bodies.
macro_rules! pass_on {
    ($type:ty, $first:ident, $second:ident) => {
        impl AsyncRead for $type {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    Self::$first(it) => Pin::new(it).poll_read(cx, buf),
                    Self::$second(it) => Pin::new(it).poll_read(cx, buf),
                }
            }
        }

        impl AsyncWrite for $type {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                match self.get_mut() {
                    Self::$first(it) => Pin::new(it).poll_write(cx, buf),
                    Self::$second(it) => Pin::new(it).poll_write(cx, buf),
                }
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                slices: &[io::IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                match self.get_mut() {
                    Self::$first(it) => Pin::new(it).poll_write_vectored(cx, slices),
                    Self::$second(it) => Pin::new(it).poll_write_vectored(cx, slices),
                }
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    Self::$first(it) => Pin::new(it).poll_flush(cx),
                    Self::$second(it) => Pin::new(it).poll_flush(cx),
                }
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    Self::$first(it) => Pin::new(it).poll_shutdown(cx),
                    Self::$second(it) => Pin::new(it).poll_shutdown(cx),
                }
            }
        }
    };
}

pass_on!(Socket, Tcp, Unix);
pass_on!(Connection, Plain, Tls);

#[cfg(test)]
mod tests {
    use socket2::SockRef;
    use tokio::net::{TcpListener, TcpStream};

    use super::{SILENCE_MAX, Socket};

    #[tokio::test]
    async fn a_silent_end_is_noticed_within_a_bound() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let addr = listener.local_addr().expect("is bound");
        let socket = TcpStream::connect(addr).await.expect("connects");
        let Socket::Tcp(socket) = Socket::tcp(socket) else {
            panic!("not TCP");
        };
        let options = SockRef::from(&socket);
        assert!(options.keepalive().expect("is known"));
        let silence = options.tcp_user_timeout().expect("is known");
        assert_eq!(silence, Some(SILENCE_MAX));
    }
}
