//! Field numbers of OTLP 1.10: the only place where a message's layout is written down as numbers.
//!
//! [`check`](crate::check) has the same layout as shapes; tests hold both to `opentelemetry-proto`.

/// `Export*ServiceRequest`, all three joinable signals and profiles alike.
pub(crate) mod request {
    pub(crate) const RESOURCES: u32 = 1;
    /// Profiles only.
    pub(crate) const DICTIONARY: u32 = 2;
}

pub(crate) mod profile {
    pub(crate) const SAMPLE_TYPE: u32 = 1;
    pub(crate) const SAMPLES: u32 = 2;
    pub(crate) const TIME: u32 = 3;
    pub(crate) const DURATION: u32 = 4;
    pub(crate) const PERIOD_TYPE: u32 = 5;
    pub(crate) const PERIOD: u32 = 6;
    pub(crate) const ID: u32 = 7;
    pub(crate) const DROPPED_ATTRIBUTES: u32 = 8;
    pub(crate) const PAYLOAD_FORMAT: u32 = 9;
    pub(crate) const PAYLOAD: u32 = 10;
    pub(crate) const ATTRIBUTES: u32 = 11;
}

/// `ResourceSpans`, `ResourceMetrics`, `ResourceLogs`.
pub(crate) mod resource_block {
    pub(crate) const RESOURCE: u32 = 1;
    pub(crate) const SCOPES: u32 = 2;
    pub(crate) const SCHEMA_URL: u32 = 3;
}

/// `ScopeSpans`, `ScopeMetrics`, `ScopeLogs`.
pub(crate) mod scope_block {
    pub(crate) const SCOPE: u32 = 1;
    pub(crate) const RECORDS: u32 = 2;
    pub(crate) const SCHEMA_URL: u32 = 3;
}

pub(crate) mod resource {
    pub(crate) const ATTRIBUTES: u32 = 1;
    pub(crate) const DROPPED_ATTRIBUTES: u32 = 2;
    pub(crate) const ENTITY_REFS: u32 = 3;
}

pub(crate) mod entity_ref {
    pub(crate) const SCHEMA_URL: u32 = 1;
    pub(crate) const KIND: u32 = 2;
    pub(crate) const ID_KEYS: u32 = 3;
    pub(crate) const DESCRIPTION_KEYS: u32 = 4;
}

pub(crate) mod scope {
    pub(crate) const NAME: u32 = 1;
    pub(crate) const VERSION: u32 = 2;
    pub(crate) const ATTRIBUTES: u32 = 3;
    pub(crate) const DROPPED_ATTRIBUTES: u32 = 4;
}

pub(crate) mod key_value {
    pub(crate) const KEY: u32 = 1;
    pub(crate) const VALUE: u32 = 2;
    /// Into the string table of profiles; zero anywhere else.
    pub(crate) const KEY_INDEX: u32 = 3;
}

pub(crate) mod value {
    pub(crate) const STRING: u32 = 1;
    pub(crate) const BOOL: u32 = 2;
    pub(crate) const INT: u32 = 3;
    pub(crate) const DOUBLE: u32 = 4;
    pub(crate) const ARRAY: u32 = 5;
    pub(crate) const MAP: u32 = 6;
    pub(crate) const BYTES: u32 = 7;
    /// Into the string table of profiles; empty anywhere else.
    pub(crate) const STRING_INDEX: u32 = 8;
}

/// `ArrayValue` and `KeyValueList`.
pub(crate) mod list {
    pub(crate) const VALUES: u32 = 1;
}

pub(crate) mod span {
    pub(crate) const TRACE_ID: u32 = 1;
    pub(crate) const SPAN_ID: u32 = 2;
    pub(crate) const TRACE_STATE: u32 = 3;
    pub(crate) const PARENT_SPAN_ID: u32 = 4;
    pub(crate) const NAME: u32 = 5;
    pub(crate) const KIND: u32 = 6;
    pub(crate) const START: u32 = 7;
    pub(crate) const END: u32 = 8;
    pub(crate) const ATTRIBUTES: u32 = 9;
    pub(crate) const DROPPED_ATTRIBUTES: u32 = 10;
    pub(crate) const EVENTS: u32 = 11;
    pub(crate) const DROPPED_EVENTS: u32 = 12;
    pub(crate) const LINKS: u32 = 13;
    pub(crate) const DROPPED_LINKS: u32 = 14;
    pub(crate) const STATUS: u32 = 15;
    pub(crate) const FLAGS: u32 = 16;
}

pub(crate) mod event {
    pub(crate) const TIME: u32 = 1;
    pub(crate) const NAME: u32 = 2;
    pub(crate) const ATTRIBUTES: u32 = 3;
    pub(crate) const DROPPED_ATTRIBUTES: u32 = 4;
}

pub(crate) mod link {
    pub(crate) const TRACE_ID: u32 = 1;
    pub(crate) const SPAN_ID: u32 = 2;
    pub(crate) const TRACE_STATE: u32 = 3;
    pub(crate) const ATTRIBUTES: u32 = 4;
    pub(crate) const DROPPED_ATTRIBUTES: u32 = 5;
    pub(crate) const FLAGS: u32 = 6;
}

pub(crate) mod status {
    pub(crate) const MESSAGE: u32 = 2;
    pub(crate) const CODE: u32 = 3;
}

pub(crate) mod log {
    pub(crate) const TIME: u32 = 1;
    pub(crate) const SEVERITY_NUMBER: u32 = 2;
    pub(crate) const SEVERITY_TEXT: u32 = 3;
    pub(crate) const BODY: u32 = 5;
    pub(crate) const ATTRIBUTES: u32 = 6;
    pub(crate) const DROPPED_ATTRIBUTES: u32 = 7;
    pub(crate) const FLAGS: u32 = 8;
    pub(crate) const TRACE_ID: u32 = 9;
    pub(crate) const SPAN_ID: u32 = 10;
    pub(crate) const OBSERVED: u32 = 11;
    pub(crate) const EVENT_NAME: u32 = 12;
}

pub(crate) mod metric {
    pub(crate) const NAME: u32 = 1;
    pub(crate) const DESCRIPTION: u32 = 2;
    pub(crate) const UNIT: u32 = 3;
    pub(crate) const GAUGE: u32 = 5;
    pub(crate) const SUM: u32 = 7;
    pub(crate) const HISTOGRAM: u32 = 9;
    pub(crate) const EXPONENTIAL_HISTOGRAM: u32 = 10;
    pub(crate) const SUMMARY: u32 = 11;
    pub(crate) const METADATA: u32 = 12;
}

/// `Gauge`, `Sum`, `Histogram`, `ExponentialHistogram`, `Summary`.
pub(crate) mod data {
    pub(crate) const POINTS: u32 = 1;
    pub(crate) const TEMPORALITY: u32 = 2;
    pub(crate) const MONOTONIC: u32 = 3;
}

/// What every kind of data point has under the same number.
pub(crate) mod point {
    pub(crate) const START: u32 = 2;
    pub(crate) const TIME: u32 = 3;
}

pub(crate) mod number_point {
    pub(crate) const DOUBLE: u32 = 4;
    pub(crate) const EXEMPLARS: u32 = 5;
    pub(crate) const INT: u32 = 6;
    pub(crate) const ATTRIBUTES: u32 = 7;
    pub(crate) const FLAGS: u32 = 8;
}

pub(crate) mod histogram_point {
    pub(crate) const COUNT: u32 = 4;
    pub(crate) const SUM: u32 = 5;
    pub(crate) const BUCKET_COUNTS: u32 = 6;
    pub(crate) const BOUNDS: u32 = 7;
    pub(crate) const EXEMPLARS: u32 = 8;
    pub(crate) const ATTRIBUTES: u32 = 9;
    pub(crate) const FLAGS: u32 = 10;
    pub(crate) const MIN: u32 = 11;
    pub(crate) const MAX: u32 = 12;
}

pub(crate) mod exponential_point {
    pub(crate) const ATTRIBUTES: u32 = 1;
    pub(crate) const COUNT: u32 = 4;
    pub(crate) const SUM: u32 = 5;
    pub(crate) const SCALE: u32 = 6;
    pub(crate) const ZERO_COUNT: u32 = 7;
    pub(crate) const POSITIVE: u32 = 8;
    pub(crate) const NEGATIVE: u32 = 9;
    pub(crate) const FLAGS: u32 = 10;
    pub(crate) const EXEMPLARS: u32 = 11;
    pub(crate) const MIN: u32 = 12;
    pub(crate) const MAX: u32 = 13;
    pub(crate) const ZERO_THRESHOLD: u32 = 14;
}

pub(crate) mod buckets {
    pub(crate) const OFFSET: u32 = 1;
    pub(crate) const COUNTS: u32 = 2;
}

pub(crate) mod summary_point {
    pub(crate) const COUNT: u32 = 4;
    pub(crate) const SUM: u32 = 5;
    pub(crate) const QUANTILES: u32 = 6;
    pub(crate) const ATTRIBUTES: u32 = 7;
    pub(crate) const FLAGS: u32 = 8;
}

pub(crate) mod quantile {
    pub(crate) const QUANTILE: u32 = 1;
    pub(crate) const VALUE: u32 = 2;
}

pub(crate) mod exemplar {
    pub(crate) const TIME: u32 = 2;
    pub(crate) const DOUBLE: u32 = 3;
    pub(crate) const SPAN_ID: u32 = 4;
    pub(crate) const TRACE_ID: u32 = 5;
    pub(crate) const INT: u32 = 6;
    pub(crate) const ATTRIBUTES: u32 = 7;
}

/// `ProfilesDictionary`: one table a field.
pub(crate) mod dictionary {
    pub(crate) const MAPPINGS: u32 = 1;
    pub(crate) const LOCATIONS: u32 = 2;
    pub(crate) const FUNCTIONS: u32 = 3;
    pub(crate) const LINKS: u32 = 4;
    pub(crate) const STRINGS: u32 = 5;
    pub(crate) const ATTRIBUTES: u32 = 6;
    pub(crate) const STACKS: u32 = 7;
}

/// `ValueType`.
pub(crate) mod value_type {
    pub(crate) const KIND: u32 = 1;
    pub(crate) const UNIT: u32 = 2;
}

pub(crate) mod sample {
    pub(crate) const STACK: u32 = 1;
    pub(crate) const ATTRIBUTES: u32 = 2;
    pub(crate) const LINK: u32 = 3;
    pub(crate) const VALUES: u32 = 4;
    pub(crate) const TIMES: u32 = 5;
}

pub(crate) mod mapping {
    pub(crate) const START: u32 = 1;
    pub(crate) const LIMIT: u32 = 2;
    pub(crate) const OFFSET: u32 = 3;
    pub(crate) const FILE: u32 = 4;
    pub(crate) const ATTRIBUTES: u32 = 5;
}

pub(crate) mod stack {
    pub(crate) const LOCATIONS: u32 = 1;
}

pub(crate) mod location {
    pub(crate) const MAPPING: u32 = 1;
    pub(crate) const ADDRESS: u32 = 2;
    pub(crate) const LINES: u32 = 3;
    pub(crate) const ATTRIBUTES: u32 = 4;
}

pub(crate) mod line {
    pub(crate) const FUNCTION: u32 = 1;
    pub(crate) const LINE: u32 = 2;
    pub(crate) const COLUMN: u32 = 3;
}

pub(crate) mod function {
    pub(crate) const NAME: u32 = 1;
    pub(crate) const SYSTEM_NAME: u32 = 2;
    pub(crate) const FILE: u32 = 3;
    pub(crate) const START_LINE: u32 = 4;
}

/// `profiles.Link`: ids alone.
pub(crate) mod profile_link {
    pub(crate) const TRACE_ID: u32 = 1;
    pub(crate) const SPAN_ID: u32 = 2;
}

/// `KeyValueAndUnit`.
pub(crate) mod unit_value {
    pub(crate) const KEY: u32 = 1;
    pub(crate) const VALUE: u32 = 2;
    pub(crate) const UNIT: u32 = 3;
}
