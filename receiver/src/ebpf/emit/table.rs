//! What a protocol's telemetry looks like, as data: attributes, kind, and metric views.

use std::borrow::Cow;

use tapline_pdata::write::{Attributes, SpanKind};

use super::facts::Facts;

/// An attribute value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// Text.
    Str(Cow<'a, str>),
    /// An integer.
    Int(i64),
    /// A fact that is told only when it holds.
    Yes,
}

/// One attribute: its key, and where its value comes from; `None` leaves it out.
pub(crate) struct Row {
    /// The semantic-convention key.
    pub(crate) key: &'static str,
    /// Reads the value.
    pub(crate) value: for<'f> fn(&'f Facts<'_>) -> Option<Value<'f>>,
}

/// A histogram over exchanges.
pub(crate) struct HistogramView {
    /// Metric name.
    pub(crate) name: &'static str,
    /// What it measures.
    pub(crate) description: &'static str,
    /// UCUM unit.
    pub(crate) unit: &'static str,
    /// Its attributes: of low cardinality only.
    pub(crate) rows: &'static [Row],
}

/// One protocol from one side.
pub(crate) struct Table {
    /// Span kind.
    pub(crate) kind: SpanKind,
    /// Span attributes, in order.
    pub(crate) rows: &'static [Row],
    /// The duration metric.
    pub(crate) duration: HistogramView,
}

/// Writes the rows that have a value.
pub(crate) fn write(rows: &[Row], facts: &Facts<'_>, attributes: &mut Attributes<'_>) {
    for row in rows {
        match (row.value)(facts) {
            Some(Value::Str(text)) => attributes.str(row.key, &text),
            Some(Value::Int(int)) => attributes.int(row.key, int),
            Some(Value::Yes) => attributes.bool(row.key, true),
            None => attributes,
        };
    }
}
