//! Makes links of `uprobe.multi` programs, which aya does not: one `bpf(2)` for all sites of a
//! file.
#![expect(unsafe_code, reason = "bpf(2)")]

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
};

use super::Site;

const BPF_LINK_CREATE: libc::c_int = 28;
pub(super) const BPF_TRACE_UPROBE_MULTI: u32 = 48;
const BPF_F_UPROBE_MULTI_RETURN: u32 = 1;

/// When a probe fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// When the instruction there is reached.
    Site,
    /// When the function that begins there returns.
    Return,
}

/// `union bpf_attr`, as `BPF_LINK_CREATE` reads it for this kind of link.
#[repr(C)]
struct LinkCreate {
    prog_fd: u32,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
    path: u64,
    offsets: u64,
    ref_ctr_offsets: u64,
    cookies: u64,
    count: u32,
    multi_flags: u32,
    pid: u32,
    pad: u32,
}

/// Attaches a program to sites of a file, in one process or in all; closing the result detaches.
pub(super) fn create(
    program: BorrowedFd<'_>,
    file: &Path,
    sites: &[Site],
    at: At,
    pid: Option<u32>,
) -> io::Result<OwnedFd> {
    let path = CString::new(file.as_os_str().as_bytes())?;
    let offsets: Vec<u64> = sites.iter().map(|site| site.offset).collect();
    let cookies: Vec<u64> = sites.iter().map(|site| site.function as u64).collect();
    let mut attributes = LinkCreate {
        prog_fd: program.as_raw_fd().cast_unsigned(),
        target_fd: 0,
        attach_type: BPF_TRACE_UPROBE_MULTI,
        flags: 0,
        path: path.as_ptr() as u64,
        offsets: offsets.as_ptr() as u64,
        ref_ctr_offsets: 0,
        cookies: cookies.as_ptr() as u64,
        count: u32::try_from(sites.len()).unwrap_or(u32::MAX),
        multi_flags: if at == At::Return {
            BPF_F_UPROBE_MULTI_RETURN
        } else {
            0
        },
        pid: pid.unwrap_or(0),
        pad: 0,
    };
    // SAFETY: the attributes and all they point to outlive the call; the lengths are theirs.
    let link = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_LINK_CREATE,
            &raw mut attributes,
            size_of::<LinkCreate>(),
        )
    };
    let link = libc::c_int::try_from(link).unwrap_or(-1);
    if link < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a fresh descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(link) })
}
