//! What a protocol's telemetry looks like, as data: attributes, kind, and metric views.

use std::borrow::Cow;

use tapline_pdata::write::{Attributes, SpanKind, Status};

/// A protocol, or a family of them, that has tables.
pub(crate) trait Subject: Sized + 'static {
    /// What one exchange tells.
    type Facts<'a>;

    /// Returns the table of the side that an exchange was seen from.
    fn table(facts: &Self::Facts<'_>) -> &'static Table<Self>;

    /// Returns the name of the span.
    fn span_name<'f>(facts: &'f Self::Facts<'_>) -> &'f str;

    /// Returns the status of the span.
    fn status(facts: &Self::Facts<'_>) -> Status<'static>;

    /// Returns what is counted of an exchange, if the conventions have a counter for it.
    fn counter(_facts: &Self::Facts<'_>) -> Option<&'static CounterView<Self>> {
        None
    }

    /// Returns what else is measured of an exchange.
    fn amounts(_facts: &Self::Facts<'_>) -> [Option<Amount<Self>>; 2] {
        [None, None]
    }

    /// Appends attributes of the span whose keys are not known beforehand.
    fn more(_facts: &Self::Facts<'_>, _attributes: &mut Attributes<'_>) {}
}

/// A measurement beside the duration: where it belongs, and how much it is.
pub(crate) type Amount<S> = (&'static HistogramView<S>, f64);

/// An attribute value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// Text.
    Str(Cow<'a, str>),
    /// An integer.
    Int(i64),
    /// Another number.
    Double(f64),
    /// A fact that is told only when it holds.
    Yes,
}

/// One attribute: its key, and where its value comes from; `None` leaves it out.
pub(crate) struct Row<S: Subject> {
    /// The semantic-convention key.
    pub(crate) key: &'static str,
    /// Reads the value.
    pub(crate) value: for<'f, 'a> fn(&'f S::Facts<'a>) -> Option<Value<'f>>,
}

/// A histogram over exchanges.
pub(crate) struct HistogramView<S: Subject> {
    /// Metric name.
    pub(crate) name: &'static str,
    /// What it measures.
    pub(crate) description: &'static str,
    /// UCUM unit.
    pub(crate) unit: &'static str,
    /// Upper bounds of its buckets; [`BOUNDS_MAX`] at most.
    pub(crate) bounds: &'static [f64],
    /// Its attributes: of low cardinality only.
    pub(crate) rows: &'static [Row<S>],
}

/// A counter over exchanges.
pub(crate) struct CounterView<S: Subject> {
    /// Metric name.
    pub(crate) name: &'static str,
    /// What it counts.
    pub(crate) description: &'static str,
    /// UCUM unit.
    pub(crate) unit: &'static str,
    /// How much one exchange adds; nothing makes no series.
    pub(crate) count: for<'f, 'a> fn(&'f S::Facts<'a>) -> u64,
    /// Its attributes: of low cardinality only.
    pub(crate) rows: &'static [Row<S>],
}

/// The most bounds that a histogram has.
pub(crate) const BOUNDS_MAX: usize = 14;

/// One protocol from one side.
pub(crate) struct Table<S: Subject> {
    /// Span kind.
    pub(crate) kind: SpanKind,
    /// Span attributes, in order.
    pub(crate) rows: &'static [Row<S>],
    /// The duration metric, if the conventions have one.
    pub(crate) duration: Option<HistogramView<S>>,
}

/// Writes the rows that have a value.
pub(crate) fn write<S: Subject>(
    rows: &[Row<S>],
    facts: &S::Facts<'_>,
    attributes: &mut Attributes<'_>,
) {
    for row in rows {
        match (row.value)(facts) {
            Some(Value::Str(text)) => attributes.str(row.key, &text),
            Some(Value::Int(int)) => attributes.int(row.key, int),
            Some(Value::Double(number)) => attributes.double(row.key, number),
            Some(Value::Yes) => attributes.bool(row.key, true),
            None => attributes,
        };
    }
}

/// Makes a value of a text.
#[expect(clippy::unnecessary_wraps, reason = "rows return an option")]
pub(super) fn text(value: &str) -> Option<Value<'_>> {
    Some(Value::Str(Cow::Borrowed(value)))
}

/// Makes a value of a number.
pub(super) fn int(value: impl Into<i64>) -> Value<'static> {
    Value::Int(value.into())
}
