//! The `normal` form: one line a span, log record or data point.

use std::borrow::Cow;

use super::{
    buckets::{bounded, bounded_inwards},
    go::{Fixed, Id, Shortest},
    page::Page,
    unread,
    value::Plain,
};
use crate::{
    Batch, Signal,
    view::{
        self, Attributes, Data, ExponentialPoint, HistogramPoint, LogRecord, Metric, Number,
        NumberPoint, Points, Record, ResourceBlock, Span, SummaryPoint,
    },
};

/// How much of a metric's name is repeated on each point's line, so that text stays linear.
const MAX_NAME_BYTES: usize = 255;

/// Shows a batch in the `normal` form.
pub fn normal(batch: &Batch) -> String {
    let mut page = Page::default();
    match batch.signal() {
        Signal::Traces => put_blocks(&mut page, "Traces", view::traces(batch), put_span),
        Signal::Metrics => put_blocks(&mut page, "Metrics", view::metrics(batch), put_metric),
        Signal::Logs => put_blocks(&mut page, "Log", view::logs(batch), put_log),
        Signal::Profiles => return unread(batch),
    }
    page.finish()
}

fn put_blocks<'a, R: Record<'a>>(
    page: &mut Page,
    what: &str,
    blocks: impl Iterator<Item = ResourceBlock<'a, R>>,
    put: impl Fn(&mut Page, &R),
) {
    for (i, block) in blocks.enumerate() {
        page.put(format_args!("Resource{what} #{i}"));
        put_schema(page, &block.schema_url());
        put_attributes(page, &block.resource().attributes());
        page.line(format_args!(""));
        for inner in block.scopes() {
            // The Collector numbers scopes by their resource; so do we.
            page.put(format_args!("Scope{what} #{i}"));
            let scope = inner.scope();
            let (name, version) = (scope.name(), scope.version());
            if !name.is_empty() || !version.is_empty() {
                page.put(format_args!(" {name}"));
            }
            if !version.is_empty() {
                page.put(format_args!("@{version}"));
            }
            put_schema(page, &inner.schema_url());
            put_attributes(page, &scope.attributes());
            page.line(format_args!(""));
            for record in inner.records() {
                if page.is_full() {
                    return;
                }
                put(page, &record);
            }
        }
    }
}

fn put_schema(page: &mut Page, url: &str) {
    if !url.is_empty() {
        page.put(format_args!(" [{url}]"));
    }
}

/// Writes ` key=value` for each attribute.
fn put_attributes(page: &mut Page, attributes: &Attributes<'_>) {
    for (key, value) in attributes.iter() {
        page.put(format_args!(" {key}={}", Plain(&value)));
    }
}

fn put_span(page: &mut Page, span: &Span<'_>) {
    page.put(format_args!(
        "{} {} {}",
        span.name(),
        Id(span.trace_id()),
        Id(span.span_id())
    ));
    put_attributes(page, &span.attributes());
    page.line(format_args!(""));
}

fn put_log(page: &mut Page, log: &LogRecord<'_>) {
    page.put(format_args!("{}", Plain(&log.body())));
    let attributes = log.attributes();
    if attributes.is_empty() {
        page.put(format_args!(" "));
    }
    put_attributes(page, &attributes);
    page.line(format_args!(""));
}

fn put_metric(page: &mut Page, metric: &Metric<'_>) {
    let name = shortened(metric.name());
    match metric.data() {
        Data::Empty => {}
        Data::Gauge(points) | Data::Sum { points, .. } => put_points(
            page,
            &name,
            &points,
            NumberPoint::attributes,
            |page, point| match point.value() {
                Some(Number::Int(int)) => page.put(format_args!("{int}")),
                Some(Number::Double(double)) => page.put(format_args!("{}", Shortest(double))),
                None => {}
            },
        ),
        Data::Histogram { points, .. } => {
            put_points(
                page,
                &name,
                &points,
                HistogramPoint::attributes,
                put_histogram,
            );
        }
        Data::ExponentialHistogram { points, .. } => {
            put_points(
                page,
                &name,
                &points,
                ExponentialPoint::attributes,
                put_exponential,
            );
        }
        Data::Summary(points) => {
            put_points(page, &name, &points, SummaryPoint::attributes, put_summary);
        }
    }
}

fn put_points<'a, P>(
    page: &mut Page,
    name: &str,
    points: &Points<'a, P>,
    attributes: impl Fn(&P) -> Attributes<'a>,
    put: impl Fn(&mut Page, &P),
) {
    for point in points.iter() {
        if page.is_full() {
            return;
        }
        page.put(format_args!("{name}{{"));
        for (index, (key, value)) in attributes(&point).iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            page.put(format_args!("{comma}{key}={}", Plain(&value)));
        }
        page.put(format_args!("}} "));
        put(page, &point);
        page.line(format_args!(""));
    }
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
    for count in point.bucket_counts() {
        match bounds.next() {
            Some(bound) => page.put(format_args!(" le{}={count}", Shortest(bound))),
            None => page.put(format_args!(" {count}")),
        }
    }
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
    for bucket in bounded_inwards(&point.negative(), point.scale()) {
        page.put(format_args!(
            " le{}={}",
            Shortest(-bucket.lower),
            bucket.count
        ));
    }
    if point.zero_count() != 0 {
        page.put(format_args!(" zero={}", point.zero_count()));
    }
    for bucket in bounded(&point.positive(), point.scale()) {
        page.put(format_args!(
            " le{}={}",
            Shortest(bucket.upper),
            bucket.count
        ));
    }
}

fn put_summary(page: &mut Page, point: &SummaryPoint<'_>) {
    page.put(format_args!(
        "count={} sum={}",
        point.count(),
        Fixed(point.sum())
    ));
    for one in point.quantiles() {
        page.put(format_args!(
            " q{}={}",
            Shortest(one.quantile),
            Shortest(one.value)
        ));
    }
}

fn put_extremes(page: &mut Page, named: [(&str, Option<f64>); 3]) {
    for (name, value) in named {
        if let Some(value) = value {
            page.put(format_args!(" {name}={}", Shortest(value)));
        }
    }
}

fn shortened(mut name: Cow<'_, str>) -> Cow<'_, str> {
    if name.len() > MAX_NAME_BYTES {
        let end = name.floor_char_boundary(MAX_NAME_BYTES);
        name.to_mut().truncate(end);
    }
    name
}
