//! Settings of `debug`, with the Collector's keys and defaults.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{Invalid, QueueConfig, RetryConfig, Validate};

use crate::{otlp::invalid_delivery, unsupported::NOT_SUPPORTED};

/// What the user wrote under `debug`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How much is shown.
    pub verbosity: Verbosity,
    /// How many batches are shown each second.
    pub sampling_initial: u64,
    /// Of those after the first few of a second, every so many is shown; 1 shows all, 0 none.
    pub sampling_thereafter: u64,
    /// Whether the text goes where tapline's own log goes.
    pub use_internal_logger: bool,
    /// Where the text goes otherwise: `stdout` or `stderr`.
    pub output_paths: Vec<String>,
    /// The queue before the exporter; off. Done by delivery.
    pub sending_queue: QueueConfig,
}

/// How much is shown of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verbosity {
    /// One line per batch: counts.
    #[default]
    Basic,
    /// One line per record.
    Normal,
    /// Every field of every record.
    Detailed,
}

/// Where the text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Where tapline's own log goes.
    InternalLog,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            verbosity: Verbosity::Basic,
            sampling_initial: 2,
            sampling_thereafter: 1,
            use_internal_logger: true,
            output_paths: vec!["stdout".to_owned()],
            sending_queue: QueueConfig {
                enabled: false,
                ..QueueConfig::default()
            },
        }
    }
}

impl Config {
    /// Returns where the daemon should let the text go.
    pub fn destination(&self) -> Destination {
        match (self.use_internal_logger, self.output_paths.as_slice()) {
            (true, _) => Destination::InternalLog,
            (false, [only]) if only == "stderr" => Destination::Stderr,
            (false, _) => Destination::Stdout,
        }
    }

    fn invalid_output(&self) -> Option<Invalid> {
        let message = match self.output_paths.as_slice() {
            [only] if only == "stdout" => return None,
            _ if self.use_internal_logger => {
                "is used only when `use_internal_logger` is false".to_owned()
            }
            [only] if only == "stderr" => return None,
            [] => "must not be empty".to_owned(),
            _ => format!("other than one of `stdout` and `stderr` {NOT_SUPPORTED}"),
        };
        Some(Invalid::at("output_paths", message))
    }
}

impl Validate for Config {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = invalid_delivery(&self.sending_queue, &RetryConfig::default());
        invalid.extend(self.invalid_output());
        invalid
    }
}
