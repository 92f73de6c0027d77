//! The server side of HTTP, as every component that serves it is configured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Duration, Headers, HttpAuthConfig, Invalid, MiddlewareConfig, Optional, TlsServerConfig,
    Transport, Validate, endpoint::invalid_endpoint, grpc_server::DialerConfig, off_when_null,
};

/// Encodings of request bodies that a server may allow; the empty one is none.
const ENCODINGS: &[&str] = &[
    "",
    "gzip",
    "zstd",
    "zlib",
    "snappy",
    "deflate",
    "lz4",
    "x-snappy-framed",
];

/// An HTTP server. Times of zero mean "no limit".
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpServerConfig {
    /// `host:port`, or a path when `transport` is `unix`; the component's own when empty.
    pub endpoint: String,
    /// Over what it listens.
    pub transport: Transport,
    /// Accepted; it means something for clients only.
    pub dialer: DialerConfig,
    /// TLS; plain when absent.
    #[serde(deserialize_with = "off_when_null")]
    pub tls: Optional<TlsServerConfig>,
    /// Which web pages may send requests; none unless the block names some.
    #[serde(deserialize_with = "off_when_null")]
    pub cors: Optional<CorsConfig>,
    /// Who finds out who a client is.
    pub auth: Option<HttpAuthConfig>,
    /// The largest body, on the wire and again after decompression; zero or less means 20 MiB.
    pub max_request_body_size: i64,
    /// Whether request headers travel with the data.
    pub include_metadata: bool,
    /// Headers added to every answer.
    pub response_headers: Headers,
    /// Encodings that bodies may have; all when empty.
    pub compression_algorithms: Vec<String>,
    /// How long reading a request may take.
    pub read_timeout: Duration,
    /// How long reading the head of a request may take; a minute unless the component says else.
    pub read_header_timeout: Option<Duration>,
    /// How long writing an answer may take; 30 s unless the component says else.
    pub write_timeout: Option<Duration>,
    /// How long a connection may be without a request; a minute unless the component says else.
    pub idle_timeout: Option<Duration>,
    /// Whether a connection serves more than one request.
    pub keep_alives_enabled: bool,
    /// Not supported yet.
    pub middlewares: Vec<MiddlewareConfig>,
}

/// Requests from web pages of other origins. Credentials are always allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CorsConfig {
    /// Origins; each may have one `*`, which stands for any text.
    pub allowed_origins: Vec<String>,
    /// Headers that pages may send beside the safe ones.
    pub allowed_headers: Vec<String>,
    /// Headers of answers that pages may see.
    pub exposed_headers: Vec<String>,
    /// How many seconds a browser may remember this; zero leaves it to the browser.
    pub max_age: u64,
}

impl Default for HttpServerConfig {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            transport: Transport::Tcp,
            dialer: DialerConfig::default(),
            tls: Optional::Off,
            cors: Optional::Off,
            auth: None,
            max_request_body_size: 0,
            include_metadata: false,
            response_headers: Headers::default(),
            compression_algorithms: Vec::new(),
            read_timeout: Duration::ZERO,
            read_header_timeout: None,
            write_timeout: None,
            idle_timeout: None,
            keep_alives_enabled: true,
            middlewares: Vec::new(),
        }
    }
}

impl HttpServerConfig {
    /// Returns the largest body in bytes.
    pub fn body_bytes_max(&self) -> usize {
        const DEFAULT: usize = 20 << 20;
        match usize::try_from(self.max_request_body_size) {
            Ok(0) | Err(_) => DEFAULT,
            Ok(size) => size,
        }
    }
}

impl CorsConfig {
    fn invalid(&self) -> Vec<Invalid> {
        let many_stars = |(at, origin): (usize, &String)| {
            let message = "must have at most one `*`";
            (origin.matches('*').count() > 1)
                .then(|| Invalid::at(format!("allowed_origins::{at}"), message))
        };
        let origins = self.allowed_origins.iter().enumerate();
        origins.filter_map(many_stars).collect()
    }
}

impl Validate for HttpServerConfig {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        invalid.extend(invalid_endpoint(self.transport, &self.endpoint));
        if let Some(tls) = self.tls.as_ref() {
            invalid.extend(tls.validate().into_iter().map(|each| each.under("tls")));
        }
        if let Some(cors) = self.cors.as_ref() {
            invalid.extend(cors.invalid().into_iter().map(|each| each.under("cors")));
        }
        for (at, encoding) in self.compression_algorithms.iter().enumerate() {
            if !ENCODINGS.contains(&encoding.as_str()) {
                let known = ENCODINGS[1..].join(", ");
                let message = format!("is not a known encoding; known are \"\", {known}");
                invalid.push(Invalid::at(
                    format!("compression_algorithms::{at}"),
                    message,
                ));
            }
        }
        if !self.middlewares.is_empty() {
            let message = "is not supported by tapline yet";
            invalid.push(Invalid::at("middlewares", message));
        }
        invalid
    }
}
