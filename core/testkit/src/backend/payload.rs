//! One request as it arrived: how it came, and what was in it once decoded by prost.

use std::{fmt, net::SocketAddr};

use bytes::Bytes;
use http::HeaderMap;
use opentelemetry_proto::tonic::collector::{
    logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse},
    metrics::v1::{
        ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
    },
    trace::v1::{ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse},
};
use prost::Message;

use super::answer::Outcome;

/// The transport a request came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP over HTTP, version 1 or 2.
    Http,
    /// OTLP over gRPC.
    Grpc,
}

/// A request, whether it was taken or not.
#[derive(Clone, Debug)]
pub struct Received {
    /// How it came.
    pub protocol: Protocol,
    /// The client's end of the connection; the same port means the same connection.
    pub peer: SocketAddr,
    /// The path of the URL: `/v1/traces`, or the gRPC method.
    pub path: String,
    /// The request headers.
    pub headers: HeaderMap,
    /// The compression that the body really had: `gzip`, `zstd`, `deflate`, or `identity`.
    pub encoding: String,
    /// The size of the body on the wire, in bytes.
    pub wire_bytes: usize,
    /// What it carried.
    pub payload: Payload,
    /// Whether the backend took it.
    pub accepted: bool,
}

impl Received {
    /// Returns a header as text, or `""`.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// An export request, decoded.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Spans.
    Traces(ExportTraceServiceRequest),
    /// Metrics.
    Metrics(ExportMetricsServiceRequest),
    /// Log records.
    Logs(ExportLogsServiceRequest),
    /// Profiles, kept as they came.
    Profiles(Bytes),
}

/// Which message a path carries.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Traces,
    Metrics,
    Logs,
    Profiles,
}

impl Kind {
    pub(super) fn from_path(path: &str) -> Option<Self> {
        Some(match path {
            "/v1/traces" | "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => {
                Self::Traces
            }
            "/v1/metrics" | "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => {
                Self::Metrics
            }
            "/v1/logs" | "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => Self::Logs,
            "/v1development/profiles"
            | "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export" => {
                Self::Profiles
            }
            _ => return None,
        })
    }

    pub(super) fn decode(self, wire: Bytes) -> Result<Payload, prost::DecodeError> {
        Ok(match self {
            Self::Traces => Payload::Traces(ExportTraceServiceRequest::decode(wire)?),
            Self::Metrics => Payload::Metrics(ExportMetricsServiceRequest::decode(wire)?),
            Self::Logs => Payload::Logs(ExportLogsServiceRequest::decode(wire)?),
            Self::Profiles => Payload::Profiles(wire),
        })
    }

    /// Encodes the response message: empty for success, with `partial_success` if scripted.
    pub(super) fn response(self, outcome: &Outcome) -> Vec<u8> {
        let Outcome::Partial { rejected, message } = outcome else {
            return Vec::new();
        };
        let (rejected, error_message) = (*rejected, message.clone());
        match self {
            Self::Traces => ExportTraceServiceResponse {
                partial_success: Some(ExportTracePartialSuccess {
                    rejected_spans: rejected,
                    error_message,
                }),
            }
            .encode_to_vec(),
            Self::Metrics => ExportMetricsServiceResponse {
                partial_success: Some(ExportMetricsPartialSuccess {
                    rejected_data_points: rejected,
                    error_message,
                }),
            }
            .encode_to_vec(),
            // Profiles answer with the same field numbers and types as logs.
            Self::Logs | Self::Profiles => ExportLogsServiceResponse {
                partial_success: Some(ExportLogsPartialSuccess {
                    rejected_log_records: rejected,
                    error_message,
                }),
            }
            .encode_to_vec(),
        }
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            protocol,
            path,
            encoding,
            wire_bytes,
            accepted,
            ..
        } = self;
        write!(
            f,
            "{protocol:?} {path} {encoding} {wire_bytes}B accepted={accepted}"
        )
    }
}
