//! Has the kernel half tell what waits on sockets that fell silent.
//!
//! The program runs over all storage that it has in sockets; aya has no way to say of which map.
//! This module must not know what is told.
#![expect(unsafe_code, reason = "bpf(2)")]

use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
};

use crate::control::ControlEntry;

const BPF_LINK_CREATE: libc::c_int = 28;
const BPF_ITER_CREATE: libc::c_int = 33;
const BPF_TRACE_ITER: u32 = 28;

/// `union bpf_attr`, as `BPF_LINK_CREATE` reads it for an iterator.
#[repr(C)]
struct LinkCreate {
    prog_fd: u32,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
    iter_info: u64,
    iter_info_len: u32,
    pad: u32,
}

/// The same for `BPF_ITER_CREATE`.
#[repr(C)]
struct IterCreate {
    link_fd: u32,
    flags: u32,
}

/// The iterator over the sockets that have something untold, where the kernel has it.
pub struct SilentSockets {
    link: Option<OwnedFd>,
    control: ControlEntry,
}

impl SilentSockets {
    pub(crate) fn new(link: Option<OwnedFd>, control: ControlEntry) -> Self {
        Self { link, control }
    }

    /// Whether this kernel can look through its sockets.
    pub fn can_be_found(&self) -> bool {
        self.link.is_some()
    }

    /// Has sockets told that are silent. What they tell is in the ring then.
    pub fn tell(&self) -> io::Result<()> {
        let Some(link) = &self.link else {
            return Ok(()); // they tell when they go on, or end
        };
        let create = IterCreate {
            link_fd: link.as_raw_fd().cast_unsigned(),
            flags: 0,
        };
        let iterator = bpf(BPF_ITER_CREATE, &create)?;
        // It gives no bytes; reading is what makes it go.
        File::from(iterator).read_to_end(&mut Vec::new())?;
        Ok(())
    }

    /// Ends the capture, and has every socket told.
    pub fn tell_all(&self) -> io::Result<()> {
        self.control
            .change(|control| control.capture_max = 0)
            .map_err(io::Error::other)?;
        self.tell()
    }
}

/// Makes the iterator of a program over a map of socket storage.
pub(crate) fn attach(program: BorrowedFd<'_>, map: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let map = map.as_raw_fd().cast_unsigned();
    let create = LinkCreate {
        prog_fd: program.as_raw_fd().cast_unsigned(),
        target_fd: 0,
        attach_type: BPF_TRACE_ITER,
        flags: 0,
        iter_info: (&raw const map) as u64,
        iter_info_len: 4, // of the union: the map's descriptor
        pad: 0,
    };
    bpf(BPF_LINK_CREATE, &create)
}

/// Calls bpf(2) for a new descriptor.
fn bpf<T>(command: libc::c_int, attributes: &T) -> io::Result<OwnedFd> {
    // SAFETY: the attributes and all they point to outlive the call; the lengths are theirs.
    let made = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_ref(attributes),
            size_of::<T>(),
        )
    };
    let made = libc::c_int::try_from(made).unwrap_or(-1);
    if made < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a fresh descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(made) })
}
