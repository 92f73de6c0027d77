//! How much tapline tells of itself: which metric belongs to which level, and in which unit it is.
//!
//! The names and levels are the Collector's.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tapline_pipeline::meter::names::FAILURE_LABELS;

/// How much is told; each level tells what the lower ones do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Nothing.
    None,
    /// What everybody needs.
    Basic,
    /// And how stages work.
    #[default]
    Normal,
    /// And what costs more than it usually tells.
    Detailed,
}

const LEVELS: [(&str, Level); 4] = [
    ("none", Level::None),
    ("basic", Level::Basic),
    ("normal", Level::Normal),
    ("detailed", Level::Detailed),
];

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let found = LEVELS.iter().find(|(_, level)| level == self);
        found.map(|(name, _)| name).serialize(serializer)
    }
}

impl JsonSchema for Level {
    fn schema_name() -> Cow<'static, str> {
        "Level".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = LEVELS.map(|(name, _)| name);
        json_schema!({ "type": "string", "enum": names })
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = Level;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one of none, basic, normal and detailed")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Level, E> {
        let lower = text.to_ascii_lowercase();
        let found = LEVELS.iter().find(|(name, _)| *name == lower);
        found
            .map(|(_, level)| *level)
            .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// Told at `detailed` only, beside whatever libraries measure (`http…`, `rpc…`).
const DETAILED: [&str; 7] = [
    "otelcol_processor_internal_duration",
    "tapline_connector_internal_duration",
    "otelcol_processor_batch_batch_send_size_bytes",
    "otelcol_exporter_enqueue_size",
    "otelcol_exporter_enqueue_size_bytes",
    "otelcol_exporter_queue_batch_send_size",
    "otelcol_exporter_queue_batch_send_size_bytes",
];

/// Returns the lowest level at which a metric is told.
pub(crate) fn of(name: &str) -> Level {
    let is_of_library = name.starts_with("http") || name.starts_with("rpc");
    if is_of_library || DETAILED.contains(&name) {
        Level::Detailed
    } else if name.starts_with("otelcol_processor_batch_") {
        Level::Normal
    } else {
        Level::Basic
    }
}

/// Returns the lowest level at which a label is told; below it, series that differ only in such
/// labels are told as one.
pub(crate) fn of_label(label: &str) -> Level {
    if FAILURE_LABELS.contains(&label) {
        Level::Detailed
    } else {
        Level::None
    }
}

/// Returns the unit of a metric, in UCUM; annotations in braces say what is counted.
pub(crate) fn unit(name: &str) -> &'static str {
    const ENDINGS: [(&str, &str); 14] = [
        ("_bytes", "By"),
        ("_memory_rss", "By"),
        ("_uptime", "s"),
        ("_seconds", "s"),
        ("_duration", "s"),
        ("_spans", "{spans}"),
        ("_metric_points", "{datapoints}"),
        ("_log_records", "{records}"),
        ("_profile_samples", "{samples}"),
        ("_items", "{items}"),
        ("_items_queued", "{items}"),
        ("_requests", "{requests}"),
        ("_queue_size", "{batches}"),
        ("_queue_capacity", "{batches}"),
    ];
    let found = ENDINGS.iter().find(|(ending, _)| name.ends_with(ending));
    found.map_or("", |(_, unit)| unit)
}

#[cfg(test)]
mod tests {
    use super::{Level, of, unit};

    #[test]
    fn levels_are_the_collectors() {
        let table = [
            ("otelcol_process_uptime", Level::Basic),
            ("otelcol_receiver_accepted_spans", Level::Basic),
            ("otelcol_processor_incoming_items", Level::Basic),
            ("otelcol_exporter_queue_size", Level::Basic),
            ("otelcol_exporter_in_flight_requests", Level::Basic),
            ("tapline_items", Level::Basic),
            ("tapline_items_queued", Level::Basic),
            ("otelcol_processor_batch_batch_send_size", Level::Normal),
            (
                "otelcol_processor_batch_timeout_trigger_send",
                Level::Normal,
            ),
            (
                "otelcol_processor_batch_batch_send_size_bytes",
                Level::Detailed,
            ),
            ("otelcol_processor_internal_duration", Level::Detailed),
            ("otelcol_exporter_enqueue_size", Level::Detailed),
            ("http_server_request_duration", Level::Detailed),
        ];
        for (name, level) in table {
            assert_eq!(of(name), level, "{name}");
        }
    }

    #[test]
    fn units_follow_from_names() {
        let table = [
            ("otelcol_process_uptime", "s"),
            ("otelcol_process_cpu_seconds", "s"),
            ("otelcol_process_memory_rss", "By"),
            ("otelcol_exporter_sent_spans", "{spans}"),
            ("otelcol_processor_batch_batch_send_size", ""),
        ];
        for (name, expected) in table {
            assert_eq!(unit(name), expected, "{name}");
        }
    }
}
