//! Where the records of a log are: kept in memory, shared by who writes and who reads.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use tapline_pipeline::{RecordNumber, Stored};

use super::frame::Header;

/// The segments of a log by their first number.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Every segment that has a file.
    pub(super) segments: BTreeMap<RecordNumber, Segment>,
    /// The number of the next record.
    pub(super) next: RecordNumber,
    /// How many records were found damaged when the log was opened.
    pub(super) damaged: u64,
}

/// A file of records whose numbers ascend.
#[derive(Debug)]
pub(super) struct Segment {
    /// The file.
    pub(super) path: PathBuf,
    /// What the headers' checksums begin with.
    pub(super) salt: u64,
    /// The size of the file.
    pub(super) bytes: u64,
    /// The records that are not removed.
    pub(super) live: BTreeMap<RecordNumber, Place>,
}

/// Where in a segment a record stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Where its header begins.
    pub(super) offset: u64,
    /// What it says.
    pub(super) header: Header,
    /// What stands between it and the body.
    pub(super) head: Bytes,
}

impl Index {
    /// Finds a record that is not removed.
    pub(super) fn find(&self, number: RecordNumber) -> Option<(&Path, Place)> {
        let (_, segment) = self.segments.range(..=number).next_back()?;
        let place = segment.live.get(&number)?;
        Some((&segment.path, place.clone()))
    }

    /// Finds the segment that a record is in, and its first number.
    pub(super) fn segment_of(
        &mut self,
        number: RecordNumber,
    ) -> Option<(RecordNumber, &mut Segment)> {
        let (first, segment) = self.segments.range_mut(..=number).next_back()?;
        segment
            .live
            .contains_key(&number)
            .then_some((*first, segment))
    }

    /// Lists the records that are not removed.
    pub(super) fn list(&self) -> Vec<Stored> {
        let segments = self.segments.values();
        let live = segments.flat_map(|segment| segment.live.values());
        live.map(|place| Stored {
            number: place.header.number,
            head: place.head.clone(),
            body_bytes: u64::from(place.header.body.length),
        })
        .collect()
    }
}

impl Place {
    /// Reads the body; `None` if it is not what was written. Costs one open file meanwhile.
    pub(super) fn read(&self, path: &Path) -> io::Result<Option<Bytes>> {
        let file = File::open(path)?;
        let mut body = vec![0; self.header.body.length as usize];
        match file.read_exact_at(&mut body, self.offset + self.header.body_at()) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let is_whole = self.header.body.is_of(&body);
        Ok(is_whole.then(|| body.into()))
    }
}
