//! The layout of OTLP's messages as data: what [`check`](crate::check) walks along.
//!
//! Only what views and [`split`](crate::split) rely on has a kind. A field without one is unknown
//! to us: its framing is checked, its content is not, and it survives.

use Kind::{Bytes, Fixed32, Fixed64, Many, One, Packed64, PackedVarint, Varint};

use crate::number::{
    buckets, data, entity_ref, event, exemplar, exponential_point, histogram_point, key_value,
    link, list, log, metric, number_point, point, quantile, request, resource, resource_block,
    scope, scope_block, span, status, summary_point, value,
};

mod profile;

pub(crate) use profile::PROFILES;

/// The highest field number that has a kind.
const HIGHEST: usize = 16;

/// What a field must carry.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Unknown,
    Varint,
    Fixed64,
    Fixed32,
    Bytes,
    /// Eight-byte words, packed or one by one.
    Packed64,
    /// Varints, packed or one by one.
    PackedVarint,
    /// A repeated message.
    Many(&'static Shape),
    /// A message that may come once: merging two, as protobuf asks for, is refused instead. Members
    /// of a `oneof` share their bit.
    One(&'static Shape, u8),
}

/// The layout of one message.
pub(crate) struct Shape {
    /// Its name in OTLP.
    pub(crate) name: &'static str,
    /// Whether a message of this shape is an item of its batch.
    pub(crate) item: bool,
    /// Whether it counts against the nesting limit.
    pub(crate) nests: bool,
    kinds: [Kind; HIGHEST + 1],
}

impl Shape {
    /// Returns what the field of this number must carry.
    #[inline]
    pub(crate) fn kind(&self, number: u32) -> Kind {
        self.kinds
            .get(number as usize)
            .copied()
            .unwrap_or(Kind::Unknown)
    }

    /// Returns what a field must carry whose tag takes one byte.
    #[inline]
    pub(crate) fn short_kind(&self, number: u32) -> Kind {
        // The mask changes nothing and spares a bounds check.
        self.kinds[number as usize & 15]
    }

    const fn item(mut self) -> Self {
        self.item = true;
        self
    }

    const fn nests(mut self) -> Self {
        self.nests = true;
        self
    }
}

const fn shape(name: &'static str, fields: &[(u32, Kind)]) -> Shape {
    let mut kinds = [Kind::Unknown; HIGHEST + 1];
    let mut index = 0;
    while index < fields.len() {
        kinds[fields[index].0 as usize] = fields[index].1;
        index += 1;
    }
    Shape {
        name,
        item: false,
        nests: false,
        kinds,
    }
}

const fn request_of(name: &'static str, resources: &'static Shape) -> Shape {
    shape(name, &[(request::RESOURCES, Many(resources))])
}

const fn resource_block_of(name: &'static str, scopes: &'static Shape) -> Shape {
    let fields = &[
        (resource_block::RESOURCE, One(&RESOURCE, 0)),
        (resource_block::SCOPES, Many(scopes)),
        (resource_block::SCHEMA_URL, Bytes),
    ];
    shape(name, fields)
}

const fn scope_block_of(name: &'static str, records: &'static Shape) -> Shape {
    let fields = &[
        (scope_block::SCOPE, One(&SCOPE, 0)),
        (scope_block::RECORDS, Many(records)),
        (scope_block::SCHEMA_URL, Bytes),
    ];
    shape(name, fields)
}

pub(crate) static TRACES: Shape = request_of("ExportTraceServiceRequest", &RESOURCE_SPANS);
pub(crate) static METRICS: Shape = request_of("ExportMetricsServiceRequest", &RESOURCE_METRICS);
pub(crate) static LOGS: Shape = request_of("ExportLogsServiceRequest", &RESOURCE_LOGS);

static RESOURCE_SPANS: Shape = resource_block_of("ResourceSpans", &SCOPE_SPANS);
static RESOURCE_METRICS: Shape = resource_block_of("ResourceMetrics", &SCOPE_METRICS);
static RESOURCE_LOGS: Shape = resource_block_of("ResourceLogs", &SCOPE_LOGS);

static SCOPE_SPANS: Shape = scope_block_of("ScopeSpans", &SPAN);
static SCOPE_METRICS: Shape = scope_block_of("ScopeMetrics", &METRIC);
static SCOPE_LOGS: Shape = scope_block_of("ScopeLogs", &LOG_RECORD);

static RESOURCE: Shape = shape(
    "Resource",
    &[
        (resource::ATTRIBUTES, Many(&KEY_VALUE)),
        (resource::DROPPED_ATTRIBUTES, Varint),
        (resource::ENTITY_REFS, Many(&ENTITY_REF)),
    ],
);

static ENTITY_REF: Shape = shape(
    "EntityRef",
    &[
        (entity_ref::SCHEMA_URL, Bytes),
        (entity_ref::KIND, Bytes),
        (entity_ref::ID_KEYS, Bytes),
        (entity_ref::DESCRIPTION_KEYS, Bytes),
    ],
);

static SCOPE: Shape = shape(
    "InstrumentationScope",
    &[
        (scope::NAME, Bytes),
        (scope::VERSION, Bytes),
        (scope::ATTRIBUTES, Many(&KEY_VALUE)),
        (scope::DROPPED_ATTRIBUTES, Varint),
    ],
);

pub(crate) static KEY_VALUE: Shape = shape(
    "KeyValue",
    &[
        (key_value::KEY, Bytes),
        (key_value::VALUE, One(&VALUE, 0)),
        (key_value::KEY_INDEX, Varint),
    ],
);

static VALUE: Shape = shape(
    "AnyValue",
    &[
        (value::STRING, Bytes),
        (value::BOOL, Varint),
        (value::INT, Varint),
        (value::DOUBLE, Fixed64),
        (value::ARRAY, One(&ARRAY, 0)),
        (value::MAP, One(&MAP, 0)),
        (value::BYTES, Bytes),
        (value::STRING_INDEX, Varint),
    ],
)
.nests();

static ARRAY: Shape = shape("ArrayValue", &[(list::VALUES, Many(&VALUE))]);
static MAP: Shape = shape("KeyValueList", &[(list::VALUES, Many(&KEY_VALUE))]);

static SPAN: Shape = shape(
    "Span",
    &[
        (span::TRACE_ID, Bytes),
        (span::SPAN_ID, Bytes),
        (span::TRACE_STATE, Bytes),
        (span::PARENT_SPAN_ID, Bytes),
        (span::NAME, Bytes),
        (span::KIND, Varint),
        (span::START, Fixed64),
        (span::END, Fixed64),
        (span::ATTRIBUTES, Many(&KEY_VALUE)),
        (span::DROPPED_ATTRIBUTES, Varint),
        (span::EVENTS, Many(&EVENT)),
        (span::DROPPED_EVENTS, Varint),
        (span::LINKS, Many(&LINK)),
        (span::DROPPED_LINKS, Varint),
        (span::STATUS, One(&STATUS, 0)),
        (span::FLAGS, Fixed32),
    ],
)
.item();

static EVENT: Shape = shape(
    "Event",
    &[
        (event::TIME, Fixed64),
        (event::NAME, Bytes),
        (event::ATTRIBUTES, Many(&KEY_VALUE)),
        (event::DROPPED_ATTRIBUTES, Varint),
    ],
);

static LINK: Shape = shape(
    "Link",
    &[
        (link::TRACE_ID, Bytes),
        (link::SPAN_ID, Bytes),
        (link::TRACE_STATE, Bytes),
        (link::ATTRIBUTES, Many(&KEY_VALUE)),
        (link::DROPPED_ATTRIBUTES, Varint),
        (link::FLAGS, Fixed32),
    ],
);

static STATUS: Shape = shape(
    "Status",
    &[(status::MESSAGE, Bytes), (status::CODE, Varint)],
);

static LOG_RECORD: Shape = shape(
    "LogRecord",
    &[
        (log::TIME, Fixed64),
        (log::SEVERITY_NUMBER, Varint),
        (log::SEVERITY_TEXT, Bytes),
        (log::BODY, One(&VALUE, 0)),
        (log::ATTRIBUTES, Many(&KEY_VALUE)),
        (log::DROPPED_ATTRIBUTES, Varint),
        (log::FLAGS, Fixed32),
        (log::TRACE_ID, Bytes),
        (log::SPAN_ID, Bytes),
        (log::OBSERVED, Fixed64),
        (log::EVENT_NAME, Bytes),
    ],
)
.item();

static METRIC: Shape = shape(
    "Metric",
    &[
        (metric::NAME, Bytes),
        (metric::DESCRIPTION, Bytes),
        (metric::UNIT, Bytes),
        (metric::GAUGE, One(&GAUGE, 0)),
        (metric::SUM, One(&SUM, 0)),
        (metric::HISTOGRAM, One(&HISTOGRAM, 0)),
        (
            metric::EXPONENTIAL_HISTOGRAM,
            One(&EXPONENTIAL_HISTOGRAM, 0),
        ),
        (metric::SUMMARY, One(&SUMMARY, 0)),
        (metric::METADATA, Many(&KEY_VALUE)),
    ],
);

static GAUGE: Shape = shape("Gauge", &[(data::POINTS, Many(&NUMBER_POINT))]);
static SUM: Shape = shape(
    "Sum",
    &[
        (data::POINTS, Many(&NUMBER_POINT)),
        (data::TEMPORALITY, Varint),
        (data::MONOTONIC, Varint),
    ],
);
static HISTOGRAM: Shape = shape(
    "Histogram",
    &[
        (data::POINTS, Many(&HISTOGRAM_POINT)),
        (data::TEMPORALITY, Varint),
    ],
);
static EXPONENTIAL_HISTOGRAM: Shape = shape(
    "ExponentialHistogram",
    &[
        (data::POINTS, Many(&EXPONENTIAL_POINT)),
        (data::TEMPORALITY, Varint),
    ],
);
static SUMMARY: Shape = shape("Summary", &[(data::POINTS, Many(&SUMMARY_POINT))]);

static NUMBER_POINT: Shape = shape(
    "NumberDataPoint",
    &[
        (point::START, Fixed64),
        (point::TIME, Fixed64),
        (number_point::DOUBLE, Fixed64),
        (number_point::EXEMPLARS, Many(&EXEMPLAR)),
        (number_point::INT, Fixed64),
        (number_point::ATTRIBUTES, Many(&KEY_VALUE)),
        (number_point::FLAGS, Varint),
    ],
)
.item();

static HISTOGRAM_POINT: Shape = shape(
    "HistogramDataPoint",
    &[
        (point::START, Fixed64),
        (point::TIME, Fixed64),
        (histogram_point::COUNT, Fixed64),
        (histogram_point::SUM, Fixed64),
        (histogram_point::BUCKET_COUNTS, Packed64),
        (histogram_point::BOUNDS, Packed64),
        (histogram_point::EXEMPLARS, Many(&EXEMPLAR)),
        (histogram_point::ATTRIBUTES, Many(&KEY_VALUE)),
        (histogram_point::FLAGS, Varint),
        (histogram_point::MIN, Fixed64),
        (histogram_point::MAX, Fixed64),
    ],
)
.item();

static EXPONENTIAL_POINT: Shape = shape(
    "ExponentialHistogramDataPoint",
    &[
        (exponential_point::ATTRIBUTES, Many(&KEY_VALUE)),
        (point::START, Fixed64),
        (point::TIME, Fixed64),
        (exponential_point::COUNT, Fixed64),
        (exponential_point::SUM, Fixed64),
        (exponential_point::SCALE, Varint),
        (exponential_point::ZERO_COUNT, Fixed64),
        (exponential_point::POSITIVE, One(&BUCKETS, 0)),
        (exponential_point::NEGATIVE, One(&BUCKETS, 1)),
        (exponential_point::FLAGS, Varint),
        (exponential_point::EXEMPLARS, Many(&EXEMPLAR)),
        (exponential_point::MIN, Fixed64),
        (exponential_point::MAX, Fixed64),
        (exponential_point::ZERO_THRESHOLD, Fixed64),
    ],
)
.item();

static BUCKETS: Shape = shape(
    "Buckets",
    &[(buckets::OFFSET, Varint), (buckets::COUNTS, PackedVarint)],
);

static SUMMARY_POINT: Shape = shape(
    "SummaryDataPoint",
    &[
        (point::START, Fixed64),
        (point::TIME, Fixed64),
        (summary_point::COUNT, Fixed64),
        (summary_point::SUM, Fixed64),
        (summary_point::QUANTILES, Many(&QUANTILE)),
        (summary_point::ATTRIBUTES, Many(&KEY_VALUE)),
        (summary_point::FLAGS, Varint),
    ],
)
.item();

static QUANTILE: Shape = shape(
    "ValueAtQuantile",
    &[(quantile::QUANTILE, Fixed64), (quantile::VALUE, Fixed64)],
);

static EXEMPLAR: Shape = shape(
    "Exemplar",
    &[
        (exemplar::TIME, Fixed64),
        (exemplar::DOUBLE, Fixed64),
        (exemplar::SPAN_ID, Bytes),
        (exemplar::TRACE_ID, Bytes),
        (exemplar::INT, Fixed64),
        (exemplar::ATTRIBUTES, Many(&KEY_VALUE)),
    ],
);
