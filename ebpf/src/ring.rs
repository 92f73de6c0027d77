//! The ring: records from the kernel half, in the order they were made.
//!
//! The kernel half does not wake us per record. We look on a timer, and are woken early only when
//! much is waiting. The wait is edge-triggered: with poll(2) a busy ring would always be "ready"
//! and the timer would become a spin.
#![expect(unsafe_code, reason = "epoll(7) on the ring's descriptor")]

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    time::Duration,
};

use aya::maps::{MapData, RingBuf};

/// One record, borrowed from the ring until dropped.
pub use aya::maps::ring_buf::RingBufItem as RingItem;

/// The reading end of the ring. Belongs to one thread.
pub struct Ring {
    records: RingBuf<MapData>,
    epoll: OwnedFd,
}

impl Ring {
    pub(crate) fn new(records: RingBuf<MapData>) -> io::Result<Self> {
        // SAFETY: no pointers; the result is checked.
        let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if epoll < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a fresh descriptor that nobody else owns.
        let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
        let edges = libc::EPOLLIN.cast_unsigned() | libc::EPOLLET.cast_unsigned();
        let mut interest = libc::epoll_event {
            events: edges,
            u64: 0,
        };
        // SAFETY: both descriptors are open, the event outlives the call.
        let added = unsafe {
            libc::epoll_ctl(
                epoll.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                records.as_raw_fd(),
                &raw mut interest,
            )
        };
        if added < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(Self { records, epoll })
        }
    }

    /// Returns the next record, if there is one.
    pub fn take(&mut self) -> Option<RingItem<'_>> {
        self.records.next()
    }

    /// Sleeps until much is waiting, at most for `at_most`.
    pub fn wait(&self, at_most: Duration) {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        let timeout_ms = i32::try_from(at_most.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: room for one event. An error means an early return, which only makes the caller
        // look once more.
        unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), &raw mut event, 1, timeout_ms) };
    }
}
