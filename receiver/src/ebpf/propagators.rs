//! The `propagators` setting: whose headers are believed about traces, and in which order.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_protocols::propagation::{Format, Parent, TraceContext};

/// A way to hand on a trace, by the name that OpenTelemetry gives it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Propagator {
    /// W3C `traceparent` and `tracestate`.
    TraceContext,
    /// The header `b3`.
    B3,
    /// The headers `x-b3-*`.
    B3Multi,
    /// `uber-trace-id`.
    Jaeger,
    /// `x-datadog-*`.
    Datadog,
    /// `x-amzn-trace-id`.
    XRay,
    /// `sw8` of SkyWalking.
    Sw8,
    /// `grpc-trace-bin`.
    OpenCensus,
    /// W3C `baggage`, which names no parent: accepted so that an SDK's list can be used as it is.
    Baggage,
}

impl Propagator {
    /// All of them, in the order of the default.
    pub const ALL: [Self; 9] = [
        Self::TraceContext,
        Self::B3,
        Self::B3Multi,
        Self::Jaeger,
        Self::Datadog,
        Self::XRay,
        Self::Sw8,
        Self::OpenCensus,
        Self::Baggage,
    ];

    fn format(self) -> Option<Format> {
        Some(match self {
            Self::TraceContext => Format::TraceContext,
            Self::B3 => Format::B3,
            Self::B3Multi => Format::B3Multi,
            Self::Jaeger => Format::Jaeger,
            Self::Datadog => Format::Datadog,
            Self::XRay => Format::XRay,
            Self::Sw8 => Format::SkyWalking,
            Self::OpenCensus => Format::OpenCensus,
            Self::Baggage => return None,
        })
    }
}

/// Returns the formats of a list, in its order.
pub(crate) fn formats(list: &[Propagator]) -> Arc<[Format]> {
    list.iter().filter_map(|one| one.format()).collect()
}

/// Returns what is wrong with a list.
pub(crate) fn problem(list: &[Propagator]) -> Option<String> {
    let is_twice = |(index, one)| list[..index].contains(one);
    let twice = list.iter().enumerate().any(is_twice);
    twice.then(|| "names a propagator twice".to_owned())
}

/// The parent that is believed.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// Who it is.
    pub(crate) parent: Parent,
    /// The `tracestate` that came with it.
    pub(crate) state: String,
}

/// What was counted of headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ContextCounts {
    /// Formats that were there and could not be read.
    pub(crate) malformed: u64,
    /// Requests whose headers name different traces.
    pub(crate) contradictory: u64,
}

impl ContextCounts {
    /// Returns the parent of the first of these formats that names one.
    pub(crate) fn believed(&mut self, said: &TraceContext, formats: &[Format]) -> Option<Header> {
        self.malformed += u64::from(said.malformed());
        self.contradictory += u64::from(said.is_contradictory(formats));
        let parent = said.chosen(formats)?;
        let state = match parent.format {
            Format::TraceContext => said.state().to_owned(),
            // It belongs to a parent that is not believed.
            _ => String::new(),
        };
        Some(Header { parent, state })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_default_the_order_is_that_of_the_formats() {
        assert_eq!(*formats(&Propagator::ALL), Format::ALL);
        assert_eq!(problem(&Propagator::ALL), None);
        assert!(problem(&[Propagator::B3, Propagator::Jaeger, Propagator::B3]).is_some());
    }
}
