//! The ring: records from the kernel half, in the order they were made.
//!
//! The kernel half does not wake us per record. We look on a timer, and are woken early only when
//! much is waiting. The wait is edge-triggered: with poll(2) a busy ring would always be "ready"
//! and the timer would become a spin.
//!
//! How far we have read is said only now and then: every processor that writes a record reads that
//! word, and would have to fetch it anew each time.

mod mapping;

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    time::Duration,
};

use aya::maps::MapData;

use self::mapping::{Mapped, epoll, wait};

/// What stands before each record: its length with two bits, and a word of the kernel's own.
const HEAD_BYTES: u64 = 8;
/// The record is still being written.
const BUSY: u32 = 1 << 31;
/// The record is none.
const DISCARDED: u32 = 1 << 30;
/// The kernel hears how far we have read after so many bytes, or a part of a small ring.
const PUBLISH_BYTES: u64 = 128 * 1024;
const PUBLISH_PART: u64 = 32;

/// The reading end of the ring. Belongs to one thread.
pub struct Ring {
    mapped: Mapped,
    epoll: OwnedFd,
    /// Up to where records were taken, those that were dropped included.
    taken: u64,
    /// Up to where the kernel knows it.
    published: u64,
    /// Up to where there are records, when that was last looked at.
    written: u64,
    publish_bytes: u64,
    /// A record that goes on at the front of the ring, in one piece.
    joined: Vec<u8>,
    _map: MapData,
}

impl Ring {
    pub(crate) fn new(map: MapData, size_bytes: u32) -> io::Result<Self> {
        let mapped = Mapped::new(map.fd().as_fd(), size_bytes)?;
        let taken = mapped.consumed();
        Ok(Self {
            epoll: epoll(map.fd().as_fd())?,
            taken,
            published: taken,
            written: taken,
            publish_bytes: PUBLISH_BYTES.min(u64::from(size_bytes) / PUBLISH_PART),
            joined: Vec::new(),
            mapped,
            _map: map,
        })
    }

    /// Returns the next record, if there is one. Its room in the ring is given back after the next
    /// call.
    pub fn take(&mut self) -> Option<&[u8]> {
        loop {
            if self.taken - self.published >= self.publish_bytes {
                self.publish();
            }
            if self.taken == self.written {
                self.publish();
                self.written = self.mapped.produced();
                if self.taken == self.written {
                    return None;
                }
            }
            let head = self.mapped.head(self.taken);
            if head & BUSY != 0 {
                self.publish();
                return None;
            }
            let len = u64::from(head & !DISCARDED);
            let at = self.taken + HEAD_BYTES;
            self.taken = at + len.next_multiple_of(HEAD_BYTES);
            if head & DISCARDED == 0 {
                return Some(self.mapped.bytes(at, len, &mut self.joined));
            }
        }
    }

    /// Sleeps until much is waiting, at most for `at_most`.
    pub fn wait(&self, at_most: Duration) {
        wait(&self.epoll, at_most);
    }

    fn publish(&mut self) {
        if self.published != self.taken {
            self.published = self.taken;
            self.mapped.consume(self.taken);
        }
    }
}
