//! What HTTP and gRPC servers have in common: accepting, the TLS handshake, and an orderly end.
//!
//! It must not know what is spoken on a connection.

mod life;
mod lifetime;
mod socket;
mod stall;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{sync::Semaphore, time};
use tokio_util::sync::CancellationToken;

pub use self::lifetime::ServerKeepalive;
pub(crate) use self::{
    life::{Life, Owned},
    lifetime::Activity,
    socket::{Connection, Socket},
    stall::Impatient,
};
use crate::{listen::Listener, tls::TlsServer};

/// How long a TLS handshake may take.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);

/// How long a client that has begun a body may say nothing: its bytes are held all the while.
pub(crate) const SILENCE_TIME_MAX: Duration = Duration::from_mins(1);

/// How long to wait after `accept` failed, first and at most: there may be no file left to open.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// The bounds of a server, whatever it speaks.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections there may be; more wait to be accepted. `None` leaves it to the
    /// number of files the process may open.
    pub connections_max: Option<usize>,
    /// How long requests may take that are under way when the server stops.
    pub drain_time_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: None,
            drain_time_max: Duration::from_secs(10),
        }
    }
}

/// Speaks a protocol on one connection until it ends, or until `Life` says that it should.
pub(crate) trait Speak: Send + Sync + 'static {
    fn speak(
        self: Arc<Self>,
        connection: Connection,
        peer: Option<SocketAddr>,
        life: Life,
    ) -> impl Future<Output = ()> + Send;
}

/// Accepts until `stop`, then waits for what is under way, then cuts what is left.
pub(crate) async fn run(
    listener: Listener,
    tls: Option<Arc<TlsServer>>,
    limits: Limits,
    stop: impl Future<Output = ()> + Send,
    protocol: Arc<impl Speak>,
) {
    let owned = Owned::default();
    accept_until(stop, &listener, tls.as_ref(), limits, &owned, &protocol).await;
    // From here on new connections wait for the next server on this address.
    drop(listener);
    owned.end(limits.drain_time_max).await;
}

async fn accept_until(
    stop: impl Future<Output = ()> + Send,
    listener: &Listener,
    tls: Option<&Arc<TlsServer>>,
    limits: Limits,
    owned: &Owned,
    protocol: &Arc<impl Speak>,
) {
    let room = limits
        .connections_max
        .unwrap_or(Semaphore::MAX_PERMITS)
        .min(Semaphore::MAX_PERMITS);
    let room = Arc::new(Semaphore::new(room));
    let mut back_off = BACK_OFF.0;
    tokio::pin!(stop);
    loop {
        let next = async {
            let place = Arc::clone(&room).acquire_owned().await;
            let accepted = listener.accept().await?;
            Ok::<_, io::Error>((place.expect("nobody closes it"), accepted))
        };
        // Cancel-safe: what was not accepted stays in the queue of the socket.
        let accepted = tokio::select! {
            () = &mut stop => return,
            accepted = next => accepted,
        };
        let (place, (socket, peer)) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_about_the_peer(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, endpoint = listener.endpoint(), "cannot accept");
                tokio::select! {
                    () = &mut stop => return,
                    () = time::sleep(back_off) => {}
                }
                back_off = (back_off * 2).min(BACK_OFF.1);
                continue;
            }
        };
        back_off = BACK_OFF.0;
        let (tls, life, protocol) = (tls.cloned(), owned.life(), Arc::clone(protocol));
        owned.spawn(async move {
            let _place = place;
            if let Some(connection) = secure(socket, peer, tls, life.draining()).await {
                protocol.speak(connection, peer, life).await;
            }
        });
    }
}

/// Completes the TLS handshake, if there is to be one. A peer that fails it is not answered.
async fn secure(
    socket: Socket,
    peer: Option<SocketAddr>,
    tls: Option<Arc<TlsServer>>,
    draining: &CancellationToken,
) -> Option<Connection> {
    let Some(tls) = tls else {
        return Some(Connection::Plain(socket));
    };
    let handshake = time::timeout(HANDSHAKE_TIME_MAX, tls.accept(socket));
    let failure = tokio::select! {
        () = draining.cancelled() => return None,
        done = handshake => match done {
            Ok(Ok(stream)) => return Some(Connection::Tls(Box::new(stream))),
            Ok(Err(error)) => error.to_string(),
            Err(_elapsed) => format!("nothing after {HANDSHAKE_TIME_MAX:?}"),
        },
    };
    tracing::debug!(error = failure, ?peer, "TLS handshake failed");
    None
}

/// The peer was gone before it was accepted: its business, not ours.
fn is_about_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
