//! Nothing that arrives makes this crate panic, loop or grow without bound.

use bytes::Bytes;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value},
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use proptest::{collection::vec, prelude::*};
use prost::Message;
use tapline_pdata::{Batch, Broken, Flaw, MAX_VALUE_DEPTH, Malformed, Signal, json, text};

use crate::{mirror, profiles, telemetry, views::checked};

/// Reads everything there is to read.
fn exercise(batch: &Batch) {
    match batch.signal() {
        Signal::Traces => drop(mirror::traces(batch)),
        Signal::Metrics => drop(mirror::metrics(batch)),
        Signal::Logs => drop(mirror::logs(batch)),
        Signal::Profiles => profiles::exercise(batch),
    }
    text::basic(batch);
    text::normal(batch);
    text::detailed(batch);
    text::compact(batch);
    for piece in batch.clone().split(1) {
        assert!(!piece.chunks().is_empty());
    }
    drop(batch.clone().join([batch.clone()]));
    drop(json::to_json(batch));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(wire in vec(any::<u8>(), 0..200), items in 0..5u32) {
        let wire = Bytes::from(wire);
        for signal in Signal::ALL {
            // As if checked, although it is not.
            exercise(&Batch::written(signal, wire.clone(), items));
            if let Ok(batch) = Batch::checked(signal, wire.clone()) {
                exercise(&batch);
            }
        }
    }

    #[test]
    fn bytes_of_one_signal_read_as_another_never_panic(
        traces in telemetry::traces(),
        metrics in telemetry::metrics(),
        profiles in telemetry::profiles(),
    ) {
        for wire in [traces.encode_to_vec(), metrics.encode_to_vec(), profiles.encode_to_vec()] {
            for signal in Signal::ALL {
                exercise(&Batch::written(signal, Bytes::from(wire.clone()), 9));
            }
        }
    }
}

fn traces_of(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans {
        spans,
        ..Default::default()
    }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans,
            ..Default::default()
        }],
    }
}

fn nested(depth: u32) -> ExportTraceServiceRequest {
    let mut value = AnyValue {
        value: Some(Value::IntValue(7)),
    };
    for _ in 1..depth {
        value.value = Some(Value::ArrayValue(ArrayValue {
            values: vec![value.clone()],
        }));
    }
    let attribute = KeyValue {
        key: "deep".into(),
        value: Some(value),
        ..Default::default()
    };
    traces_of(vec![Span {
        attributes: vec![attribute],
        ..Default::default()
    }])
}

#[test]
fn refuses_a_request_that_is_cut_at_any_byte() {
    let wire = Bytes::from(nested(4).encode_to_vec());
    for end in 1..wire.len() {
        let cut = wire.slice(..end);
        let malformed = Batch::checked(Signal::Traces, cut.clone()).expect_err("cut");
        assert_eq!(
            malformed.flaw,
            Flaw::Broken(Broken::Truncated),
            "cut at {end}"
        );
        exercise(&Batch::written(Signal::Traces, cut, 2));
    }
}

#[test]
fn refuses_values_that_are_nested_too_deep() {
    let deepest = checked(Signal::Traces, &nested(MAX_VALUE_DEPTH));
    exercise(&deepest);
    assert!(text::detailed(&deepest).contains("[[7]]"));
    let wire = Bytes::from(nested(MAX_VALUE_DEPTH + 1).encode_to_vec());
    let malformed = Batch::checked(Signal::Traces, wire).expect_err("too deep");
    assert_eq!(malformed.flaw, Flaw::TooDeep);
    assert_eq!(malformed.message, "AnyValue");
}

fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut framed = vec![tag];
    prost::encode_length_delimiter(body.len(), &mut framed).expect("a Vec grows");
    framed.extend_from_slice(body);
    framed
}

#[test]
fn refuses_a_plain_pair_in_a_map_that_is_as_deep_as_allowed() {
    use opentelemetry_proto::tonic::common::v1::KeyValueList;
    let mut request = nested(1);
    for _ in 0..MAX_VALUE_DEPTH {
        let pair = &mut request.resource_spans[0].scope_spans[0].spans[0].attributes[0];
        let values = vec![pair.clone()];
        pair.value = Some(AnyValue {
            value: Some(Value::KvlistValue(KeyValueList { values })),
        });
    }
    let wire = Bytes::from(request.encode_to_vec());
    let malformed = Batch::checked(Signal::Traces, wire).expect_err("one level too deep");
    assert_eq!(malformed.flaw, Flaw::TooDeep);
}

#[test]
fn survives_nesting_that_nobody_checked() {
    let mut value = vec![];
    for _ in 0..20_000 {
        for tag in [0x0a, 0x2a] {
            value = frame(tag, &value);
        }
    }
    let mut framed = value.clone();
    // Down from AnyValue: KeyValue.value, Span.attributes, spans, scope_spans, resource_spans.
    for tag in [0x12, 0x4a, 0x12, 0x12, 0x0a] {
        framed = frame(tag, &framed);
    }
    let wire = Bytes::from(framed);
    let malformed = Batch::checked(Signal::Traces, wire.clone()).expect_err("too deep");
    assert_eq!(malformed.flaw, Flaw::TooDeep);
    let unchecked = Batch::written(Signal::Traces, wire, 1);
    assert!(text::compact(&unchecked).contains("..."));
    assert!(text::detailed(&unchecked).contains("Slice()"));
    assert!(json::to_json(&unchecked).ends_with(b"}"));
    // The same depth below an attribute of the dictionary and below a resource of profiles.
    for tags in [[0x12, 0x32, 0x12], [0x12, 0x0a, 0x0a]] {
        let wire = Bytes::from(
            tags.into_iter()
                .fold(value.clone(), |inner, tag| frame(tag, &inner)),
        );
        let unchecked = Batch::written(Signal::Profiles, wire, 1);
        exercise(&unchecked);
    }
}

#[test]
fn says_what_is_wrong_and_where() {
    let refused = |wire: &'static [u8]| {
        let wire = Bytes::from_static(wire);
        let Malformed { message, at, flaw } =
            Batch::checked(Signal::Traces, wire).expect_err("malformed");
        (message, at, flaw)
    };
    // ResourceSpans with two resources.
    let twice = b"\x0a\x04\x0a\x00\x0a\x00";
    assert_eq!(refused(twice), ("ResourceSpans", 4, Flaw::Twice(1)));
    // A span whose name is a varint.
    let wrong = b"\x0a\x06\x12\x04\x12\x02\x28\x07";
    assert_eq!(refused(wrong), ("Span", 6, Flaw::WrongType(5)));
    assert_eq!(
        refused(b"\x03"),
        (
            "ExportTraceServiceRequest",
            0,
            Flaw::Broken(Broken::NumberZero)
        )
    );
    let malformed = Batch::checked(Signal::Traces, Bytes::from_static(wrong)).expect_err("wrong");
    assert_eq!(
        malformed.to_string(),
        "Span at byte 6: field 5 has the wrong wire type"
    );
}

#[test]
fn text_grows_linearly_with_the_points_of_a_metric_with_a_long_name() {
    use opentelemetry_proto::tonic::{
        collector::metrics::v1::ExportMetricsServiceRequest,
        metrics::v1::{
            Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric::Data,
        },
    };
    let data_points = vec![NumberDataPoint::default(); 1000];
    let data = Some(Data::Gauge(Gauge { data_points }));
    let metrics = vec![Metric {
        name: "n".repeat(100_000),
        data,
        ..Default::default()
    }];
    let scope_metrics = vec![ScopeMetrics {
        metrics,
        ..Default::default()
    }];
    let resource_metrics = vec![ResourceMetrics {
        scope_metrics,
        ..Default::default()
    }];
    let request = ExportMetricsServiceRequest { resource_metrics };
    let batch = checked(Signal::Metrics, &request);
    assert!(text::normal(&batch).len() < 400_000);
    assert!(text::compact(&batch).len() < 400_000);
    assert!(text::detailed(&batch).len() < 400_000);
}

#[test]
fn text_ends_at_its_limit() {
    let batch = checked(Signal::Traces, &traces_of(vec![Span::default(); 300_000]));
    let shown = text::detailed(&batch);
    assert!(shown.len() < text::MAX_TEXT_BYTES + 100);
    assert!(shown.ends_with("(text ends here, at its limit)\n"));
}

#[test]
fn counts_the_samples_of_profiles() {
    use opentelemetry_proto::tonic::{
        collector::profiles::v1development::ExportProfilesServiceRequest,
        profiles::v1development::{
            Profile, ProfilesDictionary, ResourceProfiles, Sample, ScopeProfiles,
        },
    };
    let profiles = vec![Profile {
        samples: vec![Sample::default(); 3],
        ..Default::default()
    }];
    let scope_profiles = vec![ScopeProfiles {
        profiles,
        ..Default::default()
    }];
    let request = ExportProfilesServiceRequest {
        resource_profiles: vec![ResourceProfiles {
            scope_profiles,
            ..Default::default()
        }],
        dictionary: Some(ProfilesDictionary {
            string_table: vec![String::new(), "samples".into()],
            ..Default::default()
        }),
    };
    let batch = checked(Signal::Profiles, &request);
    assert_eq!(batch.items(), 3);
    let line = "Profiles\t{\"resource profiles\": 1, \"sample records\": 3}";
    assert_eq!(text::basic(&batch).to_string(), line);
}
