//! One small request of each signal, made by prost.

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        profiles::v1development::ExportProfilesServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{
        Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric::Data,
        number_data_point::Value,
    },
    profiles::v1development::{Profile, ResourceProfiles, Sample, ScopeProfiles},
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message;
use tapline_pdata::Signal;

/// A request with one item, large enough to be worth compressing.
pub(crate) fn request(signal: Signal) -> Vec<u8> {
    let name = "GET /orders ".repeat(100);
    match signal {
        Signal::Traces => spans(name).encode_to_vec(),
        Signal::Metrics => points(name).encode_to_vec(),
        Signal::Logs => logs(name).encode_to_vec(),
        Signal::Profiles => profiles().encode_to_vec(),
    }
}

/// The gRPC method of a signal.
pub(crate) fn method(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        Signal::Profiles => {
            "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"
        }
    }
}

/// The HTTP path of a signal.
pub(crate) fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/v1/traces",
        Signal::Metrics => "/v1/metrics",
        Signal::Logs => "/v1/logs",
        Signal::Profiles => "/v1development/profiles",
    }
}

fn spans(name: String) -> ExportTraceServiceRequest {
    let span = Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name,
        ..Span::default()
    };
    let scope = ScopeSpans {
        spans: vec![span],
        ..ScopeSpans::default()
    };
    let resource = ResourceSpans {
        scope_spans: vec![scope],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![resource],
    }
}

fn points(name: String) -> ExportMetricsServiceRequest {
    let point = NumberDataPoint {
        value: Some(Value::AsInt(1)),
        ..NumberDataPoint::default()
    };
    let metric = Metric {
        name,
        data: Some(Data::Gauge(Gauge {
            data_points: vec![point],
        })),
        ..Metric::default()
    };
    let scope = ScopeMetrics {
        metrics: vec![metric],
        ..ScopeMetrics::default()
    };
    let resource = ResourceMetrics {
        scope_metrics: vec![scope],
        ..ResourceMetrics::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![resource],
    }
}

fn logs(name: String) -> ExportLogsServiceRequest {
    let record = LogRecord {
        severity_text: name,
        ..LogRecord::default()
    };
    let scope = ScopeLogs {
        log_records: vec![record],
        ..ScopeLogs::default()
    };
    let resource = ResourceLogs {
        scope_logs: vec![scope],
        ..ResourceLogs::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![resource],
    }
}

fn profiles() -> ExportProfilesServiceRequest {
    let profile = Profile {
        samples: vec![Sample::default()],
        ..Profile::default()
    };
    let scope = ScopeProfiles {
        profiles: vec![profile],
        ..ScopeProfiles::default()
    };
    let resource = ResourceProfiles {
        scope_profiles: vec![scope],
        ..ResourceProfiles::default()
    };
    ExportProfilesServiceRequest {
        resource_profiles: vec![resource],
        ..ExportProfilesServiceRequest::default()
    }
}
