//! How tapline speaks of itself: `service: telemetry:`.

use serde::Deserialize;
use tapline_config::{Node, Problem, Problems, decode_into};
use tracing_subscriber::{EnvFilter, fmt};

use crate::output;

/// The block, as far as it is supported.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TelemetryConfig {
    /// Our own log.
    pub(crate) logs: LogsConfig,
}

/// `service: telemetry: logs:`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogsConfig {
    /// The least severe level that is written.
    pub(crate) level: Level,
    /// How lines are written.
    pub(crate) encoding: Encoding,
}

/// Severity of our own log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Everything.
    Debug,
    /// What an operator wants to know.
    #[default]
    Info,
    /// What may need a look.
    Warn,
    /// What is broken.
    Error,
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

impl TelemetryConfig {
    /// Reads the block; what the Collector has and we do not is an error that says so.
    pub(crate) fn read(node: &Node, problems: &mut Problems) -> Self {
        const LATER: [&str; 3] = ["metrics", "traces", "resource"];
        let mut supported = true;
        for key in LATER {
            if let Some(written) = node.get(key) {
                let message = format!("`telemetry::{key}` is not supported by tapline yet");
                problems.push(Problem::error(written.heading(), message));
                supported = false;
            }
        }
        if !supported {
            return Self::default();
        }
        decode_into(node, problems).unwrap_or_default()
    }

    /// Starts our own log on standard error.
    pub(crate) fn start_log(&self) {
        let level = match self.logs.level {
            Level::Debug => "debug,h2=info,hyper=info,hyper_util=info,tonic=info,rustls=info",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        };
        let log = fmt()
            .with_env_filter(EnvFilter::new(level))
            .with_writer(std::io::stderr)
            .with_ansi(output::color_on_stderr())
            .with_target(false);
        match self.logs.encoding {
            Encoding::Console => log.compact().init(),
            Encoding::Json => log.json().init(),
        }
    }
}
