//! JSON means what `opentelemetry-proto` reads and writes, and comes back as the same telemetry.
//!
//! The oracle reads less than the Collector: no doubles as strings, no names of enums, no
//! snake_case, no value that is `null` where it wants a list. There it is not asked.

use std::fmt::Debug;

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    metrics::v1::metric::Data,
};
use proptest::prelude::*;
use prost::Message;
use serde_json::{Value, json};
use tapline_pdata::{Batch, JsonFlaw, Signal, json};

use crate::{
    telemetry,
    views::{checked, settled},
};

/// Reads JSON and checks the result as if it came from outside.
fn read(signal: Signal, text: &[u8]) -> Batch {
    let batch = json::from_json(signal, text)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(text)));
    let again = Batch::checked(signal, batch.to_bytes()).expect("our reader writes valid OTLP");
    assert_eq!(again.items(), batch.items());
    batch
}

fn decode<M: Message + Default>(batch: &Batch) -> M {
    M::decode(batch.to_bytes()).expect("our reader writes valid OTLP")
}

/// The JSON of a batch reads back as the batch.
fn assert_comes_back<M: Message + Default + Debug>(signal: Signal, request: &M) {
    let batch = checked(signal, request);
    let text = json::to_json(&batch);
    let again = read(signal, &text);
    assert_eq!(again.items(), batch.items());
    assert_eq!(
        format!("{:#?}", decode::<M>(&again)),
        format!("{:#?}", settled(request))
    );
    // And once more, now that our own writer was the source.
    assert_eq!(json::to_json(&again), text);
}

fn fix_id(id: &mut Vec<u8>, len: usize) {
    if !id.is_empty() {
        id.resize(len, 7);
    }
}

fn with_ids_traces(mut request: ExportTraceServiceRequest) -> ExportTraceServiceRequest {
    let blocks = request.resource_spans.iter_mut();
    for span in blocks
        .flat_map(|block| &mut block.scope_spans)
        .flat_map(|inner| &mut inner.spans)
    {
        fix_id(&mut span.trace_id, 16);
        fix_id(&mut span.span_id, 8);
        fix_id(&mut span.parent_span_id, 8);
        for link in &mut span.links {
            fix_id(&mut link.trace_id, 16);
            fix_id(&mut link.span_id, 8);
        }
    }
    request
}

fn with_ids_logs(mut request: ExportLogsServiceRequest) -> ExportLogsServiceRequest {
    let blocks = request.resource_logs.iter_mut();
    for record in blocks
        .flat_map(|block| &mut block.scope_logs)
        .flat_map(|inner| &mut inner.log_records)
    {
        fix_id(&mut record.trace_id, 16);
        fix_id(&mut record.span_id, 8);
    }
    request
}

fn with_ids_metrics(mut request: ExportMetricsServiceRequest) -> ExportMetricsServiceRequest {
    let blocks = request.resource_metrics.iter_mut();
    for metric in blocks
        .flat_map(|block| &mut block.scope_metrics)
        .flat_map(|inner| &mut inner.metrics)
    {
        let mut exemplars: Vec<_> = match &mut metric.data {
            Some(Data::Gauge(data)) => {
                let points = data.data_points.iter_mut();
                points.flat_map(|point| &mut point.exemplars).collect()
            }
            Some(Data::Sum(data)) => {
                let points = data.data_points.iter_mut();
                points.flat_map(|point| &mut point.exemplars).collect()
            }
            Some(Data::Histogram(data)) => {
                let points = data.data_points.iter_mut();
                points.flat_map(|point| &mut point.exemplars).collect()
            }
            Some(Data::ExponentialHistogram(data)) => {
                let points = data.data_points.iter_mut();
                points.flat_map(|point| &mut point.exemplars).collect()
            }
            Some(Data::Summary(_)) | None => vec![],
        };
        for exemplar in &mut exemplars {
            fix_id(&mut exemplar.trace_id, 16);
            fix_id(&mut exemplar.span_id, 8);
        }
    }
    request
}

/// Returns our JSON as the oracle wants it: with fields that it does not know may be left out.
/// `None` if there is a double that it cannot read at all.
fn for_oracle(batch: &Batch) -> Option<Value> {
    let text = String::from_utf8(json::to_json(batch)).expect("JSON is UTF-8");
    let mut value = serde_json::from_str(&text).expect("it is JSON");
    fill("", &mut value);
    let unreadable = ["\"NaN\"", "Infinity\""];
    (!unreadable.iter().any(|name| text.contains(name))).then_some(value)
}

fn fill(name: &str, value: &mut Value) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|inner| fill(name, inner)),
        Value::Object(fields) => {
            let missing: &[(&str, Value)] = match name {
                "arrayValue" | "kvlistValue" => &[("values", json!([]))],
                "attributes" | "filteredAttributes" | "metadata" => &[("key", json!(""))],
                "values" if !fields.keys().any(|key| key.ends_with("Value")) => {
                    &[("key", json!(""))]
                }
                "entityRefs" => &[
                    ("schemaUrl", json!("")),
                    ("type", json!("")),
                    ("idKeys", json!([])),
                    ("descriptionKeys", json!([])),
                ],
                _ => &[],
            };
            for (name, value) in missing {
                fields.entry(*name).or_insert_with(|| value.clone());
            }
            for (name, inner) in fields {
                fill(name, inner);
            }
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn traces_come_back_from_json(request in telemetry::traces()) {
        assert_comes_back(Signal::Traces, &with_ids_traces(request));
    }

    #[test]
    fn metrics_come_back_from_json(request in telemetry::metrics()) {
        assert_comes_back(Signal::Metrics, &with_ids_metrics(request));
    }

    #[test]
    fn logs_come_back_from_json(request in telemetry::logs()) {
        assert_comes_back(Signal::Logs, &with_ids_logs(request));
    }

    #[test]
    fn the_oracle_reads_our_traces(request in telemetry::traces()) {
        if let Some(value) = for_oracle(&checked(Signal::Traces, &request)) {
            let read: ExportTraceServiceRequest =
                serde_json::from_value(value).expect("the oracle reads our JSON");
            prop_assert_eq!(shown(&read), shown(&settled(&request)));
        }
    }

    #[test]
    fn the_oracle_reads_our_logs(request in telemetry::logs()) {
        if let Some(value) = for_oracle(&checked(Signal::Logs, &request)) {
            let read: ExportLogsServiceRequest =
                serde_json::from_value(value).expect("the oracle reads our JSON");
            prop_assert_eq!(shown(&read), shown(&settled(&request)));
        }
    }

    #[test]
    fn the_oracle_reads_our_metrics(request in telemetry::metrics()) {
        if let Some(value) = for_oracle(&checked(Signal::Metrics, &request)) {
            let read: ExportMetricsServiceRequest =
                serde_json::from_value(value).expect("the oracle reads our JSON");
            prop_assert_eq!(shown(&read), shown(&settled(&request)));
        }
    }

    #[test]
    fn reads_what_the_oracle_writes_of_traces(request in telemetry::traces()) {
        let request = with_ids_traces(request);
        let text = serde_json::to_vec(&settled(&request)).expect("the oracle writes JSON");
        let read: ExportTraceServiceRequest = decode(&read(Signal::Traces, &text));
        prop_assert_eq!(shown(&read), shown(&settled(&request)));
    }

    #[test]
    fn reads_what_the_oracle_writes_of_logs(request in telemetry::logs()) {
        let request = with_ids_logs(request);
        let text = serde_json::to_vec(&settled(&request)).expect("the oracle writes JSON");
        let read: ExportLogsServiceRequest = decode(&read(Signal::Logs, &text));
        prop_assert_eq!(shown(&read), shown(&settled(&request)));
    }

    #[test]
    fn reads_what_the_oracle_writes_of_metrics(request in telemetry::metrics()) {
        let request = with_ids_metrics(request);
        let text = serde_json::to_vec(&settled(&request)).expect("the oracle writes JSON");
        let read: ExportMetricsServiceRequest = decode(&read(Signal::Metrics, &text));
        prop_assert_eq!(shown(&read), shown(&settled(&request)));
    }
}

fn shown(request: &impl Debug) -> String {
    format!("{request:#?}")
}

const SAMPLES: [(Signal, &str, u32); 5] = [
    (Signal::Traces, include_str!("../testdata/traces.json"), 1),
    (Signal::Metrics, include_str!("../testdata/metrics.json"), 8),
    (Signal::Logs, include_str!("../testdata/logs.json"), 2),
    (Signal::Logs, include_str!("../testdata/events.json"), 1),
    (
        Signal::Profiles,
        include_str!("../testdata/profiles.json"),
        2,
    ),
];

#[test]
fn samples_come_back_as_they_are() {
    for (signal, text, items) in SAMPLES {
        let batch = read(signal, text.as_bytes());
        assert_eq!(batch.items(), items);
        let written: Value = serde_json::from_slice(&json::to_json(&batch)).expect("it is JSON");
        let expected: Value = serde_json::from_str(text).expect("it is JSON");
        assert_eq!(written, expected);
    }
}

#[test]
fn the_order_and_the_case_of_names_do_not_matter() {
    for (signal, text, items) in SAMPLES {
        let expected = read(signal, text.as_bytes());
        let mut value: Value = serde_json::from_str(text).expect("it is JSON");
        snake(&mut value);
        let turned = value.to_string();
        assert!(turned.contains("time_unix_nano"));
        let batch = read(signal, turned.as_bytes());
        assert_eq!(batch.items(), items);
        assert_eq!(json::to_json(&batch), json::to_json(&expected));
    }
}

/// Writes names in snake_case and turns the order of fields around.
fn snake(value: &mut Value) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(snake),
        Value::Object(fields) => {
            let turned = std::mem::take(fields).into_iter().rev();
            *fields = turned
                .map(|(name, mut inner)| {
                    snake(&mut inner);
                    let name: String = name
                        .chars()
                        .flat_map(|c| {
                            let underscore = c.is_uppercase().then_some('_');
                            underscore.into_iter().chain(c.to_lowercase())
                        })
                        .collect();
                    (name, inner)
                })
                .collect();
        }
        _ => {}
    }
}

/// Reads one span, given the inside of its object, and writes it again.
fn span(inside: &str) -> Result<String, JsonFlaw> {
    let before = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"#;
    let text = format!("{before}{inside}}}]}}]}}]}}");
    let batch = json::from_json(Signal::Traces, text.as_bytes()).map_err(|error| error.flaw)?;
    assert_eq!(batch.items(), 1);
    Batch::checked(Signal::Traces, batch.to_bytes()).expect("our reader writes valid OTLP");
    let again = String::from_utf8(json::to_json(&batch)).expect("JSON is UTF-8");
    let again = again.strip_prefix(before).expect("one span");
    let inside = again.strip_suffix("}]}]}]}").expect("one span");
    Ok(inside.to_owned())
}

fn value(inside: &str) -> Result<String, JsonFlaw> {
    let before = r#""attributes":[{"key":"k","value":{"#;
    let again = span(&format!("{before}{inside}}}}}]"))?;
    let again = again.strip_prefix(before).expect("one attribute");
    Ok(again.strip_suffix("}}]").expect("one attribute").to_owned())
}

fn same(read: fn(&str) -> Result<String, JsonFlaw>, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(read(text).as_deref(), Ok(*expected), "{text}");
    }
}

fn refused(read: fn(&str) -> Result<String, JsonFlaw>, cases: &[(&str, JsonFlaw)]) {
    for (text, flaw) in cases {
        assert_eq!(read(text), Err(*flaw), "{text}");
    }
}

#[test]
fn unknown_names_and_nulls_are_passed_over() {
    let cases = [
        (
            r#""huh":{"a":[1,-2.5e3,"x\"]}",true,{}],"b":null},"name":"n""#,
            r#""name":"n""#,
        ),
        (
            r#""name":null,"kind":null,"attributes":null,"status":null"#,
            "",
        ),
        (
            r#""Name":"n","NAME":"n","start_time_unix_nano":1"#,
            r#""startTimeUnixNano":"1""#,
        ),
        (
            r#""name":"","kind":0,"startTimeUnixNano":"0","traceId":"","attributes":[]"#,
            "",
        ),
        (
            r#""attributes":[null,{"key":null}]"#,
            r#""attributes":[{},{}]"#,
        ),
        (r#""status":{}"#, r#""status":{}"#),
    ];
    same(span, &cases);
}

#[test]
fn the_last_of_equal_names_counts() {
    let cases = [
        (r#""name":"a","name":"b""#, r#""name":"b""#),
        (r#""name":"a","name":"""#, ""),
        (
            r#""status":{"code":1},"name":"n","status":{"message":"m"}"#,
            r#""name":"n","status":{"message":"m"}"#,
        ),
        (r#""links":[{}],"links":[{}]"#, r#""links":[{},{}]"#),
    ];
    same(span, &cases);
    let cases = [
        (
            r#""arrayValue":{},"kvlistValue":{},"intValue":1"#,
            r#""intValue":"1""#,
        ),
        (
            r#""intValue":1,"arrayValue":{"values":[{"stringValue":"a"}]},"arrayValue":{}"#,
            r#""arrayValue":{}"#,
        ),
        (r#""intValue":1,"stringValue":null"#, r#""intValue":"1""#),
    ];
    same(value, &cases);
}

#[test]
fn points_that_do_not_stay_are_not_counted() {
    let text = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{
        "sum":{"dataPoints":[{},{}]},"gauge":{"dataPoints":[{}]}}]}]}]}"#;
    assert_eq!(read(Signal::Metrics, text.as_bytes()).items(), 1);
}

#[test]
fn integers_are_strings_or_numbers() {
    let cases = [
        (
            r#""startTimeUnixNano":18446744073709551615"#,
            r#""startTimeUnixNano":"18446744073709551615""#,
        ),
        (
            r#""startTimeUnixNano":"7","flags":"8""#,
            r#""flags":8,"startTimeUnixNano":"7""#,
        ),
        (
            r#""flags":1e3,"droppedLinksCount":2.0"#,
            r#""flags":1000,"droppedLinksCount":2"#,
        ),
    ];
    same(span, &cases);
    let cases = [
        (
            r#""intValue":-9223372036854775808"#,
            r#""intValue":"-9223372036854775808""#,
        ),
        (r#""intValue":0"#, r#""intValue":"0""#),
    ];
    same(value, &cases);
    let integer = JsonFlaw::Expected("an integer");
    let cases = [
        (
            r#""startTimeUnixNano":18446744073709551616"#,
            JsonFlaw::Range,
        ),
        (r#""startTimeUnixNano":-1"#, JsonFlaw::Range),
        (r#""startTimeUnixNano":1.5"#, integer),
        (r#""startTimeUnixNano":"""#, integer),
        (r#""startTimeUnixNano":"+1""#, integer),
        (r#""startTimeUnixNano":" 1""#, integer),
        (r#""startTimeUnixNano":01"#, integer),
        (r#""startTimeUnixNano":true"#, integer),
        (r#""flags":4294967296"#, JsonFlaw::Range),
        (r#""kind":2147483648"#, JsonFlaw::Range),
    ];
    refused(span, &cases);
}

#[test]
fn enums_are_numbers_or_names() {
    let cases = [
        (
            r#""kind":"SPAN_KIND_CLIENT","status":{"code":"STATUS_CODE_ERROR"}"#,
            r#""kind":3,"status":{"code":2}"#,
        ),
        (r#""kind":"3""#, r#""kind":3"#),
        (r#""kind":-7"#, r#""kind":-7"#),
    ];
    same(span, &cases);
    refused(
        span,
        &[(r#""kind":"CLIENT""#, JsonFlaw::Name("SPAN_KIND_"))],
    );
}

#[test]
fn ids_are_hex_of_the_right_length() {
    let id = "5B8EFFF798038103D269B633813FC60c";
    let text = format!("\"traceId\":\"{id}\"");
    assert_eq!(
        span(&text),
        Ok(text.to_lowercase().replace("traceid", "traceId"))
    );
    let length = |has, expected| JsonFlaw::IdLength { has, expected };
    let cases = [
        (r#""traceId":"ab""#, length(2, 32)),
        (
            r#""spanId":"5b8efff798038103d269b633813fc60c""#,
            length(32, 16),
        ),
        (r#""parentSpanId":"eee19b7ec3c1b17""#, JsonFlaw::Hex),
        (r#""spanId":"eee19b7ec3c1b17z""#, JsonFlaw::Hex),
        (r#""spanId":7"#, JsonFlaw::Expected("an id in hex")),
    ];
    refused(span, &cases);
}

#[test]
fn doubles_bytes_and_strings_are_read_in_all_their_forms() {
    let cases = [
        (r#""doubleValue":1"#, r#""doubleValue":1.0"#),
        (r#""doubleValue":-0.0"#, r#""doubleValue":-0.0"#),
        (r#""doubleValue":"1.5e300""#, r#""doubleValue":1.5e300"#),
        (r#""doubleValue":"Infinity""#, r#""doubleValue":"Infinity""#),
        (r#""bytesValue":"-_8""#, r#""bytesValue":"+/8=""#),
        (r#""bytesValue":"""#, r#""bytesValue":"""#),
        (
            r#""stringValue":"\u00e9\ud83d\ude00\/\b\u0000\ud83d!""#,
            "\"stringValue\":\"é😀/\\u0008\\u0000\u{fffd}!\"",
        ),
        (r#""stringValue":"null""#, r#""stringValue":"null""#),
        (r#""boolValue":false"#, r#""boolValue":false"#),
        (r#""string_value":"s""#, r#""stringValue":"s""#),
    ];
    same(value, &cases);
    let cases = [
        (r#""doubleValue":"nan""#, JsonFlaw::Expected("a number")),
        (r#""doubleValue":1e999"#, JsonFlaw::Range),
        (r#""doubleValue":.5"#, JsonFlaw::Expected("a number")),
        (r#""bytesValue":"a""#, JsonFlaw::Base64),
        (r#""boolValue":1"#, JsonFlaw::Expected("true or false")),
        (r#""stringValue":1"#, JsonFlaw::Expected("a string")),
        (r#""stringValue":"\x""#, JsonFlaw::Escape),
        (r#""stringValue":"\u12g4""#, JsonFlaw::Escape),
        ("\"stringValue\":\"a\nb\"", JsonFlaw::Control),
        (r#""arrayValue":[]"#, JsonFlaw::Expected("an object")),
    ];
    refused(value, &cases);
}

#[test]
fn errors_say_what_and_where() {
    let shown = |text: &[u8]| {
        let error = json::from_json(Signal::Traces, text).expect_err("not a request");
        error.to_string()
    };
    let text =
        b"{\n  \"resourceSpans\": [{}, {\"scopeSpans\": [\n{\"spans\":[{\"traceId\":\"ab\"}]}]}]}";
    assert_eq!(
        shown(text),
        "resourceSpans[1].scopeSpans[0].spans[0].traceId at line 3, column 22: \
         id has 2 hex digits, expected 32"
    );
    assert_eq!(
        shown(b""),
        "request at line 1, column 1: expected an object"
    );
    assert_eq!(
        shown(b"{} x"),
        "request at line 1, column 4: expected the end of the text"
    );
    assert_eq!(
        shown(b"{\"a\":\xff}"),
        "request at line 1, column 6: text is not UTF-8"
    );
    assert_eq!(
        shown(b"[]"),
        "request at line 1, column 1: expected an object"
    );
}
