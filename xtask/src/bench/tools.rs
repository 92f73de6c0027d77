//! What must be there before anything can be measured. Says all that is missing at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Result, ensure};

/// Where Debian keeps servers, which is on root's path only after a login.
const ALSO: &str = "/usr/sbin";
/// Where it keeps the programs of PostgreSQL, by version.
const POSTGRES: &str = "/usr/lib/postgresql";

/// A program that is needed beside ours.
#[derive(Clone, Copy)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    /// Debian's package.
    pub(super) package: &'static str,
}

/// Where the programs are that are needed.
pub(super) struct Tools(BTreeMap<&'static str, PathBuf>);

impl Tools {
    /// Finds all of them, and makes sure of root if a tap is needed.
    pub(super) fn find(needed: &[Tool], taps: bool) -> Result<Self> {
        let mut missing = Vec::new();
        if taps && !is_root(&fs::read_to_string("/proc/self/status").unwrap_or_default()) {
            missing.push("not root: the tap needs it, run this with sudo".to_owned());
        }
        let mut found = BTreeMap::new();
        for Tool { name, package } in needed {
            match program(name) {
                Some(path) => drop(found.insert(*name, path)),
                None => missing.push(format!(
                    "{name} is not installed: apt-get install {package}"
                )),
            }
        }
        ensure!(missing.is_empty(), "cannot measure\n{}", missing.join("\n"));
        Ok(Self(found))
    }

    /// Returns where a program is that was asked for.
    pub(super) fn path(&self, name: &str) -> &Path {
        self.0.get(name).map_or(Path::new(""), PathBuf::as_path)
    }
}

fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir(POSTGRES).into_iter().flatten().flatten();
    let folders = env::split_paths(&path)
        .chain([PathBuf::from(ALSO)])
        .chain(versions.map(|version| version.path().join("bin")));
    folders
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
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

    #[test]
    fn names_everything_that_is_missing_and_its_package() {
        let needed = ["no-such-server", "no-such-client"].map(|name| Tool {
            name,
            package: "nowhere",
        });
        let error = Tools::find(&needed, false).err().expect("neither exists");
        let text = error.to_string();
        for tool in needed {
            assert!(text.contains(tool.name), "{text}");
        }
        assert!(text.contains("apt-get install nowhere"), "{text}");
    }
}
