//! What the engine told, as text: one line for each span and log record.

use std::{collections::HashMap, fmt::Write};

use tapline_pdata::{
    Batch, Signal,
    view::{self, Data, Span, Temporality, Value},
};
use tapline_receiver::ebpf::{Config, cassette};

use crate::tape::{Cut, Tape};

/// Replays a script and tells its spans and log records. Span ids are numbered in the order of
/// the spans' begin, so that `parent=1` is the first span; ids from headers stay as they are.
pub(crate) fn told(script: &str) -> String {
    told_losing(script, Cut(usize::MAX), |_| false)
}

/// The same with cut records, or with some of them lost.
pub(crate) fn told_losing(script: &str, cut: Cut, loses: impl Fn(u64) -> bool) -> String {
    told_tape(&Tape::written(script, cut), loses)
}

/// Tells what is on a tape.
pub(crate) fn told_tape(tape: &[u8], loses: impl Fn(u64) -> bool) -> String {
    let batches = cassette::replay(tape, loses).expect("a good tape");
    let mut spans: Vec<(u64, Vec<u8>, String)> = Vec::new();
    let mut logs = Vec::new();
    for batch in &batches {
        match batch.signal() {
            Signal::Traces => spans.extend(lines(batch)),
            Signal::Logs => logs.extend(log_lines(batch)),
            Signal::Metrics | Signal::Profiles => {}
        }
    }
    spans.sort();
    let numbers: HashMap<String, String> = spans
        .iter()
        .enumerate()
        .map(|(index, (_, id, _))| (hex(id), (index + 1).to_string()))
        .collect();
    let mut out = String::new();
    for (_, _, line) in &spans {
        let (text, parent) = line.rsplit_once("parent=").expect("every line has one");
        let parent = numbers.get(parent).map_or(parent, String::as_str);
        let _ = writeln!(out, "{text}parent={parent}");
    }
    out + &logs.concat()
}

/// Every attribute of every span, one a line, behind the span's kind and name.
pub(crate) fn attributes(script: &str) -> String {
    attributes_in(&replayed(script, &Config::default()))
}

/// Everything that a script tells under other settings.
pub(crate) fn replayed(script: &str, config: &Config) -> Vec<Batch> {
    let tape = Tape::written(script, Cut(usize::MAX));
    cassette::replay_with(config, tape.as_slice(), |_| false).expect("a good tape")
}

/// The names of all spans.
pub(crate) fn names_in(batches: &[Batch]) -> Vec<String> {
    let mut names = Vec::new();
    for batch in batches {
        if batch.signal() != Signal::Traces {
            continue;
        }
        for scope in view::traces(batch).flat_map(|block| block.scopes().collect::<Vec<_>>()) {
            names.extend(scope.spans().map(|span| span.name().to_string()));
        }
    }
    names
}

/// Every attribute of every span.
pub(crate) fn attributes_in(batches: &[Batch]) -> String {
    let mut out = String::new();
    for batch in batches
        .iter()
        .filter(|batch| batch.signal() == Signal::Traces)
    {
        for block in view::traces(batch) {
            for span in block
                .scopes()
                .flat_map(|scope| scope.spans().collect::<Vec<_>>())
            {
                for (key, value) in span.attributes().iter() {
                    let _ = writeln!(out, "{key}={}", text(&value));
                }
            }
        }
    }
    out
}

/// Every histogram point: metric, count, and its attributes.
pub(crate) fn histograms(script: &str) -> String {
    histograms_in(&replayed(script, &Config::default()))
}

/// The same of what was told already.
pub(crate) fn histograms_in(batches: &[Batch]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for batch in batches
        .iter()
        .filter(|batch| batch.signal() == Signal::Metrics)
    {
        for metric in view::metrics(batch)
            .flat_map(|block| block.scopes().collect::<Vec<_>>())
            .flat_map(|scope| scope.metrics().collect::<Vec<_>>())
        {
            let Data::Histogram {
                points,
                temporality,
            } = metric.data()
            else {
                continue;
            };
            assert_eq!(temporality, Temporality::Cumulative);
            for point in points.iter() {
                let attributes = point.attributes().iter();
                let attributes: Vec<String> = attributes
                    .map(|(key, value)| format!("{key}={}", text(&value)))
                    .collect();
                let exemplars = point.exemplars().count();
                lines.push(format!(
                    "{} {} count={} exemplars={exemplars} {}",
                    metric.name(),
                    metric.unit(),
                    point.count(),
                    attributes.join(" ")
                ));
            }
        }
    }
    lines.sort();
    lines.join("\n")
}

fn lines(batch: &Batch) -> Vec<(u64, Vec<u8>, String)> {
    let mut lines = Vec::new();
    for block in view::traces(batch) {
        let service = block
            .resource()
            .attr("service.name")
            .map(|name| text(&name));
        let service = service.unwrap_or_default();
        for span in block
            .scopes()
            .flat_map(|scope| scope.spans().collect::<Vec<_>>())
        {
            lines.push((
                span.start_ns(),
                span.span_id().to_vec(),
                line(&service, &span),
            ));
        }
    }
    lines
}

fn line(service: &str, span: &Span<'_>) -> String {
    let attr = |key: &str| span.attr(key).map(|value| text(&value));
    let kind = if span.kind() == 2 { "server" } else { "client" };
    let target = attr("url.path")
        .or_else(|| attr("url.full"))
        .or_else(|| attr("db.query.text"))
        .or_else(|| attr("db.namespace"))
        .unwrap_or_default();
    let status = attr("http.response.status_code");
    let outcome = status.or_else(|| attr("error.type")).unwrap_or_default();
    let ms = (span.end_ns() - span.start_ns()) / 1_000_000;
    let parent = match span.parent_span_id() {
        [] => "-".to_owned(),
        id => hex(id),
    };
    // The target says it already; `routes` looks at the whole name.
    let route = attr("http.route").or_else(|| attr("url.template"));
    let route = route.map_or(String::new(), |route| format!(" {route}"));
    let name = span.name();
    let name = name.strip_suffix(route.as_str());
    format!(
        "{service} {kind} {} {target} {outcome} {ms}ms parent={parent}",
        name.expect("the name ends with the route")
    )
}

fn log_lines(batch: &Batch) -> Vec<String> {
    let mut lines = Vec::new();
    for block in view::logs(batch) {
        for log in block
            .scopes()
            .flat_map(|scope| scope.log_records().collect::<Vec<_>>())
        {
            let error = log
                .attr("error.type")
                .map(|value| text(&value))
                .unwrap_or_default();
            let body = log.body().as_str().map(str::to_owned).unwrap_or_default();
            lines.push(format!("log {} {error}: {body}\n", log.event_name()));
        }
    }
    lines
}

fn text(value: &Value<'_>) -> String {
    match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| text(&item)).collect();
            items.join("|")
        }
        _ => match (value.as_str(), value.as_int()) {
            (Some(text), _) => text.to_owned(),
            (_, Some(int)) => int.to_string(),
            _ => String::new(),
        },
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
