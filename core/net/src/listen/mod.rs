//! Listening sockets: how an endpoint becomes one, and who takes connections from it.
//!
//! A listener that is dropped parks its socket, which goes on collecting connections, and the next
//! one on the same address takes it over: a server that is restarted refuses nobody. The host
//! calls [`close_parked`] when it knows which sockets nobody wants any more.

mod address;
mod parked;

use std::{
    fs, io,
    net::{SocketAddr, TcpListener as StdTcp},
    os::unix::{
        fs::FileTypeExt,
        net::{UnixListener as StdUnix, UnixStream as StdUnixStream},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use socket2::{Domain, Protocol, Socket as RawSocket, TcpKeepalive, Type};
use tapline_config::Transport;
use tokio::net::{TcpListener, UnixListener};

pub use self::parked::close_parked;
use self::parked::{Key, Parked};
use crate::server::Socket;

/// How many connections the kernel keeps for us between two `accept`s.
const BACKLOG: i32 = 1024;

/// After how much silence the kernel asks whether a client is still there.
const SILENCE_BEFORE_PROBES: Duration = Duration::from_secs(15);

/// Why there is no listening socket: `cannot listen on 127.0.0.1:4317: address in use`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot listen on {endpoint}: {reason}")]
pub struct ListenError {
    endpoint: String,
    reason: String,
    is_in_use: bool,
}

impl ListenError {
    /// Returns whether somebody else listens there.
    pub fn is_in_use(&self) -> bool {
        self.is_in_use
    }
}

/// A listening socket. Dropping it parks the socket for the next listener on the same address.
#[derive(Debug)]
pub struct Listener {
    /// `None` only while it is dropped.
    socket: Option<Bound>,
    endpoint: String,
    /// `None` for a port that the kernel chose: nobody else can mean this one.
    key: Option<Key>,
}

#[derive(Debug)]
enum Bound {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Listens on `host:port`, or on a path when the transport is unix, and logs where.
    ///
    /// An empty host means every interface, port 0 one that the kernel chooses.
    pub async fn bind(transport: Transport, endpoint: &str) -> Result<Self, ListenError> {
        let failed = |reason: String| ListenError {
            endpoint: endpoint.to_owned(),
            reason,
            is_in_use: false,
        };
        let listener = if transport == Transport::Unix {
            Self::bind_path(Path::new(endpoint))
        } else {
            let addresses = address::resolve(transport, endpoint).await;
            Self::bind_first(transport, &addresses.map_err(failed)?)
        };
        let listener = listener.map_err(|error| ListenError {
            is_in_use: error.kind() == io::ErrorKind::AddrInUse,
            ..failed(reason(&error))
        })?;
        tracing::info!(endpoint = listener.endpoint, "listening");
        Ok(listener)
    }

    /// Returns where it listens, with the port that the kernel chose.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Waits for a connection. Cancel-safe: a connection that was not returned stays queued.
    pub(crate) async fn accept(&self) -> io::Result<(Socket, Option<SocketAddr>)> {
        match self.socket.as_ref().expect("only dropping takes it") {
            Bound::Tcp(listener) => {
                let (socket, peer) = listener.accept().await?;
                // Answers are written whole; waiting for more to send only adds latency.
                // A system that cannot do this is slower, not broken.
                let _best_effort = socket.set_nodelay(true);
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                Ok((Socket::Tcp(socket), Some(peer)))
            }
            Bound::Unix(listener) => Ok((Socket::Unix(listener.accept().await?.0), None)),
        }
    }

    /// Takes the first address that can be had, in the order given; there is at least one.
    fn bind_first(transport: Transport, addresses: &[SocketAddr]) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses {
            match Self::bind_tcp(transport, *address) {
                Ok(listener) => return Ok(listener),
                // An interface we do not have, such as IPv6; anything else would be a surprise.
                Err(error) if is_absent(&error) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    fn bind_tcp(transport: Transport, address: SocketAddr) -> io::Result<Self> {
        let key = (address.port() != 0).then_some(Key::Tcp(transport, address));
        let taken = key.as_ref().and_then(parked::take);
        let socket = match taken {
            Some(Parked::Tcp(socket)) => socket,
            _ => match open(transport, address) {
                // A parked socket on another address may stand in the way of this one.
                Err(error)
                    if error.kind() == io::ErrorKind::AddrInUse
                        && parked::close_port(address.port()) =>
                {
                    open(transport, address)?
                }
                opened => opened?,
            },
        };
        let socket = TcpListener::from_std(socket)?;
        let endpoint = socket.local_addr()?.to_string();
        Ok(Self {
            socket: Some(Bound::Tcp(socket)),
            endpoint,
            key,
        })
    }

    fn bind_path(path: &Path) -> io::Result<Self> {
        let key = Key::Unix(path.to_owned());
        let socket = if let Some(Parked::Unix(socket)) = parked::take(&key) {
            socket
        } else {
            clear_stale(path)?;
            let socket = StdUnix::bind(path)?;
            socket.set_nonblocking(true)?;
            socket
        };
        Ok(Self {
            socket: Some(Bound::Unix(UnixListener::from_std(socket)?)),
            endpoint: path.display().to_string(),
            key: Some(key),
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let (Some(socket), Some(key)) = (self.socket.take(), self.key.take()) else {
            return;
        };
        // A socket that cannot leave the runtime is closed, as any socket is.
        let parked = match socket {
            Bound::Tcp(socket) => socket.into_std().map(Parked::Tcp),
            Bound::Unix(socket) => socket.into_std().map(Parked::Unix),
        };
        if let Ok(socket) = parked {
            parked::park(key, socket);
        }
    }
}

fn open(transport: Transport, address: SocketAddr) -> io::Result<StdTcp> {
    let socket = RawSocket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(transport == Transport::Tcp6)?;
    }
    // Connections of an earlier process that are still closing do not count as listening.
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit it: clients that vanished are noticed, as in Go.
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(SILENCE_BEFORE_PROBES))?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Removes a socket file that nobody listens on any more; any other file is in the way.
fn clear_stale(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::other("a file that is no socket is in the way"));
    }
    if StdUnixStream::connect(path).is_ok() {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    fs::remove_file(path)
}

/// Removes the file of a socket that is closed for good.
fn remove_socket(path: &PathBuf) {
    // Somebody else may have removed it, and then it is as it should be.
    let _gone = fs::remove_file(path);
}

fn is_absent(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

/// Says what happened in our style: the kind in words, else what the system said.
fn reason(error: &io::Error) -> String {
    if error.raw_os_error().is_some() {
        error.kind().to_string()
    } else {
        error.to_string()
    }
}
