//! Which files of a process can be looked at without waiting for somebody.
//!
//! A file system in user space, or one of a network, answers when it likes; the parsing thread
//! must not wait for it. What is mounted where is asked of `/proc`, which always answers.

use std::path::{Path, PathBuf};

/// File systems whose answers come from this machine's kernel.
const LOCAL: [&str; 20] = [
    "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "bcachefs", "f2fs", "jfs", "reiserfs",
    "overlay", "aufs", "tmpfs", "ramfs", "rootfs", "squashfs", "erofs", "iso9660", "vfat", "exfat",
];

/// Mount points, and whether each is of a local file system.
#[derive(Debug, Default)]
pub(super) struct Mounts(Vec<(PathBuf, bool)>);

impl Mounts {
    /// Reads `/proc/PID/mountinfo`.
    pub(super) fn read(file: &str) -> Self {
        let mount = |line: &str| {
            let (before, after) = line.split_once(" - ")?;
            let at = before.split(' ').nth(4)?.replace("\\040", " ");
            let kind = after.split(' ').next()?;
            Some((PathBuf::from(at), LOCAL.contains(&kind)))
        };
        Self(file.lines().filter_map(mount).collect())
    }

    /// Returns whether a path of the process can be looked at.
    pub(super) fn is_local(&self, path: &Path) -> bool {
        // Of several at one place the last is on top.
        let above = self.0.iter().filter(|(at, _)| path.starts_with(at));
        let nearest = above.max_by_key(|(at, _)| at.as_os_str().len());
        nearest.is_some_and(|(_, is_local)| *is_local)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_waited_for() {
        let mounts = Mounts::read(
            "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
             2 1 0:5 / /mnt/my\\040disk rw shared:1 - fuse.sshfs host rw\n\
             3 1 0:6 / /srv rw - nfs4 host:/srv rw\n\
             4 3 0:7 / /srv/app rw - overlay overlay rw\n\
             5 1 0:8 / /app rw - ext4 /dev/sdb rw\n\
             6 1 0:9 / /app rw - fuse host rw\n",
        );
        for (path, is_local) in [
            ("/usr/bin/node", true),
            ("/mnt/my disk/x", false),
            ("/mnt/my", true),
            ("/srv", false),
            ("/srv/apple", false),
            ("/srv/app/package.json", true),
            ("/app/x", false),
        ] {
            assert_eq!(mounts.is_local(Path::new(path)), is_local, "{path}");
        }
        assert!(!Mounts::read("nonsense").is_local(Path::new("/")));
    }
}
