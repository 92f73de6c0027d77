//! From what the user wrote about an HTTP server to settings. Reads certificates, opens nothing.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use tapline_config::{Duration, Headers, HttpServerConfig};

use super::{cors::Cors, server::ServerSettings};
use crate::{
    compression::{Compression, CompressionError, Encodings},
    server::Limits,
    tls::{TlsError, TlsServer, TlsServerSettings},
};

/// Why a server cannot be as the user wrote it.
#[derive(Debug, thiserror::Error)]
pub enum ServerConfigError {
    /// TLS cannot be spoken.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// An encoding is unknown.
    #[error(transparent)]
    Encoding(#[from] CompressionError),
    /// A header cannot be sent.
    #[error("response_headers: \"{0}\" has a name or a value that no header may have")]
    Header(String),
}

impl ServerSettings {
    /// Takes over what the user wrote, with the Collector's times for what was not written.
    pub fn from_config(config: &HttpServerConfig) -> Result<Self, ServerConfigError> {
        let default = Self::default();
        let tls = config.tls.as_ref().map(|tls| {
            let settings = TlsServerSettings::from_config(tls)?;
            TlsServer::new(settings, &[b"h2", b"http/1.1"]).map(Arc::new)
        });
        let given = |written: Duration| (!written.is_zero()).then(|| written.get());
        let or = |written: Option<Duration>, default| written.map_or(default, given);
        Ok(Self {
            tls: tls.transpose()?,
            limits: Limits::default(),
            body_bytes_max: config.body_bytes_max(),
            encodings: encodings(&config.compression_algorithms)?,
            answer_headers: answer_headers(&config.response_headers)?,
            cors: cors(config),
            head_time_max: or(config.read_header_timeout, default.head_time_max),
            body_time_max: given(config.read_timeout),
            write_time_max: or(config.write_timeout, default.write_time_max),
            idle_max: or(config.idle_timeout, default.idle_max),
            keep_alive: config.keep_alives_enabled,
        })
    }
}

fn encodings(names: &[String]) -> Result<Encodings, CompressionError> {
    if names.is_empty() {
        return Ok(Encodings::ALL);
    }
    let known = names.iter().map(|name| Compression::from_name(name));
    Ok(Encodings::of(known.collect::<Result<Vec<_>, _>>()?))
}

fn answer_headers(written: &Headers) -> Result<HeaderMap, ServerConfigError> {
    let mut headers = HeaderMap::new();
    for (name, value) in written.iter() {
        let parsed = HeaderName::from_bytes(name.as_bytes()).ok();
        let value = HeaderValue::from_str(value.reveal()).ok();
        let (Some(parsed), Some(value)) = (parsed, value) else {
            return Err(ServerConfigError::Header(name.to_owned()));
        };
        headers.insert(parsed, value);
    }
    Ok(headers)
}

fn cors(config: &HttpServerConfig) -> Option<Cors> {
    let written = config.cors.as_ref()?;
    // The Collector leaves CORS off until an origin is named.
    (!written.allowed_origins.is_empty()).then(|| Cors {
        origins: written.allowed_origins.clone(),
        headers: written.allowed_headers.clone(),
        exposed: written.exposed_headers.clone(),
        max_age_seconds: written.max_age,
    })
}
