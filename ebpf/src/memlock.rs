//! Before 5.11 the memory of maps counts as locked memory, and the usual limit is far too low.
#![expect(unsafe_code, reason = "setrlimit(2)")]

/// Lifts the limit of this process, if it may. If not, creating maps says so.
pub(crate) fn lift() {
    let limit = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: the structure outlives the call, which only reads it.
    unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) };
}
