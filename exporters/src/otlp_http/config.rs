//! Settings of `otlp_http`, with the Collector's keys and defaults.

use http::{
    Uri,
    uri::{Authority, Scheme},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{
    AuthConfig, Duration, Headers, Invalid, Optional, QueueConfig, RetryConfig, TlsClientConfig,
    Validate,
};
use tapline_net::{
    compression::Compression,
    http::{AskHttp2, ClientSettings, CookiePolicy},
    proxy::{ProxyError, ProxySettings},
    tls::TlsSettings,
};
use tapline_pdata::Signal;

use crate::{
    Unsupported,
    otlp::{invalid_delivery, invalid_headers},
    unsupported::NOT_SUPPORTED,
};

/// How many idle connections per host Go keeps when it is not told.
const IDLE_PER_HOST_DEFAULT: usize = 2;
/// How long Go waits for the answer to a ping when it is not told.
const PING_TIMEOUT_DEFAULT: Duration = Duration::from_secs(15);

/// What the user wrote under `otlp_http`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The base URL; `/v1/traces` and its like are appended.
    pub endpoint: String,
    /// Where traces go instead, verbatim.
    pub traces_endpoint: String,
    /// Where metrics go instead, verbatim.
    pub metrics_endpoint: String,
    /// Where logs go instead, verbatim.
    pub logs_endpoint: String,
    /// Where profiles go instead, verbatim.
    pub profiles_endpoint: String,
    /// Used for `https://` URLs.
    pub tls: TlsClientConfig,
    /// Headers sent with every request; their values are secret.
    pub headers: Headers,
    /// `gzip`, `zstd`, `zlib`, `deflate`, `snappy`, `x-snappy-framed`, `lz4` or `none`.
    pub compression: String,
    /// How hard to compress.
    pub compression_params: CompressionParams,
    /// How messages are written: `proto` or `json`.
    pub encoding: String,
    /// How long one attempt may take; zero means for ever. Done by delivery.
    pub timeout: Duration,
    /// The queue before the exporter. Done by delivery.
    pub sending_queue: QueueConfig,
    /// What happens to batches that may be taken later. Done by delivery.
    pub retry_on_failure: RetryConfig,
    /// Accepted and not used: there is one host, so `max_idle_conns_per_host` says all.
    pub max_idle_conns: u64,
    /// How many idle connections are kept; zero means 2.
    pub max_idle_conns_per_host: usize,
    /// How long an idle connection is kept; zero means as long as the server does.
    pub idle_conn_timeout: Duration,
    /// Whether every request has a connection of its own.
    pub disable_keep_alives: bool,
    /// Whether HTTP/2 is offered to servers that speak TLS.
    pub force_attempt_http2: bool,
    /// After how much silence an HTTP/2 connection is pinged; zero means never.
    pub http2_read_idle_timeout: Duration,
    /// How long the answer to a ping may take; zero means 15s.
    pub http2_ping_timeout: Duration,
    /// Accepted and not used: the runtime sizes its own buffers.
    pub read_buffer_size: u64,
    /// Accepted and not used: the runtime sizes its own buffers.
    pub write_buffer_size: u64,
    /// How many requests may be under way; zero means as many as delivery sends at a time.
    pub max_conns_per_host: usize,
    /// The proxy between us and the backend, instead of what the environment says.
    pub proxy_url: String,
    /// Whether cookies of the backend are sent back to it; not unless the block is there.
    pub cookies: Optional<CookiesConfig>,
    /// Which extension proves who we are.
    pub auth: Option<AuthConfig>,
    /// Not supported yet.
    pub middlewares: Unsupported,
}

/// How hard to compress.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompressionParams {
    /// Zero is the library's default; gzip, zlib and deflate take -2 to 9.
    pub level: i32,
}

/// Nothing to say beside that cookies are wanted.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CookiesConfig {}

impl Default for Config {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            traces_endpoint: String::new(),
            metrics_endpoint: String::new(),
            logs_endpoint: String::new(),
            profiles_endpoint: String::new(),
            tls: TlsClientConfig::default(),
            headers: Headers::default(),
            compression: "gzip".to_owned(),
            compression_params: CompressionParams::default(),
            encoding: "proto".to_owned(),
            timeout: Duration::from_secs(30),
            sending_queue: QueueConfig::default(),
            retry_on_failure: RetryConfig::default(),
            max_idle_conns: 100,
            max_idle_conns_per_host: 0,
            idle_conn_timeout: Duration::from_secs(90),
            disable_keep_alives: false,
            force_attempt_http2: true,
            http2_read_idle_timeout: Duration::ZERO,
            http2_ping_timeout: Duration::ZERO,
            read_buffer_size: 0,
            write_buffer_size: 512 << 10,
            max_conns_per_host: 0,
            proxy_url: String::new(),
            cookies: Optional::Off,
            auth: None,
            middlewares: Unsupported::default(),
        }
    }
}

impl Config {
    fn endpoints(&self) -> [(&'static str, &str); 5] {
        [
            ("endpoint", &self.endpoint),
            ("traces_endpoint", &self.traces_endpoint),
            ("metrics_endpoint", &self.metrics_endpoint),
            ("logs_endpoint", &self.logs_endpoint),
            ("profiles_endpoint", &self.profiles_endpoint),
        ]
    }

    /// Returns where one signal goes.
    pub(super) fn url(&self, signal: Signal) -> Result<Uri, String> {
        let (own, path) = match signal {
            Signal::Traces => (&self.traces_endpoint, "v1/traces"),
            Signal::Metrics => (&self.metrics_endpoint, "v1/metrics"),
            Signal::Logs => (&self.logs_endpoint, "v1/logs"),
            Signal::Profiles => (&self.profiles_endpoint, "v1development/profiles"),
        };
        if !own.is_empty() {
            return parse_url(own);
        }
        if self.endpoint.is_empty() {
            return Err(format!("there is no endpoint for {signal}"));
        }
        parse_url(&format!(
            "{}/{path}",
            self.endpoint.strip_suffix('/').unwrap_or(&self.endpoint)
        ))
    }

    /// Returns what the client needs to know. Certificates are looked at only if TLS is spoken.
    pub(super) fn client_settings(
        &self,
        url: &Uri,
        environment: ProxySettings,
    ) -> Result<ClientSettings, String> {
        let is_https = url.scheme() == Some(&Scheme::HTTPS);
        let tls = is_https
            .then(|| TlsSettings::from_config(&self.tls))
            .transpose();
        let non_zero = |time: Duration| (!time.is_zero()).then(|| time.get());
        Ok(ClientSettings {
            tls: tls.map_err(|error| error.to_string())?,
            http2: if self.force_attempt_http2 {
                AskHttp2::Yes
            } else {
                AskHttp2::No
            },
            idle_per_host_max: match (self.disable_keep_alives, self.max_idle_conns_per_host) {
                (true, _) => 0,
                (false, 0) => IDLE_PER_HOST_DEFAULT,
                (false, most) => most,
            },
            idle_time_max: non_zero(self.idle_conn_timeout),
            ping_after: non_zero(self.http2_read_idle_timeout),
            proxy: match self.own_proxy() {
                Some(own) => own.map_err(|error| format!("proxy_url {error}"))?,
                None => environment,
            },
            requests_max: (self.max_conns_per_host > 0).then_some(self.max_conns_per_host),
            cookies: if self.cookies.is_on() {
                CookiePolicy::Keep
            } else {
                CookiePolicy::Ignore
            },
            ping_time_max: non_zero(self.http2_ping_timeout).unwrap_or(PING_TIMEOUT_DEFAULT.get()),
        })
    }

    fn own_proxy(&self) -> Option<Result<ProxySettings, ProxyError>> {
        let url = self.proxy_url.as_str();
        (!url.is_empty()).then(|| ProxySettings::always(url))
    }

    fn invalid_endpoints(&self) -> Vec<Invalid> {
        let given = self
            .endpoints()
            .into_iter()
            .filter(|(_, text)| !text.is_empty());
        let mut invalid: Vec<_> = given
            .clone()
            .filter_map(|(key, text)| Some(Invalid::at(key, parse_url(text).err()?)))
            .collect();
        if given.count() == 0 {
            invalid.push(Invalid::at("", "at least one endpoint must be specified"));
        }
        invalid
    }

    fn invalid_compression(&self) -> Option<Invalid> {
        let compression = match Compression::from_name(&self.compression) {
            Ok(compression) => compression,
            Err(error) => {
                return Some(Invalid::at(
                    "compression",
                    format!("is not usable: {error}"),
                ));
            }
        };
        let error = compression
            .check_level(self.compression_params.level)
            .err()?;
        Some(Invalid::at("level", format!("is not usable: {error}")).under("compression_params"))
    }
}

impl Validate for Config {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = self.invalid_endpoints();
        invalid.extend(self.invalid_compression());
        match self.encoding.as_str() {
            "" | "proto" | "json" => {}
            _ => invalid.push(Invalid::at("encoding", "must be `proto` or `json`")),
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
        if let Some(error) = self.own_proxy().and_then(Result::err) {
            invalid.push(Invalid::at("proxy_url", error.to_string()));
        }
        invalid.extend(self.middlewares.complaint("middlewares"));
        invalid
    }
}

/// Reads a URL. Its text is not repeated in messages: it may hold a key.
fn parse_url(text: &str) -> Result<Uri, String> {
    if text.starts_with("unix:") {
        return Err(format!("a unix socket {NOT_SUPPORTED}"));
    }
    let url: Uri = text
        .parse()
        .map_err(|error| format!("is not a URL: {error}"))?;
    if ![Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&url.scheme()) {
        return Err("must begin with `http://` or `https://`".to_owned());
    }
    match url.authority() {
        Some(authority) if authority.as_str().contains('@') => Err(format!(
            "has a user and password, which {NOT_SUPPORTED}; use `headers`"
        )),
        Some(authority) if !has_port(authority) => {
            Err("has a port that is not a number up to 65535".to_owned())
        }
        Some(authority) if !authority.host().is_empty() => Ok(url),
        _ => Err("has no host".to_owned()),
    }
}

/// Returns whether the port can be one. One that is left out, or empty, is that of the scheme.
fn has_port(authority: &Authority) -> bool {
    let rest = authority.as_str().strip_prefix(authority.host());
    let port = rest.and_then(|rest| rest.strip_prefix(':')).unwrap_or("");
    port.is_empty() || authority.port_u16().is_some()
}
