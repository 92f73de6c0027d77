//! `service: telemetry: logs:` with the Collector's keys and defaults.

use std::{collections::BTreeMap, time::Duration as StdDuration};

use serde::Deserialize;
use serde_json::Value;
use tapline_config::{Duration, Invalid, Validate};
use tracing::level_filters::LevelFilter;

use super::sampler;
use crate::telemetry::written::Written;

/// What the user wrote.
#[derive(Clone, Debug, Deserialize)]
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
    /// Sending log records as OTLP. Not supported yet.
    pub(crate) processors: Vec<Written>,
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

/// Severity of our own log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    /// For people.
    #[default]
    Console,
    /// For machines.
    Json,
}

/// Which repetitions of one message are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
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

impl Validate for LogsConfig {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        if !self.processors.is_empty() {
            let message = "is not supported by tapline yet: own logs are lines only";
            invalid.push(Invalid::at("processors", message));
        }
        for (key, paths) in [
            ("output_paths", &self.output_paths),
            ("error_output_paths", &self.error_output_paths),
        ] {
            if let Some(position) = paths.iter().position(String::is_empty) {
                let path = format!("{key}::{position}");
                invalid.push(Invalid::at(path, "must not be empty"));
            }
        }
        invalid
    }
}
