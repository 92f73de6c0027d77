//! Settings of `health_check`, in both of the Collector's forms.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{
    Duration, Extended, GrpcServerConfig, HttpServerConfig, Invalid, Node, Optional, Problem,
    Problems, decode_into, decode_valid,
};

use super::grpc;
use crate::extensions::server;

/// Where `health_check` listens unless told otherwise.
const ENDPOINT: &str = "localhost:13133";

/// What was decided.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Where it listens; nowhere if only gRPC is asked for.
    pub(super) server: Option<HttpServerConfig>,
    /// Where it answers the standard question over gRPC.
    pub(super) grpc: Option<GrpcServerConfig>,
    /// What it answers to.
    pub(super) path: String,
    /// Which form an answer has.
    pub(super) form: Form,
    /// When a component makes the process unhealthy.
    pub(super) component_health: ComponentHealth,
    /// After how long a failing exporter makes it unhealthy, if
    /// `check_collector_pipeline` asks for that.
    pub(super) exporter_patience: Option<Duration>,
    /// What to answer instead of JSON.
    pub(super) response_body: Option<ResponseBody>,
}

/// Which form an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `{"status":"Server available",…}`.
    First,
    /// `{"healthy":true,"status":"StatusOK",…}`.
    Second,
}

/// The extension's own keys: those of the server stand beside them.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Own {
    /// Where it answers, in the first form.
    path: String,
    /// What it answers, in the first form.
    response_body: Option<ResponseBody>,
    /// Whether exporters that fail for long make it unhealthy.
    check_collector_pipeline: CheckPipeline,
    /// Whether the blocks `http` and `grpc` count instead of the server beside them.
    use_v2: bool,
    /// Which components make it unhealthy, in the second form.
    component_health: Option<ComponentHealth>,
    // Read on their own: the keys of the server stand among these too.
    /// The second form by HTTP.
    #[serde(skip_serializing)]
    #[schemars(with = "Option<Extended<HttpServerConfig, Http>>")]
    http: Optional<serde::de::IgnoredAny>,
    /// The second form by gRPC, the protocol `grpc.health.v1`.
    #[serde(skip_serializing)]
    #[schemars(with = "Option<GrpcServerConfig>")]
    grpc: Optional<serde::de::IgnoredAny>,
}

/// All that may be written.
pub(crate) type Written = Extended<HttpServerConfig, Own>;

const OWN_KEYS: [&str; 7] = [
    "path",
    "response_body",
    "check_collector_pipeline",
    "use_v2",
    "component_health",
    "http",
    "grpc",
];

impl Default for Own {
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            response_body: None,
            check_collector_pipeline: CheckPipeline::default(),
            use_v2: false,
            component_health: None,
            http: Optional::Off,
            grpc: Optional::Off,
        }
    }
}

/// Texts to answer with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ResponseBody {
    /// When all is well.
    pub(super) healthy: String,
    /// When it is not.
    pub(super) unhealthy: String,
}

/// The Collector accepts this block and ignores it; here it does what it says, by time.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct CheckPipeline {
    /// Whether they do.
    enabled: bool,
    /// How long they must have failed.
    interval: Duration,
    /// Failures are judged by time, not by number.
    exporter_failure_threshold: u64,
}

impl Default for CheckPipeline {
    fn default() -> Self {
        Self {
            enabled: false,
            interval: Duration::from_secs(300),
            exporter_failure_threshold: 5,
        }
    }
}

/// When a component makes the process unhealthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ComponentHealth {
    /// When it needs a person.
    pub(super) include_permanent_errors: bool,
    /// When it has not recovered for a while.
    pub(super) include_recoverable_errors: bool,
    /// How long that while is.
    pub(super) recovery_duration: Duration,
}

impl Default for ComponentHealth {
    fn default() -> Self {
        Self {
            include_permanent_errors: false,
            include_recoverable_errors: false,
            recovery_duration: Duration::from_secs(300),
        }
    }
}

/// The block `http` of the second form, beside its server.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Http {
    /// How components are.
    status: PathConfig,
    /// The configuration that runs, secrets left out.
    config: PathConfig,
}

/// A page of the second form.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct PathConfig {
    /// Whether the page is there.
    enabled: Option<bool>,
    /// Where.
    path: String,
}

impl Config {
    /// Reads the block, adding every mistake to a list.
    pub(crate) fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let (server, own) = server::read(node, &OWN_KEYS, ENDPOINT, problems);
        let own_config: Own = if own.is_null() {
            Own::default()
        } else {
            decode_into(&own, problems)?
        };
        let mut config = Self {
            server: Some(server?),
            grpc: None,
            path: own_config.path,
            form: Form::First,
            component_health: own_config.component_health.unwrap_or_default(),
            exporter_patience: None,
            response_body: own_config.response_body,
        };
        let check = own_config.check_collector_pipeline;
        config.exporter_patience = check.enabled.then_some(check.interval);
        if own_config.use_v2 {
            config.read_second(node, problems)?;
        } else {
            for key in ["http", "grpc"] {
                if let Some(block) = node.get(key) {
                    let message = format!("`{key}` has no effect without `use_v2: true`");
                    problems.push(Problem::warning(block.heading(), message));
                }
            }
        }
        if !config.path.starts_with('/') {
            let invalid = Invalid::at("path", "must start with /");
            problems.push(invalid.locate(node));
            return None;
        }
        Some(config)
    }

    /// Reads what is only there in the second form.
    fn read_second(&mut self, node: &Node, problems: &mut Problems) -> Option<()> {
        self.form = Form::Second;
        "/status".clone_into(&mut self.path);
        if let Some(block) = node.get("grpc") {
            self.grpc = Some(read_grpc(block, problems)?);
        }
        let Some(http) = node.get("http").filter(|block| !block.is_null()) else {
            if self.grpc.is_some() && node.get("http").is_none() {
                self.server = None;
            }
            return Some(());
        };
        let (server, own) = server::read(http, &["status", "config"], ENDPOINT, problems);
        let pages: Http = decode_into(&own, problems)?;
        self.server = Some(server?);
        if !pages.status.path.is_empty() {
            self.path = pages.status.path;
        }
        for (page, key, wanted) in [
            (pages.status.enabled, "status", true),
            (pages.config.enabled, "config", false),
        ] {
            if page.is_some_and(|enabled| enabled != wanted) {
                let message =
                    format!("must be {wanted}: the other is not supported by tapline yet");
                let invalid = Invalid::at(format!("{key}::enabled"), message);
                problems.push(invalid.locate(http));
                return None;
            }
        }
        Some(())
    }
}

fn read_grpc(block: &Node, problems: &mut Problems) -> Option<GrpcServerConfig> {
    let mut config: GrpcServerConfig = if block.is_null() {
        GrpcServerConfig::default()
    } else {
        decode_valid(block, problems)?
    };
    if config.auth.is_some() {
        let invalid = Invalid::at("auth", "is not supported here by tapline yet");
        problems.push(invalid.locate(block));
        return None;
    }
    if config.endpoint.is_empty() {
        grpc::ENDPOINT.clone_into(&mut config.endpoint);
    }
    Some(config)
}
