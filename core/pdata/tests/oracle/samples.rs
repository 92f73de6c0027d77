//! Small batches for the text forms, made by prost.

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{
        AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList,
        any_value::Value,
    },
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{
        Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Histogram,
        HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary,
        SummaryDataPoint, exemplar, exponential_histogram_data_point::Buckets, metric::Data,
        number_data_point, summary_data_point::ValueAtQuantile,
    },
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span, Status,
        span::{Event, Link},
    },
};
use tapline_pdata::{Batch, Signal};

use crate::views::checked;

fn pair(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue {
        key: key.into(),
        value,
        ..Default::default()
    }
}

fn string(key: &str, value: &str) -> KeyValue {
    pair(key, Value::StringValue(value.into()))
}

fn resource() -> Resource {
    let entity = EntityRef {
        schema_url: "https://schema/1".into(),
        r#type: "service".into(),
        id_keys: vec!["service.name".into()],
        description_keys: vec!["service.version".into()],
    };
    Resource {
        attributes: vec![string("service.name", "cart")],
        entity_refs: vec![entity],
        ..Default::default()
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "shop".into(),
        version: "1.2".into(),
        attributes: vec![pair("lib", Value::BoolValue(true))],
        ..Default::default()
    }
}

/// One span that has everything.
pub(crate) fn traces() -> Batch {
    let span = Span {
        trace_id: (1..17).collect(),
        span_id: (17..25).collect(),
        parent_span_id: vec![0; 8],
        trace_state: "ot=th:8".into(),
        name: "GET /orders".into(),
        kind: 2,
        flags: 1,
        start_time_unix_nano: 1_600_000_000_000_000_000,
        end_time_unix_nano: 1_600_000_000_012_400_000,
        attributes: vec![pair("http.response.status_code", Value::IntValue(200))],
        dropped_attributes_count: 3,
        events: vec![Event {
            time_unix_nano: 1_600_000_000_001_000_000,
            name: "retry".into(),
            attributes: vec![string("why", "timeout")],
            ..Default::default()
        }],
        links: vec![Link {
            span_id: vec![9; 8],
            trace_id: vec![8; 16],
            ..Default::default()
        }],
        status: Some(Status {
            code: 2,
            message: "broken pipe".into(),
        }),
        ..Default::default()
    };
    let scope_spans = vec![ScopeSpans {
        scope: Some(scope()),
        spans: vec![span],
        schema_url: "https://schema/2".into(),
    }];
    let block = ResourceSpans {
        resource: Some(resource()),
        scope_spans,
        schema_url: String::new(),
    };
    checked(
        Signal::Traces,
        &ExportTraceServiceRequest {
            resource_spans: vec![block],
        },
    )
}

/// One log record whose body has every kind of value.
pub(crate) fn logs() -> Batch {
    let list = Value::ArrayValue(ArrayValue {
        values: vec![
            AnyValue {
                value: Some(Value::DoubleValue(1e21)),
            },
            AnyValue {
                value: Some(Value::BytesValue(b"hi!!".to_vec())),
            },
            AnyValue { value: None },
        ],
    });
    let body = Value::KvlistValue(KeyValueList {
        values: vec![
            pair("z", Value::IntValue(1)),
            string("a", "<b> \"c\"\n"),
            pair("l", list),
        ],
    });
    let record = LogRecord {
        time_unix_nano: 1_600_000_000_500_000_000,
        severity_number: 9,
        severity_text: "INFO".into(),
        body: Some(AnyValue { value: Some(body) }),
        attributes: vec![pair("ratio", Value::DoubleValue(0.5)), string("env", "dev")],
        event_name: "started".into(),
        ..Default::default()
    };
    let scope_logs = vec![ScopeLogs {
        log_records: vec![record],
        ..Default::default()
    }];
    let block = ResourceLogs {
        scope_logs,
        ..Default::default()
    };
    checked(
        Signal::Logs,
        &ExportLogsServiceRequest {
            resource_logs: vec![block],
        },
    )
}

fn counter() -> Data {
    let exemplar = Exemplar {
        filtered_attributes: vec![string("user", "7")],
        trace_id: vec![8; 16],
        span_id: vec![9; 8],
        value: Some(exemplar::Value::AsDouble(0.25)),
        ..Default::default()
    };
    let point = NumberDataPoint {
        attributes: vec![string("state", "user"), string("cpu", "0")],
        value: Some(number_data_point::Value::AsDouble(123.456)),
        exemplars: vec![exemplar],
        ..Default::default()
    };
    Data::Sum(Sum {
        data_points: vec![point],
        aggregation_temporality: 2,
        is_monotonic: true,
    })
}

fn histogram() -> Data {
    let point = HistogramDataPoint {
        count: 4,
        sum: Some(2.5),
        max: Some(1e6),
        bucket_counts: vec![3, 1],
        explicit_bounds: vec![0.5],
        ..Default::default()
    };
    Data::Histogram(Histogram {
        data_points: vec![point],
        aggregation_temporality: 1,
    })
}

fn exponential() -> Data {
    let point = ExponentialHistogramDataPoint {
        count: 5,
        scale: 0,
        zero_count: 1,
        positive: Some(Buckets {
            offset: 1,
            bucket_counts: vec![2],
        }),
        negative: Some(Buckets {
            offset: 0,
            bucket_counts: vec![1, 1],
        }),
        ..Default::default()
    };
    let data_points = vec![point];
    Data::ExponentialHistogram(ExponentialHistogram {
        data_points,
        aggregation_temporality: 2,
    })
}

fn summary() -> Data {
    let point = SummaryDataPoint {
        count: 2,
        sum: 3.0,
        quantile_values: vec![ValueAtQuantile {
            quantile: 0.99,
            value: 2.0,
        }],
        ..Default::default()
    };
    Data::Summary(Summary {
        data_points: vec![point],
    })
}

/// One metric of each kind but gauge, with one point each.
pub(crate) fn metrics() -> Batch {
    let data = [
        ("cpu", counter()),
        ("took", histogram()),
        ("size", exponential()),
        ("old", summary()),
    ];
    let metrics = data.map(|(name, data)| Metric {
        name: name.into(),
        unit: "s".into(),
        data: Some(data),
        ..Default::default()
    });
    let scope_metrics = vec![ScopeMetrics {
        metrics: metrics.to_vec(),
        ..Default::default()
    }];
    let block = ResourceMetrics {
        scope_metrics,
        ..Default::default()
    };
    checked(
        Signal::Metrics,
        &ExportMetricsServiceRequest {
            resource_metrics: vec![block],
        },
    )
}
