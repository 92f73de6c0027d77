//! Metrics in the `detailed` form.

use super::{
    super::{
        buckets::{bounded, bounded_inwards},
        go::{Fixed, Id, Time},
        page::Page,
    },
    put_attributes,
};
use crate::view::{
    Attributes, Data, Exemplar, ExponentialPoint, HistogramPoint, Metric, Number, NumberPoint,
    Points, SummaryPoint, Temporality,
};

pub(super) fn put_metric(page: &mut Page, metric: &Metric<'_>) {
    page.line(format_args!("Descriptor:"));
    page.line(format_args!("     -> Name: {}", metric.name()));
    page.line(format_args!(
        "     -> Description: {}",
        metric.description()
    ));
    page.line(format_args!("     -> Unit: {}", metric.unit()));
    let data = metric.data();
    page.line(format_args!("     -> DataType: {}", type_name(&data)));
    match data {
        Data::Empty => {}
        Data::Gauge(points) => put_number_points(page, &points),
        Data::Sum {
            points,
            temporality,
            monotonic,
        } => {
            page.line(format_args!("     -> IsMonotonic: {monotonic}"));
            put_temporality(page, temporality);
            put_number_points(page, &points);
        }
        Data::Histogram {
            points,
            temporality,
        } => {
            put_temporality(page, temporality);
            put_points(page, "HistogramDataPoints", &points, put_histogram_point);
        }
        Data::ExponentialHistogram {
            points,
            temporality,
        } => {
            put_temporality(page, temporality);
            put_points(
                page,
                "ExponentialHistogramDataPoints",
                &points,
                put_exponential_point,
            );
        }
        Data::Summary(points) => put_points(page, "SummaryDataPoints", &points, put_summary_point),
    }
}

fn type_name(data: &Data<'_>) -> &'static str {
    match data {
        Data::Empty => "Empty",
        Data::Gauge(_) => "Gauge",
        Data::Sum { .. } => "Sum",
        Data::Histogram { .. } => "Histogram",
        Data::ExponentialHistogram { .. } => "ExponentialHistogram",
        Data::Summary(_) => "Summary",
    }
}

/// The names of [`Temporality`] are the Collector's.
fn put_temporality(page: &mut Page, temporality: Temporality) {
    page.line(format_args!(
        "     -> AggregationTemporality: {temporality:?}"
    ));
}

fn put_points<P>(
    page: &mut Page,
    title: &str,
    points: &Points<'_, P>,
    put: impl Fn(&mut Page, &P),
) {
    for (index, point) in points.iter().enumerate() {
        if page.is_full() {
            return;
        }
        page.line(format_args!("{title} #{index}"));
        put(page, &point);
    }
}

fn put_number_points(page: &mut Page, points: &Points<'_, NumberPoint<'_>>) {
    put_points(page, "NumberDataPoints", points, |page, point| {
        put_head(page, &point.attributes(), point.start_ns(), point.time_ns());
        put_number(page, "", point.value());
        put_exemplars(page, point.exemplars());
    });
}

fn put_histogram_point(page: &mut Page, point: &HistogramPoint<'_>) {
    put_head(page, &point.attributes(), point.start_ns(), point.time_ns());
    page.line(format_args!("Count: {}", point.count()));
    put_extremes(
        page,
        [
            ("Sum", point.sum()),
            ("Min", point.min()),
            ("Max", point.max()),
        ],
    );
    for (index, bound) in point.bounds().enumerate() {
        page.line(format_args!("ExplicitBounds #{index}: {}", Fixed(bound)));
    }
    for (index, count) in point.bucket_counts().enumerate() {
        page.line(format_args!("Buckets #{index}, Count: {count}"));
    }
    put_exemplars(page, point.exemplars());
}

fn put_exponential_point(page: &mut Page, point: &ExponentialPoint<'_>) {
    put_head(page, &point.attributes(), point.start_ns(), point.time_ns());
    page.line(format_args!("Count: {}", point.count()));
    put_extremes(
        page,
        [
            ("Sum", point.sum()),
            ("Min", point.min()),
            ("Max", point.max()),
        ],
    );
    for bucket in bounded_inwards(&point.negative(), point.scale()) {
        let (from, to) = (Fixed(-bucket.upper), Fixed(-bucket.lower));
        page.line(format_args!(
            "Bucket [{from}, {to}), Count: {}",
            bucket.count
        ));
    }
    if point.zero_count() != 0 {
        page.line(format_args!("Bucket [0, 0], Count: {}", point.zero_count()));
    }
    for bucket in bounded(&point.positive(), point.scale()) {
        let (from, to) = (Fixed(bucket.lower), Fixed(bucket.upper));
        page.line(format_args!(
            "Bucket ({from}, {to}], Count: {}",
            bucket.count
        ));
    }
    put_exemplars(page, point.exemplars());
}

fn put_summary_point(page: &mut Page, point: &SummaryPoint<'_>) {
    put_head(page, &point.attributes(), point.start_ns(), point.time_ns());
    page.line(format_args!("Count: {}", point.count()));
    page.line(format_args!("Sum: {}", Fixed(point.sum())));
    for (index, one) in point.quantiles().enumerate() {
        let (quantile, value) = (Fixed(one.quantile), Fixed(one.value));
        page.line(format_args!(
            "QuantileValue #{index}: Quantile {quantile}, Value {value}"
        ));
    }
}

fn put_head(page: &mut Page, attributes: &Attributes<'_>, start_ns: u64, time_ns: u64) {
    put_attributes(page, "Data point attributes", attributes);
    page.line(format_args!("StartTimestamp: {}", Time(start_ns)));
    page.line(format_args!("Timestamp: {}", Time(time_ns)));
}

fn put_number(page: &mut Page, indent: &str, value: Option<Number>) {
    match value {
        Some(Number::Int(int)) => page.line(format_args!("{indent}Value: {int}")),
        Some(Number::Double(double)) => {
            page.line(format_args!("{indent}Value: {}", Fixed(double)));
        }
        None => {}
    }
}

fn put_extremes(page: &mut Page, named: [(&str, Option<f64>); 3]) {
    for (name, value) in named {
        if let Some(value) = value {
            page.line(format_args!("{name}: {}", Fixed(value)));
        }
    }
}

fn put_exemplars<'a>(page: &mut Page, exemplars: impl Iterator<Item = Exemplar<'a>>) {
    for (index, exemplar) in exemplars.enumerate() {
        if index == 0 {
            page.line(format_args!("Exemplars:"));
        }
        page.line(format_args!("Exemplar #{index}"));
        page.line(format_args!(
            "     -> Trace ID: {}",
            Id(exemplar.trace_id())
        ));
        page.line(format_args!("     -> Span ID: {}", Id(exemplar.span_id())));
        page.line(format_args!(
            "     -> Timestamp: {}",
            Time(exemplar.time_ns())
        ));
        put_number(page, "     -> ", exemplar.value());
        put_attributes(page, "     -> FilteredAttributes", &exemplar.attributes());
    }
}
