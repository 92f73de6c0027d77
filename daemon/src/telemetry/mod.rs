//! How tapline speaks of itself: `service: telemetry:`.
//!
//! Each of the four blocks has its module: `logs`, `metrics`, `traces` and `resource`. What the
//! Collector has and we do not is an error that says so, at its place.

mod level;
pub(crate) mod logs;
pub(crate) mod metrics;
mod otlp;
mod resource;
mod traces;
mod written;

use schemars::SchemaGenerator;
use tapline_config::{Kind, Node, Problem, Problems, Secrets, decode_valid, print_node};

pub(crate) use self::resource::Resource;
use self::{logs::LogsConfig, metrics::config::MetricsConfig, traces::TracesConfig};
use crate::components::{self, Settings};

/// The whole block.
#[derive(Clone, Debug, Default)]
pub(crate) struct TelemetryConfig {
    /// Our own log.
    pub(crate) logs: LogsConfig,
    /// Our own metrics.
    pub(crate) metrics: MetricsConfig,
    /// Who we say we are.
    pub(crate) resource: Resource,
    /// The block as it was written, to be compared at a reload. It may hold secrets.
    pub(crate) written: String,
}

/// Describes the settings of each block that has a fixed form.
pub(crate) fn settings(generator: &mut SchemaGenerator) -> [(&'static str, Settings); 3] {
    [
        ("logs", components::settings::<LogsConfig>(generator)),
        ("metrics", components::settings::<MetricsConfig>(generator)),
        ("traces", components::settings::<TracesConfig>(generator)),
    ]
}

const KEYS: [&str; 4] = ["logs", "metrics", "traces", "resource"];

impl TelemetryConfig {
    /// Reads the block, adding every mistake to a list.
    pub(crate) fn read(node: &Node, problems: &mut Problems) -> Self {
        if !matches!(node.kind, Kind::Map(_) | Kind::Null) {
            let message = format!(
                "`telemetry` must be a map, but this is {}",
                node.described()
            );
            problems.push(Problem::error(node.blamed(), message));
        }
        for (key, written) in node.entries() {
            if !KEYS.contains(&key.as_str()) {
                let message = format!("unknown setting `{key}` in `telemetry`");
                let known = format!("known: {}", KEYS.join(", "));
                problems.push(Problem::error(written.heading(), message).with_label(known));
            }
        }
        let block = |key| node.get(key).filter(|block| !block.is_null());
        let logs = block("logs").and_then(|block| decode_valid(block, problems));
        let metrics = block("metrics").and_then(|block| MetricsConfig::read(block, problems));
        if let Some(traces) = block("traces") {
            traces::check(traces, problems);
        }
        Self {
            logs: logs.unwrap_or_default(),
            metrics: metrics.unwrap_or_default(),
            resource: Resource::read(node.get("resource"), problems),
            written: print_node(node, Secrets::Shown),
        }
    }
}
