//! Loading needs capabilities that nothing else in the process should have.
//!
//! [`keep_for_loading`] starts one thread that keeps them and takes them away from everybody else:
//! capabilities belong to threads, and threads inherit from the one that starts them. The thread
//! ends, and the capabilities with it, when it has loaded the tap once.
#![expect(unsafe_code, reason = "capset(2) and prctl(2)")]

use std::{
    io,
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

/// What stays: to read what other processes run (`/proc/PID/{exe,environ,cgroup}`).
const KEPT: [u32; 2] = [CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE];
const CAP_DAC_READ_SEARCH: u32 = 2;
const CAP_SYS_PTRACE: u32 = 19;

/// `_LINUX_CAPABILITY_VERSION_3`.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

/// What the thread that may load does, once.
type Job = Box<dyn FnOnce() + Send>;

/// The way to the thread that may load, while there is one.
static LOADER: Mutex<Option<SyncSender<Job>>> = Mutex::new(None);

/// Keeps the right to load in one waiting thread and gives it up in this one.
///
/// Call it first thing in `main`: threads that exist already keep what they have.
pub fn keep_for_loading() -> io::Result<()> {
    let (jobs, received) = sync_channel(1);
    thread::Builder::new()
        .name("tapline-load".to_owned())
        .spawn(move || work_once(&received))?;
    *LOADER.lock().unwrap_or_else(PoisonError::into_inner) = Some(jobs);
    give_up()
}

/// Ends the thread that was kept, if nothing was loaded: nothing will be any more.
pub fn give_up_loading() {
    drop(LOADER.lock().unwrap_or_else(PoisonError::into_inner).take());
}

/// Does something in the thread that may load, if one was kept, else right here; once. Nobody waits
/// for the answer any more: then it is dropped, which detaches a tap.
pub(crate) fn with_rights<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let kept = LOADER.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(jobs) = kept else {
        return Ok(work());
    };
    let (answer, answered) = sync_channel(1);
    let gone = || io::Error::other("the loading thread is gone");
    let job = move || drop(answer.send(work()));
    jobs.send(Box::new(job)).map_err(|_| gone())?;
    answered.recv().map_err(|_| gone())
}

fn work_once(jobs: &Receiver<Job>) {
    if let Ok(job) = jobs.recv() {
        job();
    }
}

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Set {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Leaves this thread with [`KEPT`] at most, for good.
fn give_up() -> io::Result<()> {
    let mut header = Header {
        version: CAPABILITY_VERSION,
        pid: 0,
    };
    let mut sets = [Set::default(); 2];
    // SAFETY: version 3 reads and writes one header and two sets; both outlive the calls.
    let got = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, sets.as_mut_ptr()) };
    if got < 0 {
        return Err(io::Error::last_os_error());
    }
    let kept = KEPT
        .iter()
        .fold(0, |mask, capability| mask | 1 << capability);
    sets[0].permitted &= kept;
    sets[0].effective = sets[0].permitted;
    sets[1] = Set::default();
    sets[0].inheritable = 0;
    // SAFETY: as above; the kernel refuses to add anything.
    let set = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()) };
    // SAFETY: plain integers.
    let closed = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    if set < 0 || closed < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
