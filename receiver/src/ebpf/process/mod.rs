//! Who did it: every process seen, and the resource its telemetry carries.
//!
//! Facts come from the kernel's exec and fork records, because a short-lived process is gone
//! before `/proc` could be asked, and from `/proc` for what is older than the tap. Naming pods is
//! not done here.

mod chosen;
mod files;
mod identity;
mod mounts;
mod proc_fs;
mod record;
mod resource;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use identity::Identity;
pub(crate) use proc_fs::ProcFs;
pub(crate) use record::Process;
pub(crate) use resource::HostFacts;
pub(crate) use table::ProcessTable;

use super::{
    container::Container,
    service_name::{Files, NoFiles},
};

/// Where facts about running processes come from; a replay has none.
pub(crate) trait ProcessSource: Send {
    /// Returns what a running process is.
    fn identity(&self, _pid: u32) -> Option<Identity> {
        None
    }

    /// Returns the path of the file it runs.
    fn executable(&self, _pid: u32) -> Option<String> {
        None
    }

    /// Returns its arguments, or what it has written in their place.
    fn args(&self, _pid: u32) -> Option<Vec<String>> {
        None
    }

    /// Returns the container it is in.
    fn container(&self, _pid: u32) -> Option<Container> {
        None
    }

    /// Returns the host name that a process has read, or would.
    fn host_name(&self, _pid: u32) -> Option<String> {
        None
    }

    /// Returns the language that its executable was compiled from.
    fn language(&self, _pid: u32) -> Option<&'static str> {
        None
    }

    /// Returns whether it made its memory unreadable to others.
    fn is_private(&self, _pid: u32) -> bool {
        false
    }

    /// Returns the ports of TCP that it listens on.
    fn listens(&self, _pid: u32) -> Vec<u16> {
        Vec::new()
    }

    /// Returns a way into its root.
    fn files(&self, _pid: u32) -> Box<dyn Files> {
        Box::new(NoFiles)
    }
}

/// Knows nothing: for replays, where the processes are long gone.
#[derive(Debug, Default)]
pub(crate) struct NoSource;

impl ProcessSource for NoSource {}
