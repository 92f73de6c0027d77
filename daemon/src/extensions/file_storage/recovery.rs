//! Finds the records in the files that a process left behind, whatever happened to it and them.
//!
//! Only headers are read; a body is checked when it is asked for. Behind a damaged header the
//! next sound one is searched for. What stands at the end of the newest file and is not whole was
//! never acknowledged, and is cut off.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use tapline_pipeline::RecordNumber;
use tracing::warn;

use super::{
    directory::{OnFailure, Place as Directory, SegmentName},
    frame::{HEADER_BYTES, Header, MAGIC},
    index::{Index, Place, Segment},
};

/// How much is read at once when the next header is searched for.
const WINDOW_BYTES: usize = 64 << 10;

/// Opens the log of an owner, whose lock is held; returns its directory and what is in it.
pub(super) fn open(
    directory: &Directory,
    name: &str,
    on_failure: OnFailure,
) -> Result<(PathBuf, Index), String> {
    let opened = directory.owner(name).and_then(|path| {
        let index = recover(&path)?;
        Ok((path, index))
    });
    let Err(error) = opened else {
        return opened;
    };
    if on_failure == OnFailure::Refuse {
        return Err(error);
    }
    let backup = directory.set_aside(name)?;
    warn!(error, backup = %backup.display(), "storage recreated, what it held is set aside");
    Ok((directory.owner(name)?, Index::new()))
}

/// Reads the segments of a directory and deletes those in which nothing is left.
fn recover(path: &Path) -> Result<Index, String> {
    let names = segment_names(path).map_err(|error| unreadable(path, &error))?;
    let newest = names.last().copied();
    let mut index = Index::new();
    for name in names {
        let file = path.join(name.to_string());
        let found = Found::read(&file, name).map_err(|error| unreadable(&file, &error))?;
        index.next = index.next.max(found.next);
        index.damaged += found.damaged;
        if found.is_torn {
            // What a crash left behind the last record was not acknowledged, and is no loss.
            index.damaged += u64::from(Some(name) != newest);
            cut(&file, found.end);
        }
        if found.live.is_empty() {
            if found.is_unreadable {
                // The disk may give it back another day.
                continue;
            }
            fs::remove_file(&file).map_err(|error| unreadable(&file, &error))?;
            continue;
        }
        let segment = Segment {
            path: file,
            salt: name.salt,
            bytes: found.end,
            live: found.live,
        };
        index.segments.insert(name.first, segment);
    }
    if index.damaged > 0 {
        let path = path.display();
        warn!(%path, records = index.damaged, "storage is damaged, records are lost");
    }
    Ok(index)
}

/// Lists the segments in a directory in the order of their numbers. Other files are not touched.
fn segment_names(path: &Path) -> io::Result<Vec<SegmentName>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        names.extend(name.to_str().and_then(SegmentName::parse));
    }
    names.sort_unstable();
    Ok(names)
}

fn cut(path: &Path, end: u64) {
    let file = File::options().write(true).open(path);
    if let Err(error) = file.and_then(|file| file.set_len(end)) {
        warn!(path = %path.display(), %error, "torn record cannot be cut off");
    }
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("cannot open storage {}: {error}", path.display())
}

impl Index {
    /// A log without records. Numbers begin at 1.
    pub(super) fn new() -> Self {
        Self {
            next: 1,
            ..Self::default()
        }
    }
}

/// What is in a segment.
#[derive(Debug, Default)]
struct Found {
    live: BTreeMap<RecordNumber, Place>,
    /// The number behind the last record.
    next: RecordNumber,
    /// Where the last record ends, or the file if what is behind it is damaged.
    end: u64,
    damaged: u64,
    /// Whether the last record is not whole.
    is_torn: bool,
    /// Whether the disk failed, which may pass.
    is_unreadable: bool,
}

impl Found {
    fn read(path: &Path, name: SegmentName) -> io::Result<Self> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut found = Self {
            next: name.first,
            ..Self::default()
        };
        let scan = Scan {
            file,
            size,
            salt: name.salt,
            has_failed: Cell::new(false),
        };
        found.walk(&scan);
        found.is_unreadable = scan.has_failed.get();
        if found.damaged > 0 || found.is_unreadable {
            // Numbers that were lost are not given again: there were at most so many.
            found.next = found.next.saturating_add(size / HEADER_BYTES as u64);
        }
        Ok(found)
    }

    fn walk(&mut self, scan: &Scan) {
        let (found, size) = (self, scan.size);
        while found.end < size {
            let here = found.end;
            let header = scan
                .header(here)
                .filter(|header| header.number >= found.next);
            let Some(header) = header else {
                if size - here < HEADER_BYTES as u64 {
                    found.is_torn = true;
                    break;
                }
                let Some((at, header)) = scan.search(here + 1, found.next) else {
                    found.damaged += 1;
                    found.end = size;
                    break;
                };
                // Numbers have no gaps inside a segment, so the gap is what was lost.
                found.damaged += header.number - found.next;
                found.next = header.number;
                found.end = at;
                continue;
            };
            if header.bytes_on_disk() > size - here {
                found.is_torn = true;
                break;
            }
            found.take(header, scan);
        }
    }

    /// Takes a record whose header is sound. Its head is read, its body is not.
    fn take(&mut self, header: Header, scan: &Scan) {
        self.damaged += header.number - self.next;
        self.next = header.number + 1;
        let offset = self.end;
        self.end += header.bytes_on_disk();
        if header.is_removed {
            return;
        }
        let mut head = vec![0; header.head.length as usize];
        if scan.read(&mut head, offset + HEADER_BYTES as u64) && header.head.is_of(&head) {
            let head = head.into();
            let place = Place {
                offset,
                header,
                head,
            };
            self.live.insert(header.number, place);
        } else {
            self.damaged += 1;
        }
    }
}

/// A segment that is looked through.
struct Scan {
    file: File,
    size: u64,
    salt: u64,
    has_failed: Cell<bool>,
}

impl Scan {
    /// Reads the header at a place, if a sound one is there. A place that cannot be read has none.
    fn header(&self, at: u64) -> Option<Header> {
        let mut bytes = [0; HEADER_BYTES];
        self.read(&mut bytes, at).then_some(())?;
        Header::decode(&bytes, self.salt)
    }

    fn read(&self, bytes: &mut [u8], at: u64) -> bool {
        let read = self.file.read_exact_at(bytes, at);
        let is_disk = |error: &io::Error| error.kind() != io::ErrorKind::UnexpectedEof;
        if read.as_ref().is_err_and(is_disk) {
            self.has_failed.set(true);
        }
        read.is_ok()
    }

    /// Finds the next sound header of a whole record.
    fn search(&self, from: u64, least: RecordNumber) -> Option<(u64, Header)> {
        // A magic that begins in one window may end in the next.
        let mut window = vec![0; WINDOW_BYTES + MAGIC.len() - 1];
        let mut start = from;
        while start < self.size {
            let wanted = usize::try_from(self.size - start).unwrap_or(usize::MAX);
            let wanted = wanted.min(window.len());
            let part = &mut window[..wanted];
            if self.read(part, start) {
                let candidates = part.windows(MAGIC.len()).enumerate();
                for (at, _) in candidates.filter(|(_, bytes)| *bytes == MAGIC) {
                    let at = start + at as u64;
                    let Some(header) = self.header(at) else {
                        continue;
                    };
                    if header.number >= least && header.bytes_on_disk() <= self.size - at {
                        return Some((at, header));
                    }
                }
            }
            start += WINDOW_BYTES as u64;
        }
        None
    }
}
