//! One log: segments in a directory of their own, and beside each what of it is done.
//!
//! Segments are only appended to, each by the process that made it. `N.done` lists the records of
//! segment `N` that were removed; both are deleted once every record is. Memory holds a few dozen
//! bytes per record. Files are read and written on blocking threads.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use tapline_pipeline::{RecordLog, RecordNumber, Stored, WriteError};
use tokio::{sync::oneshot, task::spawn_blocking};

use super::segment::{self, Frame};

/// A segment is not appended to beyond this.
const SEGMENT_BYTES: u64 = 64 << 20;
/// The segment being written is deleted when it is done and larger than this.
const WORTH_DELETING: u64 = 1 << 20;
/// One removed record in `N.done`: its number and a checksum.
const DONE_BYTES: usize = 12;

/// What all logs of one extension take up together.
#[derive(Debug)]
pub(super) struct Quota {
    pub(super) limit: u64,
    pub(super) used: AtomicU64,
}

impl Quota {
    fn take(&self, bytes: u64) -> bool {
        let fits = |used: u64| used.checked_add(bytes).filter(|used| *used <= self.limit);
        self.used.fetch_update(Relaxed, Relaxed, fits).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Relaxed);
    }

    fn segment_bytes(&self) -> u64 {
        (self.limit / 8).clamp(64 << 10, SEGMENT_BYTES)
    }
}

/// An open log.
pub(super) struct SegmentLog(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    /// Locked for as long as it is open.
    _lock: File,
    fsync: bool,
    quota: Arc<Quota>,
    state: Mutex<State>,
    pending: Mutex<Vec<Pending>>,
}

struct State {
    segments: BTreeMap<u64, Segment>,
    /// The segment being written, by its name.
    active: Option<u64>,
    next: RecordNumber,
}

struct Segment {
    file: Arc<File>,
    len: u64,
    live: BTreeMap<RecordNumber, Frame>,
}

struct Pending {
    head: Bytes,
    body: Vec<Bytes>,
    reply: oneshot::Sender<Result<RecordNumber, WriteError>>,
}

impl SegmentLog {
    /// Opens the log in `dir`, whose lock is held. Blocks.
    pub(super) fn open(
        dir: &Path,
        lock: File,
        fsync: bool,
        quota: &Arc<Quota>,
    ) -> io::Result<Self> {
        let mut state = State {
            segments: BTreeMap::new(),
            active: None,
            next: 1,
        };
        let mut damaged_bytes = 0;
        for first in names(dir, "seg")? {
            let file = File::open(path(dir, first, "seg"))?;
            let len = file.metadata()?.len();
            let (frames, damaged) = segment::scan(&file, len)?;
            damaged_bytes += damaged;
            let last = frames.last().map_or(first, |frame| frame.number);
            state.next = state.next.max(first + 1).max(last + 1);
            let mut live: BTreeMap<_, _> = frames
                .into_iter()
                .map(|frame| (frame.number, frame))
                .collect();
            for number in read_done(&path(dir, first, "done")) {
                live.remove(&number);
            }
            quota.used.fetch_add(len, Relaxed);
            let file = Arc::new(file);
            state.segments.insert(first, Segment { file, len, live });
        }
        if damaged_bytes > 0 {
            tracing::warn!(directory = %dir.display(), damaged_bytes, "queue on disk is damaged");
        }
        let inner = Inner {
            dir: dir.to_owned(),
            _lock: lock,
            fsync,
            quota: Arc::clone(quota),
            state: Mutex::new(state),
            pending: Mutex::default(),
        };
        inner.delete_what_is_done()?;
        Ok(Self(Arc::new(inner)))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let state = self.state.get_mut().expect("nothing panics while held");
        let used = state.segments.values().map(|segment| segment.len).sum();
        self.quota.give_back(used);
    }
}

impl Inner {
    /// Writes all that waits to be written. Whoever comes first writes for the others.
    fn write_pending(&self) {
        let mut state = self.state();
        let pending = std::mem::take(&mut *self.pending.lock().expect("nothing panics while held"));
        let mut written = Vec::with_capacity(pending.len());
        for Pending { head, body, reply } in pending {
            written.push((reply, self.write(&mut state, &head, &body)));
        }
        let synced = match state.active.and_then(|active| state.segments.get(&active)) {
            Some(segment) if self.fsync && !written.is_empty() => segment.file.sync_data(),
            _ => Ok(()),
        };
        drop(state);
        for (reply, mut result) in written {
            if let Err(error) = &synced {
                result = Err(WriteError::Disk(error.to_string()));
            }
            // The caller may be gone.
            let _unheard = reply.send(result);
        }
    }

    fn write(
        &self,
        state: &mut State,
        head: &[u8],
        body: &[Bytes],
    ) -> Result<RecordNumber, WriteError> {
        let number = state.next;
        let mut bytes = Vec::new();
        let mut frame = segment::write(&mut bytes, number, head, body);
        let size = bytes.len() as u64;
        let disk = |error: io::Error| WriteError::Disk(error.to_string());
        if !self.quota.take(size) {
            self.delete_active_if_done(state, 0).map_err(disk)?;
            if !self.quota.take(size) {
                return Err(WriteError::Quota(self.quota.limit));
            }
        }
        let written = self.write_bytes(state, number, &bytes);
        if written.is_err() {
            self.quota.give_back(size);
        }
        let segment = written.map_err(disk)?;
        frame.body_at += segment.len - size;
        segment.live.insert(number, frame);
        state.next += 1;
        Ok(number)
    }

    fn write_bytes<'s>(
        &self,
        state: &'s mut State,
        number: RecordNumber,
        bytes: &[u8],
    ) -> io::Result<&'s mut Segment> {
        let active = state.active.and_then(|active| state.segments.get(&active));
        let active_len = active.map(|segment| segment.len);
        if active_len.is_none_or(|len| len >= self.quota.segment_bytes()) {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true);
            let file = Arc::new(options.open(path(&self.dir, number, "seg"))?);
            if self.fsync {
                // A full segment is not written again, its name must last.
                if let Some(full) = state.active.and_then(|active| state.segments.get(&active)) {
                    full.file.sync_data()?;
                }
                File::open(&self.dir)?.sync_all()?;
            }
            let (len, live) = (0, BTreeMap::new());
            state.segments.insert(number, Segment { file, len, live });
            state.active = Some(number);
        }
        let active = state.active.expect("made above");
        let segment = state
            .segments
            .get_mut(&active)
            .expect("the active one is there");
        if let Err(error) = segment.file.write_all_at(bytes, segment.len) {
            // Half a frame would only be stepped over later.
            let _kept = segment.file.set_len(segment.len);
            return Err(error);
        }
        segment.len += bytes.len() as u64;
        Ok(segment)
    }

    fn remove(&self, numbers: &[RecordNumber]) -> io::Result<()> {
        let mut state = self.state();
        let mut done: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        for number in numbers {
            let found = state.segments.range_mut(..=number).next_back();
            let Some((first, segment)) = found else {
                continue;
            };
            if segment.live.remove(number).is_some() {
                let entry = done.entry(*first).or_default();
                entry.extend(number.to_le_bytes());
                entry.extend(crc32fast::hash(&number.to_le_bytes()).to_le_bytes());
            }
        }
        for (first, entries) in done {
            let emptied = state.segments[&first].live.is_empty();
            let worth = state.active != Some(first) || state.segments[&first].len > WORTH_DELETING;
            if emptied && worth {
                self.delete(&mut state, first)?;
                continue;
            }
            let mut options = OpenOptions::new();
            let mut file = options
                .create(true)
                .append(true)
                .open(path(&self.dir, first, "done"))?;
            file.write_all(&entries)?;
        }
        Ok(())
    }

    fn delete_what_is_done(&self) -> io::Result<()> {
        let mut state = self.state();
        let done: Vec<u64> = state
            .segments
            .iter()
            .filter(|(_, segment)| segment.live.is_empty())
            .map(|(first, _)| *first)
            .collect();
        for first in done {
            self.delete(&mut state, first)?;
        }
        for orphan in names(&self.dir, "done")? {
            if !state.segments.contains_key(&orphan) {
                fs::remove_file(path(&self.dir, orphan, "done"))?;
            }
        }
        Ok(())
    }

    fn delete_active_if_done(&self, state: &mut State, least: u64) -> io::Result<()> {
        let Some(active) = state.active else {
            return Ok(());
        };
        let segment = &state.segments[&active];
        if segment.live.is_empty() && segment.len >= least {
            self.delete(state, active)?;
        }
        Ok(())
    }

    /// Deletes a segment, then its list: without the list its records would come back.
    fn delete(&self, state: &mut State, first: u64) -> io::Result<()> {
        fs::remove_file(path(&self.dir, first, "seg"))?;
        if let Some(segment) = state.segments.remove(&first) {
            self.quota.give_back(segment.len);
        }
        if state.active == Some(first) {
            state.active = None;
        }
        match fs::remove_file(path(&self.dir, first, "done")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while held")
    }
}

#[async_trait]
impl RecordLog for SegmentLog {
    async fn append(&self, head: Bytes, body: Vec<Bytes>) -> Result<RecordNumber, WriteError> {
        let (reply, result) = oneshot::channel();
        let pending = Pending { head, body, reply };
        self.0
            .pending
            .lock()
            .expect("nothing panics while held")
            .push(pending);
        let inner = Arc::clone(&self.0);
        drop(spawn_blocking(move || inner.write_pending()));
        let gone = |_| Err(WriteError::Disk("the process ends".to_owned()));
        result.await.unwrap_or_else(gone)
    }

    async fn read(&self, number: RecordNumber) -> Result<Option<Bytes>, String> {
        let found = {
            let state = self.0.state();
            let segment = state.segments.range(..=number).next_back();
            segment.and_then(|(_, segment)| {
                Some((
                    Arc::clone(&segment.file),
                    segment.live.get(&number)?.clone(),
                ))
            })
        };
        let Some((file, frame)) = found else {
            return Ok(None);
        };
        let read = spawn_blocking(move || segment::read(&file, &frame)).await;
        read.map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())
    }

    async fn remove(&self, numbers: &[RecordNumber]) -> Result<(), String> {
        let (inner, numbers) = (Arc::clone(&self.0), numbers.to_vec());
        let removed = spawn_blocking(move || inner.remove(&numbers)).await;
        removed
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())
    }

    async fn list(&self) -> Result<Vec<Stored>, String> {
        let state = self.0.state();
        let frames = state
            .segments
            .values()
            .flat_map(|segment| segment.live.values());
        let stored = frames.map(|frame| Stored {
            number: frame.number,
            head: frame.head.clone(),
            body_bytes: u64::from(frame.body_len),
        });
        Ok(stored.collect())
    }
}

fn path(dir: &Path, first: u64, ending: &str) -> PathBuf {
    dir.join(format!("{first:020}.{ending}"))
}

/// Lists the numbers that files with this ending are named by, in order.
fn names(dir: &Path, ending: &str) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.split_once('.'));
        if let Some((number, found)) = number
            && found == ending
        {
            numbers.extend(number.parse::<u64>());
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Reads which records are done; a damaged entry is not believed, so its record comes back.
fn read_done(path: &Path) -> Vec<RecordNumber> {
    let entries = fs::read(path).unwrap_or_default();
    let number = |entry: &[u8]| {
        let (number, crc) = entry.split_at(8);
        let number: [u8; 8] = number.try_into().ok()?;
        (crc32fast::hash(&number).to_le_bytes() == crc).then(|| u64::from_le_bytes(number))
    };
    entries
        .chunks_exact(DONE_BYTES)
        .filter_map(number)
        .collect()
}
