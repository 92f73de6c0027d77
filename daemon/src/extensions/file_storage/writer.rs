//! Writes a log: the only one who changes its files. Blocking; it lives on a thread of its own.
//!
//! Commands that wait together are done together: with `fsync` they share one sync per file, and
//! nobody is answered before it. Files of which nothing is left are deleted behind it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, IoSlice, Seek, SeekFrom, Write},
    mem,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use tapline_pipeline::{RecordNumber, WriteError};
use tokio::sync::mpsc;
use tracing::warn;

use super::{
    command::{Answer, Command, Durability, Terms},
    directory::{SegmentName, create_segment},
    frame::{Header, REMOVED, STATE_AT},
    index::{Index, Place, Segment},
    usage::Counted,
};

/// How many commands are done before anybody is answered.
const GROUP: usize = 64;
const TOO_LARGE: &str = "record is larger than 4 GiB, or its head than 1 MiB";

/// Owns the files of a log.
pub(super) struct Writer {
    directory: PathBuf,
    index: Arc<Mutex<Index>>,
    counted: Counted,
    durability: Durability,
    segment_bytes: u64,
    /// The segment that grows, by its first number.
    active: Option<(RecordNumber, Arc<File>)>,
    /// What was written to since the last sync.
    unsynced: BTreeMap<PathBuf, Arc<File>>,
    /// Held until the log is closed.
    _lock: File,
}

impl Writer {
    pub(super) fn new(
        directory: PathBuf,
        index: Index,
        mut counted: Counted,
        terms: &Terms,
        lock: File,
    ) -> Self {
        counted.found(index.segments.values().map(|segment| segment.bytes).sum());
        Self {
            directory,
            index: Arc::new(Mutex::new(index)),
            counted,
            durability: terms.durability,
            segment_bytes: terms.segment_bytes,
            active: None,
            unsynced: BTreeMap::new(),
            _lock: lock,
        }
    }

    /// Returns where the records are, for who reads.
    pub(super) fn index(&self) -> Arc<Mutex<Index>> {
        Arc::clone(&self.index)
    }

    /// Does what it is told until nobody is left who could tell it; then the log is closed.
    pub(super) fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut group = Vec::with_capacity(GROUP);
        while commands.blocking_recv_many(&mut group, GROUP) > 0 {
            let mut answers = Vec::with_capacity(group.len());
            for command in group.drain(..) {
                match command {
                    Command::Append(head, body, to) => {
                        answers.push(Answer::Appended(self.append(head, &body), to));
                    }
                    Command::Remove(numbers, to) => {
                        answers.push(Answer::Done(self.remove(&numbers), to));
                    }
                    Command::Settle(terms, to) => {
                        answers.push(Answer::Done(self.settle(&terms), to));
                    }
                }
            }
            self.finish(answers);
        }
        self.seal();
    }

    fn append(&mut self, head: Bytes, body: &[Bytes]) -> Result<RecordNumber, WriteError> {
        let number = self.locked().next;
        let header = Header::new(number, &head, body);
        let header = header.ok_or_else(|| WriteError::Disk(TOO_LARGE.to_owned()))?;
        let bytes = header.bytes_on_disk();
        if !self.counted.reserve(bytes) {
            // The segment that grows may hold nothing but what is removed.
            self.seal_if_empty();
            if !self.counted.reserve(bytes) {
                return Err(WriteError::Quota(self.counted.quota()));
            }
        }
        let written = self.write(header, head, body);
        let size = written.map_err(|error| {
            self.counted.release(bytes);
            let path = self.directory.display();
            WriteError::Disk(format!("cannot write to storage {path}: {error}"))
        })?;
        if size >= self.segment_bytes {
            self.active = None;
        }
        Ok(number)
    }

    /// Writes a record behind the others; returns the size of its segment.
    fn write(&mut self, header: Header, head: Bytes, body: &[Bytes]) -> io::Result<u64> {
        let (first, file) = match &self.active {
            Some((first, file)) => (*first, Arc::clone(file)),
            None => self.begin(header.number)?,
        };
        let index = Arc::clone(&self.index);
        let (salt, offset, path) = {
            let index = lock(&index);
            let segment = &index.segments[&first];
            (segment.salt, segment.bytes, segment.path.clone())
        };
        let fixed = header.encode(salt);
        let before = [&fixed[..], &head[..]].into_iter();
        let pieces = before.chain(body.iter().map(|piece| &piece[..]));
        if let Err(error) = write_all(&file, pieces) {
            let mut cut = &*file;
            let undone = file
                .set_len(offset)
                .and_then(|()| cut.seek(SeekFrom::Start(offset)));
            if undone.is_err() {
                self.seal();
            }
            return Err(error);
        }
        if self.durability == Durability::PowerCut {
            self.unsynced.insert(path, file);
        }
        let mut index = lock(&index);
        index.next = header.number + 1;
        let segment = index
            .segments
            .get_mut(&first)
            .expect("the segment that grows is known");
        segment.bytes = offset + header.bytes_on_disk();
        let place = Place {
            offset,
            header,
            head,
        };
        segment.live.insert(header.number, place);
        Ok(segment.bytes)
    }

    /// Begins a segment with this record.
    fn begin(&mut self, first: RecordNumber) -> io::Result<(RecordNumber, Arc<File>)> {
        let name = SegmentName::new(first);
        let path = self.directory.join(name.to_string());
        let file = Arc::new(create_segment(&path)?);
        if self.durability == Durability::PowerCut {
            self.owe_names()?;
        }
        let segment = Segment {
            path,
            salt: name.salt,
            bytes: 0,
            live: BTreeMap::new(),
        };
        self.locked().segments.insert(first, segment);
        self.active = Some((first, Arc::clone(&file)));
        Ok((first, file))
    }

    /// Owes a sync to the directories. The name of a file is in its directory, and that one's in
    /// another: files as well.
    fn owe_names(&mut self) -> io::Result<()> {
        for directory in self.directory.ancestors().take(2) {
            let opened = Arc::new(File::open(directory)?);
            self.unsynced.insert(directory.to_owned(), opened);
        }
        Ok(())
    }

    /// Goes on with other settings. What was acknowledged under weaker ones is made good.
    fn settle(&mut self, terms: &Terms) -> Result<(), String> {
        let is_stronger = terms.durability == Durability::PowerCut;
        if is_stronger && self.durability == Durability::Kill {
            let path = self.directory.display().to_string();
            let owed = self.owe_everything();
            owed.map_err(|error| format!("cannot sync storage {path}: {error}"))?;
        }
        self.durability = terms.durability;
        self.segment_bytes = terms.segment_bytes;
        self.counted.move_to(&terms.usage);
        Ok(())
    }

    /// Owes a sync to every file there is.
    fn owe_everything(&mut self) -> io::Result<()> {
        let paths: Vec<_> = {
            let index = self.locked();
            let segments = index.segments.values();
            segments.map(|segment| segment.path.clone()).collect()
        };
        for path in paths {
            let file = Arc::new(File::open(&path)?);
            self.unsynced.insert(path, file);
        }
        self.owe_names()
    }

    /// Marks records as removed, on disk and then in the index. Unknown ones are removed already.
    fn remove(&mut self, numbers: &[RecordNumber]) -> Result<(), String> {
        let index = Arc::clone(&self.index);
        let mut opened: Option<(RecordNumber, Arc<File>)> = None;
        for number in numbers {
            let found = lock(&index)
                .segment_of(*number)
                .map(|(first, segment)| (first, segment.path.clone(), segment.live[number].offset));
            let Some((first, path, offset)) = found else {
                continue;
            };
            let known = [&opened, &self.active];
            let file = match known.into_iter().flatten().find(|known| known.0 == first) {
                Some((_, file)) => Some(Arc::clone(file)),
                None => open_for_marks(&path)?.map(Arc::new),
            };
            if let Some(file) = file {
                let marked = file.write_all_at(&REMOVED, offset + STATE_AT);
                marked.map_err(|error| unmarked(&path, &error))?;
                if self.durability == Durability::PowerCut {
                    self.unsynced.insert(path, Arc::clone(&file));
                }
                opened = Some((first, file));
            }
            if let Some((_, segment)) = lock(&index).segment_of(*number) {
                segment.live.remove(number);
            }
        }
        Ok(())
    }

    /// Syncs what a group wrote, deletes what it emptied, and answers it.
    fn finish(&mut self, answers: Vec<Answer>) {
        let failed = self.sync().err();
        if failed.is_some() {
            // Nobody knows what of it is on disk: what is refused must not come back.
            let numbers: Vec<_> = answers.iter().filter_map(Answer::number).collect();
            let _ = self.remove(&numbers);
            self.unsynced.clear();
            self.active = None;
        }
        self.delete_empty();
        for answer in answers {
            answer.give(failed.as_deref());
        }
    }

    fn sync(&mut self) -> Result<(), String> {
        for (path, file) in mem::take(&mut self.unsynced) {
            let path = path.display();
            let synced = file.sync_data();
            synced.map_err(|error| format!("cannot sync storage {path}: {error}"))?;
        }
        Ok(())
    }

    /// Deletes finished segments of which nothing is left.
    fn delete_empty(&mut self) {
        let growing = self.active.as_ref().map(|(first, _)| *first);
        let mut index = lock(&self.index);
        let empty: Vec<_> = index
            .segments
            .extract_if(.., |first, segment| {
                Some(*first) != growing && segment.live.is_empty()
            })
            .collect();
        drop(index);
        for (_, segment) in empty {
            if let Err(error) = fs::remove_file(&segment.path) {
                warn!(path = %segment.path.display(), %error, "storage file cannot be deleted");
            }
            self.counted.release(segment.bytes);
        }
    }

    fn seal_if_empty(&mut self) {
        let Some((first, _)) = &self.active else {
            return;
        };
        if self.locked().segments[first].live.is_empty() {
            self.seal();
        }
    }

    /// Finishes the segment that grows, and deletes it if nothing is left of it.
    fn seal(&mut self) {
        self.active = None;
        self.delete_empty();
    }

    fn locked(&self) -> MutexGuard<'_, Index> {
        lock(&self.index)
    }
}

/// Locks the index. It is never held while a disk is waited for.
pub(super) fn lock(index: &Mutex<Index>) -> MutexGuard<'_, Index> {
    index.lock().expect("nobody panics with the index")
}

/// Opens a finished segment; `None` if somebody deleted it, and its records with it.
fn open_for_marks(path: &Path) -> Result<Option<File>, String> {
    match File::options().write(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unmarked(path, &error)),
    }
}

fn unmarked(path: &Path, error: &io::Error) -> String {
    format!("cannot remove records from {}: {error}", path.display())
}

/// Writes pieces one behind the other, in as few calls as the kernel allows.
fn write_all<'a>(mut file: &File, pieces: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
    let mut slices: Vec<_> = pieces.map(IoSlice::new).collect();
    let mut rest = &mut slices[..];
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{env, process};

    use tapline_pipeline::Meters;

    use super::{super::usage::Usage, *};

    fn terms(durability: Durability) -> Terms {
        Terms {
            durability,
            segment_bytes: 1 << 20,
            usage: Arc::new(Usage::new(0)),
        }
    }

    #[test]
    fn what_was_written_before_is_owed_a_sync_when_fsync_is_turned_on() {
        let directory = env::temp_dir().join(format!("tapline-writer-{}", process::id()));
        fs::create_dir(&directory).expect("the name is ours");
        let kill = terms(Durability::Kill);
        let counted = Counted::new(&kill.usage, &Meters::new(), "owner");
        let lock = File::create(directory.join("lock")).expect("writable");
        let index = Index::new();
        let mut writer = Writer::new(directory.clone(), index, counted, &kill, lock);
        let record = || [Bytes::from_static(b"a")];
        writer.append(Bytes::new(), &record()).expect("is written");
        assert_eq!(writer.unsynced.len(), 0);

        let settled = writer.settle(&terms(Durability::PowerCut));
        settled.expect("the disk works");
        let owed: Vec<_> = writer.unsynced.keys().cloned().collect();
        let segment = fs::read_dir(&directory).expect("is there");
        let mut names = segment.map(|entry| entry.expect("is there").path());
        let segment = names.find(|path| path.extension().is_some_and(|end| end == "log"));
        let parent = directory.parent().expect("it has one").to_owned();
        assert_eq!(owed, [parent, directory.clone(), segment.expect("one")]);
        writer.sync().expect("the disk works");

        writer.append(Bytes::new(), &record()).expect("is written");
        assert_eq!(writer.unsynced.len(), 1, "and so is what comes now");
        writer.sync().expect("the disk works");
        writer.settle(&kill).expect("there is nothing to do");
        writer.append(Bytes::new(), &record()).expect("is written");
        assert_eq!(writer.unsynced.len(), 0);
        fs::remove_dir_all(&directory).expect("it is ours");
    }
}
