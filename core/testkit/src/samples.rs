//! Requests of each signal, as prost makes them and as people write one in JSON; and where they are
//! sent.

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        profiles::v1development::ExportProfilesServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{AnyValue, KeyValue, any_value::Value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{
        Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric::Data,
        number_data_point,
    },
    profiles::v1development::{
        Profile, ProfilesDictionary, ResourceProfiles, Sample, ScopeProfiles,
    },
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status},
};
use prost::Message;

use crate::Payload;

/// Traces, metrics, logs, profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Points.
    Metrics,
    /// Records.
    Logs,
    /// Samples.
    Profiles,
}

/// An export request, which can be compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Export {
    /// Of traces.
    Traces(ExportTraceServiceRequest),
    /// Of metrics.
    Metrics(ExportMetricsServiceRequest),
    /// Of logs.
    Logs(ExportLogsServiceRequest),
    /// Of profiles.
    Profiles(ExportProfilesServiceRequest),
}

impl Signal {
    /// Every signal.
    pub const ALL: [Self; 4] = [Self::Traces, Self::Metrics, Self::Logs, Self::Profiles];

    /// Returns the path of OTLP/HTTP.
    pub fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
            Self::Logs => "/v1/logs",
            Self::Profiles => "/v1development/profiles",
        }
    }

    /// Returns the method of OTLP/gRPC.
    pub fn method(self) -> &'static str {
        match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            Self::Profiles => {
                "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"
            }
        }
    }

    /// Returns a request with one item.
    pub fn sample(self) -> Export {
        match self {
            Self::Traces => Export::Traces(traces(vec![span("GET /orders")])),
            Self::Metrics => Export::Metrics(metrics("orders")),
            Self::Logs => Export::Logs(logs("an order\n\"of\" 3")),
            Self::Profiles => Export::Profiles(profiles()),
        }
    }

    /// Returns a request with one item that, but for profiles, is worth compressing.
    pub fn large_sample(self) -> Export {
        let text = "GET /orders ".repeat(100);
        match self {
            Self::Traces => Export::Traces(traces(vec![span(&text)])),
            Self::Metrics => Export::Metrics(metrics(&text)),
            Self::Logs => Export::Logs(logs(&text)),
            Self::Profiles => Export::Profiles(profiles()),
        }
    }

    /// Returns what [`Signal::sample`] is in the JSON of OTLP.
    pub fn json(self) -> &'static str {
        match self {
            Self::Traces => {
                r#"{"resourceSpans": [{
                    "resource": {"attributes": [
                        {"key": "service.name", "value": {"stringValue": "shop"}}]},
                    "scopeSpans": [{"spans": [{
                        "traceId": "000102030405060708090a0b0c0d0eff", "spanId": "1011121314151617",
                        "name": "GET /orders", "kind": 2,
                        "startTimeUnixNano": "1700000000000000001",
                        "endTimeUnixNano": 1700000000500000001,
                        "attributes": [
                            {"key": "n", "value": {"intValue": "-42"}},
                            {"key": "ratio", "value": {"doubleValue": 0.5}},
                            {"key": "raw", "value": {"bytesValue": "AP8Q"}}],
                        "status": {"code": 2, "message": "größer"}}]}]}]}"#
            }
            Self::Metrics => {
                r#"{"resourceMetrics": [{"scopeMetrics": [{"metrics": [{
                    "name": "orders", "unit": "{order}",
                    "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [
                        {"timeUnixNano": "1700000000000000001", "asInt": "-9007199254740993"}
                    ]}}]}]}]}"#
            }
            Self::Logs => {
                r#"{"resourceLogs": [{"scopeLogs": [{"logRecords": [{
                    "timeUnixNano": "1700000000000000001", "severityNumber": 9,
                    "severityText": "INFO", "body": {"stringValue": "an order\n\"of\" 3"}
                }]}]}]}"#
            }
            Self::Profiles => {
                r#"{"resourceProfiles": [{"scopeProfiles": [{"profiles": [{
                        "profileId": "000102030405060708090a0b0c0d0eff",
                        "samples": [{"values": ["7"]}]}]}]}],
                    "dictionary": {"stringTable": ["", "main"]}}"#
            }
        }
    }
}

impl Export {
    /// Writes it as protobuf.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Traces(request) => request.encode_to_vec(),
            Self::Metrics(request) => request.encode_to_vec(),
            Self::Logs(request) => request.encode_to_vec(),
            Self::Profiles(request) => request.encode_to_vec(),
        }
    }

    /// Takes over what a backend has received.
    pub fn received(payload: &Payload) -> Self {
        match payload {
            Payload::Traces(request) => Self::Traces(request.clone()),
            Payload::Metrics(request) => Self::Metrics(request.clone()),
            Payload::Logs(request) => Self::Logs(request.clone()),
            Payload::Profiles(wire) => {
                let request = ExportProfilesServiceRequest::decode(wire.clone());
                Self::Profiles(request.expect("the backend got protobuf"))
            }
        }
    }
}

/// Returns a request with these spans.
pub fn traces(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope = ScopeSpans {
        spans,
        ..ScopeSpans::default()
    };
    let service = attribute("service.name", Value::StringValue("shop".to_owned()));
    let resource = Resource {
        attributes: vec![service],
        ..Resource::default()
    };
    let resource = ResourceSpans {
        resource: Some(resource),
        scope_spans: vec![scope],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![resource],
    }
}

/// Returns a span by name.
pub fn span(name: &str) -> Span {
    let status = Status {
        code: 2,
        message: "größer".to_owned(),
    };
    Span {
        trace_id: id(),
        span_id: (16..24).collect(),
        name: name.to_owned(),
        kind: 2,
        start_time_unix_nano: 1_700_000_000_000_000_001,
        end_time_unix_nano: 1_700_000_000_500_000_001,
        attributes: vec![
            attribute("n", Value::IntValue(-42)),
            attribute("ratio", Value::DoubleValue(0.5)),
            attribute("raw", Value::BytesValue(vec![0, 255, 16])),
        ],
        status: Some(status),
        ..Span::default()
    }
}

fn metrics(name: &str) -> ExportMetricsServiceRequest {
    let point = NumberDataPoint {
        time_unix_nano: 1_700_000_000_000_000_001,
        // More than a number of JavaScript can hold.
        value: Some(number_data_point::Value::AsInt(-9_007_199_254_740_993)),
        ..NumberDataPoint::default()
    };
    let metric = Metric {
        name: name.to_owned(),
        unit: "{order}".to_owned(),
        data: Some(Data::Sum(Sum {
            data_points: vec![point],
            aggregation_temporality: 2,
            is_monotonic: true,
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

fn logs(body: &str) -> ExportLogsServiceRequest {
    let body = Value::StringValue(body.to_owned());
    let record = LogRecord {
        time_unix_nano: 1_700_000_000_000_000_001,
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        body: Some(AnyValue { value: Some(body) }),
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
    let sample = Sample {
        values: vec![7],
        ..Sample::default()
    };
    let profile = Profile {
        profile_id: id(),
        samples: vec![sample],
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
    let dictionary = ProfilesDictionary {
        string_table: vec![String::new(), "main".to_owned()],
        ..ProfilesDictionary::default()
    };
    ExportProfilesServiceRequest {
        resource_profiles: vec![resource],
        dictionary: Some(dictionary),
    }
}

fn id() -> Vec<u8> {
    (0..15).chain([255]).collect()
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
