//! What is written is what prost decodes, and what `checked` counts.

use bytes::Bytes;
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{
        AnyValue, ArrayValue, InstrumentationScope, KeyValue, any_value::Value as ProtoValue,
    },
    logs::v1::LogRecord,
    metrics::v1::{
        self as proto, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum,
        exemplar, metric::Data, number_data_point,
    },
    resource::v1::Resource,
    trace::v1::{Span, Status as ProtoStatus},
};
use proptest::{array::uniform8, array::uniform16, collection::vec, option, prelude::*};
use prost::Message;
use tapline_pdata::{
    Batch, Signal,
    write::{
        self, Attributes, Exemplar, HistogramPoint, LogHead, MetricHead, Monotonic, Number,
        NumberPoint, Scope, SpanHead, SpanKind, Status,
    },
};

#[derive(Clone, Debug)]
enum Attribute {
    Str(String),
    Int(i64),
    Double(f64),
    Bool(bool),
    Strs(Vec<String>),
}

type Named = Vec<(String, Attribute)>;

/// Long enough that lengths take one byte, two and sometimes three.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "\\PC{0,9}", 1 => "[a-z]{100,140}", 1 => "[a-z]{16300,16400}"]
}

fn named() -> impl Strategy<Value = Named> {
    let value = prop_oneof![
        text().prop_map(Attribute::Str),
        any::<i64>().prop_map(Attribute::Int),
        proptest::num::f64::NORMAL.prop_map(Attribute::Double),
        any::<bool>().prop_map(Attribute::Bool),
        vec(text(), 0..3).prop_map(Attribute::Strs),
    ];
    vec((text(), value), 0..4)
}

fn put(attributes: &mut Attributes<'_>, named: &Named) {
    for (key, value) in named {
        match value {
            Attribute::Str(text) => attributes.str(key, text),
            Attribute::Int(int) => attributes.int(key, *int),
            Attribute::Double(double) => attributes.double(key, *double),
            Attribute::Bool(truth) => attributes.bool(key, *truth),
            Attribute::Strs(texts) => {
                let texts: Vec<_> = texts.iter().map(String::as_str).collect();
                attributes.strs(key, &texts)
            }
        };
    }
}

fn expected(named: &Named) -> Vec<KeyValue> {
    let string = |text: &String| ProtoValue::StringValue(text.clone());
    let value = |value: &Attribute| match value {
        Attribute::Str(text) => string(text),
        Attribute::Int(int) => ProtoValue::IntValue(*int),
        Attribute::Double(double) => ProtoValue::DoubleValue(*double),
        Attribute::Bool(truth) => ProtoValue::BoolValue(*truth),
        Attribute::Strs(texts) => {
            let values = texts
                .iter()
                .map(|text| AnyValue {
                    value: Some(string(text)),
                })
                .collect();
            ProtoValue::ArrayValue(ArrayValue { values })
        }
    };
    let pair = |(key, one): &(String, Attribute)| KeyValue {
        key: key.clone(),
        value: Some(AnyValue {
            value: Some(value(one)),
        }),
        ..Default::default()
    };
    named.iter().map(pair).collect()
}

/// Frames records, admits them as if they came from outside, and returns the bytes.
fn framed(signal: Signal, resource: &Named, records: &[u8], items: u32) -> Bytes {
    let resource = write::resource(|attributes| put(attributes, resource));
    let scope = Scope {
        name: "tapline/ebpf",
        version: "0.1.0",
    };
    let mut out = Vec::new();
    write::resource_block(&mut out, signal, &resource, &scope, records);
    let batch = Batch::checked(signal, Bytes::from(out)).expect("what we write is well-formed");
    assert_eq!(batch.items(), items);
    batch.to_bytes()
}

fn assert_surroundings(
    resource: Option<Resource>,
    scope: Option<InstrumentationScope>,
    named: &Named,
) {
    assert_eq!(resource.expect("written").attributes, expected(named));
    let scope = scope.expect("written");
    assert_eq!(
        (scope.name.as_str(), scope.version.as_str()),
        ("tapline/ebpf", "0.1.0")
    );
}

fn status() -> impl Strategy<Value = Option<Result<(), String>>> {
    option::of(prop_oneof![Just(Ok(())), text().prop_map(Err)])
}

proptest! {
    #[test]
    fn spans_are_what_was_written(
        ids in (uniform16(any::<u8>()), uniform8(any::<u8>()), option::of(uniform8(any::<u8>()))),
        texts in (text(), text()),
        numbers in (any::<u32>(), any::<u64>(), any::<u64>()),
        status in status(),
        attributes in named(),
        resource in named(),
    ) {
        let head = SpanHead {
            trace_id: ids.0,
            span_id: ids.1,
            parent_span_id: ids.2,
            trace_state: &texts.0,
            flags: numbers.0,
            name: &texts.1,
            kind: SpanKind::Client,
            start_ns: numbers.1,
            end_ns: numbers.2,
            status: match &status {
                None => Status::Unset,
                Some(Ok(())) => Status::Ok,
                Some(Err(message)) => Status::Error(message),
            },
        };
        let mut records = Vec::new();
        write::span(&mut records, &head, |out| put(out, &attributes));
        write::span(&mut records, &head, |out| put(out, &attributes));
        let wire = framed(Signal::Traces, &resource, &records, 2);

        let mut decoded = ExportTraceServiceRequest::decode(wire).expect("prost reads it");
        let mut block = decoded.resource_spans.remove(0);
        let inner = block.scope_spans.remove(0);
        assert_surroundings(block.resource, inner.scope, &resource);
        let span = Span {
            trace_id: ids.0.to_vec(),
            span_id: ids.1.to_vec(),
            parent_span_id: ids.2.map(Vec::from).unwrap_or_default(),
            trace_state: texts.0.clone(),
            flags: numbers.0,
            name: texts.1.clone(),
            kind: 3,
            start_time_unix_nano: numbers.1,
            end_time_unix_nano: numbers.2,
            attributes: expected(&attributes),
            status: status.map(|status| match status {
                Ok(()) => ProtoStatus { code: 1, message: String::new() },
                Err(message) => ProtoStatus { code: 2, message },
            }),
            ..Default::default()
        };
        prop_assert_eq!(inner.spans, vec![span.clone(), span]);
    }

    #[test]
    fn log_records_are_what_was_written(
        times in (any::<u64>(), any::<u64>()),
        severity in any::<i32>(),
        texts in (text(), text(), text()),
        trace in option::of((uniform16(any::<u8>()), uniform8(any::<u8>()))),
        flags in any::<u32>(),
        attributes in named(),
    ) {
        let head = LogHead {
            time_ns: times.0,
            observed_ns: times.1,
            severity_number: severity,
            severity_text: &texts.0,
            body: &texts.1,
            event_name: &texts.2,
            trace,
            flags,
        };
        let mut records = Vec::new();
        write::log_record(&mut records, &head, |out| put(out, &attributes));
        let wire = framed(Signal::Logs, &attributes, &records, 1);

        let mut decoded = ExportLogsServiceRequest::decode(wire).expect("prost reads it");
        let mut block = decoded.resource_logs.remove(0);
        let inner = block.scope_logs.remove(0);
        assert_surroundings(block.resource, inner.scope, &attributes);
        let (trace_id, span_id) = trace.unzip();
        let body = AnyValue { value: Some(ProtoValue::StringValue(texts.1.clone())) };
        let record = LogRecord {
            time_unix_nano: times.0,
            observed_time_unix_nano: times.1,
            severity_number: severity,
            severity_text: texts.0.clone(),
            body: (!texts.1.is_empty()).then_some(body),
            event_name: texts.2.clone(),
            trace_id: trace_id.map(Vec::from).unwrap_or_default(),
            span_id: span_id.map(Vec::from).unwrap_or_default(),
            flags,
            attributes: expected(&attributes),
            ..Default::default()
        };
        prop_assert_eq!(inner.log_records, vec![record]);
    }

    #[test]
    fn gauges_and_sums_are_what_was_written(
        names in (text(), text(), text()),
        times in (any::<u64>(), any::<u64>()),
        exemplar in exemplar(),
        numbers in (any::<i64>(), -1e9..1e9f64),
        attributes in named(),
    ) {
        let head = MetricHead { name: &names.0, description: &names.1, unit: &names.2 };
        let exemplars = [exemplar];
        let (int, double) = (Number::Int(numbers.0), Number::Double(numbers.1));
        let point = |value| NumberPoint {
            start_ns: times.0,
            time_ns: times.1,
            value,
            exemplars: &exemplars,
        };
        let mut records = Vec::new();
        let mut items = write::gauge(&mut records, &head, |points| {
            points.point(&point(int), |out| put(out, &attributes));
        });
        items += write::sum(&mut records, &head, Monotonic::Yes, |points| {
            points.point(&point(double), |out| put(out, &attributes)).point(&point(int), |_| {});
        });
        items += write::sum(&mut records, &head, Monotonic::No, |_| {});
        prop_assert_eq!(items, 3);

        let expected_point = |value, attributes| NumberDataPoint {
            attributes,
            start_time_unix_nano: times.0,
            time_unix_nano: times.1,
            exemplars: vec![expected_exemplar(&exemplar)],
            value: Some(value),
            ..Default::default()
        };
        let int = number_data_point::Value::AsInt(numbers.0);
        let double = number_data_point::Value::AsDouble(numbers.1);
        let gauge = Gauge { data_points: vec![expected_point(int, expected(&attributes))] };
        let points = vec![
            expected_point(double, expected(&attributes)),
            expected_point(int, vec![]),
        ];
        let sum = |data_points, is_monotonic| {
            Data::Sum(Sum { data_points, aggregation_temporality: 2, is_monotonic })
        };
        let data = [Data::Gauge(gauge), sum(points, true), sum(vec![], false)];
        assert_metrics(&records, items, &head, data.to_vec());
    }

    #[test]
    fn histograms_are_what_was_written(
        times in (any::<u64>(), any::<u64>()),
        exemplar in exemplar(),
        numbers in (-1e9..1e9f64, option::of(-1e9..1e9f64), option::of(-1e9..1e9f64)),
        buckets in vec((-1e9..1e9f64, any::<u64>()), 0..20),
        count in any::<u64>(),
        attributes in named(),
    ) {
        let head = MetricHead { name: "took", description: "", unit: "s" };
        let (bounds, mut bucket_counts): (Vec<f64>, Vec<u64>) = buckets.into_iter().unzip();
        bucket_counts.push(count);
        let point = HistogramPoint {
            start_ns: times.0,
            time_ns: times.1,
            count,
            sum: numbers.0,
            bounds: &bounds,
            bucket_counts: &bucket_counts,
            min: numbers.1,
            max: numbers.2,
            exemplars: &[exemplar, exemplar],
        };
        let mut records = Vec::new();
        let items = write::histogram(&mut records, &head, |points| {
            points.point(&point, |out| put(out, &attributes));
        });
        prop_assert_eq!(items, 1);

        let expected_point = HistogramDataPoint {
            attributes: expected(&attributes),
            start_time_unix_nano: times.0,
            time_unix_nano: times.1,
            count,
            sum: Some(numbers.0),
            bucket_counts,
            explicit_bounds: bounds,
            exemplars: vec![expected_exemplar(&exemplar); 2],
            min: numbers.1,
            max: numbers.2,
            ..Default::default()
        };
        let data_points = vec![expected_point];
        let data = Data::Histogram(Histogram { data_points, aggregation_temporality: 2 });
        assert_metrics(&records, items, &head, vec![data]);
    }
}

fn exemplar() -> impl Strategy<Value = Exemplar> {
    (
        any::<u64>(),
        -1e9..1e9f64,
        uniform16(any::<u8>()),
        uniform8(any::<u8>()),
    )
        .prop_map(|(time_ns, value, trace_id, span_id)| Exemplar {
            time_ns,
            value,
            trace_id,
            span_id,
        })
}

fn expected_exemplar(exemplar: &Exemplar) -> proto::Exemplar {
    proto::Exemplar {
        time_unix_nano: exemplar.time_ns,
        value: Some(exemplar::Value::AsDouble(exemplar.value)),
        trace_id: exemplar.trace_id.to_vec(),
        span_id: exemplar.span_id.to_vec(),
        ..Default::default()
    }
}

fn assert_metrics(records: &[u8], items: u32, head: &MetricHead<'_>, data: Vec<Data>) {
    let resource = vec![("service.name".to_owned(), Attribute::Str("cart".to_owned()))];
    let wire = framed(Signal::Metrics, &resource, records, items);
    let mut decoded = ExportMetricsServiceRequest::decode(wire).expect("prost reads it");
    let mut block = decoded.resource_metrics.remove(0);
    let inner = block.scope_metrics.remove(0);
    assert_surroundings(block.resource, inner.scope, &resource);
    let metric = |data| Metric {
        name: head.name.to_owned(),
        description: head.description.to_owned(),
        unit: head.unit.to_owned(),
        data: Some(data),
        ..Default::default()
    };
    assert_eq!(
        inner.metrics,
        data.into_iter().map(metric).collect::<Vec<_>>()
    );
}

#[test]
fn flags_are_four_bytes_on_the_wire() {
    let head = SpanHead {
        trace_id: [1; 16],
        span_id: [2; 8],
        parent_span_id: None,
        trace_state: "",
        flags: 0x101,
        name: "",
        kind: SpanKind::Internal,
        start_ns: 0,
        end_ns: 0,
        status: Status::Unset,
    };
    let mut out = Vec::new();
    write::span(&mut out, &head, |_| {});
    // Field 16, wire type 5.
    assert!(out.ends_with(&[0x85, 0x01, 0x01, 0x01, 0, 0]));
}
