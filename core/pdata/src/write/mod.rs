//! Builders that append OTLP wire bytes: no tree, no allocation but the buffer's growth.
//!
//! Telemetry is written inside out: records with [`span`], [`log_record`], [`gauge`], [`sum`] or
//! [`histogram`] into one buffer per resource and scope, then [`resource_block`] frames that
//! buffer. The result goes into [`Batch::written`](crate::Batch::written). Fields at their proto3
//! default are left out. It must not know where telemetry comes from.

mod attributes;
mod block;
mod log;
mod metric;
mod span;

pub use attributes::Attributes;
pub use block::{Scope, resource, resource_block};
pub use log::{LogHead, log_record};
pub use metric::{
    Exemplar, HistogramPoint, HistogramPoints, MetricHead, Monotonic, Number, NumberPoint,
    NumberPoints, gauge, histogram, sum,
};
pub use span::{SpanHead, SpanKind, Status, span};
