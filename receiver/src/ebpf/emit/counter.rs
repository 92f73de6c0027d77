//! Cumulative counters over exchanges, one per process and attribute set, bounded.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use tapline_pdata::write::{self, MetricHead, Monotonic, Number, NumberPoint};

use super::{
    Span,
    histogram::{SeriesBudget, decode},
    table::{CounterView, Subject},
};
use crate::ebpf::weight::{Rest, Weight};

/// One metric of one process.
pub(super) struct Counter {
    head: MetricHead<'static>,
    /// Of the view's rows.
    keys: Vec<&'static str>,
    /// By attribute values in the order of the keys, as `encode` writes them.
    series: HashMap<Vec<u8>, Series, RandomState>,
    overflow: Option<Series>,
}

#[derive(Clone, Copy, Debug)]
struct Series {
    start_ns: u64,
    sum: u64,
    rest: Rest,
}

impl Counter {
    pub(super) fn new<S: Subject>(view: &'static CounterView<S>) -> Self {
        Self {
            head: MetricHead {
                name: view.name,
                description: view.description,
                unit: view.unit,
            },
            keys: view.rows.iter().map(|row| row.key).collect(),
            series: HashMap::default(),
            overflow: None,
        }
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.head.name == name
    }

    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    pub(super) fn add(&mut self, count: u64, when: Span, key: &[u8], budget: &mut SeriesBudget) {
        if let Some(series) = self.series.get_mut(key) {
            series.add(count, when.weight);
            return;
        }
        let fresh = Series {
            start_ns: when.start_ns,
            sum: 0,
            rest: Rest::default(),
        };
        let series = if budget.take(self.series.len()) {
            self.series.entry(key.to_vec()).or_insert(fresh)
        } else {
            self.overflow.get_or_insert(fresh)
        };
        series.add(count, when.weight);
    }

    /// Appends a framed metric; returns how many points that were.
    pub(super) fn write(&self, out: &mut Vec<u8>, time_ns: u64) -> u32 {
        write::sum(out, &self.head, Monotonic::Yes, |points| {
            for (key, series) in &self.series {
                points.point(&series.point(time_ns), |attributes| {
                    decode(&self.keys, key, attributes);
                });
            }
            if let Some(series) = &self.overflow {
                points.point(&series.point(time_ns), |attributes| {
                    attributes.bool("otel.metric.overflow", true);
                });
            }
        })
    }
}

impl Series {
    fn add(&mut self, count: u64, weight: Weight) {
        let count = weight.times(count, &mut self.rest);
        self.sum = self.sum.saturating_add(count);
    }

    fn point(self, time_ns: u64) -> NumberPoint<'static> {
        NumberPoint {
            start_ns: self.start_ns,
            time_ns,
            value: Number::Int(self.sum.min(i64::MAX as u64).cast_signed()),
            exemplars: &[],
        }
    }
}
