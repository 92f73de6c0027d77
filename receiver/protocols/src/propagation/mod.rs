//! Trace context in headers, whichever tracer wrote it and whatever carries it.
//!
//! A parser hands over names and values as it meets them; what is no header of a tracer costs a
//! look at its length. All formats that were found are told, in the order of `Format`; whom to
//! believe is for others to decide (`TraceContext::chosen`). A context is read whole or not at all:
//! what is malformed is counted and nothing of it is used. This must not know protocols. Of
//! baggage it reads only what it is asked for by name.

pub mod baggage;

mod b3;
mod base64;
mod datadog;
mod digits;
mod headers;
mod jaeger;
mod opencensus;
mod skywalking;
mod w3c;
mod xray;

pub use self::headers::{Headers, Key, VALUE_BYTES_MAX, VALUES_MAX};

/// Who may be believed about the trace of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// W3C `traceparent` and `tracestate`.
    TraceContext,
    /// Zipkin's `b3`.
    B3,
    /// Zipkin's `x-b3-*`.
    B3Multi,
    /// Jaeger's `uber-trace-id`.
    Jaeger,
    /// `x-datadog-*`.
    Datadog,
    /// AWS's `x-amzn-trace-id`.
    XRay,
    /// SkyWalking's `sw8`.
    SkyWalking,
    /// `grpc-trace-bin` of OpenCensus.
    OpenCensus,
}

impl Format {
    /// All of them, those first that are believed first by default.
    pub const ALL: [Self; 8] = [
        Self::TraceContext,
        Self::B3,
        Self::B3Multi,
        Self::Jaeger,
        Self::Datadog,
        Self::XRay,
        Self::SkyWalking,
        Self::OpenCensus,
    ];
}

/// A parent span as one format names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// Who says so.
    pub format: Format,
    /// The trace, never all zero. One of 64 bits has zeros in front.
    pub trace_id: [u8; 16],
    /// The parent span, never all zero; none if only the trace was named.
    pub span_id: Option<[u8; 8]>,
    /// W3C trace flags. Sampled unless the caller said that it is not.
    pub flags: u8,
}

/// What the headers of one request say of its trace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceContext {
    /// One by itself, so that the usual request needs no list.
    first: Option<Parent>,
    others: Vec<Parent>,
    state: String,
    malformed: u8,
}

impl TraceContext {
    /// Returns the parents that formats name, in the order of `Format::ALL`.
    pub fn parents(&self) -> impl Iterator<Item = &Parent> {
        self.first.iter().chain(&self.others)
    }

    /// Returns the parent of the first of these formats that names one.
    pub fn chosen(&self, formats: &[Format]) -> Option<Parent> {
        let of = |format: &Format| self.parents().find(|parent| parent.format == *format);
        formats.iter().find_map(of).copied()
    }

    /// Returns whether two of these formats name different traces.
    pub fn is_contradictory(&self, formats: &[Format]) -> bool {
        let believed = |parent: &&Parent| formats.contains(&parent.format);
        let mut traces = self
            .parents()
            .filter(believed)
            .map(|parent| parent.trace_id);
        let first = traces.next();
        traces.any(|trace| Some(trace) != first)
    }

    /// Returns the joined `tracestate`; empty if there was none or it was malformed.
    pub fn state(&self) -> &str {
        &self.state
    }

    /// Returns how many formats were there and could not be read.
    pub fn malformed(&self) -> u8 {
        self.malformed
    }

    fn add(&mut self, found: Reading) {
        match found {
            Reading::Absent => {}
            Reading::Malformed => self.malformed = self.malformed.saturating_add(1),
            Reading::Found(parent) if self.first.is_none() => self.first = Some(parent),
            Reading::Found(parent) => self.others.push(parent),
        }
    }
}

/// What one format came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// It is not there, or it is well formed and names no trace.
    Absent,
    Malformed,
    Found(Parent),
}

impl Reading {
    /// What is there and must be readable.
    fn of(parent: Option<Parent>) -> Self {
        parent.map_or(Self::Malformed, Self::Found)
    }
}

/// Makes a parent of ids that must not be zero.
fn parent(
    format: Format,
    trace_id: [u8; 16],
    span_id: [u8; 8],
    sampled: Option<bool>,
) -> Option<Parent> {
    let is_valid = trace_id != [0; 16] && span_id != [0; 8];
    is_valid.then_some(Parent {
        format,
        trace_id,
        span_id: Some(span_id),
        // Who leaves the decision to us gets a span.
        flags: u8::from(sampled.unwrap_or(true)),
    })
}

#[cfg(test)]
mod tests;
