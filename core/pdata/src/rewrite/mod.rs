//! Edits a batch in one pass over its bytes, for several transforms at once.
//!
//! A [`Transform`] is a pure function on one resource, scope, record or point. A [`Pass`] runs a
//! list of them as if one after the other had seen the whole batch, but walks it once: unchanged
//! fields are copied as ranges, untouched records and scopes as runs, long untouched runs not at
//! all. Fields we have never heard of survive. A scope, resource or metric that lost everything in
//! it disappears; one that was empty before stays. Attributes keep their order and their
//! duplicates.
//!
//! Profiles are edited at their resources and scopes only: attributes below are indexes into a
//! dictionary. This module must not know what transforms do, nor any configuration.

mod attributes;
mod edit;
mod kinds;
mod output;
mod run;
mod value;

use std::{fmt, sync::Arc};

pub use attributes::{At, AttributesEdit};
pub use kinds::{
    LogEdit, MetricEdit, PointEdit, PointKind, PointView, ResourceEdit, ScopeEdit, SpanEdit,
};
pub use value::{NewValue, array, map};

use crate::{
    Batch, Origin, Signal,
    view::{Metric, Resource, Scope},
};

/// What becomes of what a transform was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It stays.
    Yes,
    /// It goes, with everything in it, and later transforms do not see it.
    No,
}

/// How deep a transform looks. What is deeper is not even walked, unless another one looks there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Resources only.
    Resource,
    /// Scopes too.
    Scope,
    /// Spans, log records and metrics too.
    Record,
    /// The data points of metrics too.
    Point,
}

/// What surrounds the thing that a transform is shown, with the edits that this transform and those
/// before it made to it.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The signal of the batch.
    pub signal: Signal,
    /// What made the records.
    pub resource: Resource<'a>,
    /// The instrumentation scope; empty when a resource is shown.
    pub scope: Scope<'a>,
    /// The metric that a point belongs to; empty when anything else is shown.
    pub metric: Metric<'a>,
    /// Where the batch came from, if a receiver was asked to tell.
    pub origin: Option<&'a Origin>,
}

/// A pure function on one resource, scope, record or point.
pub trait Transform: Send + Sync {
    /// Returns how deep it looks.
    fn reach(&self) -> Reach;

    /// Edits a resource.
    fn resource(&self, _cx: &Surroundings<'_>, _resource: &mut ResourceEdit<'_>) -> Keep {
        Keep::Yes
    }

    /// Edits a scope.
    fn scope(&self, _cx: &Surroundings<'_>, _scope: &mut ScopeEdit<'_>) -> Keep {
        Keep::Yes
    }

    /// Edits a span.
    fn span(&self, _cx: &Surroundings<'_>, _span: &mut SpanEdit<'_>) -> Keep {
        Keep::Yes
    }

    /// Edits a log record.
    fn log(&self, _cx: &Surroundings<'_>, _log: &mut LogEdit<'_>) -> Keep {
        Keep::Yes
    }

    /// Edits a metric, except its points.
    fn metric(&self, _cx: &Surroundings<'_>, _metric: &mut MetricEdit<'_>) -> Keep {
        Keep::Yes
    }

    /// Edits a data point.
    fn point(&self, _cx: &Surroundings<'_>, _point: &mut PointEdit<'_>) -> Keep {
        Keep::Yes
    }
}

/// Transforms that are run in one walk over a batch.
#[derive(Clone)]
pub struct Pass {
    transforms: Vec<Arc<dyn Transform>>,
}

/// What came out of a pass.
#[derive(Debug)]
pub struct Passed {
    /// What is left. It may hold no items, and no bytes at all.
    pub batch: Batch,
    /// How many items each transform took away, in the order of the transforms.
    pub dropped: Vec<u32>,
}

impl Pass {
    /// Makes a pass of transforms that are to see each thing in this order.
    pub fn new(transforms: Vec<Arc<dyn Transform>>) -> Self {
        Self { transforms }
    }

    /// Edits a batch. Copies what surrounds an edit, and allocates a few buffers per batch.
    pub fn run(&self, batch: &Batch) -> Passed {
        run::run(&self.transforms, batch)
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass")
            .field("transforms", &self.transforms.len())
            .finish()
    }
}
