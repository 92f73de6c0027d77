//! The `detailed` form: every field, held to the Collector's golden files.

mod metric;

use super::{
    go::{Id, Time},
    page::Page,
    unread,
    value::Typed,
};
use crate::{
    Batch, Signal,
    view::{self, Attributes, LogRecord, Record, Resource, ResourceBlock, Scope, Span},
};

/// Shows a batch in the `detailed` form.
pub fn detailed(batch: &Batch) -> String {
    let mut page = Page::default();
    match batch.signal() {
        Signal::Traces => {
            let titles = ["ResourceSpans", "ScopeSpans", "Span"];
            put_blocks(&mut page, titles, view::traces(batch), put_span);
        }
        Signal::Metrics => {
            let titles = ["ResourceMetrics", "ScopeMetrics", "Metric"];
            put_blocks(&mut page, titles, view::metrics(batch), metric::put_metric);
        }
        Signal::Logs => {
            let titles = ["ResourceLog", "ScopeLogs", "LogRecord"];
            put_blocks(&mut page, titles, view::logs(batch), put_log);
        }
        Signal::Profiles => return unread(batch),
    }
    page.finish()
}

fn put_blocks<'a, R: Record<'a>>(
    page: &mut Page,
    [resource_title, scope_title, record_title]: [&str; 3],
    blocks: impl Iterator<Item = ResourceBlock<'a, R>>,
    put: impl Fn(&mut Page, &R),
) {
    for (i, block) in blocks.enumerate() {
        page.line(format_args!("{resource_title} #{i}"));
        page.line(format_args!("Resource SchemaURL: {}", block.schema_url()));
        put_resource(page, &block.resource());
        for (j, inner) in block.scopes().enumerate() {
            page.line(format_args!("{scope_title} #{j}"));
            page.line(format_args!(
                "{scope_title} SchemaURL: {}",
                inner.schema_url()
            ));
            put_scope(page, &inner.scope());
            for (k, record) in inner.records().enumerate() {
                if page.is_full() {
                    return;
                }
                page.line(format_args!("{record_title} #{k}"));
                put(page, &record);
            }
        }
    }
}

fn put_resource(page: &mut Page, resource: &Resource<'_>) {
    put_attributes(page, "Resource attributes", &resource.attributes());
    for (index, entity) in resource.entity_refs().enumerate() {
        if index == 0 {
            page.line(format_args!("Resource entity refs:"));
        }
        page.line(format_args!("     -> Entity ref #{index}:"));
        page.line(format_args!("          -> Type: {}", entity.kind()));
        let schema_url = entity.schema_url();
        if !schema_url.is_empty() {
            page.line(format_args!("          -> Schema URL: {schema_url}"));
        }
        for (index, key) in entity.id_keys().enumerate() {
            if index == 0 {
                page.line(format_args!("          -> ID keys:"));
            }
            page.line(format_args!("               -> {key}"));
        }
        for (index, key) in entity.description_keys().enumerate() {
            if index == 0 {
                page.line(format_args!("          -> Description keys:"));
            }
            page.line(format_args!("               -> {key}"));
        }
    }
}

fn put_scope(page: &mut Page, scope: &Scope<'_>) {
    page.line(format_args!(
        "InstrumentationScope {} {}",
        scope.name(),
        scope.version()
    ));
    put_attributes(page, "InstrumentationScope attributes", &scope.attributes());
}

/// Writes a title and a line for each attribute; nothing when there are none.
fn put_attributes(page: &mut Page, title: &str, attributes: &Attributes<'_>) {
    // What stands under an arrow is indented behind it.
    let indent = title.split_once("->").map_or("", |(before, _)| before);
    for (index, (key, value)) in attributes.iter().enumerate() {
        if index == 0 {
            page.line(format_args!("{title}:"));
        }
        page.line(format_args!("{indent}     -> {key}: {}", Typed(&value)));
    }
}

fn put_span(page: &mut Page, span: &Span<'_>) {
    let mut entry = |name: &str, value: std::fmt::Arguments<'_>| {
        page.line(format_args!("    {name:<15}: {value}"));
    };
    entry("Trace ID", format_args!("{}", Id(span.trace_id())));
    entry("Parent ID", format_args!("{}", Id(span.parent_span_id())));
    entry("ID", format_args!("{}", Id(span.span_id())));
    entry("Name", format_args!("{}", span.name()));
    entry("Kind", format_args!("{}", kind_name(span.kind())));
    let trace_state = span.trace_state();
    if !trace_state.is_empty() {
        entry("TraceState", format_args!("{trace_state}"));
    }
    entry("Start time", format_args!("{}", Time(span.start_ns())));
    entry("End time", format_args!("{}", Time(span.end_ns())));
    entry(
        "Status code",
        format_args!("{}", status_name(span.status_code())),
    );
    entry("Status message", format_args!("{}", span.status_message()));
    entry(
        "DroppedAttributesCount",
        format_args!("{}", span.dropped_attributes()),
    );
    entry(
        "DroppedEventsCount",
        format_args!("{}", span.dropped_events()),
    );
    entry(
        "DroppedLinksCount",
        format_args!("{}", span.dropped_links()),
    );
    put_attributes(page, "Attributes", &span.attributes());
    put_events(page, span);
    put_links(page, span);
}

fn put_events(page: &mut Page, span: &Span<'_>) {
    for (index, event) in span.events().enumerate() {
        if index == 0 {
            page.line(format_args!("Events:"));
        }
        page.line(format_args!("SpanEvent #{index}"));
        page.line(format_args!("     -> Name: {}", event.name()));
        page.line(format_args!("     -> Timestamp: {}", Time(event.time_ns())));
        page.line(format_args!(
            "     -> DroppedAttributesCount: {}",
            event.dropped_attributes()
        ));
        // Two colons: one is the Collector's mistake, and now its format.
        put_attributes(page, "     -> Attributes:", &event.attributes());
    }
}

fn put_links(page: &mut Page, span: &Span<'_>) {
    for (index, link) in span.links().enumerate() {
        if index == 0 {
            page.line(format_args!("Links:"));
        }
        page.line(format_args!("SpanLink #{index}"));
        page.line(format_args!("     -> Trace ID: {}", Id(link.trace_id())));
        page.line(format_args!("     -> ID: {}", Id(link.span_id())));
        page.line(format_args!("     -> TraceState: {}", link.trace_state()));
        page.line(format_args!(
            "     -> DroppedAttributesCount: {}",
            link.dropped_attributes()
        ));
        put_attributes(page, "     -> Attributes:", &link.attributes());
    }
}

fn put_log(page: &mut Page, log: &LogRecord<'_>) {
    let severity = log.severity_number();
    page.line(format_args!(
        "ObservedTimestamp: {}",
        Time(log.observed_ns())
    ));
    page.line(format_args!("Timestamp: {}", Time(log.time_ns())));
    page.line(format_args!("SeverityText: {}", log.severity_text()));
    page.line(format_args!(
        "SeverityNumber: {}({severity})",
        severity_name(severity)
    ));
    let event_name = log.event_name();
    if !event_name.is_empty() {
        page.line(format_args!("EventName: {event_name}"));
    }
    page.line(format_args!("Body: {}", Typed(&log.body())));
    put_attributes(page, "Attributes", &log.attributes());
    page.line(format_args!("Trace ID: {}", Id(log.trace_id())));
    page.line(format_args!("Span ID: {}", Id(log.span_id())));
    page.line(format_args!("Flags: {}", log.flags()));
}

fn kind_name(kind: i32) -> &'static str {
    match kind {
        0 => "Unspecified",
        1 => "Internal",
        2 => "Server",
        3 => "Client",
        4 => "Producer",
        5 => "Consumer",
        _ => "",
    }
}

fn status_name(code: i32) -> &'static str {
    match code {
        0 => "Unset",
        1 => "Ok",
        2 => "Error",
        _ => "",
    }
}

fn severity_name(number: i32) -> &'static str {
    const NAMES: [&str; 25] = [
        "Unspecified",
        "Trace",
        "Trace2",
        "Trace3",
        "Trace4",
        "Debug",
        "Debug2",
        "Debug3",
        "Debug4",
        "Info",
        "Info2",
        "Info3",
        "Info4",
        "Warn",
        "Warn2",
        "Warn3",
        "Warn4",
        "Error",
        "Error2",
        "Error3",
        "Error4",
        "Fatal",
        "Fatal2",
        "Fatal3",
        "Fatal4",
    ];
    usize::try_from(number)
        .ok()
        .and_then(|index| NAMES.get(index))
        .copied()
        .unwrap_or_default()
}
