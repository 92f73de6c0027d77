//! The `normal` form: one line a span, log record, data point or profile.

use std::borrow::Cow;

use super::{
    buckets::{bounded, bounded_inwards},
    go::{Fixed, Id, Shortest},
    page::Page,
    value::Plain,
};
use crate::{
    Batch, Signal,
    view::{
        self, Attributes, Data, Dictionary, ExponentialPoint, HistogramPoint, LogRecord, Metric,
        Number, NumberPoint, Points, Profile, Record, ResourceBlock, Span, SummaryPoint, Value,
    },
};

/// How much of a metric's name is repeated on each point's line, so that text stays linear.
const MAX_NAME_BYTES: usize = 255;

/// Shows a batch in the `normal` form.
pub fn normal(batch: &Batch) -> String {
    let mut page = Page::default();
    match batch.signal() {
        Signal::Traces => put_blocks(&mut page, "Traces", None, view::traces(batch), put_span),
        Signal::Metrics => {
            put_blocks(&mut page, "Metrics", None, view::metrics(batch), put_metric);
        }
        Signal::Logs => put_blocks(&mut page, "Log", None, view::logs(batch), put_log),
        Signal::Profiles => {
            let all = &Dictionary::new(batch);
            let blocks = view::profiles(batch);
            put_blocks(&mut page, "Profiles", Some(all), blocks, |page, profile| {
                put_profile(page, all, profile);
            });
        }
    }
    page.finish()
}

fn put_blocks<'a, R: Record<'a>>(
    page: &mut Page,
    what: &str,
    dictionary: Option<&Dictionary<'a>>,
    blocks: impl Iterator<Item = ResourceBlock<'a, R>>,
    put: impl Fn(&mut Page, &R),
) {
    for (i, block) in blocks.enumerate() {
        page.put(format_args!("Resource{what} #{i}"));
        put_schema(page, &block.schema_url());
        put_surroundings(page, dictionary, &block.resource().attributes());
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
            put_surroundings(page, dictionary, &scope.attributes());
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

/// Writes the attributes of a resource or a scope; those of profiles may have indexes.
fn put_surroundings<'a>(
    page: &mut Page,
    dictionary: Option<&Dictionary<'a>>,
    attributes: &Attributes<'a>,
) {
    match dictionary {
        None => put_attributes(page, attributes),
        Some(dictionary) => put_pairs(page, dictionary.pairs(attributes)),
    }
}

fn put_attributes(page: &mut Page, attributes: &Attributes<'_>) {
    put_pairs(page, attributes.iter());
}

/// Writes ` key=value` for each attribute.
fn put_pairs<'a>(page: &mut Page, pairs: impl Iterator<Item = (Cow<'a, str>, Value<'a>)>) {
    for (key, value) in pairs {
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

fn put_profile<'a>(page: &mut Page, all: &Dictionary<'a>, profile: &Profile<'a>) {
    let samples = profile.samples().count();
    page.put(format_args!(
        "{} samples={samples}",
        Id(profile.profile_id())
    ));
    let indices = profile.attribute_indices();
    put_pairs(page, indices.map(|index| all.pair(all.attribute(index))));
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
