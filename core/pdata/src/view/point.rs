//! Data points of every kind, and the exemplars they hold.

use super::{Attributes, message::Message};
use crate::{
    number::{
        buckets, exemplar, exponential_point, histogram_point, number_point, point, quantile,
        summary_point,
    },
    wire::read::{Field, Fields, Payload},
};

/// The value of a point or an exemplar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer.
    Int(i64),
    /// A floating point number.
    Double(f64),
}

impl Number {
    /// Returns the last member of the `oneof` that these two fields are.
    fn find(message: Message<'_>, int: u32, double: u32) -> Option<Self> {
        let member = |field: Field<'_>| match field.payload {
            Payload::Fixed64(bits) if field.number == int => Some(Self::Int(bits.cast_signed())),
            Payload::Fixed64(bits) if field.number == double => {
                Some(Self::Double(f64::from_bits(bits)))
            }
            _ => None,
        };
        Fields::new(message.0).filter_map(member).last()
    }
}

/// A point of a gauge or a sum.
#[derive(Clone, Copy, Debug)]
pub struct NumberPoint<'a>(pub(super) Message<'a>);

impl<'a> NumberPoint<'a> {
    /// Views the body of a point, without its tag and length.
    pub(crate) fn from_wire(body: &'a [u8]) -> Self {
        Self(Message(body))
    }

    /// Returns since when it adds up, in nanoseconds since 1970; zero when nobody said.
    pub fn start_ns(&self) -> u64 {
        self.0.fixed64(point::START)
    }

    /// Returns when it was true, in nanoseconds since 1970.
    pub fn time_ns(&self) -> u64 {
        self.0.fixed64(point::TIME)
    }

    /// Returns the attributes.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.0, number_point::ATTRIBUTES)
    }

    /// Returns the flags; bit 0 says that there is no recorded value.
    pub fn flags(&self) -> u32 {
        self.0.uint32(number_point::FLAGS)
    }

    /// Returns the value, if one was recorded.
    pub fn value(&self) -> Option<Number> {
        Number::find(self.0, number_point::INT, number_point::DOUBLE)
    }

    /// Returns measurements that explain it.
    pub fn exemplars(&self) -> impl Iterator<Item = Exemplar<'a>> + Clone + use<'a> {
        self.0.messages(number_point::EXEMPLARS).map(Exemplar)
    }
}

/// A point of a histogram with explicit bounds.
#[derive(Clone, Copy, Debug)]
pub struct HistogramPoint<'a>(pub(super) Message<'a>);

impl<'a> HistogramPoint<'a> {
    /// Views the body of a point, without its tag and length.
    pub(crate) fn from_wire(body: &'a [u8]) -> Self {
        Self(Message(body))
    }

    /// Returns since when it adds up, in nanoseconds since 1970; zero when nobody said.
    pub fn start_ns(&self) -> u64 {
        self.0.fixed64(point::START)
    }

    /// Returns when it was true, in nanoseconds since 1970.
    pub fn time_ns(&self) -> u64 {
        self.0.fixed64(point::TIME)
    }

    /// Returns the attributes.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.0, histogram_point::ATTRIBUTES)
    }

    /// Returns the flags; bit 0 says that there is no recorded value.
    pub fn flags(&self) -> u32 {
        self.0.uint32(histogram_point::FLAGS)
    }

    /// Returns how many measurements it holds.
    pub fn count(&self) -> u64 {
        self.0.fixed64(histogram_point::COUNT)
    }

    /// Returns the sum of the measurements, if it makes sense.
    pub fn sum(&self) -> Option<f64> {
        self.0.optional_double(histogram_point::SUM)
    }

    /// Returns the smallest measurement, if it is known.
    pub fn min(&self) -> Option<f64> {
        self.0.optional_double(histogram_point::MIN)
    }

    /// Returns the largest measurement, if it is known.
    pub fn max(&self) -> Option<f64> {
        self.0.optional_double(histogram_point::MAX)
    }

    /// Returns how many measurements fell into each bucket.
    pub fn bucket_counts(&self) -> impl Iterator<Item = u64> + Clone + use<'a> {
        self.0.words(histogram_point::BUCKET_COUNTS)
    }

    /// Returns the upper, inclusive bounds of all buckets but the last.
    pub fn bounds(&self) -> impl Iterator<Item = f64> + Clone + use<'a> {
        self.0.words(histogram_point::BOUNDS).map(f64::from_bits)
    }

    /// Returns measurements that explain it.
    pub fn exemplars(&self) -> impl Iterator<Item = Exemplar<'a>> + Clone + use<'a> {
        self.0.messages(histogram_point::EXEMPLARS).map(Exemplar)
    }
}

/// A point of a histogram whose bounds grow exponentially.
#[derive(Clone, Copy, Debug)]
pub struct ExponentialPoint<'a>(pub(super) Message<'a>);

impl<'a> ExponentialPoint<'a> {
    /// Views the body of a point, without its tag and length.
    pub(crate) fn from_wire(body: &'a [u8]) -> Self {
        Self(Message(body))
    }

    /// Returns since when it adds up, in nanoseconds since 1970; zero when nobody said.
    pub fn start_ns(&self) -> u64 {
        self.0.fixed64(point::START)
    }

    /// Returns when it was true, in nanoseconds since 1970.
    pub fn time_ns(&self) -> u64 {
        self.0.fixed64(point::TIME)
    }

    /// Returns the attributes.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.0, exponential_point::ATTRIBUTES)
    }

    /// Returns the flags; bit 0 says that there is no recorded value.
    pub fn flags(&self) -> u32 {
        self.0.uint32(exponential_point::FLAGS)
    }

    /// Returns how many measurements it holds.
    pub fn count(&self) -> u64 {
        self.0.fixed64(exponential_point::COUNT)
    }

    /// Returns the sum of the measurements, if it makes sense.
    pub fn sum(&self) -> Option<f64> {
        self.0.optional_double(exponential_point::SUM)
    }

    /// Returns the smallest measurement, if it is known.
    pub fn min(&self) -> Option<f64> {
        self.0.optional_double(exponential_point::MIN)
    }

    /// Returns the largest measurement, if it is known.
    pub fn max(&self) -> Option<f64> {
        self.0.optional_double(exponential_point::MAX)
    }

    /// Returns the scale: bounds grow by `2^(2^-scale)`.
    pub fn scale(&self) -> i32 {
        self.0.sint32(exponential_point::SCALE)
    }

    /// Returns how many measurements are zero, or closer to it than the threshold.
    pub fn zero_count(&self) -> u64 {
        self.0.fixed64(exponential_point::ZERO_COUNT)
    }

    /// Returns below which magnitude a measurement counts as zero.
    pub fn zero_threshold(&self) -> f64 {
        self.0.double(exponential_point::ZERO_THRESHOLD)
    }

    /// Returns the buckets of measurements above zero.
    pub fn positive(&self) -> Buckets<'a> {
        Buckets(self.0.message(exponential_point::POSITIVE))
    }

    /// Returns the buckets of measurements below zero.
    pub fn negative(&self) -> Buckets<'a> {
        Buckets(self.0.message(exponential_point::NEGATIVE))
    }

    /// Returns measurements that explain it.
    pub fn exemplars(&self) -> impl Iterator<Item = Exemplar<'a>> + Clone + use<'a> {
        self.0.messages(exponential_point::EXEMPLARS).map(Exemplar)
    }
}

/// Neighbouring buckets of an exponential histogram.
#[derive(Clone, Copy, Debug)]
pub struct Buckets<'a>(Message<'a>);

impl<'a> Buckets<'a> {
    /// Returns the index of the first bucket.
    pub fn offset(&self) -> i32 {
        self.0.sint32(buckets::OFFSET)
    }

    /// Returns how many measurements fell into each bucket.
    pub fn counts(&self) -> impl Iterator<Item = u64> + Clone + use<'a> {
        self.0.varints(buckets::COUNTS)
    }
}

/// A point of a summary.
#[derive(Clone, Copy, Debug)]
pub struct SummaryPoint<'a>(pub(super) Message<'a>);

impl<'a> SummaryPoint<'a> {
    /// Views the body of a point, without its tag and length.
    pub(crate) fn from_wire(body: &'a [u8]) -> Self {
        Self(Message(body))
    }

    /// Returns since when it adds up, in nanoseconds since 1970; zero when nobody said.
    pub fn start_ns(&self) -> u64 {
        self.0.fixed64(point::START)
    }

    /// Returns when it was true, in nanoseconds since 1970.
    pub fn time_ns(&self) -> u64 {
        self.0.fixed64(point::TIME)
    }

    /// Returns the attributes.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.0, summary_point::ATTRIBUTES)
    }

    /// Returns the flags; bit 0 says that there is no recorded value.
    pub fn flags(&self) -> u32 {
        self.0.uint32(summary_point::FLAGS)
    }

    /// Returns how many measurements it holds.
    pub fn count(&self) -> u64 {
        self.0.fixed64(summary_point::COUNT)
    }

    /// Returns the sum of the measurements.
    pub fn sum(&self) -> f64 {
        self.0.double(summary_point::SUM)
    }

    /// Returns the quantiles in order.
    pub fn quantiles(&self) -> impl Iterator<Item = Quantile> + Clone + use<'a> {
        self.0
            .messages(summary_point::QUANTILES)
            .map(|one| Quantile {
                quantile: one.double(quantile::QUANTILE),
                value: one.double(quantile::VALUE),
            })
    }
}

/// A quantile of a summary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    /// Which one, 0 to 1.
    pub quantile: f64,
    /// Its value.
    pub value: f64,
}

/// A measurement that explains a point.
#[derive(Clone, Copy, Debug)]
pub struct Exemplar<'a>(Message<'a>);

impl<'a> Exemplar<'a> {
    /// Returns when it was measured, in nanoseconds since 1970.
    pub fn time_ns(&self) -> u64 {
        self.0.fixed64(exemplar::TIME)
    }

    /// Returns what was measured.
    pub fn value(&self) -> Option<Number> {
        Number::find(self.0, exemplar::INT, exemplar::DOUBLE)
    }

    /// Returns the trace in which it was measured; may be empty.
    pub fn trace_id(&self) -> &'a [u8] {
        self.0.bytes(exemplar::TRACE_ID)
    }

    /// Returns the span in which it was measured; may be empty.
    pub fn span_id(&self) -> &'a [u8] {
        self.0.bytes(exemplar::SPAN_ID)
    }

    /// Returns the attributes that the point does not have.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.0, exemplar::ATTRIBUTES)
    }
}
