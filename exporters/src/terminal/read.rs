//! From records to what a line shows: in this exporter, semantic conventions are known here only.

use std::time::Duration;

use tapline_pdata::{
    Batch,
    view::{self, LogRecord, Resource, Span, Value},
};

use super::{
    line::{Direction, Event, Kind, Outcome},
    peer,
};

/// The event name of a log record that tells of a failed connect.
const CONNECT_FAILED: &str = "tapline.connect.failed";
const KIND_SERVER: i32 = 2;
const KIND_CLIENT: i32 = 3;
const KIND_PRODUCER: i32 = 4;
const KIND_CONSUMER: i32 = 5;
const STATUS_ERROR: i32 = 2;

const CLIENT: (&str, &str) = ("client.address", "client.port");
const SERVER: (&str, &str) = ("server.address", "server.port");
const PEER: (&str, &str) = ("network.peer.address", "network.peer.port");

/// Calls `each` with every span.
pub(super) fn spans(batch: &Batch, mut each: impl FnMut(&Event<'_>)) {
    for block in view::traces(batch) {
        let service = service(block.resource());
        for span in block.scopes().flat_map(|scope| scope.spans()) {
            each(&of_span(&span, &service));
        }
    }
}

/// Calls `each` with every log record that tells of a failed connect.
pub(super) fn failed_connects(batch: &Batch, mut each: impl FnMut(&Event<'_>)) {
    for block in view::logs(batch) {
        let service = service(block.resource());
        for record in block.scopes().flat_map(|scope| scope.log_records()) {
            if record.event_name() == CONNECT_FAILED {
                each(&of_failed_connect(&record, &service));
            }
        }
    }
}

fn service(resource: Resource<'_>) -> String {
    string(resource.attr("service.name")).unwrap_or_default()
}

fn of_span<'a>(span: &Span<'a>, service: &'a str) -> Event<'a> {
    let direction = match span.kind() {
        KIND_SERVER | KIND_CONSUMER => Direction::In,
        KIND_CLIENT | KIND_PRODUCER => Direction::Out,
        _ => Direction::Inside,
    };
    let attr = |key: &str| span.attr(key);
    let target = match string(attr("http.request.method")) {
        Some(method) => format!("{method} {}", http_target(span, direction)),
        None => span.name().into_owned(),
    };
    let peer = match direction {
        Direction::Out => peer::find(attr, &[PEER, SERVER]),
        Direction::In | Direction::Inside => peer::find(attr, &[CLIENT, PEER]),
    };
    let size = |key| {
        attr(key)
            .and_then(|value| value.as_int())
            .and_then(|it| it.try_into().ok())
    };
    Event {
        kind: Kind::Request,
        time_ns: span.end_ns(),
        service,
        direction,
        target,
        outcome: outcome(span),
        duration: Some(Duration::from_nanos(
            span.end_ns().saturating_sub(span.start_ns()),
        )),
        sent_bytes: size("http.request.body.size"),
        received_bytes: size("http.response.body.size"),
        trace_id: span.trace_id(),
        peer: peer.unwrap_or_default(),
    }
}

fn outcome(span: &Span<'_>) -> Outcome {
    let status = span
        .attr("http.response.status_code")
        .and_then(|value| value.as_int());
    let failure = string(span.attr("error.type"))
        // By convention the type of an HTTP error may just repeat the status.
        .filter(|failure| status.is_none_or(|status| *failure != status.to_string()));
    let failed = span.status_code() == STATUS_ERROR;
    match (status, failure) {
        (Some(status), None) => Outcome::Status(status),
        (Some(status), Some(failure)) => Outcome::Failure(format!("{status} {failure}")),
        (None, Some(failure)) => Outcome::Failure(failure),
        (None, None) if failed => Outcome::Failure("error".to_owned()),
        (None, None) => Outcome::Unknown,
    }
}

/// Returns what was asked for: a path, and for clients also of whom. Queries are left out: they are
/// long, and the place where secrets hide.
fn http_target(span: &Span<'_>, direction: Direction) -> String {
    let full = string(span.attr("url.full"));
    let (host_in_url, path_in_url) = full.as_deref().map_or(("", ""), host_and_path);
    let path = string(span.attr("url.path"))
        .or_else(|| (!path_in_url.is_empty()).then(|| path_in_url.to_owned()))
        .or_else(|| string(span.attr("http.route")))
        .unwrap_or_default();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    if direction != Direction::Out {
        return path.to_owned();
    }
    let host = string(span.attr(SERVER.0)).map(|host| {
        let port = span.attr(SERVER.1).and_then(|port| port.as_int());
        peer::endpoint(&host, port.filter(|port| ![80, 443].contains(port)))
    });
    format!("{}{path}", host.unwrap_or_else(|| host_in_url.to_owned()))
}

/// Splits `scheme://user@host/path?query` into host and path.
fn host_and_path(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (authority.rsplit('@').next().unwrap_or_default(), path)
}

fn of_failed_connect<'a>(record: &LogRecord<'a>, service: &'a str) -> Event<'a> {
    let attr = |key: &str| record.attr(key);
    let server = peer::find(attr, &[SERVER]);
    let peer = peer::find(attr, &[PEER]);
    let target = server.clone().or_else(|| peer.clone()).unwrap_or_default();
    let time = [record.time_ns(), record.observed_ns()];
    Event {
        kind: Kind::FailedConnect,
        time_ns: time.into_iter().find(|time| *time != 0).unwrap_or_default(),
        service,
        direction: Direction::Out,
        target: format!("connect {target}"),
        outcome: Outcome::Failure(
            string(attr("error.type")).unwrap_or_else(|| "failed".to_owned()),
        ),
        duration: match attr("tapline.connect.duration") {
            Some(Value::Double(seconds)) => Duration::try_from_secs_f64(seconds).ok(),
            _ => None,
        },
        sent_bytes: None,
        received_bytes: None,
        trace_id: record.trace_id(),
        peer: peer.filter(|_| server.is_some()).unwrap_or_default(),
    }
}

fn string(value: Option<Value<'_>>) -> Option<String> {
    match value? {
        Value::Str(text) if !text.is_empty() => Some(text.into_owned()),
        _ => None,
    }
}
