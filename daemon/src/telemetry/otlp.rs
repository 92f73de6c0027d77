//! Where own telemetry is pushed: the `otlp` exporter blocks below `service: telemetry:`.
//!
//! Requests are made by `opentelemetry-otlp`; connections, TLS and HTTP are ours, from `net`.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry_http::HttpError;
use opentelemetry_otlp::{
    Compression, MetricExporter, Protocol, WithExportConfig, WithHttpConfig, WithTonicConfig,
    tonic_types::metadata::MetadataMap,
};
use opentelemetry_sdk::metrics::Temporality;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{Headers, Invalid, TlsClientConfig, Validate};
use tapline_net::{compression, grpc, http as net_http, proxy::ProxySettings, tls::TlsSettings};

use super::written::Written;

/// An `otlp` block of the declarative configuration.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OtlpConfig {
    /// `grpc` or `http/protobuf`.
    pub(crate) protocol: String,
    /// A URL; `localhost:4317` or `localhost:4318/v1/…` when empty.
    pub(crate) endpoint: String,
    /// Sent with every request; their values are secret.
    pub(crate) headers: Headers,
    /// The same as `name=value`, joined by commas; `headers` wins.
    pub(crate) headers_list: tapline_config::Opaque,
    /// `gzip` or `none`.
    pub(crate) compression: String,
    /// How long sending may take, in milliseconds.
    pub(crate) timeout: u64,
    /// Whether an endpoint without a scheme is spoken to without TLS.
    pub(crate) insecure: bool,
    /// A file with the certificate authorities to trust.
    pub(crate) certificate: String,
    /// A file with our certificate.
    pub(crate) client_certificate: String,
    /// A file with our private key.
    pub(crate) client_key: String,
    /// `cumulative`, `delta` or `lowmemory`.
    pub(crate) temporality_preference: String,
    /// Not supported, unless it is what is done anyway.
    pub(crate) default_histogram_aggregation: String,
    /// Not supported.
    pub(crate) encoding: Written,
}

impl Default for OtlpConfig {
    fn default() -> Self {
        Self {
            protocol: String::new(),
            endpoint: String::new(),
            headers: Headers::default(),
            headers_list: tapline_config::Opaque::default(),
            compression: String::new(),
            timeout: 10_000,
            insecure: false,
            certificate: String::new(),
            client_certificate: String::new(),
            client_key: String::new(),
            temporality_preference: String::new(),
            default_histogram_aggregation: String::new(),
            encoding: Written::default(),
        }
    }
}

impl Validate for OtlpConfig {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        let choices = [
            ("protocol", &self.protocol, &["grpc", "http/protobuf"][..]),
            ("compression", &self.compression, &["", "none", "gzip"]),
            (
                "temporality_preference",
                &self.temporality_preference,
                &["", "cumulative", "delta", "lowmemory"],
            ),
            (
                "default_histogram_aggregation",
                &self.default_histogram_aggregation,
                &["", "explicit_bucket_histogram"],
            ),
        ];
        for (key, written, allowed) in choices {
            if !allowed.contains(&written.as_str()) {
                let names: Vec<_> = allowed.iter().filter(|name| !name.is_empty()).collect();
                let message = format!("must be one of {names:?}, not \"{written}\"");
                invalid.push(Invalid::at(key, message));
            }
        }
        if self.encoding.is_there() {
            invalid.push(Invalid::at("encoding", "is not supported by tapline yet"));
        }
        if self.client_certificate.is_empty() != self.client_key.is_empty() {
            let message = "must be given together with `client_certificate`";
            invalid.push(Invalid::at("client_key", message));
        }
        if self.protocol == "grpc" && invalid.is_empty() {
            let parsed = grpc::Endpoint::parse(&self.url("localhost:4317"));
            invalid.extend(parsed.err().map(|e| Invalid::at("endpoint", e.to_string())));
        }
        invalid
    }
}

// === impl OtlpConfig ===

impl OtlpConfig {
    /// Returns how sums are told.
    pub(crate) fn temporality(&self) -> Temporality {
        self.temporality_preference.parse().unwrap_or_default()
    }

    /// Returns how long sending may take.
    pub(crate) fn time_max(&self) -> Duration {
        Duration::from_millis(self.timeout)
    }

    /// Makes an exporter of metrics. Reads certificate files; needs a runtime; opens nothing.
    pub(crate) fn metric_exporter(&self) -> Result<MetricExporter, String> {
        let builder = MetricExporter::builder().with_temporality(self.temporality());
        let made = if self.protocol == "grpc" {
            let builder = builder
                .with_tonic()
                .with_channel(self.channel()?)
                .with_metadata(MetadataMap::from_headers(self.header_map()?))
                .with_timeout(self.time_max());
            match self.gzip() {
                Some(gzip) => builder.with_compression(gzip).build(),
                None => builder.build(),
            }
        } else {
            let builder = builder
                .with_http()
                .with_protocol(Protocol::HttpBinary)
                .with_shared_http_client(Arc::new(self.http()?))
                .with_endpoint(self.url("localhost:4318/v1/metrics"))
                .with_headers(self.all_headers().collect::<HashMap<_, _>>())
                .with_timeout(self.time_max());
            match self.gzip() {
                Some(gzip) => builder.with_compression(gzip).build(),
                None => builder.build(),
            }
        };
        made.map_err(|error| error.to_string())
    }

    /// Makes a sender of log records. Reads certificate files; opens nothing.
    pub(crate) fn log_sender(&self) -> Result<LogSender, String> {
        let mut headers = self.header_map()?;
        if self.protocol == "grpc" {
            let settings = self.grpc(self.compression_kind(), headers)?;
            let client = grpc::Client::new(settings).map_err(|error| error.to_string())?;
            return Ok(LogSender::Grpc(Box::new(client)));
        }
        let url = self.url("localhost:4318/v1/logs");
        let kind = http::HeaderValue::from_static("application/x-protobuf");
        headers.insert(http::header::CONTENT_TYPE, kind);
        if let Some(encoding) = self.compression_kind().content_encoding() {
            let encoding = http::HeaderValue::from_static(encoding);
            headers.insert(http::header::CONTENT_ENCODING, encoding);
        }
        Ok(LogSender::Http(Box::new(Post {
            client: self.http()?.0,
            url: url
                .parse()
                .map_err(|error| format!("endpoint \"{url}\": {error}"))?,
            headers,
            compression: self.compression_kind(),
        })))
    }

    fn compression_kind(&self) -> compression::Compression {
        match self.gzip() {
            Some(_) => compression::Compression::Gzip,
            None => compression::Compression::None,
        }
    }

    fn gzip(&self) -> Option<Compression> {
        (self.compression == "gzip").then_some(Compression::Gzip)
    }

    /// Returns the endpoint with its scheme.
    fn url(&self, default: &str) -> String {
        let endpoint = if self.endpoint.is_empty() {
            default
        } else {
            &self.endpoint
        };
        if endpoint.contains("://") {
            return endpoint.to_owned();
        }
        let scheme = if self.insecure { "http" } else { "https" };
        format!("{scheme}://{endpoint}")
    }

    fn all_headers(&self) -> impl Iterator<Item = (String, String)> {
        let listed = self.headers_list.reveal().split(',');
        let listed = listed.filter_map(|pair| pair.split_once('='));
        let listed = listed.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
        let written = self.headers.iter();
        // The later of two headers of one name wins.
        listed.chain(written.map(|(name, value)| (name.to_owned(), value.reveal().to_owned())))
    }

    fn header_map(&self) -> Result<http::HeaderMap, String> {
        let mut map = http::HeaderMap::new();
        for (name, value) in self.all_headers() {
            let unusable = |_| format!("header \"{name}\" cannot be sent");
            let key = http::HeaderName::try_from(&name).map_err(|e| unusable(e.to_string()))?;
            let value = http::HeaderValue::try_from(value).map_err(|e| unusable(e.to_string()))?;
            map.insert(key, value);
        }
        Ok(map)
    }

    fn tls(&self) -> Result<TlsSettings, String> {
        let config = TlsClientConfig {
            ca_file: self.certificate.clone(),
            cert_file: self.client_certificate.clone(),
            key_file: self.client_key.clone(),
            ..TlsClientConfig::default()
        };
        TlsSettings::from_config(&config).map_err(|error| error.to_string())
    }

    /// Makes a channel for the exporter, whose business compression and headers are.
    fn channel(&self) -> Result<grpc::Channel, String> {
        let settings = self.grpc(compression::Compression::None, http::HeaderMap::new())?;
        grpc::channel(&settings).map_err(|error| error.to_string())
    }

    fn grpc(
        &self,
        compression: compression::Compression,
        headers: http::HeaderMap,
    ) -> Result<grpc::ClientSettings, String> {
        let url = self.url("localhost:4317");
        let endpoint = grpc::Endpoint::parse(&url).map_err(|error| error.to_string())?;
        let tls = endpoint.forces_tls.then(|| self.tls()).transpose()?;
        Ok(grpc::ClientSettings {
            endpoint,
            tls,
            compression,
            headers,
            user_agent: tapline_net::user_agent(env!("CARGO_PKG_VERSION")),
            authority: None,
            keepalive: None,
            balancing: grpc::Balancing::default(),
            when_unreachable: grpc::WhenUnreachable::default(),
            proxy: ProxySettings::default(),
        })
    }

    fn http(&self) -> Result<HttpClient, String> {
        let is_https = self.url("").starts_with("https:");
        let settings = net_http::ClientSettings {
            tls: is_https.then(|| self.tls()).transpose()?,
            ..net_http::ClientSettings::default()
        };
        net_http::Client::new(&settings)
            .map(HttpClient)
            .map_err(|error| error.to_string())
    }
}

/// Sends log records that are written as OTLP already.
#[derive(Debug)]
pub(crate) enum LogSender {
    /// Over gRPC.
    Grpc(Box<grpc::Client>),
    /// Over HTTP.
    Http(Box<Post>),
}

/// What is the same for every request over HTTP.
#[derive(Debug)]
pub(crate) struct Post {
    client: net_http::Client,
    url: http::Uri,
    headers: http::HeaderMap,
    compression: compression::Compression,
}

/// The compression level that means "the usual one".
const USUAL_LEVEL: i32 = 0;

impl LogSender {
    /// Sends one request once.
    pub(crate) async fn send(&self, request: Bytes) -> Result<(), String> {
        match self {
            Self::Grpc(client) => {
                const EXPORT: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
                let answer = client
                    .call(EXPORT, vec![request], http::HeaderMap::new())
                    .await;
                answer.map(drop).map_err(|status| status.message)
            }
            Self::Http(post) => post.send(request).await,
        }
    }
}

impl Post {
    async fn send(&self, request: Bytes) -> Result<(), String> {
        let body = self
            .compression
            .compress(USUAL_LEVEL, &[request])
            .map_err(|error| error.to_string())?;
        let answer = self.client.post(&self.url, &self.headers, vec![body]).await;
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.status.is_success() {
            Ok(())
        } else {
            Err(format!("{} answered {}", self.url, answer.status))
        }
    }
}

/// Our HTTP client under the exporter's trait.
#[derive(Debug)]
struct HttpClient(net_http::Client);

#[async_trait]
impl opentelemetry_http::HttpClient for HttpClient {
    async fn send_bytes(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let answer = self.0.post(&head.uri, &head.headers, vec![body]).await?;
        let mut response = http::Response::new(answer.body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}
