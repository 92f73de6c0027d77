//! The memory of the ring, as the kernel shares it, and sleeping until there is something.
//!
//! The kernel would let us see the records twice in a row, so that one that goes on at the front is
//! in one piece. Each page would then count twice as resident, for one record in a whole ring; we
//! put that one together ourselves. This module must not know what a record is.
#![expect(unsafe_code, reason = "mmap(2), and epoll(7) on the ring's descriptor")]

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    ptr::{self, NonNull},
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

/// The ring's memory, unmapped when dropped.
pub(super) struct Mapped {
    /// How far we have read: ours to write.
    consumer: Pages,
    /// How far the kernel has written, a page; then the records.
    producer: Pages,
    page_bytes: usize,
    size_bytes: u64,
}

/// Mapped memory.
struct Pages {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the pages belong to the process and not to a thread; `Mapped` reads and writes them
// through atomics, or as bytes that the kernel has finished.
unsafe impl Send for Pages {}

impl Mapped {
    /// Maps a ring of so many bytes, a power of two and a multiple of the page.
    pub(super) fn new(ring: BorrowedFd<'_>, size_bytes: u32) -> io::Result<Self> {
        // SAFETY: no pointers.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let page_bytes = usize::try_from(page).map_err(io::Error::other)?;
        let all = page_bytes + size_bytes as usize;
        Ok(Self {
            consumer: Pages::map(ring, 0, page_bytes, libc::PROT_READ | libc::PROT_WRITE)?,
            producer: Pages::map(ring, page_bytes, all, libc::PROT_READ)?,
            page_bytes,
            size_bytes: u64::from(size_bytes),
        })
    }

    /// Returns up to where we have read, as the kernel knows it.
    pub(super) fn consumed(&self) -> u64 {
        self.consumer.word(0).load(Ordering::Acquire)
    }

    /// Tells the kernel up to where we have read: it may write there again.
    pub(super) fn consume(&mut self, up_to: u64) {
        self.consumer.word(0).store(up_to, Ordering::Release);
    }

    /// Returns up to where there are records, some of which may still be being written.
    pub(super) fn produced(&self) -> u64 {
        self.producer.word(0).load(Ordering::Acquire)
    }

    /// Reads the first word of what stands at a position.
    #[expect(
        clippy::cast_ptr_alignment,
        reason = "records stand at multiples of eight"
    )]
    pub(super) fn head(&self, at: u64) -> u32 {
        let offset = self.page_bytes + self.offset(at);
        assert!(offset.is_multiple_of(8) && offset + 8 <= self.producer.len);
        // SAFETY: aligned and inside the mapping, as was just checked; the kernel writes the word
        // as a whole, last of its record, which `Acquire` pairs with.
        let head = unsafe { &*self.producer.start.as_ptr().add(offset).cast::<AtomicU32>() };
        head.load(Ordering::Acquire)
    }

    /// Returns bytes that stand at a position; `joined` holds those that go on at the front.
    pub(super) fn bytes<'a>(&'a self, at: u64, len: u64, joined: &'a mut Vec<u8>) -> &'a [u8] {
        let (offset, len) = (self.offset(at), len.min(self.size_bytes) as usize);
        let before_end = self.size_bytes as usize - offset;
        if len <= before_end {
            return self.piece(offset, len);
        }
        joined.clear();
        joined.extend_from_slice(self.piece(offset, before_end));
        joined.extend_from_slice(self.piece(0, len - before_end));
        joined
    }

    /// Returns a piece of a record that is finished and not given back.
    fn piece(&self, offset: usize, len: usize) -> &[u8] {
        assert!(self.page_bytes + offset + len <= self.producer.len);
        // SAFETY: inside the mapping, as was just checked, and mapped as long as `self` is. The
        // kernel leaves a finished record alone until it is given back.
        unsafe {
            std::slice::from_raw_parts(
                self.producer.start.as_ptr().add(self.page_bytes + offset),
                len,
            )
        }
    }

    fn offset(&self, at: u64) -> usize {
        (at & (self.size_bytes - 1)) as usize
    }
}

impl Pages {
    fn map(ring: BorrowedFd<'_>, offset: usize, len: usize, rights: i32) -> io::Result<Self> {
        let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
        // SAFETY: the kernel chooses the address; the result is checked.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                len,
                rights,
                libc::MAP_SHARED,
                ring.as_raw_fd(),
                offset,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { start, len })
    }

    /// The word at the front of a page, which the kernel shares.
    #[expect(
        clippy::cast_ptr_alignment,
        reason = "pages are aligned, and so is the offset"
    )]
    fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8) && offset + 8 <= self.len);
        // SAFETY: aligned and inside the mapping, as was just checked.
        unsafe { &*self.start.as_ptr().add(offset).cast::<AtomicU64>() }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: mapped by us, and nobody borrows from it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// Opens what [`wait`] sleeps on.
pub(super) fn epoll(ring: BorrowedFd<'_>) -> io::Result<OwnedFd> {
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
            ring.as_raw_fd(),
            &raw mut interest,
        )
    };
    if added < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(epoll)
    }
}

/// Sleeps until much is waiting, at most for `at_most`.
pub(super) fn wait(epoll: &OwnedFd, at_most: Duration) {
    let mut event = libc::epoll_event { events: 0, u64: 0 };
    let timeout_ms = i32::try_from(at_most.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: room for one event. An error means an early return, which only makes the caller
    // look once more.
    unsafe { libc::epoll_wait(epoll.as_raw_fd(), &raw mut event, 1, timeout_ms) };
}
