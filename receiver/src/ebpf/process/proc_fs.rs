//! Asks `/proc` about processes that are older than the tap, or still there.

use std::{
    fs::{self, File},
    io::Read,
};

use super::{Identity, ProcessSource};
use crate::ebpf::container;

/// The most that is read of one file.
const READ_MAX: u64 = 128 * 1024;
/// `USER_HZ`: the unit of times in `/proc/PID/stat`, 100 on every architecture Linux supports.
const TICK_NS: u64 = 10_000_000;

/// The `/proc` file system.
#[derive(Debug, Default)]
pub(crate) struct ProcFs;

impl ProcessSource for ProcFs {
    fn identity(&self, pid: u32) -> Option<Identity> {
        let args = read(pid, "cmdline")?;
        let first = args.split(|byte| *byte == 0).next().unwrap_or_default();
        let executable = self
            .executable(pid)
            .unwrap_or_else(|| String::from_utf8_lossy(first).into_owned());
        if executable.is_empty() {
            return None; // a kernel thread, or already gone
        }
        let env = read(pid, "environ").unwrap_or_default();
        let stat = read(pid, "stat").unwrap_or_default();
        let (parent_pid, start_boottime_ns) = stat_fields(&stat).unwrap_or_default();
        Some(Identity {
            parent_pid,
            start_boottime_ns,
            ..Identity::new(&executable, &args, &env)
        })
    }

    fn executable(&self, pid: u32) -> Option<String> {
        let path = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        let path = path.to_string_lossy();
        Some(path.strip_suffix(" (deleted)").unwrap_or(&path).to_owned())
    }

    fn container_id(&self, pid: u32) -> Option<String> {
        let text = read(pid, "cgroup")?;
        container::container_id(&String::from_utf8_lossy(&text)).map(ToOwned::to_owned)
    }
}

fn read(pid: u32, file: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(format!("/proc/{pid}/{file}"))
        .ok()?
        .take(READ_MAX)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(bytes)
}

/// Returns parent and start time. The name in parentheses may hold anything, so fields are counted
/// from the last closing one (proc_pid_stat(5)).
fn stat_fields(stat: &[u8]) -> Option<(u32, u64)> {
    let text = String::from_utf8_lossy(stat);
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(19)?.parse().ok()?;
    Some((fields.get(1)?.parse().ok()?, ticks.saturating_mul(TICK_NS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_itself() {
        let me = ProcFs
            .identity(std::process::id())
            .expect("this process runs");
        assert_eq!(me.parent_pid, std::os::unix::process::parent_id());
        assert!(
            me.executable.contains("tapline_receiver"),
            "{}",
            me.executable
        );
        assert!(me.start_boottime_ns > 0);
    }

    #[test]
    fn reads_past_a_hostile_process_name() {
        let stat = b"7 (a) b) S 3 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 250 9 9";
        assert_eq!(stat_fields(stat), Some((3, 2_500_000_000)));
    }

    #[test]
    fn knows_nothing_of_a_process_that_is_gone() {
        assert_eq!(ProcFs.identity(u32::MAX), None);
        assert_eq!(ProcFs.container_id(u32::MAX), None);
    }
}
