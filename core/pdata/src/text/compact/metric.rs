//! Metrics: a line for what they are, and one for each point.

use super::{Page, value::Spaced};
use crate::view::{
    Attributes, Data, ExponentialPoint, HistogramPoint, Metric, Number, NumberPoint, Points,
    SummaryPoint, Temporality,
};

pub(super) fn put_metric(page: &mut Page, metric: &Metric<'_>) {
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
    page.line(format_args!("{}", Spaced(&point.attributes(), None)));
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
    put_attributes(page, &point.attributes());
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
    put_attributes(page, &point.attributes());
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
    put_attributes(page, &point.attributes());
}

fn put_extremes(page: &mut Page, named: [(&str, Option<f64>); 3]) {
    for (name, value) in named {
        if let Some(value) = value {
            page.put(format_args!(" {name}={value:?}"));
        }
    }
}

/// Writes attributes behind a bar, so that nobody takes them for a part of the point.
fn put_attributes(page: &mut Page, attributes: &Attributes<'_>) {
    if !attributes.is_empty() {
        page.put(format_args!(" |"));
    }
    page.line(format_args!("{}", Spaced(attributes, None)));
}
