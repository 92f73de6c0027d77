//! The page that Prometheus reads: the SDK's data as text.
//!
//! Names never depend on what a scraper accepts. OpenMetrics insists that a counter ends in
//! `_total`, so there a counter that does not is of type `unknown`. This module must not know
//! where the data comes from.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, HistogramDataPoint, Metric, MetricData, ResourceMetrics,
};

use super::config::PageConfig;

/// What a scraper is answered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// The text format that everybody reads.
    Prometheus,
    /// For those who read nothing else.
    OpenMetrics,
}

impl Format {
    /// Chooses by the `Accept` header. Prometheus itself asks for both, and gets what the
    /// Collector gives.
    pub(super) fn accepted(accept: &str) -> Self {
        let wants = |kind: &str| accept.contains(kind);
        if wants("application/openmetrics-text") && !wants("text/plain") && !wants("*/*") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// Returns the value of `Content-Type`.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Writes the page. `failures` is how often it could not be written.
pub(super) fn render(
    collected: &ResourceMetrics,
    config: &PageConfig,
    format: Format,
    failures: u64,
) -> String {
    let constant: Vec<Label> = collected
        .resource()
        .iter()
        .filter(|(key, _)| {
            let chosen = &config.with_resource_constant_labels;
            chosen.chooses(key.as_str())
        })
        .map(|(key, value)| Label::new(key.as_str(), value.as_str().into_owned()))
        .collect();
    let mut page = Page {
        families: BTreeMap::new(),
        config,
        format,
    };
    for scope in collected.scope_metrics() {
        let mut common = constant.clone();
        if !config.without_scope_info {
            common.extend(scope_labels(scope.scope()));
        }
        for metric in scope.metrics() {
            page.add(metric, &common);
        }
    }
    page.add_target(collected);
    page.add_failures(failures);
    page.finish()
}

/// A label name that Prometheus takes, and a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Label {
    name: String,
    value: String,
}

impl Label {
    fn new(name: &str, value: String) -> Self {
        Self {
            name: sanitized(name),
            value,
        }
    }

    fn of(attribute: &KeyValue) -> Self {
        Self::new(
            attribute.key.as_str(),
            attribute.value.as_str().into_owned(),
        )
    }
}

fn scope_labels(scope: &InstrumentationScope) -> [Label; 3] {
    [
        Label::new("otel_scope_name", scope.name().to_owned()),
        Label::new(
            "otel_scope_schema_url",
            scope.schema_url().unwrap_or_default().to_owned(),
        ),
        Label::new(
            "otel_scope_version",
            scope.version().unwrap_or_default().to_owned(),
        ),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// All lines of one name.
struct Family {
    help: String,
    kind: Kind,
    lines: Vec<Text>,
}

/// The lines of one series, and the labels that put them in order.
type Text = (Vec<Label>, String);

/// Families by name.
struct Page<'c> {
    families: BTreeMap<String, Family>,
    config: &'c PageConfig,
    format: Format,
}

// === impl Page ===

impl Page<'_> {
    fn add(&mut self, metric: &Metric, common: &[Label]) {
        match metric.data() {
            AggregatedMetrics::F64(data) => self.add_data(metric, data, common),
            AggregatedMetrics::U64(data) => self.add_data(metric, data, common),
            AggregatedMetrics::I64(data) => self.add_data(metric, data, common),
        }
    }

    fn add_data<T: Copy + fmt::Display>(
        &mut self,
        metric: &Metric,
        data: &MetricData<T>,
        common: &[Label],
    ) {
        let kind = match data {
            MetricData::Sum(sum) if sum.is_monotonic() => Kind::Counter,
            MetricData::Sum(_) | MetricData::Gauge(_) => Kind::Gauge,
            MetricData::Histogram(_) => Kind::Histogram,
            // Nothing here makes one.
            MetricData::ExponentialHistogram(_) => return,
        };
        let name = self.name(metric, kind);
        let mut lines = Vec::new();
        let labelled = |attributes: &mut dyn Iterator<Item = &KeyValue>| {
            let mut labels: Vec<Label> = attributes.map(Label::of).collect();
            labels.extend_from_slice(common);
            labels.sort();
            labels
        };
        match data {
            MetricData::Sum(sum) => lines.extend(sum.data_points().map(|point| {
                let labels = labelled(&mut point.attributes());
                single(&name, labels, point.value())
            })),
            MetricData::Gauge(gauge) => lines.extend(gauge.data_points().map(|point| {
                let labels = labelled(&mut point.attributes());
                single(&name, labels, point.value())
            })),
            MetricData::Histogram(histogram) => {
                lines.extend(histogram.data_points().map(|point| {
                    let labels = labelled(&mut point.attributes());
                    (labels.clone(), histogram_lines(&name, point, &labels))
                }));
            }
            MetricData::ExponentialHistogram(_) => {}
        }
        self.family(name, metric.description(), kind)
            .lines
            .extend(lines);
    }

    fn family(&mut self, name: String, help: &str, kind: Kind) -> &mut Family {
        self.families.entry(name).or_insert_with(|| Family {
            help: help.to_owned(),
            kind,
            lines: Vec::new(),
        })
    }

    /// Returns the name of a metric, with the endings that are wanted.
    fn name(&self, metric: &Metric, kind: Kind) -> String {
        let mut name = sanitized(metric.name());
        if !self.config.without_units {
            let unit = match metric.unit() {
                "By" => "_bytes",
                "s" => "_seconds",
                _ => "",
            };
            if !name.ends_with(unit) {
                name.push_str(unit);
            }
        }
        if !self.config.without_type_suffix && kind == Kind::Counter && !name.ends_with("_total") {
            name.push_str("_total");
        }
        name
    }

    /// Says whose page this is, once.
    fn add_target(&mut self, collected: &ResourceMetrics) {
        let attributes = collected.resource().iter();
        let mut labels: Vec<Label> = attributes
            .map(|(key, value)| Label::new(key.as_str(), value.as_str().into_owned()))
            .collect();
        labels.sort();
        let line = single("target_info", labels, 1);
        let family = self.family("target_info".to_owned(), "Target metadata", Kind::Gauge);
        family.lines.push(line);
    }

    fn add_failures(&mut self, failures: u64) {
        const NAME: &str = "promhttp_metric_handler_errors_total";
        const HELP: &str =
            "Total number of internal errors encountered by the promhttp metric handler.";
        let lines = [("encoding", 0), ("gathering", failures)].map(|(cause, count)| {
            let labels = vec![Label::new("cause", cause.to_owned())];
            single(NAME, labels, count)
        });
        self.family(NAME.to_owned(), HELP, Kind::Counter)
            .lines
            .extend(lines);
    }

    fn finish(mut self) -> String {
        let mut text = String::new();
        for (name, family) in &mut self.families {
            family.lines.sort();
            let (name, kind) = self.format.header(name, family.kind);
            let help = escaped(&family.help, Quoted::No);
            // Writing to a string cannot fail.
            let _infallible = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
            for (_, lines) in &family.lines {
                text.push_str(lines);
            }
        }
        if self.format == Format::OpenMetrics {
            text.push_str("# EOF\n");
        }
        text
    }
}

impl Format {
    /// Returns the name and type that stand above a family.
    fn header(self, name: &str, kind: Kind) -> (&str, &'static str) {
        match (self, kind) {
            (Self::Prometheus, Kind::Counter) => (name, "counter"),
            (Self::OpenMetrics, Kind::Counter) => match name.strip_suffix("_total") {
                Some(family) => (family, "counter"),
                None => (name, "unknown"),
            },
            (Self::OpenMetrics, Kind::Gauge) if name.ends_with("_info") => {
                (name.strip_suffix("_info").unwrap_or(name), "info")
            }
            (_, Kind::Gauge) => (name, "gauge"),
            (_, Kind::Histogram) => (name, "histogram"),
        }
    }
}

fn histogram_lines<T: Copy + fmt::Display>(
    name: &str,
    point: &HistogramDataPoint<T>,
    labels: &[Label],
) -> String {
    let mut lines = String::new();
    let bounds = point
        .bounds()
        .map(|bound| bound.to_string())
        .chain(["+Inf".to_owned()]);
    let mut below = 0;
    for (bound, count) in bounds.zip(point.bucket_counts()) {
        below += count;
        let mut labels = labels.to_vec();
        labels.push(Label::new("le", bound));
        lines.push_str(&line(name, "_bucket", &labels, below));
    }
    lines.push_str(&line(name, "_sum", labels, point.sum()));
    lines.push_str(&line(name, "_count", labels, point.count()));
    lines
}

fn single(name: &str, labels: Vec<Label>, value: impl fmt::Display) -> Text {
    let line = line(name, "", &labels, value);
    (labels, line)
}

fn line(name: &str, ending: &str, labels: &[Label], value: impl fmt::Display) -> String {
    let mut text = format!("{name}{ending}");
    for (position, label) in labels.iter().enumerate() {
        let before = if position == 0 { '{' } else { ',' };
        let value = escaped(&label.value, Quoted::Yes);
        // Writing to a string cannot fail.
        let _infallible = write!(text, "{before}{}=\"{value}\"", label.name);
    }
    if !labels.is_empty() {
        text.push('}');
    }
    let _infallible = writeln!(text, " {value}");
    text
}

/// Whether a text stands in quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoted {
    Yes,
    No,
}

/// Writes what would end a line or a value in the way the format has for it.
fn escaped(text: &str, quoted: Quoted) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '"' if quoted == Quoted::Yes => escaped.push_str("\\\""),
            // A terminal that shows the page must not be told to do things.
            other if other.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Makes a name of the classic character set.
fn sanitized(name: &str) -> String {
    let is_legal = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | ':');
    let letters = name.chars();
    let letters = letters.map(|letter| if is_legal(letter) { letter } else { '_' });
    let name: String = letters.collect();
    if name.starts_with(|letter: char| letter.is_ascii_digit()) {
        format!("_{name}")
    } else {
        name
    }
}
