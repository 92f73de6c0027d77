//! What each kind of message offers to be read and set while it is edited.
//!
//! Attributes and set fields cost a walk over the message the first time. Everything else is read
//! from a view, which copies the message once if it was changed before.

use super::{attributes::AttributesEdit, edit::Edit};
use crate::{
    number::{
        exponential_point, histogram_point, log, metric, number_point, point, resource, scope,
        span, status, summary_point,
    },
    rewrite::NewValue,
    view::{
        ExponentialPoint, HistogramPoint, LogRecord, Metric, Number, NumberPoint, Record, Resource,
        Scope, Span, SummaryPoint,
    },
    wire::write as wire,
};

macro_rules! edits {
    ($($(#[$doc:meta])* $edit:ident: $view:ident, $attributes:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $edit<'e>(pub(super) Edit<'e>);

        impl $edit<'_> {
            /// Views it as it is now. Copies it once after each edit.
            pub fn view(&self) -> $view<'_> {
                $view::from_wire(self.0.bytes())
            }

            /// Returns its attributes, to be read and edited.
            pub fn attributes(&mut self) -> AttributesEdit<'_> {
                AttributesEdit::new(self.0.reborrow(), $attributes)
            }
        }
    )*};
}

edits! {
    /// A resource under edit.
    ResourceEdit: Resource, resource::ATTRIBUTES;
    /// A scope under edit.
    ScopeEdit: Scope, scope::ATTRIBUTES;
    /// A span under edit.
    SpanEdit: Span, span::ATTRIBUTES;
    /// A log record under edit.
    LogEdit: LogRecord, log::ATTRIBUTES;
    /// A metric under edit. Its attributes are metadata of the metric itself, not of its points.
    MetricEdit: Metric, metric::METADATA;
}

impl ScopeEdit<'_> {
    /// Sets the name.
    pub fn set_name(&mut self, name: &str) {
        self.0.set_bytes(scope::NAME, name.as_bytes());
    }

    /// Sets the version.
    pub fn set_version(&mut self, version: &str) {
        self.0.set_bytes(scope::VERSION, version.as_bytes());
    }
}

impl SpanEdit<'_> {
    /// Sets the name.
    pub fn set_name(&mut self, name: &str) {
        self.0.set_bytes(span::NAME, name.as_bytes());
    }

    /// Sets OTLP's number of the kind.
    pub fn set_kind(&mut self, kind: i32) {
        self.0.set_uint(span::KIND, enumeration(kind));
    }

    /// Sets code and message of the status. Fields of it that we do not know are lost.
    pub fn set_status(&mut self, code: i32, message: &str) {
        let mut body = Vec::new();
        wire::bytes_unless_empty(&mut body, status::MESSAGE, message.as_bytes());
        wire::uint_unless_zero(&mut body, status::CODE, enumeration(code));
        self.0.set_message(span::STATUS, &body);
    }

    /// Sets the trace id.
    pub fn set_trace_id(&mut self, id: &[u8]) {
        self.0.set_bytes(span::TRACE_ID, id);
    }

    /// Sets the span id.
    pub fn set_span_id(&mut self, id: &[u8]) {
        self.0.set_bytes(span::SPAN_ID, id);
    }

    /// Sets the id of the parent span.
    pub fn set_parent_span_id(&mut self, id: &[u8]) {
        self.0.set_bytes(span::PARENT_SPAN_ID, id);
    }

    /// Sets the W3C `tracestate`.
    pub fn set_trace_state(&mut self, state: &str) {
        self.0.set_bytes(span::TRACE_STATE, state.as_bytes());
    }

    /// Sets when it began, in nanoseconds since 1970.
    pub fn set_start_ns(&mut self, at: u64) {
        self.0.set_fixed64(span::START, at);
    }

    /// Sets when it ended, in nanoseconds since 1970.
    pub fn set_end_ns(&mut self, at: u64) {
        self.0.set_fixed64(span::END, at);
    }
}

impl LogEdit<'_> {
    /// Sets OTLP's number of the severity.
    pub fn set_severity_number(&mut self, number: i32) {
        self.0.set_uint(log::SEVERITY_NUMBER, enumeration(number));
    }

    /// Sets the severity as text.
    pub fn set_severity_text(&mut self, text: &str) {
        self.0.set_bytes(log::SEVERITY_TEXT, text.as_bytes());
    }

    /// Sets the body.
    pub fn set_body(&mut self, body: NewValue<'_>) {
        self.0.set_message(log::BODY, &body.encode());
    }

    /// Sets the name that makes this record an event.
    pub fn set_event_name(&mut self, name: &str) {
        self.0.set_bytes(log::EVENT_NAME, name.as_bytes());
    }

    /// Sets the trace it belongs to.
    pub fn set_trace_id(&mut self, id: &[u8]) {
        self.0.set_bytes(log::TRACE_ID, id);
    }

    /// Sets the span it belongs to.
    pub fn set_span_id(&mut self, id: &[u8]) {
        self.0.set_bytes(log::SPAN_ID, id);
    }

    /// Sets when it happened, in nanoseconds since 1970.
    pub fn set_time_ns(&mut self, at: u64) {
        self.0.set_fixed64(log::TIME, at);
    }

    /// Sets when it was seen, in nanoseconds since 1970.
    pub fn set_observed_ns(&mut self, at: u64) {
        self.0.set_fixed64(log::OBSERVED, at);
    }
}

impl MetricEdit<'_> {
    /// Sets the name.
    pub fn set_name(&mut self, name: &str) {
        self.0.set_bytes(metric::NAME, name.as_bytes());
    }

    /// Sets what it measures.
    pub fn set_description(&mut self, description: &str) {
        self.0
            .set_bytes(metric::DESCRIPTION, description.as_bytes());
    }

    /// Sets the unit.
    pub fn set_unit(&mut self, unit: &str) {
        self.0.set_bytes(metric::UNIT, unit.as_bytes());
    }
}

/// The kind of a data point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointKind {
    /// Of a gauge or a sum.
    Number,
    /// Of a histogram with explicit bounds.
    Histogram,
    /// Of a histogram whose bounds grow exponentially.
    Exponential,
    /// Of a summary.
    Summary,
}

impl PointKind {
    pub(super) fn attributes(self) -> u32 {
        match self {
            Self::Number => number_point::ATTRIBUTES,
            Self::Histogram => histogram_point::ATTRIBUTES,
            Self::Exponential => exponential_point::ATTRIBUTES,
            Self::Summary => summary_point::ATTRIBUTES,
        }
    }

    /// Returns the kind of the points in a metric's data with this field number.
    pub(super) fn of(data: u32) -> Option<Self> {
        Some(match data {
            metric::GAUGE | metric::SUM => Self::Number,
            metric::HISTOGRAM => Self::Histogram,
            metric::EXPONENTIAL_HISTOGRAM => Self::Exponential,
            metric::SUMMARY => Self::Summary,
            _ => return None,
        })
    }
}

/// A data point, by kind.
#[derive(Clone, Copy, Debug)]
pub enum PointView<'a> {
    /// Of a gauge or a sum.
    Number(NumberPoint<'a>),
    /// Of a histogram with explicit bounds.
    Histogram(HistogramPoint<'a>),
    /// Of a histogram whose bounds grow exponentially.
    Exponential(ExponentialPoint<'a>),
    /// Of a summary.
    Summary(SummaryPoint<'a>),
}

/// A data point under edit.
#[derive(Debug)]
pub struct PointEdit<'e> {
    pub(super) edit: Edit<'e>,
    pub(super) kind: PointKind,
}

impl PointEdit<'_> {
    /// Returns its kind.
    pub fn kind(&self) -> PointKind {
        self.kind
    }

    /// Views it as it is now. Copies it once after each edit.
    pub fn view(&self) -> PointView<'_> {
        let body = self.edit.bytes();
        match self.kind {
            PointKind::Number => PointView::Number(NumberPoint::from_wire(body)),
            PointKind::Histogram => PointView::Histogram(HistogramPoint::from_wire(body)),
            PointKind::Exponential => PointView::Exponential(ExponentialPoint::from_wire(body)),
            PointKind::Summary => PointView::Summary(SummaryPoint::from_wire(body)),
        }
    }

    /// Returns its attributes, to be read and edited.
    pub fn attributes(&mut self) -> AttributesEdit<'_> {
        AttributesEdit::new(self.edit.reborrow(), self.kind.attributes())
    }

    /// Sets since when it adds up, in nanoseconds since 1970.
    pub fn set_start_ns(&mut self, at: u64) {
        self.edit.set_fixed64(point::START, at);
    }

    /// Sets when it was true, in nanoseconds since 1970.
    pub fn set_time_ns(&mut self, at: u64) {
        self.edit.set_fixed64(point::TIME, at);
    }

    /// Sets the value of a gauge's or sum's point; does nothing to others, and says so.
    pub fn set_value(&mut self, value: Number) -> bool {
        if self.kind != PointKind::Number {
            return false;
        }
        let (number, other, bits) = match value {
            Number::Int(int) => (number_point::INT, number_point::DOUBLE, int.cast_unsigned()),
            Number::Double(double) => (number_point::DOUBLE, number_point::INT, double.to_bits()),
        };
        self.edit.clear(other);
        self.edit.set_word(number, bits);
        true
    }
}

/// Widens an enum as protobuf does: a negative one takes ten bytes.
fn enumeration(number: i32) -> u64 {
    i64::from(number).cast_unsigned()
}
