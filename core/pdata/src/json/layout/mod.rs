//! The messages of OTLP/JSON: the names that [`number`](crate::number) has numbers for.
//!
//! Tests hold it to `opentelemetry-proto` and to the shapes that `check` walks along.

use super::table::{
    Field,
    Kind::{
        Binary, Bool, Double, Enum, Fixed32, Fixed64, Id, Int32, Int64, Message, Sfixed64, Sint32,
        Text, Uint32, Uint64,
    },
    Names, Table, field, table,
};
use crate::number::{
    buckets, data, entity_ref, event, exemplar, exponential_point, histogram_point, key_value,
    link, list, log, metric, number_point, point, quantile, request, resource, resource_block,
    scope, scope_block, span, status, summary_point, value,
};

mod profile;
#[cfg(test)]
mod tests;

pub(super) use profile::PROFILES;

pub(super) static TRACES: Table = table(&[field(
    "resourceSpans",
    request::RESOURCES,
    Message(&RESOURCE_SPANS),
)
.many()]);
pub(super) static METRICS: Table = table(&[field(
    "resourceMetrics",
    request::RESOURCES,
    Message(&RESOURCE_METRICS),
)
.many()]);
pub(super) static LOGS: Table =
    table(&[field("resourceLogs", request::RESOURCES, Message(&RESOURCE_LOGS)).many()]);

/// A macro, because a static's fields cannot be an argument of a `const fn`.
macro_rules! block {
    ($head:literal: $message:ident, $many:literal: $inner:ident) => {
        table(&[
            field($head, resource_block::RESOURCE, Message(&$message)),
            field($many, resource_block::SCOPES, Message(&$inner)).many(),
            field("schemaUrl", resource_block::SCHEMA_URL, Text),
        ])
    };
}
use block;

// The numbers of both kinds of block are the same, so one macro makes both.
const _: () = assert!(
    resource_block::RESOURCE == scope_block::SCOPE
        && resource_block::SCOPES == scope_block::RECORDS
        && resource_block::SCHEMA_URL == scope_block::SCHEMA_URL
);

static RESOURCE_SPANS: Table = block!("resource": RESOURCE, "scopeSpans": SCOPE_SPANS);
static RESOURCE_METRICS: Table = block!("resource": RESOURCE, "scopeMetrics": SCOPE_METRICS);
static RESOURCE_LOGS: Table = block!("resource": RESOURCE, "scopeLogs": SCOPE_LOGS);
static SCOPE_SPANS: Table = block!("scope": SCOPE, "spans": SPAN);
static SCOPE_METRICS: Table = block!("scope": SCOPE, "metrics": METRIC);
static SCOPE_LOGS: Table = block!("scope": SCOPE, "logRecords": LOG_RECORD);

static RESOURCE: Table = table(&[
    attributes(resource::ATTRIBUTES),
    dropped_attributes(resource::DROPPED_ATTRIBUTES),
    field("entityRefs", resource::ENTITY_REFS, Message(&ENTITY_REF)).many(),
]);

static ENTITY_REF: Table = table(&[
    field("schemaUrl", entity_ref::SCHEMA_URL, Text),
    field("type", entity_ref::KIND, Text),
    field("idKeys", entity_ref::ID_KEYS, Text).many(),
    field("descriptionKeys", entity_ref::DESCRIPTION_KEYS, Text).many(),
]);

static SCOPE: Table = table(&[
    field("name", scope::NAME, Text),
    field("version", scope::VERSION, Text),
    attributes(scope::ATTRIBUTES),
    dropped_attributes(scope::DROPPED_ATTRIBUTES),
]);

static KEY_VALUE: Table = table(&[
    field("key", key_value::KEY, Text),
    field("value", key_value::VALUE, Message(&VALUE)),
    field("keyStrindex", key_value::KEY_INDEX, Int32),
]);

static VALUE: Table = table(&[
    field("stringValue", value::STRING, Text).either(),
    field("boolValue", value::BOOL, Bool).either(),
    field("intValue", value::INT, Int64).either(),
    field("doubleValue", value::DOUBLE, Double).either(),
    field("arrayValue", value::ARRAY, Message(&ARRAY)).either(),
    field("kvlistValue", value::MAP, Message(&MAP)).either(),
    field("bytesValue", value::BYTES, Binary).either(),
    field("stringValueStrindex", value::STRING_INDEX, Int32).either(),
])
.nests();

static ARRAY: Table = table(&[field("values", list::VALUES, Message(&VALUE)).many()]);
static MAP: Table = table(&[field("values", list::VALUES, Message(&KEY_VALUE)).many()]);

static SPAN: Table = table(&[
    trace_id(span::TRACE_ID),
    span_id(span::SPAN_ID),
    field("traceState", span::TRACE_STATE, Text),
    field("parentSpanId", span::PARENT_SPAN_ID, Id(8)),
    field("flags", span::FLAGS, Fixed32),
    field("name", span::NAME, Text),
    field("kind", span::KIND, Enum(&SPAN_KINDS)),
    field("startTimeUnixNano", span::START, Fixed64),
    field("endTimeUnixNano", span::END, Fixed64),
    attributes(span::ATTRIBUTES),
    dropped_attributes(span::DROPPED_ATTRIBUTES),
    field("events", span::EVENTS, Message(&EVENT)).many(),
    field("droppedEventsCount", span::DROPPED_EVENTS, Uint32),
    field("links", span::LINKS, Message(&LINK)).many(),
    field("droppedLinksCount", span::DROPPED_LINKS, Uint32),
    field("status", span::STATUS, Message(&STATUS)),
])
.item();

static SPAN_KINDS: Names = Names {
    prefix: "SPAN_KIND_",
    rest: &[
        "UNSPECIFIED",
        "INTERNAL",
        "SERVER",
        "CLIENT",
        "PRODUCER",
        "CONSUMER",
    ],
};

static EVENT: Table = table(&[
    field("timeUnixNano", event::TIME, Fixed64),
    field("name", event::NAME, Text),
    attributes(event::ATTRIBUTES),
    dropped_attributes(event::DROPPED_ATTRIBUTES),
]);

static LINK: Table = table(&[
    trace_id(link::TRACE_ID),
    span_id(link::SPAN_ID),
    field("traceState", link::TRACE_STATE, Text),
    attributes(link::ATTRIBUTES),
    dropped_attributes(link::DROPPED_ATTRIBUTES),
    field("flags", link::FLAGS, Fixed32),
]);

static STATUS: Table = table(&[
    field("message", status::MESSAGE, Text),
    field("code", status::CODE, Enum(&STATUS_CODES)),
]);

static STATUS_CODES: Names = Names {
    prefix: "STATUS_CODE_",
    rest: &["UNSET", "OK", "ERROR"],
};

static LOG_RECORD: Table = table(&[
    field("timeUnixNano", log::TIME, Fixed64),
    field("observedTimeUnixNano", log::OBSERVED, Fixed64),
    field("severityNumber", log::SEVERITY_NUMBER, Enum(&SEVERITIES)),
    field("severityText", log::SEVERITY_TEXT, Text),
    field("body", log::BODY, Message(&VALUE)),
    attributes(log::ATTRIBUTES),
    dropped_attributes(log::DROPPED_ATTRIBUTES),
    field("flags", log::FLAGS, Fixed32),
    trace_id(log::TRACE_ID),
    span_id(log::SPAN_ID),
    field("eventName", log::EVENT_NAME, Text),
])
.item();

static SEVERITIES: Names = Names {
    prefix: "SEVERITY_NUMBER_",
    rest: &[
        "UNSPECIFIED",
        "TRACE",
        "TRACE2",
        "TRACE3",
        "TRACE4",
        "DEBUG",
        "DEBUG2",
        "DEBUG3",
        "DEBUG4",
        "INFO",
        "INFO2",
        "INFO3",
        "INFO4",
        "WARN",
        "WARN2",
        "WARN3",
        "WARN4",
        "ERROR",
        "ERROR2",
        "ERROR3",
        "ERROR4",
        "FATAL",
        "FATAL2",
        "FATAL3",
        "FATAL4",
    ],
};

static METRIC: Table = table(&[
    field("name", metric::NAME, Text),
    field("description", metric::DESCRIPTION, Text),
    field("unit", metric::UNIT, Text),
    field("gauge", metric::GAUGE, Message(&GAUGE)).either(),
    field("sum", metric::SUM, Message(&SUM)).either(),
    field("histogram", metric::HISTOGRAM, Message(&HISTOGRAM)).either(),
    field(
        "exponentialHistogram",
        metric::EXPONENTIAL_HISTOGRAM,
        Message(&EXPONENTIAL_HISTOGRAM),
    )
    .either(),
    field("summary", metric::SUMMARY, Message(&SUMMARY)).either(),
    field("metadata", metric::METADATA, Message(&KEY_VALUE)).many(),
]);

static GAUGE: Table = table(&[points(&NUMBER_POINT)]);
static SUM: Table = table(&[
    points(&NUMBER_POINT),
    TEMPORALITY,
    field("isMonotonic", data::MONOTONIC, Bool),
]);
static HISTOGRAM: Table = table(&[points(&HISTOGRAM_POINT), TEMPORALITY]);
static EXPONENTIAL_HISTOGRAM: Table = table(&[points(&EXPONENTIAL_POINT), TEMPORALITY]);
static SUMMARY: Table = table(&[points(&SUMMARY_POINT)]);

const TEMPORALITY: Field = field(
    "aggregationTemporality",
    data::TEMPORALITY,
    Enum(&TEMPORALITIES),
);
static TEMPORALITIES: Names = Names {
    prefix: "AGGREGATION_TEMPORALITY_",
    rest: &["UNSPECIFIED", "DELTA", "CUMULATIVE"],
};

const START: Field = field("startTimeUnixNano", point::START, Fixed64);
const TIME: Field = field("timeUnixNano", point::TIME, Fixed64);

static NUMBER_POINT: Table = table(&[
    attributes(number_point::ATTRIBUTES),
    START,
    TIME,
    field("asDouble", number_point::DOUBLE, Double).either(),
    field("asInt", number_point::INT, Sfixed64).either(),
    exemplars(number_point::EXEMPLARS),
    field("flags", number_point::FLAGS, Uint32),
])
.item();

static HISTOGRAM_POINT: Table = table(&[
    attributes(histogram_point::ATTRIBUTES),
    START,
    TIME,
    field("count", histogram_point::COUNT, Fixed64),
    field("sum", histogram_point::SUM, Double).optional(),
    field("bucketCounts", histogram_point::BUCKET_COUNTS, Fixed64).many(),
    field("explicitBounds", histogram_point::BOUNDS, Double).many(),
    exemplars(histogram_point::EXEMPLARS),
    field("flags", histogram_point::FLAGS, Uint32),
    field("min", histogram_point::MIN, Double).optional(),
    field("max", histogram_point::MAX, Double).optional(),
])
.item();

static EXPONENTIAL_POINT: Table = table(&[
    attributes(exponential_point::ATTRIBUTES),
    START,
    TIME,
    field("count", exponential_point::COUNT, Fixed64),
    field("sum", exponential_point::SUM, Double).optional(),
    field("scale", exponential_point::SCALE, Sint32),
    field("zeroCount", exponential_point::ZERO_COUNT, Fixed64),
    field("positive", exponential_point::POSITIVE, Message(&BUCKETS)),
    field("negative", exponential_point::NEGATIVE, Message(&BUCKETS)),
    field("flags", exponential_point::FLAGS, Uint32),
    exemplars(exponential_point::EXEMPLARS),
    field("min", exponential_point::MIN, Double).optional(),
    field("max", exponential_point::MAX, Double).optional(),
    field("zeroThreshold", exponential_point::ZERO_THRESHOLD, Double),
])
.item();

static BUCKETS: Table = table(&[
    field("offset", buckets::OFFSET, Sint32),
    field("bucketCounts", buckets::COUNTS, Uint64).many(),
]);

static SUMMARY_POINT: Table = table(&[
    attributes(summary_point::ATTRIBUTES),
    START,
    TIME,
    field("count", summary_point::COUNT, Fixed64),
    field("sum", summary_point::SUM, Double),
    field(
        "quantileValues",
        summary_point::QUANTILES,
        Message(&QUANTILE),
    )
    .many(),
    field("flags", summary_point::FLAGS, Uint32),
])
.item();

static QUANTILE: Table = table(&[
    field("quantile", quantile::QUANTILE, Double),
    field("value", quantile::VALUE, Double),
]);

static EXEMPLAR: Table = table(&[
    field(
        "filteredAttributes",
        exemplar::ATTRIBUTES,
        Message(&KEY_VALUE),
    )
    .many(),
    field("timeUnixNano", exemplar::TIME, Fixed64),
    field("asDouble", exemplar::DOUBLE, Double).either(),
    field("asInt", exemplar::INT, Sfixed64).either(),
    span_id(exemplar::SPAN_ID),
    trace_id(exemplar::TRACE_ID),
]);

const fn attributes(number: u32) -> Field {
    field("attributes", number, Message(&KEY_VALUE)).many()
}

const fn dropped_attributes(number: u32) -> Field {
    field("droppedAttributesCount", number, Uint32)
}

const fn trace_id(number: u32) -> Field {
    field("traceId", number, Id(16))
}

const fn span_id(number: u32) -> Field {
    field("spanId", number, Id(8))
}

const fn points(of: &'static Table) -> Field {
    field("dataPoints", data::POINTS, Message(of)).many()
}

const fn exemplars(number: u32) -> Field {
    field("exemplars", number, Message(&EXEMPLAR)).many()
}
