//! A batch: well-formed OTLP bytes of one signal and what we know about them.
//!
//! Cloning copies reference counts, never bytes. For traces, metrics and logs an export request is
//! one repeated field, so joining two batches is putting their chunks side by side. Profiles are
//! joined by [`Batch::join`], which merges dictionaries.

use std::{any::Any, fmt, sync::Arc};

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use crate::{Origin, Signal};

/// Something that lives as long as any batch made of certain bytes: how memory is accounted.
pub type Hold = Arc<dyn Any + Send + Sync>;

/// Telemetry in flight: well-formed OTLP framing of one `Export*ServiceRequest`.
#[derive(Clone)]
pub struct Batch {
    signal: Signal,
    chunks: SmallVec<[Bytes; 1]>,
    size_bytes: usize,
    items: u32,
    origin: Option<Arc<Origin>>,
    holds: SmallVec<[Hold; 1]>,
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
            origin: None,
            holds: SmallVec::new(),
        }
    }

    /// Makes a batch of other bytes that came from this one: it keeps origin and holds.
    ///
    /// The chunks are known to be well-formed, cut between top-level fields.
    #[must_use]
    pub(crate) fn derived(&self, chunks: SmallVec<[Bytes; 1]>, items: u32) -> Self {
        let size_bytes = chunks.iter().map(Bytes::len).sum();
        Self {
            signal: self.signal,
            chunks,
            size_bytes,
            items,
            origin: self.origin.clone(),
            holds: self.holds.clone(),
        }
    }

    /// Notes where this batch came from.
    #[must_use]
    pub fn with_origin(mut self, origin: Option<Arc<Origin>>) -> Self {
        self.origin = origin;
        self
    }

    /// Ties the life of `hold` to that of every batch made of these bytes.
    #[must_use]
    pub fn with_hold(mut self, hold: Hold) -> Self {
        self.holds.push(hold);
        self
    }

    /// Returns whether the life of anything is tied to this batch.
    pub fn is_held(&self) -> bool {
        !self.holds.is_empty()
    }

    /// Returns where this batch came from, if a receiver was asked to tell. Joined batches have an
    /// origin only if all of them had the same.
    pub fn origin(&self) -> Option<&Arc<Origin>> {
        self.origin.as_ref()
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

    /// Puts `other` behind this batch without copying. Both must be of one signal, not profiles,
    /// which [`Batch::join`] puts together.
    pub fn append(&mut self, other: Self) {
        assert_ne!(
            self.signal,
            Signal::Profiles,
            "profiles share a dictionary, which `join` merges"
        );
        self.tie(&other);
        self.chunks.extend(other.chunks);
        self.size_bytes += other.size_bytes;
        self.items += other.items;
    }

    /// Takes over what `other` is tied to, because bytes of it come to this batch.
    pub(crate) fn tie(&mut self, other: &Self) {
        assert_eq!(
            self.signal, other.signal,
            "only batches of one signal are joined"
        );
        if self.origin != other.origin {
            self.origin = None;
        }
        self.holds.extend(other.holds.iter().cloned());
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

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("signal", &self.signal)
            .field("items", &self.items)
            .field("size_bytes", &self.size_bytes)
            .field("chunks", &self.chunks.len())
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}
