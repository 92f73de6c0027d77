//! A compact form for tests and snapshots: one line a record or point, its attributes below.
//!
//! ```text
//! resource service.name="cart"
//!   scope tapline/ebpf@0.1.0
//!     span server "GET /orders/{id}" 12.4ms trace=7af1… id=02c4… parent=-
//!       http.request.method="GET" http.response.status_code=200
//! ```
//!
//! Absolute times are left out: they differ from run to run. So are counts of what was dropped,
//! schemas, exemplars and empty buckets. What is shown [`parse`](super::parse) reads back.

mod metric;
mod profile;
mod value;

use super::{go::Hex, page::Page};
use crate::{
    Batch, Signal,
    view::{self, Attributes, Dictionary, LogRecord, Record, ResourceBlock, Span},
};
use metric::put_metric;
use profile::put_profile;
pub(super) use value::is_word_char;
use value::{Present, Short, Spaced, Took, Word};

/// Shows a batch in the compact form.
pub fn compact(batch: &Batch) -> String {
    let mut page = Page::default();
    match batch.signal() {
        Signal::Traces => put_blocks(&mut page, None, view::traces(batch), put_span),
        Signal::Metrics => put_blocks(&mut page, None, view::metrics(batch), put_metric),
        Signal::Logs => put_blocks(&mut page, None, view::logs(batch), put_log),
        Signal::Profiles => {
            let all = &Dictionary::new(batch);
            put_blocks(
                &mut page,
                Some(all),
                view::profiles(batch),
                |page, profile| {
                    put_profile(page, all, profile);
                },
            );
        }
    }
    page.finish()
}

fn put_blocks<'a, R: Record<'a>>(
    page: &mut Page,
    dictionary: Option<&Dictionary<'a>>,
    blocks: impl Iterator<Item = ResourceBlock<'a, R>>,
    put: impl Fn(&mut Page, &R),
) {
    for block in blocks {
        page.line(format_args!(
            "resource{}",
            Spaced(&block.resource().attributes(), dictionary)
        ));
        for inner in block.scopes() {
            let scope = inner.scope();
            let (name, version) = (scope.name(), scope.version());
            page.put(format_args!("  scope"));
            if !name.is_empty() {
                page.put(format_args!(" {}", Word(&name)));
            } else if !version.is_empty() {
                page.put(format_args!(" "));
            }
            if !version.is_empty() {
                page.put(format_args!("@{}", Word(&version)));
            }
            page.line(format_args!("{}", Spaced(&scope.attributes(), dictionary)));
            for record in inner.records() {
                if page.is_full() {
                    return;
                }
                put(page, &record);
            }
        }
    }
}

fn put_span(page: &mut Page, span: &Span<'_>) {
    let kind = match span.kind() {
        1 => "internal",
        2 => "server",
        3 => "client",
        4 => "producer",
        5 => "consumer",
        _ => "unspecified",
    };
    let took = Took(span.end_ns().saturating_sub(span.start_ns()));
    page.put(format_args!("    span {kind} {:?} {took}", span.name()));
    page.put(format_args!(" trace={}", Present(span.trace_id())));
    page.put(format_args!(" id={}", Present(span.span_id())));
    page.put(format_args!(" parent={}", Present(span.parent_span_id())));
    if span.flags() != 0 {
        page.put(format_args!(" flags={:#x}", span.flags()));
    }
    let trace_state = span.trace_state();
    if !trace_state.is_empty() {
        page.put(format_args!(" state={trace_state:?}"));
    }
    match span.status_code() {
        0 => {}
        1 => page.put(format_args!(" ok")),
        2 => page.put(format_args!(" error={:?}", span.status_message())),
        code => page.put(format_args!(" status={code}")),
    }
    page.line(format_args!(""));
    put_below(page, &span.attributes());
    for event in span.events() {
        let after = Took(event.time_ns().saturating_sub(span.start_ns()));
        let attributes = event.attributes();
        page.line(format_args!(
            "      event {:?} +{after}{}",
            event.name(),
            Spaced(&attributes, None)
        ));
    }
    for link in span.links() {
        let (trace_id, span_id) = (Present(link.trace_id()), Present(link.span_id()));
        let attributes = link.attributes();
        page.line(format_args!(
            "      link trace={trace_id} id={span_id}{}",
            Spaced(&attributes, None)
        ));
    }
}

fn put_log(page: &mut Page, log: &LogRecord<'_>) {
    page.put(format_args!("    log severity={}", log.severity_number()));
    let (text, event_name) = (log.severity_text(), log.event_name());
    if !text.is_empty() {
        page.put(format_args!(" text={text:?}"));
    }
    if !event_name.is_empty() {
        page.put(format_args!(" event={event_name:?}"));
    }
    page.put(format_args!(" body={}", Short(&log.body(), 0)));
    if !log.trace_id().is_empty() {
        let span_id = Present(log.span_id());
        page.put(format_args!(
            " trace={} span={span_id}",
            Hex(log.trace_id())
        ));
    }
    page.line(format_args!(""));
    put_below(page, &log.attributes());
}

fn put_below(page: &mut Page, attributes: &Attributes<'_>) {
    if !attributes.is_empty() {
        page.line(format_args!("     {}", Spaced(attributes, None)));
    }
}
