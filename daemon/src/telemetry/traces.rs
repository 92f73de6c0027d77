//! `service: telemetry: traces:`: accepted, and said to have no effect: tapline makes no spans
//! about itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{Node, Problem, Problems, decode_into};

use super::written::Written;

/// The Collector's keys.
#[derive(Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TracesConfig {
    /// Accepted and without effect: tapline makes no spans about itself.
    level: String,
    /// Accepted and without effect.
    propagators: Vec<String>,
    /// Accepted and without effect.
    processors: Vec<Written>,
    /// Accepted and without effect.
    sampler: Written,
}

/// Checks the block, and warns that what it asks for does not happen.
pub(super) fn check(node: &Node, problems: &mut Problems) {
    let Some(config) = decode_into::<TracesConfig>(node, problems) else {
        return;
    };
    let level = config.level.to_ascii_lowercase();
    if !["", "none", "basic", "normal", "detailed"].contains(&level.as_str()) {
        let written = node.get("level").unwrap_or(node);
        let message = format!("`level` must be none or basic, not \"{}\"", config.level);
        problems.push(Problem::error(written.blamed(), message));
    }
    let asks_for_spans = !config.processors.is_empty() || config.sampler.is_there();
    if asks_for_spans || !config.propagators.is_empty() {
        let message = "tapline makes no spans about itself yet: `traces` has no effect";
        problems.push(Problem::warning(node.heading(), message));
    }
}
