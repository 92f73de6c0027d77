//! OTLP/gRPC: four services with one method each.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use tapline_config::{Duration as Written, GrpcServerConfig};
use tapline_net::grpc::{Call, Refused, ServerKeepalive, ServerSettings, Service};
use tapline_pdata::Signal;

use super::{
    gate::Gate,
    intake::{Encoding, Intake},
    server_tls,
};

/// Answers export calls.
pub(super) struct GrpcIntake {
    intake: Arc<Intake>,
    gate: Gate,
}

impl GrpcIntake {
    pub(super) fn new(intake: Arc<Intake>, gate: Gate) -> Self {
        Self { intake, gate }
    }
}

#[async_trait]
impl Service for GrpcIntake {
    async fn call(&self, mut call: Call) -> Result<Bytes, Refused> {
        let path = call.head.uri.path();
        let way = signal(path).and_then(|signal| self.intake.way(signal));
        let way = way.ok_or_else(|| Refused::unknown_method(path))?;
        let origin = self.gate.pass(&call.head, call.peer).await?;
        let held = way.admit(call.message.announced().await?)?;
        let wire = call.message.read().await?;
        way.pass(wire, Encoding::Protobuf, held, origin).await?;
        // An answer without any field: everything was taken.
        Ok(Bytes::new())
    }
}

fn signal(path: &str) -> Option<Signal> {
    match path.strip_prefix("/opentelemetry.proto.collector.")? {
        "trace.v1.TraceService/Export" => Some(Signal::Traces),
        "metrics.v1.MetricsService/Export" => Some(Signal::Metrics),
        "logs.v1.LogsService/Export" => Some(Signal::Logs),
        "profiles.v1development.ProfilesService/Export" => Some(Signal::Profiles),
        _ => None,
    }
}

/// Takes over what the user wrote.
pub(super) fn settings(config: &GrpcServerConfig) -> Result<ServerSettings, String> {
    let parameters = config.keepalive.server_parameters.clone();
    let parameters = parameters.unwrap_or_default();
    let given = |written: Written| (!written.is_zero()).then(|| written.get());
    let default = ServerKeepalive::default();
    let or = |written, default: Duration| given(written).unwrap_or(default);
    let tls = config.tls.as_ref().map(|tls| server_tls(tls, &[b"h2"]));
    Ok(ServerSettings {
        tls: tls.transpose()?,
        message_bytes_max: config.message_bytes_max(),
        streams_max: Some(config.max_concurrent_streams).filter(|max| *max > 0),
        keepalive: ServerKeepalive {
            ping_after: or(parameters.time, default.ping_after),
            ping_time_max: or(parameters.timeout, default.ping_time_max),
            idle_max: given(parameters.max_connection_idle),
            age_max: given(parameters.max_connection_age),
            age_grace: given(parameters.max_connection_age_grace),
        },
        ..ServerSettings::default()
    })
}
