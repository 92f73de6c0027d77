//! A batch: well-formed OTLP bytes of one signal and what we know about them.
//!
//! Cloning copies reference counts, never bytes. For traces, metrics and logs an export request is
//! one repeated field, so joining two batches is putting their chunks side by side.

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use crate::Signal;

/// Telemetry in flight: well-formed OTLP framing of one `Export*ServiceRequest`.
#[derive(Clone, Debug)]
pub struct Batch {
    signal: Signal,
    chunks: SmallVec<[Bytes; 1]>,
    size_bytes: usize,
    items: u32,
}

impl Batch {
    /// Wraps bytes that our own writer made, with the number of items it wrote.
    ///
    /// Bytes from outside go through [`Batch::checked`] instead.
    pub fn written(signal: Signal, wire: Bytes, items: u32) -> Self {
        Self {
            signal,
            size_bytes: wire.len(),
            chunks: SmallVec::from_elem(wire, 1),
            items,
        }
    }

    /// Wraps pieces of a request that are known to be well-formed, cut between top-level fields.
    pub(crate) fn from_chunks(signal: Signal, chunks: SmallVec<[Bytes; 1]>, items: u32) -> Self {
        let size_bytes = chunks.iter().map(Bytes::len).sum();
        Self {
            signal,
            chunks,
            size_bytes,
            items,
        }
    }

    /// Returns which signal this is.
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// Returns the number of spans, data points, log records or samples.
    pub fn items(&self) -> u32 {
        self.items
    }

    /// Returns the size on the wire, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Returns the pieces whose concatenation is the export request.
    pub fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// Puts `other` behind this batch without copying. Both must be of one signal, not profiles.
    pub fn append(&mut self, other: Self) {
        assert_eq!(
            self.signal, other.signal,
            "only batches of one signal are joined"
        );
        assert_ne!(
            self.signal,
            Signal::Profiles,
            "profiles share a dictionary, never joined"
        );
        self.chunks.extend(other.chunks);
        self.size_bytes += other.size_bytes;
        self.items += other.items;
    }

    /// Returns the export request in one piece; copies only when there are several chunks.
    pub fn to_bytes(&self) -> Bytes {
        if let [only] = self.chunks.as_slice() {
            return only.clone();
        }
        let mut joined = BytesMut::with_capacity(self.size_bytes);
        for chunk in &self.chunks {
            joined.extend_from_slice(chunk);
        }
        joined.freeze()
    }
}
