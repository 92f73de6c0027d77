//! How much memory there is, and how much of it is ours. The only place here that asks the system.

use std::fs;

use sysinfo::System;

/// Returns the memory of this machine, or of this container if that is less, in bytes.
pub(super) fn total() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    let machine = system.total_memory();
    let container = system.cgroup_limits().map(|limits| limits.total_memory);
    Some(
        container
            .filter(|limit| *limit > 0)
            .map_or(machine, |limit| limit.min(machine)),
    )
}

/// Returns the resident memory of this process, in bytes. Costs one read of a proc file.
pub(super) fn resident() -> Option<u64> {
    resident_in(&fs::read_to_string("/proc/self/status").ok()?)
}

/// Finds `VmRSS` in the text of `/proc/self/status`, which unlike `statm` needs no page size.
fn resident_in(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_resident_memory_in_bytes() {
        let status = "Name:\ttapline\nVmHWM:\t   99999 kB\nVmRSS:\t   12345 kB\nRssAnon:\t 1 kB\n";
        assert_eq!(resident_in(status), Some(12345 * 1024));
        assert_eq!(resident_in("VmRSS:\t lots kB\n"), None);
        assert_eq!(resident_in(""), None);
    }

    #[test]
    fn finds_this_process_smaller_than_the_machine() {
        let used = resident().expect("proc is mounted");
        assert!(used > 100 << 10, "{used}");
        assert!(Some(used) < total(), "{used}");
    }
}
