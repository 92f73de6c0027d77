//! What must be there before anything can be measured. Says all that is missing at once.

use std::path::PathBuf;
use std::{env, fs};

use anyhow::{Result, ensure};

/// Where Debian keeps servers, which is on root's path only after a login.
const ALSO: &str = "/usr/sbin";

/// The programs that are needed beside ours.
pub(super) struct Tools {
    pub(super) nginx: PathBuf,
    pub(super) wrk: PathBuf,
}

impl Tools {
    pub(super) fn find() -> Result<Self> {
        let mut missing = Vec::new();
        if !is_root(&fs::read_to_string("/proc/self/status").unwrap_or_default()) {
            missing.push("not root: the tap needs it, run this with sudo".to_owned());
        }
        let tools = Self {
            nginx: program("nginx", &mut missing),
            wrk: program("wrk", &mut missing),
        };
        ensure!(missing.is_empty(), "cannot measure\n{}", missing.join("\n"));
        Ok(tools)
    }
}

/// Finds a program; what it returns is of use only when nothing is missing.
fn program(name: &str, missing: &mut Vec<String>) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = env::split_paths(&path).chain([PathBuf::from(ALSO)]);
    let found = folders.find(|folder| folder.join(name).is_file());
    if found.is_none() {
        missing.push(format!("{name} is not installed: apt-get install {name}"));
    }
    found.unwrap_or_default().join(name)
}

/// Looks at the effective user id, the second of four.
fn is_root(status: &str) -> bool {
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    ids.and_then(|ids| ids.split_whitespace().nth(1)) == Some("0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_who_acts_as_root() {
        assert!(is_root("Name:\tx\nUid:\t1000\t0\t0\t0\n"));
        assert!(!is_root("Uid:\t0\t1000\t0\t0\n"));
        assert!(!is_root(""));
    }
}
