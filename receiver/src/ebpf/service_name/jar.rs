//! Reads the manifest of a Java archive: the one file of a zip that is looked for.
//!
//! Bounded at every step, because the file is whatever a process was started with.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
};

use flate2::read::DeflateDecoder;

const ENTRY: &[u8] = b"META-INF/MANIFEST.MF";
/// The end of the directory, with the longest comment that is looked past.
const END_MAX: u64 = 4096;
const END_LEN: usize = 22;
/// Most of the directory that is read: the manifest stands first or second.
const DIRECTORY_MAX: u64 = 256 * 1024;
/// Most of a manifest that is read.
const MANIFEST_MAX: u64 = 64 * 1024;

/// The main section of a manifest.
pub(super) struct Manifest(String);

impl Manifest {
    /// Returns the value of a header.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut lines = self.0.lines().take_while(|line| !line.is_empty());
        lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()))
    }
}

/// Reads the manifest inside an archive.
pub(super) fn manifest(mut jar: File) -> Option<Manifest> {
    let len = jar.metadata().ok()?.len();
    let end = read_at(&mut jar, len.saturating_sub(END_MAX), END_MAX)?;
    let at = (0..=end.len().checked_sub(END_LEN)?)
        .rev()
        .find(|at| end[*at..].starts_with(b"PK\x05\x06"))?;
    let size = u64::from(u32_at(&end, at + 12)?).min(DIRECTORY_MAX);
    let directory = read_at(&mut jar, u64::from(u32_at(&end, at + 16)?), size)?;
    let (offset, packed, is_deflated) = entry(&directory)?;
    // The local header repeats the name and has an extra field of its own length.
    let head = read_at(&mut jar, offset, 30)?;
    let skip = 30 + u64::from(u16_at(&head, 26)?) + u64::from(u16_at(&head, 28)?);
    jar.seek(SeekFrom::Start(offset + skip)).ok()?;
    let packed = jar.take(packed.min(MANIFEST_MAX));
    if is_deflated {
        plain_manifest(DeflateDecoder::new(packed))
    } else {
        plain_manifest(packed)
    }
}

/// Reads a manifest that is not packed. Lines are folded at 72 bytes.
pub(super) fn plain_manifest(text: impl Read) -> Option<Manifest> {
    let mut bytes = Vec::new();
    text.take(MANIFEST_MAX).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).replace('\r', "");
    Some(Manifest(text.replace("\n ", "")))
}

/// Finds where the manifest is, how long it is there, and whether it is deflated.
fn entry(directory: &[u8]) -> Option<(u64, u64, bool)> {
    let mut rest = directory;
    while rest.starts_with(b"PK\x01\x02") {
        let name_len = usize::from(u16_at(rest, 28)?);
        let behind = usize::from(u16_at(rest, 30)?) + usize::from(u16_at(rest, 32)?);
        let name = rest.get(46..46 + name_len)?;
        if name == ENTRY {
            let is_deflated = match u16_at(rest, 10)? {
                0 => false,
                8 => true,
                _ => return None,
            };
            let (packed, offset) = (u32_at(rest, 20)?, u32_at(rest, 42)?);
            return Some((u64::from(offset), u64::from(packed), is_deflated));
        }
        rest = rest.get(46 + name_len + behind..)?;
    }
    None
}

fn read_at(file: &mut File, offset: u64, len: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset)).ok()?;
    file.take(len).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at + 2)?;
    Some(u16::from_le_bytes([two[0], two[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}
