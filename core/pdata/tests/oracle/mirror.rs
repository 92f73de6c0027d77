//! Rebuilds prost's structs from views, through every getter there is.
//!
//! A view does not tell an absent message from an empty one, so neither does the mirror: [`filled`]
//! makes absent messages of the oracle empty before the two are compared.

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{
        self as proto, AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
        any_value::Value as ProtoValue,
    },
    logs::v1 as logs_proto,
    metrics::v1::{self as metrics_proto, exemplar, exponential_histogram_data_point, metric},
    resource::v1::Resource,
    trace::v1::{self as trace_proto, Status, span},
};
use tapline_pdata::{
    Batch,
    view::{self, Attributes, Data, Number, Scope, Temporality, Value},
};

pub(crate) fn traces(batch: &Batch) -> ExportTraceServiceRequest {
    let block = |block: view::ResourceSpans<'_>| trace_proto::ResourceSpans {
        resource: Some(resource(&block.resource())),
        scope_spans: block
            .scopes()
            .map(|inner| trace_proto::ScopeSpans {
                scope: Some(scope(&inner.scope())),
                spans: inner.spans().map(|one| span(&one)).collect(),
                schema_url: inner.schema_url().into_owned(),
            })
            .collect(),
        schema_url: block.schema_url().into_owned(),
    };
    ExportTraceServiceRequest {
        resource_spans: view::traces(batch).map(block).collect(),
    }
}

pub(crate) fn metrics(batch: &Batch) -> ExportMetricsServiceRequest {
    let block = |block: view::ResourceMetrics<'_>| metrics_proto::ResourceMetrics {
        resource: Some(resource(&block.resource())),
        scope_metrics: block
            .scopes()
            .map(|inner| metrics_proto::ScopeMetrics {
                scope: Some(scope(&inner.scope())),
                metrics: inner.metrics().map(|one| metric(&one)).collect(),
                schema_url: inner.schema_url().into_owned(),
            })
            .collect(),
        schema_url: block.schema_url().into_owned(),
    };
    ExportMetricsServiceRequest {
        resource_metrics: view::metrics(batch).map(block).collect(),
    }
}

pub(crate) fn logs(batch: &Batch) -> ExportLogsServiceRequest {
    let block = |block: view::ResourceLogs<'_>| logs_proto::ResourceLogs {
        resource: Some(resource(&block.resource())),
        scope_logs: block
            .scopes()
            .map(|inner| logs_proto::ScopeLogs {
                scope: Some(scope(&inner.scope())),
                log_records: inner.log_records().map(|one| log_record(&one)).collect(),
                schema_url: inner.schema_url().into_owned(),
            })
            .collect(),
        schema_url: block.schema_url().into_owned(),
    };
    ExportLogsServiceRequest {
        resource_logs: view::logs(batch).map(block).collect(),
    }
}

/// Makes absent singular messages empty ones.
pub(crate) trait Filled {
    fn filled(self) -> Self;
}

impl Filled for ExportTraceServiceRequest {
    fn filled(mut self) -> Self {
        for block in &mut self.resource_spans {
            fill_resource(&mut block.resource);
            for inner in &mut block.scope_spans {
                fill_scope(&mut inner.scope);
                for span in &mut inner.spans {
                    span.status.get_or_insert_default();
                    fill_attributes(&mut span.attributes);
                    span.events
                        .iter_mut()
                        .for_each(|one| fill_attributes(&mut one.attributes));
                    span.links
                        .iter_mut()
                        .for_each(|one| fill_attributes(&mut one.attributes));
                }
            }
        }
        self
    }
}

impl Filled for ExportLogsServiceRequest {
    fn filled(mut self) -> Self {
        for block in &mut self.resource_logs {
            fill_resource(&mut block.resource);
            for inner in &mut block.scope_logs {
                fill_scope(&mut inner.scope);
                for record in &mut inner.log_records {
                    fill_value(record.body.get_or_insert_default());
                    fill_attributes(&mut record.attributes);
                }
            }
        }
        self
    }
}

impl Filled for ExportMetricsServiceRequest {
    fn filled(mut self) -> Self {
        for block in &mut self.resource_metrics {
            fill_resource(&mut block.resource);
            for inner in &mut block.scope_metrics {
                fill_scope(&mut inner.scope);
                for one in &mut inner.metrics {
                    fill_attributes(&mut one.metadata);
                    fill_data(&mut one.data);
                }
            }
        }
        self
    }
}

fn fill_data(data: &mut Option<metric::Data>) {
    use metric::Data::{ExponentialHistogram, Gauge, Histogram, Sum, Summary};
    let fill_exemplars = |exemplars: &mut [metrics_proto::Exemplar]| {
        for one in exemplars {
            fill_attributes(&mut one.filtered_attributes);
        }
    };
    // Views do not tell unknown temporalities apart.
    let fill_temporality = |number: &mut i32| {
        if !(1..=2).contains(number) {
            *number = 0;
        }
    };
    let fill_number_points = |points: &mut [metrics_proto::NumberDataPoint]| {
        for point in points {
            fill_attributes(&mut point.attributes);
            fill_exemplars(&mut point.exemplars);
        }
    };
    match data {
        None => {}
        Some(Gauge(data)) => fill_number_points(&mut data.data_points),
        Some(Sum(data)) => {
            fill_temporality(&mut data.aggregation_temporality);
            fill_number_points(&mut data.data_points);
        }
        Some(Histogram(data)) => {
            fill_temporality(&mut data.aggregation_temporality);
            for point in &mut data.data_points {
                fill_attributes(&mut point.attributes);
                fill_exemplars(&mut point.exemplars);
            }
        }
        Some(ExponentialHistogram(data)) => {
            fill_temporality(&mut data.aggregation_temporality);
            for point in &mut data.data_points {
                fill_attributes(&mut point.attributes);
                fill_exemplars(&mut point.exemplars);
                point.positive.get_or_insert_default();
                point.negative.get_or_insert_default();
            }
        }
        Some(Summary(data)) => {
            for point in &mut data.data_points {
                fill_attributes(&mut point.attributes);
            }
        }
    }
}

fn fill_resource(resource: &mut Option<Resource>) {
    fill_attributes(&mut resource.get_or_insert_default().attributes);
}

fn fill_scope(scope: &mut Option<InstrumentationScope>) {
    fill_attributes(&mut scope.get_or_insert_default().attributes);
}

fn fill_attributes(attributes: &mut [KeyValue]) {
    for pair in attributes {
        // Only profiles index into a string table; views do not show these.
        pair.key_strindex = 0;
        fill_value(pair.value.get_or_insert_default());
    }
}

fn fill_value(value: &mut AnyValue) {
    match &mut value.value {
        Some(ProtoValue::ArrayValue(array)) => array.values.iter_mut().for_each(fill_value),
        Some(ProtoValue::KvlistValue(map)) => fill_attributes(&mut map.values),
        Some(ProtoValue::StringValueStrindex(_)) => value.value = None,
        _ => {}
    }
}

fn value(value: &Value<'_>) -> AnyValue {
    let value = match value {
        Value::Empty => None,
        Value::Str(text) => Some(ProtoValue::StringValue(text.to_string())),
        Value::Bool(truth) => Some(ProtoValue::BoolValue(*truth)),
        Value::Int(int) => Some(ProtoValue::IntValue(*int)),
        Value::Double(double) => Some(ProtoValue::DoubleValue(*double)),
        Value::Bytes(bytes) => Some(ProtoValue::BytesValue(bytes.to_vec())),
        Value::Array(array) => {
            let values = array.iter().map(|one| self::value(&one)).collect();
            Some(ProtoValue::ArrayValue(ArrayValue { values }))
        }
        Value::Map(map) => Some(ProtoValue::KvlistValue(KeyValueList {
            values: attributes(*map),
        })),
    };
    AnyValue { value }
}

fn attributes(attributes: Attributes<'_>) -> Vec<KeyValue> {
    let pairs = attributes.iter().map(|(key, one)| KeyValue {
        key: key.into_owned(),
        value: Some(value(&one)),
        ..Default::default()
    });
    let pairs: Vec<_> = pairs.collect();
    assert_eq!(attributes.is_empty(), pairs.is_empty());
    // A key that is shown lossily is not found by what is shown.
    for pair in pairs.iter().filter(|pair| !pair.key.contains('\u{fffd}')) {
        let first = pairs
            .iter()
            .find(|other| other.key == pair.key)
            .expect("it finds itself");
        let found = attributes.get(&pair.key).expect("listed keys are found");
        let (found, first) = (Some(value(&found)), first.value.clone());
        assert_eq!(format!("{found:?}"), format!("{first:?}"));
    }
    pairs
}

fn resource(resource: &view::Resource<'_>) -> Resource {
    let entity = |entity: view::EntityRef<'_>| proto::EntityRef {
        schema_url: entity.schema_url().into_owned(),
        r#type: entity.kind().into_owned(),
        id_keys: entity.id_keys().map(String::from).collect(),
        description_keys: entity.description_keys().map(String::from).collect(),
    };
    Resource {
        attributes: attributes(resource.attributes()),
        dropped_attributes_count: resource.dropped_attributes(),
        entity_refs: resource.entity_refs().map(entity).collect(),
    }
}

fn scope(scope: &Scope<'_>) -> InstrumentationScope {
    InstrumentationScope {
        name: scope.name().into_owned(),
        version: scope.version().into_owned(),
        attributes: attributes(scope.attributes()),
        dropped_attributes_count: scope.dropped_attributes(),
    }
}

fn span(one: &view::Span<'_>) -> trace_proto::Span {
    let event = |event: view::Event<'_>| span::Event {
        time_unix_nano: event.time_ns(),
        name: event.name().into_owned(),
        attributes: attributes(event.attributes()),
        dropped_attributes_count: event.dropped_attributes(),
    };
    let link = |link: view::Link<'_>| span::Link {
        trace_id: link.trace_id().to_vec(),
        span_id: link.span_id().to_vec(),
        trace_state: link.trace_state().into_owned(),
        attributes: attributes(link.attributes()),
        dropped_attributes_count: link.dropped_attributes(),
        flags: link.flags(),
    };
    let message = one.status_message().into_owned();
    trace_proto::Span {
        trace_id: one.trace_id().to_vec(),
        span_id: one.span_id().to_vec(),
        trace_state: one.trace_state().into_owned(),
        parent_span_id: one.parent_span_id().to_vec(),
        flags: one.flags(),
        name: one.name().into_owned(),
        kind: one.kind(),
        start_time_unix_nano: one.start_ns(),
        end_time_unix_nano: one.end_ns(),
        attributes: attributes(one.attributes()),
        dropped_attributes_count: one.dropped_attributes(),
        events: one.events().map(event).collect(),
        dropped_events_count: one.dropped_events(),
        links: one.links().map(link).collect(),
        dropped_links_count: one.dropped_links(),
        status: Some(Status {
            message,
            code: one.status_code(),
        }),
    }
}

fn log_record(one: &view::LogRecord<'_>) -> logs_proto::LogRecord {
    logs_proto::LogRecord {
        time_unix_nano: one.time_ns(),
        observed_time_unix_nano: one.observed_ns(),
        severity_number: one.severity_number(),
        severity_text: one.severity_text().into_owned(),
        body: Some(value(&one.body())),
        attributes: attributes(one.attributes()),
        dropped_attributes_count: one.dropped_attributes(),
        flags: one.flags(),
        trace_id: one.trace_id().to_vec(),
        span_id: one.span_id().to_vec(),
        event_name: one.event_name().into_owned(),
    }
}

fn metric(one: &view::Metric<'_>) -> metrics_proto::Metric {
    let data = match one.data() {
        Data::Empty => None,
        Data::Gauge(points) => Some(metric::Data::Gauge(metrics_proto::Gauge {
            data_points: points.iter().map(|point| number_point(&point)).collect(),
        })),
        Data::Sum {
            points,
            temporality,
            monotonic,
        } => Some(metric::Data::Sum(metrics_proto::Sum {
            data_points: points.iter().map(|point| number_point(&point)).collect(),
            aggregation_temporality: self::temporality(temporality),
            is_monotonic: monotonic,
        })),
        Data::Histogram {
            points,
            temporality,
        } => Some(metric::Data::Histogram(metrics_proto::Histogram {
            data_points: points.iter().map(|point| histogram_point(&point)).collect(),
            aggregation_temporality: self::temporality(temporality),
        })),
        Data::ExponentialHistogram {
            points,
            temporality,
        } => Some(metric::Data::ExponentialHistogram(
            metrics_proto::ExponentialHistogram {
                data_points: points
                    .iter()
                    .map(|point| exponential_point(&point))
                    .collect(),
                aggregation_temporality: self::temporality(temporality),
            },
        )),
        Data::Summary(points) => Some(metric::Data::Summary(metrics_proto::Summary {
            data_points: points.iter().map(|point| summary_point(&point)).collect(),
        })),
    };
    metrics_proto::Metric {
        name: one.name().into_owned(),
        description: one.description().into_owned(),
        unit: one.unit().into_owned(),
        metadata: attributes(one.metadata()),
        data,
    }
}

fn temporality(temporality: Temporality) -> i32 {
    match temporality {
        Temporality::Unspecified => 0,
        Temporality::Delta => 1,
        Temporality::Cumulative => 2,
    }
}

fn number_point(point: &view::NumberPoint<'_>) -> metrics_proto::NumberDataPoint {
    use metrics_proto::number_data_point::Value;
    metrics_proto::NumberDataPoint {
        attributes: attributes(point.attributes()),
        start_time_unix_nano: point.start_ns(),
        time_unix_nano: point.time_ns(),
        exemplars: exemplars(point.exemplars()),
        flags: point.flags(),
        value: point.value().map(|number| match number {
            Number::Int(int) => Value::AsInt(int),
            Number::Double(double) => Value::AsDouble(double),
        }),
    }
}

fn exemplars<'a>(
    exemplars: impl Iterator<Item = view::Exemplar<'a>>,
) -> Vec<metrics_proto::Exemplar> {
    let mirror = |one: view::Exemplar<'_>| metrics_proto::Exemplar {
        filtered_attributes: attributes(one.attributes()),
        time_unix_nano: one.time_ns(),
        span_id: one.span_id().to_vec(),
        trace_id: one.trace_id().to_vec(),
        value: one.value().map(|number| match number {
            Number::Int(int) => exemplar::Value::AsInt(int),
            Number::Double(double) => exemplar::Value::AsDouble(double),
        }),
    };
    exemplars.map(mirror).collect()
}

fn histogram_point(point: &view::HistogramPoint<'_>) -> metrics_proto::HistogramDataPoint {
    metrics_proto::HistogramDataPoint {
        attributes: attributes(point.attributes()),
        start_time_unix_nano: point.start_ns(),
        time_unix_nano: point.time_ns(),
        count: point.count(),
        sum: point.sum(),
        bucket_counts: point.bucket_counts().collect(),
        explicit_bounds: point.bounds().collect(),
        exemplars: exemplars(point.exemplars()),
        flags: point.flags(),
        min: point.min(),
        max: point.max(),
    }
}

fn exponential_point(
    point: &view::ExponentialPoint<'_>,
) -> metrics_proto::ExponentialHistogramDataPoint {
    let buckets = |buckets: view::Buckets<'_>| exponential_histogram_data_point::Buckets {
        offset: buckets.offset(),
        bucket_counts: buckets.counts().collect(),
    };
    metrics_proto::ExponentialHistogramDataPoint {
        attributes: attributes(point.attributes()),
        start_time_unix_nano: point.start_ns(),
        time_unix_nano: point.time_ns(),
        count: point.count(),
        sum: point.sum(),
        scale: point.scale(),
        zero_count: point.zero_count(),
        positive: Some(buckets(point.positive())),
        negative: Some(buckets(point.negative())),
        flags: point.flags(),
        exemplars: exemplars(point.exemplars()),
        min: point.min(),
        max: point.max(),
        zero_threshold: point.zero_threshold(),
    }
}

fn summary_point(point: &view::SummaryPoint<'_>) -> metrics_proto::SummaryDataPoint {
    let quantile = |one: view::Quantile| metrics_proto::summary_data_point::ValueAtQuantile {
        quantile: one.quantile,
        value: one.value,
    };
    metrics_proto::SummaryDataPoint {
        attributes: attributes(point.attributes()),
        start_time_unix_nano: point.start_ns(),
        time_unix_nano: point.time_ns(),
        count: point.count(),
        sum: point.sum(),
        quantile_values: point.quantiles().map(quantile).collect(),
        flags: point.flags(),
    }
}
