//! The settings of the `ebpf` receiver.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{Duration, Invalid, Validate};
use tapline_ebpf::{Bounds, CAPTURE_MAX_BYTES, CAPTURE_MIN_BYTES};

use super::targets::TargetsConfig;

/// What stands under `receivers: ebpf:`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which processes and ports are tapped; everything by default.
    pub targets: TargetsConfig,
    /// Size of the ring that the kernel half writes to, MiB; rounded up to a power of two.
    pub ring_buffer_mib: u32,
    /// Bytes copied from one socket call; a message gets at most twice this.
    pub capture_bytes: u32,
    /// Records that may wait between the ring and the parsers, MiB. Beyond it they are dropped,
    /// and counted.
    pub shard_mib: u32,
    /// How often metrics are told.
    pub metrics_interval: Duration,
    /// How long spans and log records wait for company.
    pub flush_interval: Duration,
    /// A request without an answer for this long is told as an error.
    pub response_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            targets: TargetsConfig::default(),
            ring_buffer_mib: Bounds::default().ring_bytes / (1024 * 1024),
            capture_bytes: Bounds::default().capture_bytes,
            shard_mib: 32,
            metrics_interval: Duration::from_secs(10),
            flush_interval: Duration::from_millis(200),
            response_timeout: Duration::from_secs(60),
        }
    }
}

impl Validate for Config {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        let mut check = |holds: bool, path: &str, message: String| {
            if !holds {
                invalid.push(Invalid::at(path, message));
            }
        };
        check(
            (1..=1024).contains(&self.ring_buffer_mib),
            "ring_buffer_mib",
            "must be between 1 and 1024".to_owned(),
        );
        check(
            (CAPTURE_MIN_BYTES..=CAPTURE_MAX_BYTES).contains(&self.capture_bytes),
            "capture_bytes",
            format!("must be between {CAPTURE_MIN_BYTES} and {CAPTURE_MAX_BYTES}"),
        );
        check(
            (1..=4096).contains(&self.shard_mib),
            "shard_mib",
            "must be between 1 and 4096".to_owned(),
        );
        for (name, value) in [
            ("metrics_interval", self.metrics_interval),
            ("flush_interval", self.flush_interval),
            ("response_timeout", self.response_timeout),
        ] {
            check(
                !value.is_zero(),
                name,
                "must be greater than zero".to_owned(),
            );
        }
        let lists = [
            ("include", &self.targets.include),
            ("exclude", &self.targets.exclude),
        ];
        for (list, entries) in lists {
            for (index, _) in entries
                .iter()
                .enumerate()
                .filter(|(_, entry)| entry.is_empty())
            {
                check(
                    false,
                    &format!("targets::{list}::{index}"),
                    "names nothing: give it a pid, exe, port or service".to_owned(),
                );
            }
        }
        invalid
    }
}
