//! Settings of `otlp_grpc`, with the Collector's keys and defaults.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{
    AuthConfig, Duration, Headers, Invalid, Optional, QueueConfig, RetryConfig, TlsClientConfig,
    Validate,
};
use tapline_net::{
    compression::Compression,
    grpc::{Balancing, Client, ClientSettings, Endpoint, Keepalive, WhenUnreachable},
    proxy::ProxySettings,
    tls::TlsSettings,
};

use crate::{
    Unsupported,
    otlp::{header_map, invalid_delivery, invalid_headers, user_agent},
};

/// What the user wrote under `otlp_grpc`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `host:port`, with `http://`, `https://` or `dns:///` before it, or `unix:///path`.
    pub endpoint: String,
    /// TLS is on unless `tls.insecure` says otherwise; `https://` keeps it on.
    pub tls: TlsClientConfig,
    /// Headers sent with every call; their values are secret.
    pub headers: Headers,
    /// `gzip`, `snappy`, `zstd` or `none`.
    pub compression: String,
    /// How long one attempt may take; zero means for ever. Done by delivery.
    pub timeout: Duration,
    /// The queue before the exporter. Done by delivery.
    pub sending_queue: QueueConfig,
    /// What happens to batches that may be taken later. Done by delivery.
    pub retry_on_failure: RetryConfig,
    /// Pings on the connection; none unless the block is there.
    pub keepalive: Optional<KeepaliveConfig>,
    /// `round_robin` over all addresses of the endpoint, or `pick_first`.
    pub balancer_name: String,
    /// The `:authority` to claim instead of the endpoint.
    pub authority: String,
    /// The user agent to claim instead of tapline's.
    pub user_agent: String,
    /// Accepted and not used: the runtime sizes its own buffers.
    pub read_buffer_size: u64,
    /// Accepted and not used: the runtime sizes its own buffers.
    pub write_buffer_size: u64,
    /// Whether a call waits for a connection instead of failing at once.
    pub wait_for_ready: bool,
    /// Which extension proves who we are.
    pub auth: Option<AuthConfig>,
    /// Not supported yet.
    pub middlewares: Unsupported,
}

/// Pings on a connection.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeepaliveConfig {
    /// After how much silence to ping.
    pub time: Duration,
    /// How long the answer may take before the connection counts as lost.
    pub timeout: Duration,
    /// Whether to ping while no call is open.
    pub permit_without_stream: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            tls: TlsClientConfig::default(),
            headers: Headers::default(),
            compression: "gzip".to_owned(),
            timeout: Duration::from_secs(5),
            sending_queue: QueueConfig::default(),
            retry_on_failure: RetryConfig::default(),
            keepalive: Optional::Off,
            balancer_name: "round_robin".to_owned(),
            authority: String::new(),
            user_agent: String::new(),
            read_buffer_size: 0,
            write_buffer_size: 512 << 10,
            wait_for_ready: false,
            auth: None,
            middlewares: Unsupported::default(),
        }
    }
}

impl Default for KeepaliveConfig {
    fn default() -> Self {
        let ten_seconds = Duration::from_secs(10);
        Self {
            time: ten_seconds,
            timeout: ten_seconds,
            permit_without_stream: false,
        }
    }
}

impl Config {
    fn compression(&self) -> Result<Compression, String> {
        let compression =
            Compression::from_name(&self.compression).map_err(|error| error.to_string())?;
        Client::check_compression(compression).map_err(|error| error.to_string())?;
        Ok(compression)
    }

    /// Returns what the client needs to know; fails where [`Config::validate`] complains.
    pub(super) fn client_settings(&self, proxy: ProxySettings) -> Result<ClientSettings, String> {
        let endpoint = Endpoint::parse(&self.endpoint).map_err(|error| error.to_string())?;
        let plain = self.tls.insecure && !has_ca(&self.tls) && !endpoint.forces_tls;
        let tls = (!plain)
            .then(|| TlsSettings::from_config(&self.tls))
            .transpose();
        let non_empty = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(ClientSettings {
            endpoint,
            tls: tls.map_err(|error| error.to_string())?,
            compression: self.compression()?,
            headers: header_map(&self.headers),
            user_agent: non_empty(&self.user_agent).unwrap_or_else(user_agent),
            authority: non_empty(&self.authority),
            keepalive: self.keepalive.as_ref().map(|keepalive| Keepalive {
                after: keepalive.time.get(),
                time_max: keepalive.timeout.get(),
                while_idle: keepalive.permit_without_stream,
            }),
            balancing: match self.balancer_name.as_str() {
                "pick_first" => Balancing::PickFirst,
                _ => Balancing::RoundRobin,
            },
            when_unreachable: if self.wait_for_ready {
                WhenUnreachable::Wait
            } else {
                WhenUnreachable::Fail
            },
            proxy,
        })
    }
}

impl Validate for Config {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        if let Err(error) = Endpoint::parse(&self.endpoint) {
            invalid.push(Invalid::at("endpoint", format!("is not usable: {error}")));
        }
        if let Err(error) = self.compression() {
            invalid.push(Invalid::at(
                "compression",
                format!("is not usable: {error}"),
            ));
        }
        if !["", "round_robin", "pick_first"].contains(&self.balancer_name.as_str()) {
            invalid.push(Invalid::at(
                "balancer_name",
                "must be `round_robin` or `pick_first`",
            ));
        }
        invalid.extend(
            self.tls
                .validate()
                .into_iter()
                .map(|each| each.under("tls")),
        );
        invalid.extend(invalid_headers(&self.headers));
        invalid.extend(invalid_delivery(
            &self.sending_queue,
            &self.retry_on_failure,
        ));
        invalid.extend(self.middlewares.complaint("middlewares"));
        invalid
    }
}

fn has_ca(tls: &TlsClientConfig) -> bool {
    !tls.ca_file.is_empty() || !tls.ca_pem.is_empty()
}
