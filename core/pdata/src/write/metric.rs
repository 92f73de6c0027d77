//! Writes metrics: gauges, cumulative sums and cumulative histograms with explicit bounds.
//!
//! Each writer returns how many points were written: they are the items of a metrics batch.

use super::Attributes;
use crate::{
    number::{data, exemplar, histogram_point, metric, number_point, point, scope_block},
    wire::write as wire,
};

const CUMULATIVE: u64 = 2;

/// What a metric is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricHead<'a> {
    /// Its name, such as `http.server.request.duration`.
    pub name: &'a str,
    /// What it measures; may be empty.
    pub description: &'a str,
    /// Its UCUM unit; may be empty.
    pub unit: &'a str,
}

/// Whether a sum only ever grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Monotonic {
    /// It is a counter.
    Yes,
    /// It goes up and down.
    No,
}

/// The value of a gauge's or a sum's point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer.
    Int(i64),
    /// A floating point number.
    Double(f64),
}

/// A measurement that explains a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exemplar {
    /// When it was measured, in nanoseconds since 1970.
    pub time_ns: u64,
    /// What was measured.
    pub value: f64,
    /// The trace in which it was measured.
    pub trace_id: [u8; 16],
    /// The span in which it was measured.
    pub span_id: [u8; 8],
}

/// One point of a gauge or a sum, without attributes.
#[derive(Clone, Copy, Debug)]
pub struct NumberPoint<'a> {
    /// Since when it was summed up, in nanoseconds since 1970; zero for gauges.
    pub start_ns: u64,
    /// When it was true, in nanoseconds since 1970.
    pub time_ns: u64,
    /// Its value.
    pub value: Number,
    /// Measurements that explain it.
    pub exemplars: &'a [Exemplar],
}

/// One point of a histogram, without attributes.
#[derive(Clone, Copy, Debug)]
pub struct HistogramPoint<'a> {
    /// Since when it was summed up, in nanoseconds since 1970.
    pub start_ns: u64,
    /// When it was true, in nanoseconds since 1970.
    pub time_ns: u64,
    /// How many measurements it holds.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The upper, inclusive bounds of all buckets but the last, ascending.
    pub bounds: &'a [f64],
    /// How many measurements fell into each bucket: one more than there are bounds.
    pub bucket_counts: &'a [u64],
    /// The smallest measurement.
    pub min: Option<f64>,
    /// The largest measurement.
    pub max: Option<f64>,
    /// Measurements that explain it.
    pub exemplars: &'a [Exemplar],
}

/// Appends one framed gauge, ready for [`resource_block`](super::resource_block); returns its
/// points.
pub fn gauge(
    out: &mut Vec<u8>,
    head: &MetricHead<'_>,
    points: impl FnOnce(&mut NumberPoints<'_>),
) -> u32 {
    framed(out, head, metric::GAUGE, |out| {
        let mut writer = NumberPoints { out, written: 0 };
        points(&mut writer);
        writer.written
    })
}

/// Appends one framed cumulative sum, ready for [`resource_block`](super::resource_block); returns
/// its points.
pub fn sum(
    out: &mut Vec<u8>,
    head: &MetricHead<'_>,
    monotonic: Monotonic,
    points: impl FnOnce(&mut NumberPoints<'_>),
) -> u32 {
    framed(out, head, metric::SUM, |out| {
        wire::uint(out, data::TEMPORALITY, CUMULATIVE);
        if monotonic == Monotonic::Yes {
            wire::uint(out, data::MONOTONIC, 1);
        }
        let mut writer = NumberPoints { out, written: 0 };
        points(&mut writer);
        writer.written
    })
}

/// Appends one framed cumulative histogram, ready for [`resource_block`](super::resource_block);
/// returns its points.
pub fn histogram(
    out: &mut Vec<u8>,
    head: &MetricHead<'_>,
    points: impl FnOnce(&mut HistogramPoints<'_>),
) -> u32 {
    framed(out, head, metric::HISTOGRAM, |out| {
        wire::uint(out, data::TEMPORALITY, CUMULATIVE);
        let mut writer = HistogramPoints { out, written: 0 };
        points(&mut writer);
        writer.written
    })
}

/// Appends points to the gauge or sum that is being written.
#[derive(Debug)]
pub struct NumberPoints<'b> {
    out: &'b mut Vec<u8>,
    written: u32,
}

impl NumberPoints<'_> {
    /// Appends one point.
    pub fn point(
        &mut self,
        point: &NumberPoint<'_>,
        attributes: impl FnOnce(&mut Attributes<'_>),
    ) -> &mut Self {
        let out = &mut *self.out;
        let open = wire::open(out, data::POINTS);
        attributes(&mut Attributes::new(out, number_point::ATTRIBUTES));
        put_times(out, point.start_ns, point.time_ns);
        match point.value {
            Number::Int(int) => wire::fixed64(out, number_point::INT, int.cast_unsigned()),
            Number::Double(double) => wire::double(out, number_point::DOUBLE, double),
        }
        put_exemplars(out, number_point::EXEMPLARS, point.exemplars);
        wire::close(out, open);
        self.written += 1;
        self
    }
}

/// Appends points to the histogram that is being written.
#[derive(Debug)]
pub struct HistogramPoints<'b> {
    out: &'b mut Vec<u8>,
    written: u32,
}

impl HistogramPoints<'_> {
    /// Appends one point.
    pub fn point(
        &mut self,
        point: &HistogramPoint<'_>,
        attributes: impl FnOnce(&mut Attributes<'_>),
    ) -> &mut Self {
        debug_assert!(
            point.bucket_counts.is_empty() || point.bucket_counts.len() == point.bounds.len() + 1,
            "a histogram has one bucket more than bounds"
        );
        let out = &mut *self.out;
        let open = wire::open(out, data::POINTS);
        attributes(&mut Attributes::new(out, histogram_point::ATTRIBUTES));
        put_times(out, point.start_ns, point.time_ns);
        wire::fixed64_unless_zero(out, histogram_point::COUNT, point.count);
        wire::double(out, histogram_point::SUM, point.sum);
        let counts = point.bucket_counts.iter().copied();
        wire::packed64(out, histogram_point::BUCKET_COUNTS, counts);
        let bounds = point.bounds.iter().copied().map(f64::to_bits);
        wire::packed64(out, histogram_point::BOUNDS, bounds);
        put_exemplars(out, histogram_point::EXEMPLARS, point.exemplars);
        if let Some(min) = point.min {
            wire::double(out, histogram_point::MIN, min);
        }
        if let Some(max) = point.max {
            wire::double(out, histogram_point::MAX, max);
        }
        wire::close(out, open);
        self.written += 1;
        self
    }
}

fn framed(
    out: &mut Vec<u8>,
    head: &MetricHead<'_>,
    data: u32,
    points: impl FnOnce(&mut Vec<u8>) -> u32,
) -> u32 {
    let open = wire::open(out, scope_block::RECORDS);
    wire::bytes_unless_empty(out, metric::NAME, head.name.as_bytes());
    wire::bytes_unless_empty(out, metric::DESCRIPTION, head.description.as_bytes());
    wire::bytes_unless_empty(out, metric::UNIT, head.unit.as_bytes());
    let open_data = wire::open(out, data);
    let written = points(out);
    wire::close(out, open_data);
    wire::close(out, open);
    written
}

fn put_times(out: &mut Vec<u8>, start_ns: u64, time_ns: u64) {
    wire::fixed64_unless_zero(out, point::START, start_ns);
    wire::fixed64_unless_zero(out, point::TIME, time_ns);
}

fn put_exemplars(out: &mut Vec<u8>, number: u32, exemplars: &[Exemplar]) {
    for one in exemplars {
        let open = wire::open(out, number);
        wire::fixed64_unless_zero(out, exemplar::TIME, one.time_ns);
        wire::double(out, exemplar::DOUBLE, one.value);
        wire::bytes(out, exemplar::SPAN_ID, &one.span_id);
        wire::bytes(out, exemplar::TRACE_ID, &one.trace_id);
        wire::close(out, open);
    }
}
