//! Reads a batch without decoding it: borrowed iterators, resource -> scope -> record -> attribute.
//!
//! A view is a slice. Every getter walks the fields of its message (a few nanoseconds each), so
//! keep what is used often. Strings are checked for UTF-8 when they are read, and allocated only
//! when they are not. After [`Batch::checked`] nothing is missing; over unchecked bytes a view ends
//! where the framing does, and never panics. As in protobuf, of a repeated singular field the last
//! one counts.

mod block;
mod dictionary;
mod log;
mod message;
mod metric;
mod point;
mod profile;
mod span;
mod value;

pub use block::{EntityRef, Record, Resource, ResourceBlock, Scope, ScopeBlock};
pub(crate) use dictionary::TABLES;
pub use dictionary::{
    Dictionary, Function, Line, Location, Mapping, ProfileLink, Stack, UnitValue,
};
pub use log::LogRecord;
pub use metric::{Data, Metric, Points, Temporality};
pub use point::{
    Buckets, Exemplar, ExponentialPoint, HistogramPoint, Number, NumberPoint, Quantile,
    SummaryPoint,
};
pub use profile::{Profile, Sample, ValueType};
pub use span::{Event, Link, Span};
pub use value::{Array, Attributes, Value};

use crate::{Batch, Signal, number::request};
use message::Message;

/// The spans of one resource.
pub type ResourceSpans<'a> = ResourceBlock<'a, Span<'a>>;
/// The metrics of one resource.
pub type ResourceMetrics<'a> = ResourceBlock<'a, Metric<'a>>;
/// The log records of one resource.
pub type ResourceLogs<'a> = ResourceBlock<'a, LogRecord<'a>>;
/// The profiles of one resource.
pub type ResourceProfiles<'a> = ResourceBlock<'a, Profile<'a>>;
/// The spans of one scope.
pub type ScopeSpans<'a> = ScopeBlock<'a, Span<'a>>;
/// The metrics of one scope.
pub type ScopeMetrics<'a> = ScopeBlock<'a, Metric<'a>>;
/// The log records of one scope.
pub type ScopeLogs<'a> = ScopeBlock<'a, LogRecord<'a>>;
/// The profiles of one scope.
pub type ScopeProfiles<'a> = ScopeBlock<'a, Profile<'a>>;

/// Reads a batch of traces.
pub fn traces(batch: &Batch) -> impl Iterator<Item = ResourceSpans<'_>> + Clone {
    resources(batch, Signal::Traces)
}

/// Reads a batch of metrics.
pub fn metrics(batch: &Batch) -> impl Iterator<Item = ResourceMetrics<'_>> + Clone {
    resources(batch, Signal::Metrics)
}

/// Reads a batch of logs.
pub fn logs(batch: &Batch) -> impl Iterator<Item = ResourceLogs<'_>> + Clone {
    resources(batch, Signal::Logs)
}

/// Reads a batch of profiles; what they point at is in the [`Dictionary`] of the batch.
pub fn profiles(batch: &Batch) -> impl Iterator<Item = ResourceProfiles<'_>> + Clone {
    resources(batch, Signal::Profiles)
}

fn resources<'a, R: Record<'a>>(
    batch: &'a Batch,
    signal: Signal,
) -> impl Iterator<Item = ResourceBlock<'a, R>> + Clone {
    assert_eq!(
        batch.signal(),
        signal,
        "a batch is read as the signal it is"
    );
    let blocks = |chunk| Message(chunk).messages(request::RESOURCES);
    batch
        .chunks()
        .iter()
        .flat_map(move |chunk| blocks(chunk))
        .map(ResourceBlock::new)
}
