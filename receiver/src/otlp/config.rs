//! Settings of `otlp`, with the Collector's keys and defaults.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{Extended, GrpcServerConfig, HttpServerConfig, Invalid, Optional, Validate};
use tapline_pdata::Signal;

/// What the user wrote under `otlp`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What is spoken; at least one protocol.
    pub protocols: Protocols,
}

/// The two ways to send OTLP. A key without a value switches one on.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Protocols {
    /// OTLP/gRPC, on `localhost:4317` unless told otherwise.
    pub grpc: Optional<GrpcServerConfig>,
    /// OTLP/HTTP, on `localhost:4318` unless told otherwise.
    pub http: Optional<Extended<HttpServerConfig, Paths>>,
}

/// Where OTLP/HTTP listens for which signal. Profiles have no key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Paths {
    /// Where traces are sent.
    pub traces_url_path: String,
    /// Where metrics are sent.
    pub metrics_url_path: String,
    /// Where logs are sent.
    pub logs_url_path: String,
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            traces_url_path: "/v1/traces".to_owned(),
            metrics_url_path: "/v1/metrics".to_owned(),
            logs_url_path: "/v1/logs".to_owned(),
        }
    }
}

impl Paths {
    /// Returns the path of a signal, with the leading `/` that the user may have left out.
    pub(super) fn of(&self, signal: Signal) -> String {
        let path = match signal {
            Signal::Traces => &self.traces_url_path,
            Signal::Metrics => &self.metrics_url_path,
            Signal::Logs => &self.logs_url_path,
            Signal::Profiles => "/v1development/profiles",
        };
        format!("/{}", path.strip_prefix('/').unwrap_or(path))
    }
}

impl Validate for Paths {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        let keys = ["traces_url_path", "metrics_url_path", "logs_url_path"];
        for (key, signal) in keys.into_iter().zip(Signal::ALL) {
            let path = self.of(signal);
            let parsed = path.parse::<http::Uri>();
            if !parsed.is_ok_and(|uri| uri.path() == path) || !is_escaped_well(&path) {
                invalid.push(Invalid::at(key, "is not the path of a URL"));
            }
        }
        invalid
    }
}

/// Returns whether a number of two digits follows each `%`.
fn is_escaped_well(path: &str) -> bool {
    let is_number = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    path.split('%').skip(1).all(is_number)
}

impl Validate for Config {
    fn validate(&self) -> Vec<Invalid> {
        let Protocols { grpc, http } = &self.protocols;
        if !grpc.is_on() && !http.is_on() {
            let message = "must have at least one of `grpc` and `http`";
            return vec![Invalid::at("protocols", message)];
        }
        let grpc = grpc.as_ref().map(Validate::validate);
        let http = http.as_ref().map(Validate::validate);
        placed(grpc, http)
    }

    fn warnings(&self) -> Vec<Invalid> {
        let Protocols { grpc, http } = &self.protocols;
        let grpc = grpc.as_ref().map(Validate::warnings);
        let http = http.as_ref().map(Validate::warnings);
        placed(grpc, http)
    }
}

/// Moves what is said about both protocols to where they are.
fn placed(grpc: Option<Vec<Invalid>>, http: Option<Vec<Invalid>>) -> Vec<Invalid> {
    let under = |key, said: Option<Vec<Invalid>>| {
        let said = said.unwrap_or_default().into_iter();
        said.map(move |each| each.under(key).under("protocols"))
    };
    under("grpc", grpc).chain(under("http", http)).collect()
}
