//! `service: telemetry: logs:` with the Collector's keys and defaults.

use std::{collections::BTreeMap, time::Duration as StdDuration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tapline_config::{Duration, Invalid, Validate};
use tracing::level_filters::LevelFilter;

use super::{sampler, sink};
use crate::telemetry::{otlp::OtlpConfig, written::Written};

/// What the user wrote.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the Collector's keys"
)]
pub(crate) struct LogsConfig {
    /// The least severe level that is written.
    pub(crate) level: Level,
    /// Accepted; it means stack traces and panics in the Collector, which we have anyway.
    pub(crate) development: bool,
    /// How lines are written.
    pub(crate) encoding: Encoding,
    /// Whether lines leave out the place in the source.
    pub(crate) disable_caller: bool,
    /// Accepted: our lines have no stack traces.
    pub(crate) disable_stacktrace: bool,
    /// Which repetitions are left out.
    pub(crate) sampling: SamplingConfig,
    /// Where lines go: files, `stdout`, `stderr`.
    pub(crate) output_paths: Vec<String>,
    /// Where it goes that a line could not be written.
    pub(crate) error_output_paths: Vec<String>,
    /// Fields of every line.
    pub(crate) initial_fields: BTreeMap<String, Value>,
    /// Where log records go beside lines.
    pub(crate) processors: Vec<ProcessorConfig>,
    /// Whether lines leave out the field `resource`.
    pub(crate) disable_zap_resource: bool,
}

impl Default for LogsConfig {
    fn default() -> Self {
        Self {
            level: Level::Info,
            development: false,
            encoding: Encoding::Console,
            disable_caller: false,
            disable_stacktrace: false,
            sampling: SamplingConfig::default(),
            output_paths: vec!["stderr".to_owned()],
            error_output_paths: vec!["stderr".to_owned()],
            initial_fields: BTreeMap::new(),
            processors: Vec::new(),
            disable_zap_resource: false,
        }
    }
}

impl LogsConfig {
    /// Returns what writes the same lines to standard error, and nothing anywhere else.
    pub(crate) fn on_stderr(&self) -> Self {
        let stderr = || vec!["stderr".to_owned()];
        Self {
            output_paths: stderr(),
            error_output_paths: stderr(),
            processors: Vec::new(),
            ..self.clone()
        }
    }
}

/// Severity of our own log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Everything.
    #[serde(alias = "DEBUG")]
    Debug,
    /// What an operator wants to know.
    #[default]
    #[serde(alias = "INFO", alias = "")]
    Info,
    /// What may need a look.
    #[serde(alias = "WARN", alias = "warning")]
    Warn,
    /// What is broken.
    #[serde(alias = "ERROR")]
    Error,
    /// What should not happen; no line of ours is that bad.
    #[serde(alias = "DPANIC")]
    Dpanic,
    /// What ends a task; no line of ours is that bad.
    #[serde(alias = "PANIC")]
    Panic,
    /// What ends the process; no line of ours is that bad.
    #[serde(alias = "FATAL")]
    Fatal,
}

impl Level {
    /// Returns which of our lines are written.
    pub(super) fn filter(self) -> LevelFilter {
        match self {
            Self::Debug => LevelFilter::DEBUG,
            Self::Info => LevelFilter::INFO,
            Self::Warn => LevelFilter::WARN,
            Self::Error => LevelFilter::ERROR,
            Self::Dpanic | Self::Panic | Self::Fatal => LevelFilter::OFF,
        }
    }
}

/// Form of our own log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    /// For people.
    #[default]
    Console,
    /// For machines.
    Json,
}

/// Which repetitions of one message are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SamplingConfig {
    /// Whether any is.
    pub(crate) enabled: bool,
    /// How long repetitions are counted.
    pub(crate) tick: Duration,
    /// How many are written first.
    pub(crate) initial: u64,
    /// Of how many one is written afterwards; zero means none.
    pub(crate) thereafter: u64,
}

impl Default for SamplingConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            tick: Duration::from_secs(10),
            initial: 10,
            thereafter: 100,
        }
    }
}

impl SamplingConfig {
    /// Returns what the sampler needs, if it is wanted.
    pub(super) fn settings(self) -> Option<sampler::Settings> {
        self.enabled.then(|| sampler::Settings {
            tick: self.tick.get().max(StdDuration::from_millis(1)),
            initial: self.initial,
            thereafter: self.thereafter,
        })
    }
}

/// One way of sending log records.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProcessorConfig {
    /// Many at a time.
    pub(crate) batch: Option<BatchConfig>,
    /// Each as soon as it is there.
    pub(crate) simple: Option<SimpleConfig>,
}

/// Sends many records at a time. Times are in milliseconds.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BatchConfig {
    /// How long a record waits for others.
    pub(crate) schedule_delay: u64,
    /// How long sending may take.
    pub(crate) export_timeout: u64,
    /// How many records may wait; more are lost.
    pub(crate) max_queue_size: usize,
    /// How many records are sent at a time.
    pub(crate) max_export_batch_size: usize,
    /// Where to.
    pub(crate) exporter: RecordExporterConfig,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            schedule_delay: 1000,
            export_timeout: 30_000,
            max_queue_size: 2048,
            max_export_batch_size: 512,
            exporter: RecordExporterConfig::default(),
        }
    }
}

/// Sends each record as soon as it is there.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SimpleConfig {
    /// Where to.
    pub(crate) exporter: RecordExporterConfig,
}

/// Where log records go.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RecordExporterConfig {
    /// To a backend.
    pub(crate) otlp: Option<OtlpConfig>,
    /// Not supported: lines are there already.
    pub(crate) console: Written,
}

impl ProcessorConfig {
    /// Returns it as a batch; a simple one does not wait.
    pub(super) fn as_batch(&self) -> BatchConfig {
        match (&self.batch, &self.simple) {
            (Some(batch), _) => batch.clone(),
            (None, simple) => BatchConfig {
                schedule_delay: 0,
                exporter: simple.clone().unwrap_or_default().exporter,
                ..BatchConfig::default()
            },
        }
    }
}

impl Validate for ProcessorConfig {
    fn validate(&self) -> Vec<Invalid> {
        let kind = match (&self.batch, &self.simple) {
            (Some(_), None) => "batch",
            (None, Some(_)) => "simple",
            _ => return vec![Invalid::at("", "must have one of `batch` and `simple`")],
        };
        let batch = self.as_batch();
        let mut invalid = Vec::new();
        for (key, size) in [
            ("max_queue_size", batch.max_queue_size),
            ("max_export_batch_size", batch.max_export_batch_size),
        ] {
            if size == 0 {
                invalid.push(Invalid::at(key, "must be positive"));
            }
        }
        if batch.exporter.console.is_there() {
            let message = "is not supported by tapline: `output_paths` has the lines already";
            invalid.push(Invalid::at("exporter::console", message));
        }
        match &batch.exporter.otlp {
            Some(otlp) => {
                let under = |each: Invalid| each.under("exporter::otlp");
                invalid.extend(otlp.validate().into_iter().map(under));
            }
            None => invalid.push(Invalid::at("exporter", "must have `otlp`")),
        }
        invalid.into_iter().map(|each| each.under(kind)).collect()
    }
}

impl Validate for LogsConfig {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        for (position, processor) in self.processors.iter().enumerate() {
            let at = |each: Invalid| each.under(&format!("processors::{position}"));
            invalid.extend(processor.validate().into_iter().map(at));
        }
        for (key, paths) in [
            ("output_paths", &self.output_paths),
            ("error_output_paths", &self.error_output_paths),
        ] {
            if let Some(position) = paths.iter().position(String::is_empty) {
                let path = format!("{key}::{position}");
                invalid.push(Invalid::at(path, "must not be empty"));
            }
            for (position, path) in paths.iter().enumerate() {
                let obstacle = sink::obstacle(path).filter(|_| !path.is_empty());
                invalid.extend(obstacle.map(|obstacle| {
                    let message = format!("cannot be opened: {obstacle}");
                    Invalid::at(format!("{key}::{position}"), message)
                }));
            }
        }
        invalid
    }
}
