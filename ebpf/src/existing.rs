//! Sockets that were open before the tap: one pass of the kernel's file iterator at start.

use std::{io::Read, mem::size_of};

use crate::abi::{self, ExistingRecord, Tuple};

/// The most sockets remembered from before; a busier machine has its oldest connections noticed
/// when they next move bytes.
const EXISTING_MAX: usize = 200_000;

/// A stream socket that existed when the tap was loaded.
#[derive(Clone, Copy, Debug)]
pub struct ExistingSocket {
    /// Names the socket.
    pub cookie: u64,
    /// Both ends; a listener has no remote end.
    pub tuple: Tuple,
    /// A process that has it open.
    pub tgid: u32,
    /// Whether it waits for connections.
    pub listening: bool,
}

/// Reads the iterator to its end.
pub(crate) fn read_all(mut iterator: impl Read) -> std::io::Result<Vec<ExistingSocket>> {
    let mut bytes = Vec::new();
    let limit = EXISTING_MAX * size_of::<ExistingRecord>();
    iterator
        .by_ref()
        .take(limit as u64)
        .read_to_end(&mut bytes)?;
    Ok(bytes
        .chunks_exact(size_of::<ExistingRecord>())
        .filter_map(abi::read)
        .map(from)
        .collect())
}

fn from(record: ExistingRecord) -> ExistingSocket {
    let inet = record.tuple.family != abi::AF_UNIX;
    ExistingSocket {
        cookie: record.cookie,
        tuple: record.tuple,
        tgid: record.tgid,
        listening: inet && record.state == abi::TCP_LISTEN,
    }
}
