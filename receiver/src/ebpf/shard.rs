//! The bounded queue between the ring and the parsers: where loss shows when we are too slow.
//!
//! Records are copied once, behind one another, into chunks; the chunks that wait are bounded in
//! bytes. A kernel cannot be told to slow down, so when there is no room for a chunk it is dropped,
//! here and nowhere else, and counted.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// A chunk is handed over at this size, or when the ring is empty.
const CHUNK_BYTES: usize = 256 * 1024;

/// Buffers kept for the next chunks.
const SPARE_MAX: usize = 4;

/// What went into the shard, and what did not.
#[derive(Debug, Default)]
pub(crate) struct ShardCounts {
    /// Records taken from the ring.
    pub(crate) received: AtomicU64,
    /// Records dropped because the parsers were too slow.
    pub(crate) dropped: AtomicU64,
}

/// The end that takes records from the ring. Dropping it ends the shard.
pub(crate) struct ShardWriter {
    queue: Arc<Queue>,
    chunk: Vec<u8>,
    records: u64,
    counts: Arc<ShardCounts>,
}

/// The end that the parsers read.
pub(crate) struct ShardReader(Arc<Queue>);

/// The writer is gone and everything was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended;

struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    bytes_max: usize,
}

#[derive(Default)]
struct Waiting {
    chunks: VecDeque<Vec<u8>>,
    /// Buffers that were read, for the writer to fill again.
    spare: Vec<Vec<u8>>,
    bytes: usize,
    ended: bool,
}

/// Makes a shard in which at most `mib` MiB wait.
pub(crate) fn shard(mib: u32, counts: Arc<ShardCounts>) -> (ShardWriter, ShardReader) {
    let queue = Arc::new(Queue {
        waiting: Mutex::default(),
        arrived: Condvar::new(),
        bytes_max: mib as usize * 1024 * 1024,
    });
    let writer = ShardWriter {
        queue: Arc::clone(&queue),
        chunk: Vec::new(),
        records: 0,
        counts,
    };
    (writer, ShardReader(queue))
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting
            .lock()
            .expect("nothing panics while it is held")
    }
}

impl ShardWriter {
    /// Copies one record.
    pub(crate) fn push(&mut self, record: &[u8]) {
        self.counts.received.fetch_add(1, Ordering::Relaxed);
        let len = u32::try_from(record.len()).expect("a ring record has a 32-bit length");
        self.chunk.extend_from_slice(&len.to_le_bytes());
        self.chunk.extend_from_slice(record);
        self.records += 1;
        if self.chunk.len() >= CHUNK_BYTES {
            self.flush();
        }
    }

    /// Hands over what was copied, or drops it if there is no room. Called when the ring is empty.
    pub(crate) fn flush(&mut self) {
        if self.chunk.is_empty() {
            return;
        }
        let chunk = std::mem::take(&mut self.chunk);
        let records = std::mem::take(&mut self.records);
        let mut waiting = self.queue.lock();
        if waiting.bytes + chunk.len() > self.queue.bytes_max {
            self.counts.dropped.fetch_add(records, Ordering::Relaxed);
            return;
        }
        waiting.bytes += chunk.len();
        waiting.chunks.push_back(chunk);
        self.chunk = waiting.spare.pop().unwrap_or_default();
        drop(waiting);
        self.queue.arrived.notify_one();
    }
}

impl Drop for ShardWriter {
    fn drop(&mut self) {
        self.flush();
        self.queue.lock().ended = true;
        self.queue.arrived.notify_one();
    }
}

impl ShardReader {
    /// Returns the next chunk, or `None` if none came in time.
    pub(crate) fn next(&self, at_most: Duration) -> Result<Option<Chunk>, Ended> {
        let waiting = self.0.lock();
        let idle = |waiting: &mut Waiting| waiting.chunks.is_empty() && !waiting.ended;
        let (mut waiting, _) = self
            .0
            .arrived
            .wait_timeout_while(waiting, at_most, idle)
            .expect("nothing panics while it is held");
        let Some(chunk) = waiting.chunks.pop_front() else {
            return if waiting.ended { Err(Ended) } else { Ok(None) };
        };
        waiting.bytes -= chunk.len();
        Ok(Some(Chunk(chunk)))
    }

    /// Gives a chunk's buffer back, so that a busy shard does not allocate.
    pub(crate) fn recycle(&self, chunk: Chunk) {
        let mut buffer = chunk.0;
        buffer.clear();
        let mut waiting = self.0.lock();
        if waiting.spare.len() < SPARE_MAX {
            waiting.spare.push(buffer);
        }
    }
}

/// Records behind one another.
pub(crate) struct Chunk(Vec<u8>);

impl Chunk {
    /// Iterates over the records.
    pub(crate) fn records(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            let (len, after) = rest.split_first_chunk()?;
            let (record, after) = after.split_at(u32::from_le_bytes(*len) as usize);
            rest = after;
            Some(record)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads until the writer is gone; returns the records.
    fn rest(reader: &ShardReader) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        while let Ok(chunk) = reader.next(Duration::from_secs(5)) {
            let chunk = chunk.expect("the writer is gone, nothing is waited for");
            records.extend(chunk.records().map(<[u8]>::to_vec));
        }
        records
    }

    #[test]
    fn hands_over_records_in_order() {
        let (mut writer, reader) = shard(8, Arc::default());
        for number in 0..100_000u32 {
            writer.push(&number.to_le_bytes());
        }
        drop(writer);
        let expected: Vec<Vec<u8>> = (0..100_000u32).map(|n| n.to_le_bytes().to_vec()).collect();
        assert_eq!(rest(&reader), expected);
    }

    #[test]
    fn drops_and_counts_when_nobody_reads() {
        let counts = Arc::new(ShardCounts::default());
        let (mut writer, reader) = shard(1, Arc::clone(&counts));
        for _ in 0..3000 {
            writer.push(&[7; 1000]);
        }
        drop(writer);
        let handed_over = rest(&reader).len() as u64;
        let dropped = counts.dropped.load(Ordering::Relaxed);
        assert!(dropped > 0, "3 MB do not fit into 1 MiB");
        assert_eq!(counts.received.load(Ordering::Relaxed), 3000);
        assert_eq!(handed_over + dropped, 3000);
    }

    #[test]
    fn many_small_chunks_take_only_their_bytes() {
        let counts = Arc::new(ShardCounts::default());
        let (mut writer, reader) = shard(1, Arc::clone(&counts));
        for _ in 0..3000 {
            writer.push(&[7; 200]);
            writer.flush();
        }
        drop(writer);
        assert_eq!(rest(&reader).len(), 3000);
        assert_eq!(counts.dropped.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_reader_without_records_waits_no_longer_than_it_said() {
        let (_writer, reader) = shard(1, Arc::default());
        assert!(matches!(reader.next(Duration::ZERO), Ok(None)));
    }
}
