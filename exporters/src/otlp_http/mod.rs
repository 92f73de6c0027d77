//! `otlp_http` (alias `otlphttp`): OTLP over HTTP, one POST per batch.
//!
//! Protobuf is not decoded and compression is its only copy; JSON is another. Memory is bounded by
//! the requests that delivery has in flight, each at most 64 MiB and once more compressed.

mod config;
mod encoding;
mod retry_after;
mod verdict;

use std::{sync::Arc, time::SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Uri,
    header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT},
};
use tapline_net::{compression::Compression, http::Client};
use tapline_pdata::{Batch, json::to_json};
use tapline_pipeline::{BuildContext, Exporter, Fault, Refusal};

use crate::otlp::{Credentials, PartialSuccesses, header_map, pieces, proxies, user_agent};

use self::encoding::Encoding;
pub use config::{CompressionParams, Config, CookiesConfig};

/// Builds the exporter for one signal. Reads certificate files, opens no connection.
pub fn build(config: &Config, cx: &BuildContext) -> Result<Arc<dyn Exporter>, String> {
    let url = config.url(cx.signal)?;
    let settings = config.client_settings(&url, proxies(cx)?)?;
    let client = Client::new(&settings).map_err(|error| error.to_string())?;
    let compression =
        Compression::from_name(&config.compression).map_err(|error| error.to_string())?;
    Ok(Arc::new(OtlpHttp {
        client,
        url,
        headers: headers(config, compression)?,
        encoding: config.encoding(),
        credentials: Credentials::find(config.auth.as_ref(), cx)?,
        compression,
        level: config.compression_params.level,
        partial_successes: PartialSuccesses::default(),
        cx: cx.clone(),
    }))
}

/// Returns the headers of every request; those of the user win.
fn headers(config: &Config, compression: Compression) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    let agent = user_agent()
        .parse()
        .map_err(|_invalid| "the user agent is not a header value")?;
    headers.insert(USER_AGENT, agent);
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(config.encoding().content_type()),
    );
    if let Some(encoding) = compression.content_encoding() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    headers.extend(header_map(&config.headers));
    Ok(headers)
}

struct OtlpHttp {
    client: Client,
    url: Uri,
    headers: HeaderMap,
    encoding: Encoding,
    credentials: Credentials,
    compression: Compression,
    level: i32,
    partial_successes: PartialSuccesses,
    cx: BuildContext,
}

impl OtlpHttp {
    /// Returns the pieces of the request. Protobuf without compression is the batch's own.
    async fn body(&self, batch: &Batch) -> Result<Vec<Bytes>, Refusal> {
        let chunks = match self.encoding {
            Encoding::Proto => batch.chunks().to_vec(),
            Encoding::Json => vec![to_json(batch).into()],
        };
        if self.compression == Compression::None {
            return Ok(chunks);
        }
        let packed = self.compression.compress_aside(self.level, chunks).await;
        let packed = packed.map_err(|error| {
            let cause = format!("cannot compress with {}: {error}", self.compression);
            Refusal::never(Fault::Tapline, cause)
        })?;
        Ok(vec![packed])
    }
}

#[async_trait]
impl Exporter for OtlpHttp {
    async fn export(&self, batch: Batch) -> Result<(), Refusal> {
        for piece in pieces(batch)? {
            self.send(&piece).await?;
        }
        Ok(())
    }
}

impl OtlpHttp {
    async fn send(&self, batch: &Batch) -> Result<(), Refusal> {
        let mut headers = self.headers.clone();
        headers.extend(self.credentials.headers(batch).await?);
        let body = self.body(batch).await?;
        let posted = self.client.post(&self.url, &headers, body).await;
        let response =
            posted.map_err(|error| Refusal::later(Fault::Backend, error.to_string(), None))?;
        if !response.status.is_success() {
            return Err(verdict::refusal(&response, &self.url, SystemTime::now()));
        }
        if verdict::is_protobuf(&response.headers) {
            self.partial_successes.look_at(&response.body, &self.cx);
        } else if verdict::is_json(&response.headers) {
            self.partial_successes
                .look_at_json(&response.body, &self.cx);
        }
        Ok(())
    }
}
