//! The settings of the `ebpf` receiver.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{Duration, Invalid, Validate};
use tapline_ebpf::{Bounds, CAPTURE_MAX_BYTES, CAPTURE_MIN_BYTES};

use super::{
    capture::CaptureConfig,
    emit::SERIES_PER_METRIC,
    live::Live,
    privacy::{Privacy, PrivacyConfig},
    propagators::{self, Propagator},
    routes::RoutesConfig,
    targets::{TargetEntry, TargetsConfig},
    tls::TlsConfig,
};

/// What stands under `receivers: ebpf:`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which processes and ports are tapped; everything by default.
    pub targets: TargetsConfig,
    /// Where `http.route` and names of spans come from.
    pub routes: RoutesConfig,
    /// What of messages may be told.
    pub privacy: PrivacyConfig,
    /// Whose headers are believed about traces, by the names OpenTelemetry gives them. The first
    /// that a request has and that is well formed names its parent; the others are not used.
    pub propagators: Vec<Propagator>,
    /// How the bytes that move on sockets are noticed: `auto`, `socket`, `packet` or
    /// `syscall`. What `auto` comes to is logged, and told by `tapline doctor`.
    pub capture: CaptureConfig,
    /// Size of the ring that the kernel half writes to, MiB; rounded up to a power of two.
    pub ring_buffer_mib: u32,
    /// Bytes copied from one socket call; a message gets at most twice this.
    pub capture_bytes: u32,
    /// The share of the machine's CPU time that reading the tap may take while the machine has none
    /// to spare: when it would take more, only so many exchanges are told as that pays for, and
    /// each counts for those that are not. Between 0 and 1; 0 lets it take what it wants.
    pub cpu_share: f64,
    /// Bytes of unfinished messages held over all connections, MiB. Beyond it a connection starts
    /// over, and its open requests are told as `lost_data`.
    pub buffered_mib: u32,
    /// Attribute sets of one metric of one process. Further ones share a series that has
    /// `otel.metric.overflow`.
    pub metric_series_max: usize,
    /// How often metrics are told.
    pub metrics_interval: Duration,
    /// How long spans and log records wait for company.
    pub flush_interval: Duration,
    /// What is told of connections whose protocol is unknown or encrypted.
    pub unknown_protocols: UnknownProtocols,
    /// A request without an answer for this long is told as an error.
    pub response_timeout: Duration,
    /// How TLS is read in plaintext.
    pub tls: TlsConfig,
}

/// What is told of connections that cannot be read.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownProtocols {
    /// Nothing.
    None,
    /// How long exchanges take and how many bytes move, by port.
    #[default]
    Metrics,
    /// The same, and a span for every exchange.
    Spans,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            targets: TargetsConfig::default(),
            routes: RoutesConfig::default(),
            privacy: PrivacyConfig::default(),
            propagators: Propagator::ALL.to_vec(),
            capture: CaptureConfig::default(),
            ring_buffer_mib: Bounds::default().ring_bytes / (1024 * 1024),
            capture_bytes: Bounds::default().capture_bytes,
            cpu_share: 0.01,
            buffered_mib: 64,
            metric_series_max: SERIES_PER_METRIC,
            metrics_interval: Duration::from_secs(10),
            flush_interval: Duration::from_millis(200),
            unknown_protocols: UnknownProtocols::default(),
            response_timeout: Duration::from_secs(60),
            tls: TlsConfig::default(),
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
        check(
            (0.0..=1.0).contains(&self.cpu_share),
            "cpu_share",
            "must be between 0 and 1".to_owned(),
        );
        check(
            (1..=4096).contains(&self.buffered_mib),
            "buffered_mib",
            "must be between 1 and 4096".to_owned(),
        );
        check(
            (2..=100_000).contains(&self.metric_series_max),
            "metric_series_max",
            "must be between 2 and 100000".to_owned(),
        );
        let blocks = self.blocks().into_iter();
        invalid.extend(blocks.map(|(path, message)| Invalid::at(&path, message)));
        invalid
    }
}

/// Returns what is wrong with a target, by setting.
fn problems(list: &str, entry: &TargetEntry) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    if entry.is_empty() {
        let message = "names nothing: give it a pid, exe, port, service or another criterion";
        problems.push((String::new(), message.to_owned()));
    }
    if list == "exclude" && entry.overrides() {
        let message = "says how it is told, but what is excluded is not told";
        problems.push((String::new(), message.to_owned()));
    }
    for (setting, value) in [("::name", &entry.name), ("::namespace", &entry.namespace)] {
        if value.as_ref().is_some_and(|value| value.trim().is_empty()) {
            problems.push((setting.to_owned(), "is empty".to_owned()));
        }
    }
    let routes = entry.routes.iter().flat_map(RoutesConfig::problems);
    problems.extend(routes.map(|(setting, message)| (format!("::routes::{setting}"), message)));
    problems
}

impl Config {
    /// Returns what is wrong with routes, privacy and targets, by setting.
    fn blocks(&self) -> Vec<(String, String)> {
        let below = |block: &str, problems: Vec<(String, String)>| {
            let block = block.to_owned();
            let place = move |(name, message)| (format!("{block}::{name}"), message);
            problems.into_iter().map(place).collect::<Vec<_>>()
        };
        let mut found = below("routes", self.routes.problems());
        found.extend(below("privacy", self.privacy.problems()));
        if let Some(message) = propagators::problem(&self.propagators) {
            found.push(("propagators".to_owned(), message));
        }
        let lists = [
            ("include", &self.targets.include),
            ("exclude", &self.targets.exclude),
        ];
        for (list, entries) in lists {
            for (index, entry) in entries.iter().enumerate() {
                let problems = problems(list, entry).into_iter();
                found.extend(problems.map(|(setting, message)| {
                    (format!("targets::{list}::{index}{setting}"), message)
                }));
            }
        }
        found
    }

    /// Returns the settings that a reload changes while connections go on.
    pub(crate) fn live(&self) -> Live {
        Live {
            targets: Arc::new(self.targets.clone()),
            routes: Arc::new(self.routes.clone()),
            privacy: Arc::new(Privacy::new(&self.privacy)),
            propagators: propagators::formats(&self.propagators),
            metric_series_max: self.metric_series_max,
        }
    }
}
