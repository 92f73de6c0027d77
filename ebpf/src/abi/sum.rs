//! What is told of exchanges that came too fast to be told one by one.

use super::EventHeader;

/// Upper bounds of the buckets of [`EventSum`], in nanoseconds; nothing slower is summed.
pub const SUM_BOUNDS_NS: [u64; 7] = [
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
];

/// Finished pairs of turns of a socket that is only counted, since the last such record.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct EventSum {
    /// Common head.
    pub header: EventHeader,
    /// Names the socket.
    pub cookie: u64,
    /// How long they took all together, nanoseconds.
    pub lasted_ns: u64,
    /// Bytes that the socket sent since it was first seen.
    pub sent: u64,
    /// Bytes that it received.
    pub received: u64,
    /// How many took up to each of [`SUM_BOUNDS_NS`], and longer than the one before.
    pub buckets: [u32; SUM_BOUNDS_NS.len()],
    /// The shortest, nanoseconds.
    pub shortest_ns: u32,
    /// The longest, nanoseconds.
    pub longest_ns: u32,
    /// Process that moved the first byte of the last request.
    pub tgid: u32,
    /// Its thread.
    pub tid: u32,
    /// `ROLE_UNKNOWN`, `ROLE_CLIENT` or `ROLE_SERVER`.
    pub role: u8,
    /// What the socket was to the kernel half then: a [`Mode`](super::Mode).
    pub mode: u8,
    /// Zero.
    pub pad: [u8; 2],
}

impl EventSum {
    /// Returns how many pairs there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().copied().map(u64::from).sum()
    }
}
