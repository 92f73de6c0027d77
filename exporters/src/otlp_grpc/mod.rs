//! `otlp_grpc` (alias `otlp`): OTLP over gRPC, one unary call per batch.
//!
//! The batch's own buffers are sent; nothing is decoded. Memory is bounded by the calls that
//! delivery has in flight, each at most 64 MiB.

mod config;
mod verdict;

use std::sync::Arc;

use async_trait::async_trait;
use tapline_net::grpc::Client;
use tapline_pdata::{Batch, Signal};
use tapline_pipeline::{BuildContext, Exporter, Refusal};

use crate::otlp::{Credentials, PartialSuccesses, pieces, proxies};

pub use config::{Config, KeepaliveConfig};

/// Builds the exporter. Reads certificate files, opens no connection, needs no runtime.
pub fn build(config: &Config, cx: &BuildContext) -> Result<Arc<dyn Exporter>, String> {
    let settings = config.client_settings(proxies(cx)?)?;
    let endpoint = settings.endpoint.to_string();
    let client = Client::new(settings).map_err(|error| error.to_string())?;
    let partial_successes = PartialSuccesses::default();
    let credentials = Credentials::find(config.auth.as_ref(), cx)?;
    Ok(Arc::new(OtlpGrpc {
        client,
        endpoint,
        credentials,
        partial_successes,
        cx: cx.clone(),
    }))
}

struct OtlpGrpc {
    client: Client,
    endpoint: String,
    credentials: Credentials,
    partial_successes: PartialSuccesses,
    cx: BuildContext,
}

#[async_trait]
impl Exporter for OtlpGrpc {
    async fn export(&self, batch: Batch) -> Result<(), Refusal> {
        for piece in pieces(batch)? {
            self.send(&piece).await?;
        }
        Ok(())
    }
}

impl OtlpGrpc {
    async fn send(&self, batch: &Batch) -> Result<(), Refusal> {
        let credentials = self.credentials.headers(batch).await?;
        let reply = self
            .client
            .call(method(batch.signal()), batch.chunks().to_vec(), credentials)
            .await;
        let response = reply.map_err(|status| verdict::refusal(&status, &self.endpoint))?;
        self.partial_successes.look_at(&response, &self.cx);
        Ok(())
    }
}

fn method(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        Signal::Profiles => {
            "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"
        }
    }
}
