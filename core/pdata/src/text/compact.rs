//! A compact form for tests and snapshots: one line a record or point, its attributes below.
//!
//! ```text
//! resource service.name="cart"
//!   scope tapline/ebpf@0.1.0
//!     span server "GET /orders/{id}" 12.4ms trace=7af1… id=02c4… parent=-
//!       http.request.method="GET" http.response.status_code=200
//! ```
//!
//! Absolute times are left out: they differ from run to run.

use std::fmt::{self, Display, Formatter};

use super::{go::Hex, page::Page, unread};
use crate::{
    Batch, MAX_VALUE_DEPTH, Signal,
    view::{
        self, Attributes, Data, ExponentialPoint, HistogramPoint, LogRecord, Metric, Number,
        NumberPoint, Points, Record, ResourceBlock, Span, SummaryPoint, Temporality, Value,
    },
};

/// Shows a batch in the compact form.
pub fn compact(batch: &Batch) -> String {
    let mut page = Page::default();
    match batch.signal() {
        Signal::Traces => put_blocks(&mut page, view::traces(batch), put_span),
        Signal::Metrics => put_blocks(&mut page, view::metrics(batch), put_metric),
        Signal::Logs => put_blocks(&mut page, view::logs(batch), put_log),
        Signal::Profiles => return unread(batch),
    }
    page.finish()
}

fn put_blocks<'a, R: Record<'a>>(
    page: &mut Page,
    blocks: impl Iterator<Item = ResourceBlock<'a, R>>,
    put: impl Fn(&mut Page, &R),
) {
    for block in blocks {
        page.line(format_args!(
            "resource{}",
            Spaced(&block.resource().attributes())
        ));
        for inner in block.scopes() {
            let scope = inner.scope();
            let (name, version) = (scope.name(), scope.version());
            page.put(format_args!("  scope"));
            if !name.is_empty() || !version.is_empty() {
                page.put(format_args!(" {name}"));
            }
            if !version.is_empty() {
                page.put(format_args!("@{version}"));
            }
            page.line(format_args!("{}", Spaced(&scope.attributes())));
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
            Spaced(&attributes)
        ));
    }
    for link in span.links() {
        let (trace_id, span_id) = (Present(link.trace_id()), Present(link.span_id()));
        let attributes = link.attributes();
        page.line(format_args!(
            "      link trace={trace_id} id={span_id}{}",
            Spaced(&attributes)
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

fn put_metric(page: &mut Page, metric: &Metric<'_>) {
    let data = metric.data();
    let (kind, temporality) = match &data {
        Data::Empty => ("metric", None),
        Data::Gauge(_) => ("gauge", None),
        Data::Sum {
            temporality,
            monotonic: true,
            ..
        } => ("counter", Some(*temporality)),
        Data::Sum { temporality, .. } => ("sum", Some(*temporality)),
        Data::Histogram { temporality, .. } => ("histogram", Some(*temporality)),
        Data::ExponentialHistogram { temporality, .. } => ("exponential", Some(*temporality)),
        Data::Summary(_) => ("summary", None),
    };
    page.put(format_args!("    {kind} {:?}", metric.name()));
    let unit = metric.unit();
    if !unit.is_empty() {
        page.put(format_args!(" unit={unit:?}"));
    }
    page.line(format_args!(
        "{}",
        match temporality {
            None | Some(Temporality::Cumulative) => "",
            Some(Temporality::Delta) => " delta",
            Some(Temporality::Unspecified) => " unspecified",
        }
    ));
    match data {
        Data::Empty => {}
        Data::Gauge(points) | Data::Sum { points, .. } => put_points(page, &points, put_number),
        Data::Histogram { points, .. } => put_points(page, &points, put_histogram),
        Data::ExponentialHistogram { points, .. } => put_points(page, &points, put_exponential),
        Data::Summary(points) => put_points(page, &points, put_summary),
    }
}

fn put_points<P>(page: &mut Page, points: &Points<'_, P>, put: impl Fn(&mut Page, &P)) {
    for point in points.iter() {
        if page.is_full() {
            return;
        }
        page.put(format_args!("      "));
        put(page, &point);
    }
}

fn put_number(page: &mut Page, point: &NumberPoint<'_>) {
    match point.value() {
        Some(Number::Int(int)) => page.put(format_args!("{int}")),
        Some(Number::Double(double)) => page.put(format_args!("{double:?}")),
        None => page.put(format_args!("-")),
    }
    page.line(format_args!("{}", Spaced(&point.attributes())));
}

fn put_histogram(page: &mut Page, point: &HistogramPoint<'_>) {
    page.put(format_args!("count={}", point.count()));
    put_extremes(
        page,
        [
            ("sum", point.sum()),
            ("min", point.min()),
            ("max", point.max()),
        ],
    );
    let mut bounds = point.bounds();
    // Most buckets are empty; what is not shown holds nothing.
    for (bound, count) in point.bucket_counts().map(|count| (bounds.next(), count)) {
        match bound {
            _ if count == 0 => {}
            Some(bound) => page.put(format_args!(" le{bound:?}:{count}")),
            None => page.put(format_args!(" inf:{count}")),
        }
    }
    page.line(format_args!("{}", Spaced(&point.attributes())));
}

fn put_exponential(page: &mut Page, point: &ExponentialPoint<'_>) {
    page.put(format_args!("count={}", point.count()));
    put_extremes(
        page,
        [
            ("sum", point.sum()),
            ("min", point.min()),
            ("max", point.max()),
        ],
    );
    page.put(format_args!(
        " scale={} zero={}",
        point.scale(),
        point.zero_count()
    ));
    for (name, buckets) in [
        ("negative", point.negative()),
        ("positive", point.positive()),
    ] {
        for (index, count) in (i64::from(buckets.offset())..).zip(buckets.counts()) {
            if count != 0 {
                page.put(format_args!(" {name}[{index}]:{count}"));
            }
        }
    }
    page.line(format_args!("{}", Spaced(&point.attributes())));
}

fn put_summary(page: &mut Page, point: &SummaryPoint<'_>) {
    page.put(format_args!(
        "count={} sum={:?}",
        point.count(),
        point.sum()
    ));
    for one in point.quantiles() {
        page.put(format_args!(" q{:?}={:?}", one.quantile, one.value));
    }
    page.line(format_args!("{}", Spaced(&point.attributes())));
}

fn put_extremes(page: &mut Page, named: [(&str, Option<f64>); 3]) {
    for (name, value) in named {
        if let Some(value) = value {
            page.put(format_args!(" {name}={value:?}"));
        }
    }
}

fn put_below(page: &mut Page, attributes: &Attributes<'_>) {
    if !attributes.is_empty() {
        page.line(format_args!("     {}", Spaced(attributes)));
    }
}

/// ` key=value` for each attribute.
struct Spaced<'a, 'v>(&'v Attributes<'a>);

impl Display for Spaced<'_, '_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|(key, value)| write!(f, " {key}={}", Short(&value, 0)))
    }
}

/// A value whose type shows: strings are quoted, floats have a point. With its depth.
struct Short<'a, 'v>(&'v Value<'a>, u32);

impl Display for Short<'_, '_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let depth = self.1 + 1;
        match self.0 {
            Value::Empty => f.write_str("empty"),
            Value::Str(text) => write!(f, "{text:?}"),
            Value::Bool(truth) => write!(f, "{truth}"),
            Value::Int(int) => write!(f, "{int}"),
            Value::Double(double) => write!(f, "{double:?}"),
            Value::Bytes(bytes) => write!(f, "0x{}", Hex(bytes)),
            _ if depth > MAX_VALUE_DEPTH => f.write_str("..."),
            Value::Array(array) => {
                f.write_str("[")?;
                for (index, element) in array.iter().enumerate() {
                    let space = if index > 0 { " " } else { "" };
                    write!(f, "{space}{}", Short(&element, depth))?;
                }
                f.write_str("]")
            }
            Value::Map(map) => {
                f.write_str("{")?;
                for (index, (key, element)) in map.iter().enumerate() {
                    let space = if index > 0 { " " } else { "" };
                    write!(f, "{space}{key}={}", Short(&element, depth))?;
                }
                f.write_str("}")
            }
        }
    }
}

/// An id in hex, or `-`.
struct Present<'a>(&'a [u8]);

impl Display for Present<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            f.write_str("-")
        } else {
            Hex(self.0).fmt(f)
        }
    }
}

/// Nanoseconds in the largest unit that does not make them a fraction below one.
struct Took(u64);

impl Display for Took {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", std::time::Duration::from_nanos(self.0))
    }
}
