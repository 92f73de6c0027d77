//! Files as another process sees them: below its own root, from its own folder.
//!
//! A symbolic link inside a container leads to the container's files, not to ours.

use std::{
    cell::OnceCell,
    fs::{self, File, OpenOptions},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Component, Path, PathBuf},
};

use super::mounts::Mounts;
use crate::ebpf::service_name::Files;

/// Links followed for one path.
const LINKS_MAX: usize = 16;
/// `O_NONBLOCK | O_NOCTTY`: a pipe in a file's place must not hold us up.
const OPEN_FLAGS: i32 = 0o4000 | 0o400;

impl Mounts {
    /// Takes those of a running process; of one that is gone nothing can be looked at.
    pub(super) fn of(pid: u32) -> Self {
        let file = super::proc_fs::read(pid, "mountinfo").unwrap_or_default();
        Self::read(&String::from_utf8_lossy(&file))
    }
}

/// The files of one process.
pub(super) struct Rooted {
    root: PathBuf,
    folder: Option<String>,
    executable: PathBuf,
    /// Read when something is looked at: most names need no file.
    mounts: OnceCell<Mounts>,
    pid: u32,
}

impl Rooted {
    /// Takes the files of a running process.
    pub(super) fn of(pid: u32) -> Self {
        let folder = fs::read_link(format!("/proc/{pid}/cwd")).ok();
        Self {
            root: format!("/proc/{pid}/root").into(),
            folder: folder.map(|path| path.to_string_lossy().into_owned()),
            executable: format!("/proc/{pid}/exe").into(),
            mounts: OnceCell::new(),
            pid,
        }
    }

    #[cfg(test)]
    pub(super) fn below(root: &Path, folder: &str) -> Self {
        Self {
            root: root.to_owned(),
            folder: Some(folder.to_owned()),
            executable: root.join("exe"),
            mounts: Mounts::read("1 0 8:1 / / rw - ext4 x rw").into(),
            pid: 0,
        }
    }

    fn is_local(&self, path: &Path) -> bool {
        self.mounts
            .get_or_init(|| Mounts::of(self.pid))
            .is_local(path)
    }

    /// Returns where a path leads, with every link of it followed below the root.
    fn resolve(&self, path: &str) -> Option<PathBuf> {
        let whole = if path.starts_with('/') {
            PathBuf::from(path)
        } else {
            Path::new(self.folder.as_deref()?).join(path)
        };
        let mut waiting = parts(&whole);
        let mut at = PathBuf::new();
        let mut links = 0;
        while let Some(part) = waiting.pop() {
            if part == ".." {
                at.pop();
                continue;
            }
            at.push(part);
            if !self.is_local(&Path::new("/").join(&at)) {
                return None;
            }
            if let Ok(target) = fs::read_link(self.root.join(&at)) {
                links += 1;
                if links > LINKS_MAX {
                    return None;
                }
                at.pop();
                if target.is_absolute() {
                    at = PathBuf::new();
                }
                waiting.extend(parts(&target));
            }
        }
        Some(self.root.join(at))
    }
}

/// The parts of a path, the first one last.
fn parts(path: &Path) -> Vec<std::ffi::OsString> {
    let named = path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    named.rev().collect()
}

impl Files for Rooted {
    fn open(&self, path: &str) -> Option<File> {
        let path = self.resolve(path)?;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(OPEN_FLAGS)
            .open(path)
            .ok()?;
        file.metadata().ok()?.is_file().then_some(file)
    }

    fn folder(&self) -> Option<String> {
        self.folder.clone()
    }

    fn is_executable(&self, path: &str) -> bool {
        let identity = |path: &Path| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.dev(), metadata.ino()))
        };
        // If it leads here, what runs is as near as what it leads to.
        let found = self.resolve(path).and_then(|path| identity(&path));
        let runs = fs::read_link(&self.executable);
        if runs.is_ok_and(|runs| !self.is_local(&runs)) {
            return false;
        }
        found.is_some() && found == identity(&self.executable)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_lead_to_files_below_the_root() {
        let root = std::env::temp_dir().join(format!("tapline-files-{}", std::process::id()));
        fs::create_dir_all(root.join("srv/app")).expect("a folder");
        fs::create_dir_all(root.join("etc")).expect("a folder");
        fs::write(root.join("etc/hostname"), "inside").expect("a file");
        fs::write(root.join("exe"), "x").expect("a file");
        symlink("/etc/hostname", root.join("srv/app/name")).expect("a link");
        symlink("/exe", root.join("srv/app/run")).expect("a link");
        symlink("/srv/app/loop", root.join("srv/app/loop")).expect("a link");
        symlink("../../../../../../etc/hostname", root.join("srv/app/up")).expect("a link");
        let files = Rooted::below(&root, "/srv/app");
        for path in ["name", "/srv/app/name", "up", "../../etc/hostname"] {
            let read = files
                .open(path)
                .and_then(|file| std::io::read_to_string(file).ok());
            assert_eq!(read.as_deref(), Some("inside"), "{path}");
        }
        assert!(files.open("loop").is_none() && files.open("/srv/app").is_none());
        assert!(files.is_executable("run") && !files.is_executable("name"));
        fs::remove_dir_all(root).expect("it is ours");
    }
}
