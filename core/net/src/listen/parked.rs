//! Sockets whose server has stopped and whose next server has not come yet.
//!
//! The one global of this crate, because sockets outlive every component that uses them. Its bound
//! is the number of addresses that were listened on since the last [`close_parked`].

use std::{
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixListener,
    path::PathBuf,
    sync::{Mutex, MutexGuard},
};

use tapline_config::Transport;

/// What two listeners must have in common to share a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Tcp(Transport, SocketAddr),
    Unix(PathBuf),
}

/// A socket that listens and that nobody accepts from.
#[derive(Debug)]
pub(super) enum Parked {
    Tcp(TcpListener),
    Unix(UnixListener),
}

static PARKED: Mutex<Vec<(Key, Parked)>> = Mutex::new(Vec::new());

/// Closes every listening socket that a stopped server left and no other has taken over.
pub fn close_parked() {
    for (key, socket) in std::mem::take(&mut *lock()) {
        drop(socket);
        if let Key::Unix(path) = key {
            super::remove_socket(&path);
        }
    }
}

pub(super) fn park(key: Key, socket: Parked) {
    lock().push((key, socket));
}

pub(super) fn take(key: &Key) -> Option<Parked> {
    let mut parked = lock();
    let at = parked.iter().position(|(known, _)| known == key)?;
    Some(parked.swap_remove(at).1)
}

/// Closes what is parked on this port, whatever the address; returns whether there was something.
pub(super) fn close_port(port: u16) -> bool {
    let mut parked = lock();
    let before = parked.len();
    parked.retain(|(key, _)| !matches!(key, Key::Tcp(_, address) if address.port() == port));
    parked.len() < before
}

fn lock() -> MutexGuard<'static, Vec<(Key, Parked)>> {
    PARKED.lock().expect("no holder panics")
}
