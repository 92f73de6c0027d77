//! `service: telemetry: metrics:` with the Collector's keys and defaults.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{Invalid, Node, Optional, Problem, Problems, Validate, decode_valid};

use crate::telemetry::{level::Level, otlp::OtlpConfig, written::Written};

/// What the user wrote.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MetricsConfig {
    /// How much is told.
    pub(crate) level: Level,
    /// Who is told; a page on `localhost:8888` when not written.
    pub(crate) readers: Option<Vec<ReaderConfig>>,
    /// What is told otherwise than it is measured.
    pub(crate) views: Vec<ViewConfig>,
    /// The older form of a page for Prometheus, as `host:port`: taken, and said to be older.
    pub(crate) address: String,
}

/// One reader: a page, or a push now and then.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReaderConfig {
    /// Waits to be asked.
    pub(crate) pull: Option<PullConfig>,
    /// Sends on its own.
    pub(crate) periodic: Option<PeriodicConfig>,
}

/// A reader that waits to be asked.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PullConfig {
    /// By whom.
    pub(crate) exporter: PullExporterConfig,
}

/// The one kind of reader that waits.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PullExporterConfig {
    /// A page for Prometheus.
    #[serde(alias = "prometheus/development")]
    pub(crate) prometheus: Optional<PageConfig>,
}

/// A page for Prometheus.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PageConfig {
    /// Where to listen; empty for every interface.
    pub(crate) host: String,
    /// Where to listen.
    pub(crate) port: u16,
    /// Whether series say nothing of the scope they come from.
    pub(crate) without_scope_info: bool,
    /// Whether names have no unit at their end.
    pub(crate) without_units: bool,
    /// Whether names of counters do not end in `_total`.
    pub(crate) without_type_suffix: bool,
    /// Attributes of the resource that every series has.
    pub(crate) with_resource_constant_labels: IncludeExclude,
}

impl Default for PageConfig {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 8888,
            without_scope_info: true,
            without_units: true,
            without_type_suffix: true,
            with_resource_constant_labels: IncludeExclude::default(),
        }
    }
}

/// A choice of attributes by name; `*` stands for any text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct IncludeExclude {
    /// Those to take; all but the excluded ones when empty.
    pub(crate) included: Vec<String>,
    /// Those to leave.
    pub(crate) excluded: Vec<String>,
}

/// A reader that sends on its own.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PeriodicConfig {
    /// How often, in milliseconds.
    pub(crate) interval: u64,
    /// How long collecting and sending may take, in milliseconds.
    pub(crate) timeout: u64,
    /// Where to.
    pub(crate) exporter: PushExporterConfig,
}

impl Default for PeriodicConfig {
    fn default() -> Self {
        Self {
            interval: 60_000,
            timeout: 30_000,
            exporter: PushExporterConfig::default(),
        }
    }
}

/// Where a periodic reader sends.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PushExporterConfig {
    /// To a backend.
    pub(crate) otlp: Optional<OtlpConfig>,
    /// To standard output.
    pub(crate) console: Optional<ConsoleConfig>,
}

/// Standard output has no settings.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConsoleConfig {}

/// What is told otherwise than it is measured.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ViewConfig {
    /// What is meant.
    pub(crate) selector: SelectorConfig,
    /// What becomes of it.
    pub(crate) stream: StreamConfig,
}

/// Which metrics a view means.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SelectorConfig {
    /// Their name; `*` stands for any text.
    pub(crate) instrument_name: String,
    /// Not supported: names are enough here.
    pub(crate) instrument_type: Written,
    /// Not supported: names are enough here.
    pub(crate) unit: Written,
    /// Not supported: there is one scope.
    pub(crate) meter_name: Written,
    /// Not supported: there is one scope.
    pub(crate) meter_version: Written,
    /// Not supported: there is one scope.
    pub(crate) meter_schema_url: Written,
}

/// What a view makes of a metric.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StreamConfig {
    /// Its new name.
    pub(crate) name: String,
    /// Its new help line.
    pub(crate) description: String,
    /// `drop`, if it is not to be told at all.
    pub(crate) aggregation: AggregationConfig,
    /// Not supported.
    pub(crate) attribute_keys: Written,
    /// Not supported.
    pub(crate) aggregation_cardinality_limit: Written,
}

/// How the values of a metric are summed up.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AggregationConfig {
    /// Not at all.
    pub(crate) drop: Optional<ConsoleConfig>,
    /// As usual.
    pub(crate) default: Optional<ConsoleConfig>,
    /// Not supported.
    pub(crate) sum: Written,
    /// Not supported.
    pub(crate) last_value: Written,
    /// Not supported.
    pub(crate) explicit_bucket_histogram: Written,
    /// Not supported.
    pub(crate) base2_exponential_bucket_histogram: Written,
}

impl MetricsConfig {
    /// Reads the block, adding every mistake to a list. A page in the older form becomes a reader.
    pub(crate) fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut config: Self = decode_valid(node, problems)?;
        if let Some(page) = older_page(&config.address) {
            let message = "`address` was removed from the Collector and is taken as a reader";
            let label = format!(
                "write `readers: [{{pull: {{exporter: {{prometheus: {{host: \"{}\", port: {}}}}}}}}}]`",
                page.host, page.port
            );
            let place = node.get("address").unwrap_or(node).heading();
            problems.push(Problem::warning(place, message).with_label(label));
            let exporter = PullExporterConfig {
                prometheus: Optional::On(page),
            };
            config.readers = Some(vec![ReaderConfig {
                pull: Some(PullConfig { exporter }),
                periodic: None,
            }]);
        }
        Some(config)
    }
}

/// Reads the older form of a page.
fn older_page(address: &str) -> Option<PageConfig> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some(PageConfig {
        host: host.to_owned(),
        port: port.parse().ok()?,
        ..PageConfig::default()
    })
}

impl IncludeExclude {
    /// Returns whether an attribute is chosen; none is when nothing was written.
    pub(crate) fn chooses(&self, name: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, name));
        if self.included.is_empty() && self.excluded.is_empty() {
            return false;
        }
        (self.included.is_empty() || any(&self.included)) && !any(&self.excluded)
    }
}

/// Returns whether a name fits a pattern in which `*` stands for any text.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

// === Validate ===

const NOT_SUPPORTED: &str = "is not supported by tapline yet";

impl Validate for MetricsConfig {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        if !self.address.is_empty() {
            if self.readers.is_some() {
                let message = "is the older form of `readers`: only one of the two can be given";
                invalid.push(Invalid::at("address", message));
            }
            if older_page(&self.address).is_none() {
                invalid.push(Invalid::at("address", "must be `host:port`"));
            }
        }
        let no_readers = self.readers.as_ref().is_some_and(Vec::is_empty);
        if self.level != Level::None && no_readers {
            let message = "must have at least one reader when `level` is not none";
            invalid.push(Invalid::at("readers", message));
        }
        for (position, reader) in self.readers.iter().flatten().enumerate() {
            let at = |each: Invalid| each.under(&format!("readers::{position}"));
            invalid.extend(reader.validate().into_iter().map(at));
        }
        if !self.views.is_empty() && self.level != Level::Detailed {
            let message = "can only be set when `level` is detailed";
            invalid.push(Invalid::at("views", message));
        }
        for (position, view) in self.views.iter().enumerate() {
            let at = |each: Invalid| each.under(&format!("views::{position}"));
            invalid.extend(view.validate().into_iter().map(at));
        }
        invalid
    }
}

impl Validate for ReaderConfig {
    fn validate(&self) -> Vec<Invalid> {
        match (&self.pull, &self.periodic) {
            (Some(pull), None) if pull.exporter.prometheus.is_on() => Vec::new(),
            (Some(_), None) => vec![Invalid::at("pull::exporter", "must have `prometheus`")],
            (None, Some(periodic)) => periodic
                .validate()
                .into_iter()
                .map(|each| each.under("periodic"))
                .collect(),
            _ => vec![Invalid::at("", "must have one of `pull` and `periodic`")],
        }
    }
}

impl Validate for PeriodicConfig {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        if self.interval == 0 {
            invalid.push(Invalid::at("interval", "must be positive"));
        }
        match (&self.exporter.otlp, &self.exporter.console) {
            (Optional::On(otlp), Optional::Off) => {
                let under = |each: Invalid| each.under("exporter::otlp");
                invalid.extend(otlp.validate().into_iter().map(under));
            }
            (Optional::Off, Optional::On(_)) => {}
            _ => invalid.push(Invalid::at(
                "exporter",
                "must have one of `otlp` and `console`",
            )),
        }
        invalid
    }
}

impl Validate for ViewConfig {
    fn validate(&self) -> Vec<Invalid> {
        let (selector, stream) = (&self.selector, &self.stream);
        let aggregation = &stream.aggregation;
        let settings = [
            (selector.instrument_type, "selector::instrument_type"),
            (selector.unit, "selector::unit"),
            (selector.meter_name, "selector::meter_name"),
            (selector.meter_version, "selector::meter_version"),
            (selector.meter_schema_url, "selector::meter_schema_url"),
            (stream.attribute_keys, "stream::attribute_keys"),
            (
                stream.aggregation_cardinality_limit,
                "stream::aggregation_cardinality_limit",
            ),
            (aggregation.sum, "stream::aggregation::sum"),
            (aggregation.last_value, "stream::aggregation::last_value"),
            (
                aggregation.explicit_bucket_histogram,
                "stream::aggregation::explicit_bucket_histogram",
            ),
            (
                aggregation.base2_exponential_bucket_histogram,
                "stream::aggregation::base2_exponential_bucket_histogram",
            ),
        ];
        let mut invalid: Vec<Invalid> = settings
            .iter()
            .filter(|(written, _)| written.is_there())
            .map(|(_, path)| Invalid::at(*path, NOT_SUPPORTED))
            .collect();
        if selector.instrument_name.is_empty() {
            invalid.push(Invalid::at("selector::instrument_name", "must be given"));
        }
        invalid
    }
}

#[cfg(test)]
mod tests {
    use super::{IncludeExclude, matches};

    #[test]
    fn a_star_stands_for_any_text() {
        let table = [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("*", "", true),
            ("a*c*e", "abcde", true),
            ("a*a", "a", false),
            (
                "otelcol_processor_batch_*",
                "otelcol_exporter_sent_spans",
                false,
            ),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn no_attribute_is_chosen_unless_something_is_written() {
        let choice = |included: &[&str], excluded: &[&str]| IncludeExclude {
            included: included.iter().map(ToString::to_string).collect(),
            excluded: excluded.iter().map(ToString::to_string).collect(),
        };
        assert!(!choice(&[], &[]).chooses("service.name"));
        assert!(choice(&["service.*"], &[]).chooses("service.name"));
        assert!(!choice(&["service.*"], &["service.name"]).chooses("service.name"));
        assert!(choice(&[], &["service.name"]).chooses("service.version"));
    }
}
