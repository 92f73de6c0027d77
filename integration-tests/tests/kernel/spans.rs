//! Finds spans by what was asked, and says what there was instead.

use std::fmt::Write;

use opentelemetry_proto::tonic::{
    common::v1::any_value::Value,
    trace::v1::{span::SpanKind, status::StatusCode},
};
use tapline_testkit::{ReceivedSpan, Seen};

/// The most spans shown in a message: the machine may be busy with other things.
const LISTED_MAX: usize = 60;

/// Returns the server spans whose path begins so, in order of start.
pub(crate) fn servers<'a>(seen: &'a Seen, path: &str) -> Vec<ReceivedSpan<'a>> {
    select(seen, SpanKind::Server, |span| {
        span.attr_str("url.path")
            .is_some_and(|found| found.starts_with(path))
    })
}

/// Returns the client spans whose URL has such a path, in order of start.
pub(crate) fn clients<'a>(seen: &'a Seen, path: &str) -> Vec<ReceivedSpan<'a>> {
    select(seen, SpanKind::Client, |span| {
        span.attr_str("url.full")
            .is_some_and(|found| found.contains(path))
    })
}

/// Returns how many spans of either side have such a path.
pub(crate) fn count(seen: &Seen, path: &str) -> usize {
    servers(seen, path).len() + clients(seen, path).len()
}

/// Returns the one span there is.
pub(crate) fn only<'a>(found: Vec<ReceivedSpan<'a>>, what: &str, seen: &Seen) -> ReceivedSpan<'a> {
    let [span] = <[_; 1]>::try_from(found)
        .unwrap_or_else(|found| panic!("{what}: {} of it among{}", found.len(), all(seen)));
    span
}

/// Returns the one server span of a path.
pub(crate) fn server<'a>(seen: &'a Seen, path: &str) -> ReceivedSpan<'a> {
    only(servers(seen, path), &format!("server span of {path}"), seen)
}

/// Returns the one client span of a path.
pub(crate) fn client<'a>(seen: &'a Seen, path: &str) -> ReceivedSpan<'a> {
    only(clients(seen, path), &format!("client span of {path}"), seen)
}

/// Returns `service.name`.
pub(crate) fn service<'a>(span: &ReceivedSpan<'a>) -> &'a str {
    span.resource_str("service.name").unwrap_or("")
}

/// Returns a resource attribute that is an integer.
pub(crate) fn resource_int(span: &ReceivedSpan<'_>, key: &str) -> Option<i64> {
    let attributes = &span.resource?.attributes;
    let found = attributes.iter().find(|pair| pair.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::IntValue(number) => Some(*number),
        _ => None,
    }
}

/// Returns whether the span's status says error.
pub(crate) fn is_error(span: &ReceivedSpan<'_>) -> bool {
    span.record
        .status
        .as_ref()
        .is_some_and(|status| status.code() == StatusCode::Error)
}

/// Asserts that a span carries attributes, texts or numbers, given as `key=value`.
pub(crate) fn assert_attributes(span: &ReceivedSpan<'_>, wanted: &[(&str, &str)]) {
    let missing: Vec<String> = wanted
        .iter()
        .filter(|(key, value)| shown(span, key).as_deref() != Some(*value))
        .map(|(key, value)| {
            format!(
                "{key}: wanted {value}, is {}",
                shown(span, key).unwrap_or("absent".to_owned())
            )
        })
        .collect();
    assert!(
        missing.is_empty(),
        "{}\nin {}",
        missing.join("\n"),
        describe(span)
    );
}

/// Returns an attribute as text.
pub(crate) fn shown(span: &ReceivedSpan<'_>, key: &str) -> Option<String> {
    span.attr(key).map(text)
}

/// Lists the latest spans, to be appended to a message.
pub(crate) fn all(seen: &Seen) -> String {
    let spans = seen.spans();
    let listed = spans.iter().rev().take(LISTED_MAX);
    listed.fold(
        format!(" {} spans, the latest first:", spans.len()),
        |out, span| format!("{out}\n  {}", describe(span)),
    )
}

/// Shows a span on one line.
pub(crate) fn describe(span: &ReceivedSpan<'_>) -> String {
    let record = span.record;
    let attributes: Vec<String> = record
        .attributes
        .iter()
        .filter_map(|pair| Some((&pair.key, pair.value.as_ref()?.value.as_ref()?)))
        .map(|(key, value)| format!("{key}={}", text(value)))
        .collect();
    format!(
        "{} {:?} trace={} span={} parent={} start={} lasted={}ns status={:?} {}",
        service(span),
        record.kind(),
        hex(&record.trace_id),
        hex(&record.span_id),
        hex(&record.parent_span_id),
        record.start_time_unix_nano,
        record
            .end_time_unix_nano
            .wrapping_sub(record.start_time_unix_nano),
        record
            .status
            .as_ref()
            .map(|status| (status.code(), status.message.as_str())),
        attributes.join(" "),
    )
}

/// Writes bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a string cannot fail.
        let _infallible = write!(out, "{byte:02x}");
        out
    })
}

/// Returns the spans of a kind that are wanted, in order of start.
pub(crate) fn select<'a>(
    seen: &'a Seen,
    kind: SpanKind,
    wanted: impl Fn(&ReceivedSpan<'a>) -> bool,
) -> Vec<ReceivedSpan<'a>> {
    let spans = seen.spans().into_iter();
    let mut found: Vec<_> = spans
        .filter(|span| span.record.kind() == kind && wanted(span))
        .collect();
    found.sort_by_key(|span| span.record.start_time_unix_nano);
    found
}

fn text(value: &Value) -> String {
    match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::DoubleValue(number) => number.to_string(),
        Value::BoolValue(flag) => flag.to_string(),
        other => format!("{other:?}"),
    }
}
