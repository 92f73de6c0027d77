//! The first files of the guest, as the archive the kernel unpacks (cpio, `newc`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use super::modules::Module;

/// Runs before there is anything else: loads the modules, lays memory over this machine's files,
/// goes there, and switches off when the command is done.
const INIT: &str = include_str!("init.sh");

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;

/// Makes the archive: a shell with its libraries, the modules, and what the guest shall run.
pub(super) fn build(busybox: &Path, modules: &[Module], command: &str) -> io::Result<Vec<u8>> {
    let mut archive = Archive::default();
    for directory in ["bin", "proc", "sys", "dev", "mod", "lower", "upper", "root"] {
        archive.add(directory, DIRECTORY, &[]);
    }
    archive.add("bin/busybox", PROGRAM, &fs::read(busybox)?);
    for library in libraries(busybox) {
        archive.add_below(&library, &fs::read(&library)?);
    }
    archive.add("init", PROGRAM, INIT.as_bytes());
    archive.add("command", PROGRAM, command.as_bytes());
    for (place, (name, bytes)) in modules.iter().enumerate() {
        archive.add(&format!("mod/{place:02}-{name}.ko"), PROGRAM, bytes);
    }
    Ok(archive.finish())
}

/// Returns what a program is linked to, by full path; nothing if it stands alone.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let Ok(told) = Command::new("ldd").arg(program).output() else {
        return Vec::new();
    };
    named_libraries(&String::from_utf8_lossy(&told.stdout))
}

/// Takes every word that is a full path, as in `libc.so.6 => /lib/libc.so.6 (0x7f)`.
fn named_libraries(told: &str) -> Vec<PathBuf> {
    let words = told.split_whitespace();
    words
        .filter(|word| word.starts_with('/'))
        .map(PathBuf::from)
        .collect()
}

#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    files: u32,
    directories: BTreeSet<PathBuf>,
}

impl Archive {
    fn add(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.files += 1;
        let size = u32::try_from(content.len()).expect("no file of ours has 4 GiB");
        let name_size = u32::try_from(name.len() + 1).expect("names are short");
        let links = if mode == DIRECTORY { 2 } else { 1 };
        // Inode, mode, owner, group, links, time, size, device twice, special device twice, length
        // of the name, checksum.
        let fields = [
            self.files, mode, 0, 0, links, 0, size, 0, 0, 0, 0, name_size, 0,
        ];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08X}").as_bytes());
        }
        self.bytes.extend(name.as_bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend(content);
        self.align();
    }

    /// Adds a file at its own place, and the directories on the way.
    fn add_below(&mut self, path: &Path, content: &[u8]) {
        let inside = path.strip_prefix("/").unwrap_or(path);
        let above: Vec<&Path> = inside.ancestors().skip(1).collect();
        for directory in above.into_iter().rev() {
            if self.directories.insert(directory.to_owned()) && directory != Path::new("") {
                self.add(&directory.to_string_lossy(), DIRECTORY, &[]);
            }
        }
        self.add(&inside.to_string_lossy(), PROGRAM, content);
    }

    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        self.add("TRAILER!!!", 0, &[]);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_libraries_of_a_program() {
        let told = "\tlinux-vdso.so.1 (0x7ff)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x7f)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x7f)\n";
        let found = named_libraries(told);
        assert_eq!(
            found,
            ["/lib/x/libc.so.6", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from)
        );
        assert!(named_libraries("\tnot a dynamic executable\n").is_empty());
    }

    #[test]
    fn every_part_of_an_archive_begins_at_a_multiple_of_four() {
        let mut archive = Archive::default();
        archive.add("abc", PROGRAM, b"12345");
        archive.add("d", DIRECTORY, b"");
        let bytes = archive.finish();
        let headers = bytes.windows(6).enumerate();
        let starts: Vec<usize> = headers
            .filter(|(_, window)| window == b"070701")
            .map(|(at, _)| at)
            .collect();
        assert_eq!(starts.len(), 3, "two entries and the end");
        assert!(starts.iter().all(|start| start % 4 == 0), "{starts:?}");
    }
}
