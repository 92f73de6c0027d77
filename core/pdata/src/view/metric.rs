//! Metrics: what they are called and which kind of data they hold.

use std::borrow::Cow;

use super::{
    Attributes, ExponentialPoint, HistogramPoint, NumberPoint, SummaryPoint, message::Message,
};
use crate::{
    number::{data, metric},
    wire::read::{Field, Fields, Payload},
};

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric<'a>(pub(super) Message<'a>);

impl<'a> Metric<'a> {
    /// Returns the name.
    pub fn name(&self) -> Cow<'a, str> {
        self.0.string(metric::NAME)
    }

    /// Returns what it measures; may be empty.
    pub fn description(&self) -> Cow<'a, str> {
        self.0.string(metric::DESCRIPTION)
    }

    /// Returns the UCUM unit; may be empty.
    pub fn unit(&self) -> Cow<'a, str> {
        self.0.string(metric::UNIT)
    }

    /// Returns what is known about the metric itself, such as its type before a translation.
    pub fn metadata(&self) -> Attributes<'a> {
        Attributes::new(self.0, metric::METADATA)
    }

    /// Returns the data. Of a `oneof` the last member counts.
    pub fn data(&self) -> Data<'a> {
        Fields::new(self.0.0)
            .filter_map(member)
            .last()
            .unwrap_or_default()
    }
}

fn member(field: Field<'_>) -> Option<Data<'_>> {
    let Payload::Bytes(body) = field.payload else {
        return None;
    };
    let body = Message(body);
    let temporality = Temporality::from_number(body.int32(data::TEMPORALITY));
    Some(match field.number {
        metric::GAUGE => Data::Gauge(Points {
            body,
            view: NumberPoint,
        }),
        metric::SUM => Data::Sum {
            points: Points {
                body,
                view: NumberPoint,
            },
            temporality,
            monotonic: body.uint(data::MONOTONIC) != 0,
        },
        metric::HISTOGRAM => Data::Histogram {
            points: Points {
                body,
                view: HistogramPoint,
            },
            temporality,
        },
        metric::EXPONENTIAL_HISTOGRAM => Data::ExponentialHistogram {
            points: Points {
                body,
                view: ExponentialPoint,
            },
            temporality,
        },
        metric::SUMMARY => Data::Summary(Points {
            body,
            view: SummaryPoint,
        }),
        _ => return None,
    })
}

/// The data of a metric, by kind.
#[derive(Clone, Copy, Debug, Default)]
pub enum Data<'a> {
    /// None, or of a kind that we do not know.
    #[default]
    Empty,
    /// Values that are true at a time.
    Gauge(Points<'a, NumberPoint<'a>>),
    /// Values that add up.
    Sum {
        /// The points in order.
        points: Points<'a, NumberPoint<'a>>,
        /// Since when each point adds up.
        temporality: Temporality,
        /// Whether it only ever grows.
        monotonic: bool,
    },
    /// Measurements in buckets with explicit bounds.
    Histogram {
        /// The points in order.
        points: Points<'a, HistogramPoint<'a>>,
        /// Since when each point adds up.
        temporality: Temporality,
    },
    /// Measurements in buckets whose bounds grow exponentially.
    ExponentialHistogram {
        /// The points in order.
        points: Points<'a, ExponentialPoint<'a>>,
        /// Since when each point adds up.
        temporality: Temporality,
    },
    /// Quantiles that were computed at the source.
    Summary(Points<'a, SummaryPoint<'a>>),
}

/// Since when a point adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temporality {
    /// Nobody said, or with a number that we do not know.
    Unspecified,
    /// Since the point before.
    Delta,
    /// Since a fixed start.
    Cumulative,
}

impl Temporality {
    fn from_number(number: i32) -> Self {
        match number {
            1 => Self::Delta,
            2 => Self::Cumulative,
            _ => Self::Unspecified,
        }
    }
}

/// The points of a metric.
#[derive(Clone, Copy, Debug)]
pub struct Points<'a, P> {
    body: Message<'a>,
    view: fn(Message<'a>) -> P,
}

impl<'a, P> Points<'a, P> {
    /// Returns the points in order.
    pub fn iter(&self) -> impl Iterator<Item = P> + Clone + use<'a, P> {
        self.body.messages(data::POINTS).map(self.view)
    }
}
