//! Arbitrary telemetry: strategies for every message of the four signals.

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
        Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
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
use proptest::{collection::vec, option, prelude::*};

mod profiles;

pub(crate) use profiles::profiles;

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,6}"
}

fn id() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(vec![]),
        vec(any::<u8>(), 8),
        vec(any::<u8>(), 16),
        vec(any::<u8>(), 0..20)
    ]
}

/// Small numbers are likely: zero is what encoders leave out.
fn u64s() -> impl Strategy<Value = u64> {
    prop_oneof![0..3u64, any::<u64>()]
}

fn u32s() -> impl Strategy<Value = u32> {
    prop_oneof![0..3u32, any::<u32>()]
}

fn i32s() -> impl Strategy<Value = i32> {
    prop_oneof![-1..6i32, any::<i32>()]
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        text().prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        any::<f64>().prop_map(Value::DoubleValue),
        id().prop_map(Value::BytesValue),
    ];
    let value = leaf.prop_recursive(3, 8, 3, |inner| {
        let any_value = option::of(inner).prop_map(|value| AnyValue { value });
        let pair = (text(), option::of(any_value.clone())).prop_map(|(key, value)| KeyValue {
            key,
            value,
            ..Default::default()
        });
        prop_oneof![
            vec(any_value, 0..3).prop_map(|values| Value::ArrayValue(ArrayValue { values })),
            vec(pair, 0..3).prop_map(|values| Value::KvlistValue(KeyValueList { values })),
        ]
    });
    option::of(value).prop_map(|value| AnyValue { value })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let pair = (text(), option::of(any_value())).prop_map(|(key, value)| KeyValue {
        key,
        value,
        ..Default::default()
    });
    vec(pair, 0..3)
}

fn resource() -> impl Strategy<Value = Option<Resource>> {
    let entity = (text(), text(), vec(text(), 0..3), vec(text(), 0..2)).prop_map(
        |(schema_url, r#type, id_keys, description_keys)| EntityRef {
            schema_url,
            r#type,
            id_keys,
            description_keys,
        },
    );
    option::of((attributes(), u32s(), vec(entity, 0..2)).prop_map(
        |(attributes, dropped_attributes_count, entity_refs)| Resource {
            attributes,
            dropped_attributes_count,
            entity_refs,
        },
    ))
}

fn scope() -> impl Strategy<Value = Option<InstrumentationScope>> {
    option::of((text(), text(), attributes(), u32s()).prop_map(
        |(name, version, attributes, dropped_attributes_count)| InstrumentationScope {
            name,
            version,
            attributes,
            dropped_attributes_count,
        },
    ))
}

fn span() -> impl Strategy<Value = Span> {
    let event = (u64s(), text(), attributes(), u32s()).prop_map(
        |(time_unix_nano, name, attributes, dropped_attributes_count)| Event {
            time_unix_nano,
            name,
            attributes,
            dropped_attributes_count,
        },
    );
    let link = (id(), id(), text(), attributes(), u32s(), u32s()).prop_map(
        |(trace_id, span_id, trace_state, attributes, dropped_attributes_count, flags)| Link {
            trace_id,
            span_id,
            trace_state,
            attributes,
            dropped_attributes_count,
            flags,
        },
    );
    let status = option::of((text(), i32s()).prop_map(|(message, code)| Status { message, code }));
    let head = (
        id(),
        id(),
        text(),
        id(),
        u32s(),
        text(),
        i32s(),
        u64s(),
        u64s(),
    );
    let tail = (
        attributes(),
        u32s(),
        vec(event, 0..2),
        u32s(),
        vec(link, 0..2),
        u32s(),
        status,
    );
    (head, tail).prop_map(|(head, tail)| Span {
        trace_id: head.0,
        span_id: head.1,
        trace_state: head.2,
        parent_span_id: head.3,
        flags: head.4,
        name: head.5,
        kind: head.6,
        start_time_unix_nano: head.7,
        end_time_unix_nano: head.8,
        attributes: tail.0,
        dropped_attributes_count: tail.1,
        events: tail.2,
        dropped_events_count: tail.3,
        links: tail.4,
        dropped_links_count: tail.5,
        status: tail.6,
    })
}

fn log_record() -> impl Strategy<Value = LogRecord> {
    let head = (u64s(), u64s(), i32s(), text(), option::of(any_value()));
    let tail = (attributes(), u32s(), u32s(), id(), id(), text());
    (head, tail).prop_map(|(head, tail)| LogRecord {
        time_unix_nano: head.0,
        observed_time_unix_nano: head.1,
        severity_number: head.2,
        severity_text: head.3,
        body: head.4,
        attributes: tail.0,
        dropped_attributes_count: tail.1,
        flags: tail.2,
        trace_id: tail.3,
        span_id: tail.4,
        event_name: tail.5,
    })
}

fn exemplars() -> impl Strategy<Value = Vec<Exemplar>> {
    let value = option::of(prop_oneof![
        any::<f64>().prop_map(exemplar::Value::AsDouble),
        any::<i64>().prop_map(exemplar::Value::AsInt),
    ]);
    let exemplar = (attributes(), u64s(), id(), id(), value).prop_map(
        |(filtered_attributes, time_unix_nano, span_id, trace_id, value)| Exemplar {
            filtered_attributes,
            time_unix_nano,
            span_id,
            trace_id,
            value,
        },
    );
    vec(exemplar, 0..2)
}

fn number_point() -> impl Strategy<Value = NumberDataPoint> {
    let value = option::of(prop_oneof![
        any::<f64>().prop_map(number_data_point::Value::AsDouble),
        any::<i64>().prop_map(number_data_point::Value::AsInt),
    ]);
    (attributes(), u64s(), u64s(), exemplars(), u32s(), value).prop_map(
        |(attributes, start_time_unix_nano, time_unix_nano, exemplars, flags, value)| {
            NumberDataPoint {
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                exemplars,
                flags,
                value,
            }
        },
    )
}

fn optional_double() -> impl Strategy<Value = Option<f64>> {
    option::of(prop_oneof![Just(0.0), any::<f64>()])
}

fn histogram_point() -> impl Strategy<Value = HistogramDataPoint> {
    let head = (attributes(), u64s(), u64s(), u64s(), optional_double());
    let tail = (
        vec(any::<u64>(), 0..4),
        vec(any::<f64>(), 0..4),
        exemplars(),
        u32s(),
    );
    (head, tail, optional_double(), optional_double()).prop_map(|(head, tail, min, max)| {
        HistogramDataPoint {
            attributes: head.0,
            start_time_unix_nano: head.1,
            time_unix_nano: head.2,
            count: head.3,
            sum: head.4,
            bucket_counts: tail.0,
            explicit_bounds: tail.1,
            exemplars: tail.2,
            flags: tail.3,
            min,
            max,
        }
    })
}

fn exponential_point() -> impl Strategy<Value = ExponentialHistogramDataPoint> {
    let buckets = || {
        option::of(
            (i32s(), vec(u64s(), 0..4)).prop_map(|(offset, bucket_counts)| Buckets {
                offset,
                bucket_counts,
            }),
        )
    };
    let head = (
        attributes(),
        u64s(),
        u64s(),
        u64s(),
        optional_double(),
        i32s(),
        u64s(),
    );
    let tail = (buckets(), buckets(), u32s(), exemplars(), any::<f64>());
    (head, tail, optional_double(), optional_double()).prop_map(|(head, tail, min, max)| {
        ExponentialHistogramDataPoint {
            attributes: head.0,
            start_time_unix_nano: head.1,
            time_unix_nano: head.2,
            count: head.3,
            sum: head.4,
            scale: head.5,
            zero_count: head.6,
            positive: tail.0,
            negative: tail.1,
            flags: tail.2,
            exemplars: tail.3,
            zero_threshold: tail.4,
            min,
            max,
        }
    })
}

fn summary_point() -> impl Strategy<Value = SummaryDataPoint> {
    let quantile = (any::<f64>(), any::<f64>())
        .prop_map(|(quantile, value)| ValueAtQuantile { quantile, value });
    (
        attributes(),
        u64s(),
        u64s(),
        u64s(),
        any::<f64>(),
        vec(quantile, 0..3),
        u32s(),
    )
        .prop_map(
            |(
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                count,
                sum,
                quantile_values,
                flags,
            )| {
                SummaryDataPoint {
                    attributes,
                    start_time_unix_nano,
                    time_unix_nano,
                    count,
                    sum,
                    quantile_values,
                    flags,
                }
            },
        )
}

fn metric() -> impl Strategy<Value = Metric> {
    let data = prop_oneof![
        vec(number_point(), 0..4).prop_map(|data_points| Data::Gauge(Gauge { data_points })),
        (vec(number_point(), 0..4), 0..3i32, any::<bool>()).prop_map(
            |(data_points, aggregation_temporality, is_monotonic)| Data::Sum(Sum {
                data_points,
                aggregation_temporality,
                is_monotonic,
            })
        ),
        (vec(histogram_point(), 0..3), 0..3i32).prop_map(
            |(data_points, aggregation_temporality)| Data::Histogram(Histogram {
                data_points,
                aggregation_temporality,
            })
        ),
        (vec(exponential_point(), 0..3), 0..3i32).prop_map(
            |(data_points, aggregation_temporality)| Data::ExponentialHistogram(
                ExponentialHistogram {
                    data_points,
                    aggregation_temporality
                }
            )
        ),
        vec(summary_point(), 0..3).prop_map(|data_points| Data::Summary(Summary { data_points })),
    ];
    (
        text(),
        text(),
        text(),
        attributes(),
        option::weighted(0.9, data),
    )
        .prop_map(|(name, description, unit, metadata, data)| Metric {
            name,
            description,
            unit,
            metadata,
            data,
        })
}

pub(crate) fn traces() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let scope_spans =
        (scope(), vec(span(), 0..4), text()).prop_map(|(scope, spans, schema_url)| ScopeSpans {
            scope,
            spans,
            schema_url,
        });
    let resource_spans = (resource(), vec(scope_spans, 0..3), text()).prop_map(
        |(resource, scope_spans, schema_url)| ResourceSpans {
            resource,
            scope_spans,
            schema_url,
        },
    );
    vec(resource_spans, 0..4)
        .prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

pub(crate) fn metrics() -> impl Strategy<Value = ExportMetricsServiceRequest> {
    let scope_metrics =
        (scope(), vec(metric(), 0..4), text()).prop_map(|(scope, metrics, schema_url)| {
            ScopeMetrics {
                scope,
                metrics,
                schema_url,
            }
        });
    let resource_metrics = (resource(), vec(scope_metrics, 0..3), text()).prop_map(
        |(resource, scope_metrics, schema_url)| ResourceMetrics {
            resource,
            scope_metrics,
            schema_url,
        },
    );
    vec(resource_metrics, 0..3)
        .prop_map(|resource_metrics| ExportMetricsServiceRequest { resource_metrics })
}

pub(crate) fn logs() -> impl Strategy<Value = ExportLogsServiceRequest> {
    let scope_logs =
        (scope(), vec(log_record(), 0..4), text()).prop_map(|(scope, log_records, schema_url)| {
            ScopeLogs {
                scope,
                log_records,
                schema_url,
            }
        });
    let resource_logs = (resource(), vec(scope_logs, 0..3), text()).prop_map(
        |(resource, scope_logs, schema_url)| ResourceLogs {
            resource,
            scope_logs,
            schema_url,
        },
    );
    vec(resource_logs, 0..4).prop_map(|resource_logs| ExportLogsServiceRequest { resource_logs })
}
