//! The files of a process that may hold a TLS library, and whether they may be probed.
//!
//! Everything is seen as the process sees it, through `/proc/PID/root`, so that libraries of
//! containers are found too. Must not know what is in the files.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use crate::ebpf::glob::Glob;

/// Mappings of one process that are looked at, in bytes of `/proc/PID/maps`.
const MAPS_MAX: u64 = 4 * 1024 * 1024;
/// Libraries of one process that are looked into.
const LIBRARIES_MAX: usize = 16;
/// And where its libraries' names do not matter.
const ALL_LIBRARIES_MAX: usize = 256;
/// What the kernel writes behind the path of a file that is no longer there.
const DELETED: &str = " (deleted)";
/// What the name of a library with TLS in it has somewhere.
const NAME_PARTS: [&str; 5] = ["ssl", "tls", "tcnative", "conscrypt", "libnode"];
/// Programs that check their own code, or whose sandboxes end them when it is not theirs.
const NEVER: [&str; 8] = [
    "clickhouse*",
    "chrome*",
    "chromium*",
    "electron*",
    "msedge*",
    "brave*",
    "opera*",
    "vivaldi*",
];
/// What lies beside the program of whatever is made of Chromium.
const CHROMIUM_PARTS: [&str; 3] = [
    "chrome_crashpad_handler",
    "chrome-sandbox",
    "v8_context_snapshot.bin",
];
/// Where the libraries of the system are.
const SYSTEM: [&str; 8] = [
    "/usr/lib/x86_64-linux-gnu",
    "/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/lib64",
    "/usr/lib",
    "/usr/local/lib",
];
const SETUID_OR_SETGID: u32 = 0o6000;

/// Tells a file from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileKey {
    device: u64,
    inode: u64,
}

/// An opened file.
pub(crate) struct Opened {
    /// Which it is.
    pub(super) key: FileKey,
    /// Itself.
    pub(super) file: File,
    /// Its path, as its process sees it.
    pub(super) path: String,
}

/// Returns whether a process may be probed at all.
pub(super) fn may_probe(pid: u32, exclude: &[Glob]) -> bool {
    let Ok(path) = fs::read_link(format!("/proc/{pid}/exe")) else {
        return false; // a kernel thread, or gone
    };
    let text = path.to_string_lossy();
    let never = NEVER.iter().any(|name| Glob::new(name).matches_path(&text));
    if never || exclude.iter().any(|glob| glob.matches_path(&text)) {
        return false;
    }
    let privileged = fs::metadata(format!("/proc/{pid}/exe"))
        .is_ok_and(|metadata| metadata.mode() & SETUID_OR_SETGID != 0);
    !privileged && !is_chromium(pid, &path)
}

fn is_chromium(pid: u32, executable: &Path) -> bool {
    let Some(folder) = executable.parent() else {
        return false;
    };
    let folder = in_root(pid, &folder.to_string_lossy());
    CHROMIUM_PARTS.iter().any(|part| folder.join(part).exists())
}

/// Opens the program of a process.
pub(super) fn executable(pid: u32) -> Option<Opened> {
    let path = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    open(
        &PathBuf::from(format!("/proc/{pid}/exe")),
        &path.to_string_lossy(),
    )
}

/// Which libraries of a process are looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Libraries {
    /// Those whose names say that they may know TLS.
    Named,
    /// All: some have one inside that their names do not tell.
    All,
}

/// Opens the libraries of a process.
pub(super) fn libraries(pid: u32, which: Libraries) -> Vec<Opened> {
    let mut paths: Vec<String> = Vec::new();
    let most = match which {
        Libraries::Named => LIBRARIES_MAX,
        Libraries::All => ALL_LIBRARIES_MAX,
    };
    each_mapping(pid, |line| {
        let Some((_, path)) = mapped_library(line, which) else {
            return;
        };
        if !path.ends_with(DELETED)
            && !paths.iter().any(|known| known == path)
            && paths.len() < most
        {
            paths.push(path.to_owned());
        }
    });
    let opened = paths.iter().map(|path| open(&in_root(pid, path), path));
    opened.flatten().collect()
}

/// Lists mappings of libraries with TLS that are no longer where they were: the range of addresses
/// and the path.
pub(super) fn deleted(pid: u32) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    each_mapping(pid, |line| {
        if let Some((range, path)) = mapped_library(line, Libraries::Named)
            && let Some(path) = path.strip_suffix(DELETED)
            && found.len() < LIBRARIES_MAX
        {
            found.push((range.to_owned(), path.to_owned()));
        }
    });
    found
}

fn each_mapping(pid: u32, mut each: impl FnMut(&str)) {
    let Ok(maps) = File::open(format!("/proc/{pid}/maps")) else {
        return;
    };
    for line in BufReader::new(maps.take(MAPS_MAX)).lines() {
        let Ok(line) = line else { break };
        each(&line);
    }
}

/// Opens the libraries of the system, whoever may use them later.
pub(super) fn system_libraries() -> Vec<Opened> {
    let folders = SYSTEM.iter().flat_map(fs::read_dir);
    let entries = folders.flatten().flatten();
    let names = entries.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libssl.so") || name.starts_with("libgnutls.so")
    });
    let opened = names.map(|entry| {
        let path = entry.path();
        open(&path, &path.to_string_lossy())
    });
    opened.flatten().collect()
}

/// Reads a line of `/proc/PID/maps`: its range and path, if it is executable and named like a
/// library.
fn mapped_library(line: &str, which: Libraries) -> Option<(&str, &str)> {
    let mut fields = line.split_ascii_whitespace();
    let range = fields.next()?;
    let permissions = fields.next()?;
    let path = &line[line.find('/')?..];
    let name = path.rsplit('/').next()?;
    let fits = permissions.contains('x')
        && name.contains(".so")
        && (which == Libraries::All || NAME_PARTS.iter().any(|part| name.contains(part)));
    fits.then_some((range, path))
}

fn in_root(pid: u32, path: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/root{path}"))
}

/// Opens a file without ever waiting: what was mapped may have been replaced by anything.
pub(super) fn open(at: &Path, path: &str) -> Option<Opened> {
    const O_NONBLOCK: i32 = 0o4000;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK)
        .open(at)
        .ok()?;
    let metadata = file.metadata().ok().filter(fs::Metadata::is_file)?;
    let key = FileKey {
        device: metadata.dev(),
        inode: metadata.ino(),
    };
    let path = path.to_owned();
    Some(Opened { key, file, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_libraries_in_maps_by_their_names() {
        let line = |permissions: &str, path: &str| {
            format!("7f00-7f01 {permissions} 00021000 fe:00 1234     {path}")
        };
        for (permissions, path, found) in [
            ("r-xp", "/usr/lib/x86_64-linux-gnu/libssl.so.3", true),
            ("r-xp", "/opt/a b/libssl.so.1.1", true),
            ("r-xp", "/usr/lib/libgnutls.so.30.34.3", true),
            ("r--p", "/usr/lib/x86_64-linux-gnu/libssl.so.3", false),
            ("r-xp", "/usr/lib/libssl.so.3 (deleted)", true),
            ("r-xp", "/usr/lib/libc.so.6", false),
            ("r-xp", "[vdso]", false),
        ] {
            let line = line(permissions, path);
            let expected = found.then_some(("7f00-7f01", path));
            let read = mapped_library(&line, Libraries::Named);
            assert_eq!(read, expected, "{line}");
        }
    }

    #[test]
    fn this_process_may_be_probed_unless_it_is_excluded() {
        let pid = std::process::id();
        assert!(may_probe(pid, &[]));
        assert!(!may_probe(pid, &[Glob::new("*/deps/*")]));
        assert!(executable(pid).is_some());
    }
}
