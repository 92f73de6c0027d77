//! The queue on disk: what a record says, and how batches get there and back.
//!
//! A batch is on disk before its sender is told so, and stays there until it is settled. Memory
//! holds the bytes of the first few only. Of where a batch came from, the record keeps what the
//! queue partitions by, nothing else: metadata may be secret.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tapline_pdata::{Batch, Origin, Signal};

use super::{job::Body, room::Size};
use crate::{Fault, Memory, RecordLog, RecordNumber, Refusal, Storage, WriteError};

/// How many bytes of a queue on disk are kept in memory, too, so that they need not be read back.
const CACHE_BYTES: u64 = 32 << 20;

/// The layout of a record's head.
const VERSION: u8 = 1;

/// A record in some log.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) log: Arc<dyn RecordLog>,
    pub(super) number: RecordNumber,
}

/// An open log of one queue.
#[derive(Clone)]
pub(super) struct Disk {
    log: Arc<dyn RecordLog>,
    location: String,
    cache: Memory,
}

/// A batch that an earlier process left.
pub(super) struct Found {
    pub(super) record: Record,
    pub(super) size: Size,
    pub(super) origin: Option<Arc<Origin>>,
}

impl Disk {
    pub(super) async fn open(storage: &dyn Storage, owner: &str) -> Result<Self, String> {
        let log = storage.open(owner).await?;
        Ok(Self::known(log, storage.location()))
    }

    /// A disk that was open all the while.
    pub(super) fn known(log: Arc<dyn RecordLog>, location: String) -> Self {
        Self {
            log,
            location,
            cache: Memory::new(),
        }
    }

    /// Returns what finds the log for as long as somebody has it open.
    pub(super) fn weak(&self) -> Weak<dyn RecordLog> {
        Arc::downgrade(&self.log)
    }

    /// Applies the settings of a storage with the same location.
    pub(super) async fn adopt(&self, storage: &dyn Storage) -> Result<(), String> {
        storage.adopt(&*self.log).await
    }

    pub(super) fn location(&self) -> &str {
        &self.location
    }

    /// Returns whether a record is in this log.
    pub(super) fn has(&self, record: &Record) -> bool {
        Arc::ptr_eq(&self.log, &record.log)
    }

    /// Writes a batch; it survives the process when this returns.
    pub(super) async fn append(&self, batch: &Batch, keys: &[String]) -> Result<Record, Refusal> {
        let head = Head::of(batch, keys).written();
        let number = self.log.append(head, batch.chunks().to_vec()).await;
        let number = number.map_err(|error| match error {
            WriteError::Quota(_) => Refusal::full(error.to_string()),
            WriteError::Disk(cause) => {
                let cause = format!("cannot write to the sending queue: {cause}");
                Refusal::later(Fault::Tapline, cause, None)
            }
        })?;
        Ok(Record {
            log: Arc::clone(&self.log),
            number,
        })
    }

    /// Keeps the bytes in memory if there is room for them.
    pub(super) fn cached(&self, batch: Batch) -> Body {
        if self.cache.held_bytes() + batch.size_bytes() as u64 > CACHE_BYTES {
            return Body::Stored;
        }
        let held = self.cache.hold(batch.size_bytes());
        Body::Here(batch.with_hold(Arc::new(held)))
    }

    /// Lists what an earlier process left, in order, and how many records make no sense.
    pub(super) async fn found(&self, signal: Signal) -> Result<(Vec<Found>, usize), String> {
        let stored = self.log.list().await?;
        let count = stored.len();
        let found: Vec<Found> = stored
            .into_iter()
            .filter_map(|stored| {
                let head = Head::read(stored.head).filter(|head| head.signal == signal)?;
                Some(Found {
                    record: Record {
                        log: Arc::clone(&self.log),
                        number: stored.number,
                    },
                    size: Size {
                        items: u64::from(head.items),
                        bytes: stored.body_bytes,
                    },
                    origin: head.origin(),
                })
            })
            .collect();
        let senseless = count - found.len();
        Ok((found, senseless))
    }
}

impl Record {
    /// Reads the batch back, `None` if it is damaged.
    pub(super) async fn load(&self, signal: Signal) -> Result<Option<Batch>, String> {
        let body = self.log.read(self.number).await?;
        Ok(body.and_then(|body| Batch::checked(signal, body).ok()))
    }
}

/// Removes records that are no longer needed, with one call per log.
pub(super) async fn remove(records: Vec<Record>) {
    let mut rest = records;
    while let Some(first) = rest.first().cloned() {
        let (here, elsewhere): (Vec<_>, Vec<_>) = rest
            .into_iter()
            .partition(|record| Arc::ptr_eq(&record.log, &first.log));
        rest = elsewhere;
        let numbers: Vec<_> = here.iter().map(|record| record.number).collect();
        if let Err(error) = first.log.remove(&numbers).await {
            tracing::warn!(%error, "sent data stays in the queue on disk and may be sent again");
        }
    }
}

/// What is known about a batch without reading it.
struct Head {
    signal: Signal,
    items: u32,
    metadata: BTreeMap<String, Vec<String>>,
}

impl Head {
    fn of(batch: &Batch, keys: &[String]) -> Self {
        let reduced = batch.origin().map(|origin| origin.reduced_to(keys));
        let metadata = reduced.iter().flat_map(Origin::all_metadata);
        Self {
            signal: batch.signal(),
            items: batch.items(),
            metadata: metadata
                .map(|(name, values)| (name.to_owned(), values.to_vec()))
                .collect(),
        }
    }

    fn origin(&self) -> Option<Arc<Origin>> {
        let pairs = self
            .metadata
            .iter()
            .flat_map(|(name, values)| values.iter().map(|value| (name.clone(), value.clone())));
        (!self.metadata.is_empty()).then(|| Arc::new(Origin::with_metadata(pairs)))
    }

    fn written(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_u8(VERSION);
        let place = Signal::ALL.iter().position(|signal| *signal == self.signal);
        out.put_u8(place.expect("all signals are listed") as u8);
        out.put_u32_le(self.items);
        for (name, values) in &self.metadata {
            for value in values {
                for text in [name, value] {
                    out.put_u32_le(text.len() as u32);
                    out.put_slice(text.as_bytes());
                }
            }
        }
        out.freeze()
    }

    fn read(mut from: Bytes) -> Option<Self> {
        if from.try_get_u8().ok()? != VERSION {
            return None;
        }
        let signal = *Signal::ALL.get(usize::from(from.try_get_u8().ok()?))?;
        let items = from.try_get_u32_le().ok()?;
        let mut metadata: BTreeMap<String, Vec<String>> = BTreeMap::new();
        while from.has_remaining() {
            let (name, value) = (text(&mut from)?, text(&mut from)?);
            metadata.entry(name).or_default().push(value);
        }
        Some(Self {
            signal,
            items,
            metadata,
        })
    }
}

fn text(from: &mut Bytes) -> Option<String> {
    let len = from.try_get_u32_le().ok()? as usize;
    let bytes = (len <= from.len()).then(|| from.split_to(len))?;
    String::from_utf8(bytes.to_vec()).ok()
}
