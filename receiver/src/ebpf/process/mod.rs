//! Who did it: every process seen, and the resource its telemetry carries.
//!
//! Facts come from the kernel's exec and fork records, because a short-lived process is gone
//! before `/proc` could be asked, and from `/proc` for what is older than the tap. Naming pods is
//! not done here.

mod identity;
mod proc_fs;
mod resource;
mod table;

pub(crate) use identity::Identity;
pub(crate) use proc_fs::ProcFs;
pub(crate) use resource::HostFacts;
pub(crate) use table::{Process, ProcessTable};

/// Where facts about running processes come from; a replay has none.
pub(crate) trait ProcessSource: Send {
    /// Returns what a running process is.
    fn identity(&self, pid: u32) -> Option<Identity>;

    /// Returns the path of the file it runs.
    fn executable(&self, pid: u32) -> Option<String>;

    /// Returns the id of the container it is in.
    fn container_id(&self, pid: u32) -> Option<String>;
}

/// Knows nothing: for replays, where the processes are long gone.
#[derive(Debug, Default)]
pub(crate) struct NoSource;

impl ProcessSource for NoSource {
    fn identity(&self, _: u32) -> Option<Identity> {
        None
    }

    fn executable(&self, _: u32) -> Option<String> {
        None
    }

    fn container_id(&self, _: u32) -> Option<String> {
        None
    }
}
