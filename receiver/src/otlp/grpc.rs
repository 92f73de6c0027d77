//! OTLP/gRPC: four services with one method each.

use async_trait::async_trait;
use bytes::Bytes;
use tapline_net::grpc::{Call, Refused, Service};
use tapline_pdata::Signal;

use super::{
    gate::Gate,
    intake::{Announced, Encoding, Intake},
    turns::Packing,
};

/// Answers export calls.
pub(super) struct GrpcIntake {
    intake: Intake,
    gate: Gate,
}

impl GrpcIntake {
    pub(super) fn new(intake: Intake, gate: Gate) -> Self {
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
        let bytes = call.message.announced().await?;
        let packing = if call.head.headers.contains_key("grpc-encoding") {
            Packing::Packed
        } else {
            Packing::Plain
        };
        let announced = Announced {
            bytes,
            packing,
            arrived: call.message.arrived(),
        };
        let mut entry = way.admit(announced).await?;
        let room = &mut entry.room;
        let mut grown = |bytes| room.grow(bytes);
        let reading = call.message.read(&mut grown);
        let wire = entry.turn.reading(reading).await?;
        way.pass(wire, Encoding::Protobuf, entry, origin).await?;
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
