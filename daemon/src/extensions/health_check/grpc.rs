//! `grpc.health.v1.Health`: the standard question over gRPC, for probes that ask it.
//!
//! `Check` answers for everything, or for the pipeline whose name is asked for. `Watch` is a
//! stream, which the server does not have: it is refused as not implemented, and clients fall back
//! to asking again.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tapline_config::GrpcServerConfig;
use tapline_net::{
    Limits,
    grpc::{Call, Code, Refused, ServerSettings, Service, serve},
    listen::Listener,
    protobuf::Message,
    tls::{TlsServer, TlsServerSettings},
};
use tapline_pipeline::{StartError, Stop};
use tokio::time::Instant;

use super::{HealthCheck, Question, verdict::judge};
use crate::extensions::server::{CONNECTIONS_MAX, DRAIN_TIME_MAX};

/// Where it listens unless told otherwise.
pub(super) const ENDPOINT: &str = "localhost:13132";
/// The name of a service is short.
const MESSAGE_BYTES_MAX: usize = 4 << 10;

/// Answers probes.
pub(super) struct Probes(pub(super) Arc<HealthCheck>);

/// Listens, or says why not.
pub(super) async fn listen(config: &GrpcServerConfig) -> Result<Listener, StartError> {
    Listener::bind(config.transport, &config.endpoint)
        .await
        .map_err(|error| StartError(error.to_string()))
}

/// Reads certificates and decides how to serve.
pub(super) fn settings(config: &GrpcServerConfig) -> Result<ServerSettings, String> {
    let tls = config.tls.as_ref().map(|tls| {
        let settings = TlsServerSettings::from_config(tls);
        let server = settings.and_then(|settings| TlsServer::new(settings, &[b"h2"]));
        server.map(Arc::new).map_err(|error| error.to_string())
    });
    Ok(ServerSettings {
        tls: tls.transpose()?,
        limits: Limits {
            connections_max: Some(CONNECTIONS_MAX),
            drain_time_max: DRAIN_TIME_MAX,
        },
        message_bytes_max: MESSAGE_BYTES_MAX,
        ..ServerSettings::default()
    })
}

/// Serves until `stop`.
pub(super) async fn run(
    listener: Listener,
    settings: ServerSettings,
    probes: Arc<Probes>,
    stop: Stop,
) {
    serve(listener, settings, probes, stop.requested()).await;
}

#[async_trait]
impl Service for Probes {
    async fn call(&self, call: Call) -> Result<Bytes, Refused> {
        let path = call.head.uri.path();
        if path != "/grpc.health.v1.Health/Check" {
            return Err(Refused::unknown_method(path));
        }
        let request = call.message.read(&mut |_| Ok(())).await?;
        self.check(&Message::new(&request).text(1), Instant::now())
    }
}

impl Probes {
    fn check(&self, service: &str, now: Instant) -> Result<Bytes, Refused> {
        /// Field 1, a number: the status.
        const FIELD: u8 = 0x08;
        const SERVING: u8 = 1;
        const NOT_SERVING: u8 = 2;
        let check = &self.0;
        let only = (!service.is_empty()).then_some(service);
        let rules = check.rules(Question::Health);
        let verdict = judge(&check.host.scene(), only, rules, now);
        let verdict =
            verdict.ok_or_else(|| Refused::new(Code::NotFound, "there is no such pipeline"))?;
        let status = if verdict.is_well {
            SERVING
        } else {
            NOT_SERVING
        };
        Ok(Bytes::copy_from_slice(&[FIELD, status]))
    }
}
