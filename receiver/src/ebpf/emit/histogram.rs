//! Cumulative duration histograms with exemplars, one per process and attribute set, bounded.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;
use tapline_pdata::write::{self, Attributes, Exemplar, HistogramPoint, MetricHead};

use super::Span;
use super::counter::Counter;
use super::measurement::{Measured, Measurement, Summed};
use super::stream_io::Io;
use super::table::{BOUNDS_MAX, CounterView, HistogramView, Row, Subject, Value};
use crate::ebpf::{process::Process, weight::Rest};

/// The most attribute sets over all processes and metrics, some 1.2 kB each.
const SERIES_MAX: usize = 32_768;
/// The most attribute sets per process and metric, unless the configuration says otherwise; further
/// ones share one overflow series. Counted as the OpenTelemetry SDKs do, with the overflow series.
pub(crate) const SERIES_PER_METRIC: usize = 2000;
const BUCKETS: usize = BOUNDS_MAX + 1;

/// One metric of one process.
pub(crate) struct Histogram {
    head: MetricHead<'static>,
    bounds: &'static [f64],
    /// Of the view's rows.
    keys: Vec<&'static str>,
    /// By attribute values in the order of the keys, as `encode` writes them.
    series: HashMap<Vec<u8>, Series, RandomState>,
    overflow: Option<Series>,
}

#[derive(Clone, Debug)]
struct Series {
    bounds: &'static [f64],
    start_ns: u64,
    count: u64,
    rest: Rest,
    sum: f64,
    min: f64,
    max: f64,
    buckets: [u64; BUCKETS],
    exemplars: [Option<Exemplar>; BUCKETS],
}

/// How many series there may be, and are.
#[derive(Debug)]
pub(crate) struct SeriesBudget {
    /// The most of one metric of one process.
    pub(crate) per_metric_max: usize,
    /// Those that there are, overflow series not counted.
    pub(crate) used: usize,
    /// Measurements that went to an overflow series.
    pub(crate) overflowed: u64,
}

impl Default for SeriesBudget {
    fn default() -> Self {
        Self {
            per_metric_max: SERIES_PER_METRIC,
            used: 0,
            overflowed: 0,
        }
    }
}

impl SeriesBudget {
    /// Takes one, if a metric with so many may have it.
    pub(super) fn take(&mut self, series: usize) -> bool {
        let has_room = series + 1 < self.per_metric_max && self.used < SERIES_MAX;
        self.used += usize::from(has_room);
        self.overflowed += u64::from(!has_room);
        has_room
    }
}

/// All metrics of one process.
pub(crate) struct ProcessMetrics {
    /// Whose they are.
    pub(crate) process: Arc<Process>,
    histograms: Vec<Histogram>,
    counters: Vec<Counter>,
    /// Bytes that nobody reads.
    pub(super) io: Io,
}

impl ProcessMetrics {
    /// Makes an empty set.
    pub(crate) fn new(process: Arc<Process>) -> Self {
        Self {
            process,
            histograms: Vec::new(),
            counters: Vec::new(),
            io: Io::default(),
        }
    }

    /// Adds one exchange, or many, to the view's histogram.
    pub(crate) fn record<S: Subject>(
        &mut self,
        view: &'static HistogramView<S>,
        facts: &S::Facts<'_>,
        measured: Measured,
        (key, budget): (&mut Vec<u8>, &mut SeriesBudget),
    ) {
        let known = self
            .histograms
            .iter()
            .position(|known| known.head.name == view.name);
        let index = known.unwrap_or_else(|| {
            self.histograms.push(Histogram::new(view));
            self.histograms.len() - 1
        });
        encode(view.rows, facts, key);
        self.histograms[index].record(measured, key, budget);
    }

    /// Returns how many series there are, overflow series not counted.
    pub(crate) fn len(&self) -> usize {
        let histograms: usize = self.histograms.iter().map(|it| it.series.len()).sum();
        histograms + self.counters.iter().map(Counter::len).sum::<usize>()
    }

    /// Adds what one exchange counts to the view's counter.
    pub(super) fn count<S: Subject>(
        &mut self,
        view: &'static CounterView<S>,
        facts: &S::Facts<'_>,
        when: Span,
        (key, budget): (&mut Vec<u8>, &mut SeriesBudget),
    ) {
        let count = (view.count)(facts);
        if count == 0 {
            return;
        }
        let known = self.counters.iter().position(|known| known.is(view.name));
        let index = known.unwrap_or_else(|| {
            self.counters.push(Counter::new(view));
            self.counters.len() - 1
        });
        encode(view.rows, facts, key);
        self.counters[index].add(count, when, key, budget);
    }

    /// Appends every metric, framed; returns how many points that were.
    pub(crate) fn write(&self, out: &mut Vec<u8>, time_ns: u64) -> u32 {
        let durations = self.histograms.iter();
        let points: u32 = durations
            .map(|histogram| histogram.write(out, time_ns))
            .sum();
        let counters = self.counters.iter();
        let counted: u32 = counters.map(|it| it.write(out, time_ns)).sum();
        points + counted + self.io.write(out, time_ns)
    }
}

impl Histogram {
    fn new<S: Subject>(view: &'static HistogramView<S>) -> Self {
        Self {
            head: MetricHead {
                name: view.name,
                description: view.description,
                unit: view.unit,
            },
            bounds: view.bounds,
            keys: view.rows.iter().map(|row| row.key).collect(),
            series: HashMap::default(),
            overflow: None,
        }
    }

    /// `key` is scratch, so that a known series costs no allocation.
    fn record(&mut self, measured: Measured, key: &[u8], budget: &mut SeriesBudget) {
        if let Some(series) = self.series.get_mut(key) {
            return series.add(measured);
        }
        let fresh = || Series::starting_at(self.bounds, measured.start_ns());
        if budget.take(self.series.len()) {
            self.series
                .entry(key.to_vec())
                .or_insert_with(fresh)
                .add(measured);
        } else {
            self.overflow.get_or_insert_with(fresh).add(measured);
        }
    }

    fn write(&self, out: &mut Vec<u8>, time_ns: u64) -> u32 {
        write::histogram(out, &self.head, |points| {
            for (key, series) in &self.series {
                series.with_point(time_ns, |point| {
                    points.point(point, |attributes| decode(&self.keys, key, attributes));
                });
            }
            if let Some(series) = &self.overflow {
                series.with_point(time_ns, |point| {
                    points.point(point, |attributes| {
                        attributes.bool("otel.metric.overflow", true);
                    });
                });
            }
        })
    }
}

impl Series {
    fn starting_at(bounds: &'static [f64], start_ns: u64) -> Self {
        Self {
            bounds,
            start_ns,
            count: 0,
            rest: Rest::default(),
            sum: 0.0,
            min: f64::INFINITY,
            max: 0.0,
            buckets: [0; BUCKETS],
            exemplars: [None; BUCKETS],
        }
    }

    fn add(&mut self, measured: Measured) {
        match measured {
            Measured::Once(once) => self.add_one(once),
            Measured::Often(often) => self.add_many(&often),
        }
    }

    fn add_one(&mut self, measurement: Measurement) {
        let Measurement {
            value,
            time_ns,
            weight,
            shown,
            ..
        } = measurement;
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        let count = weight.times(1, &mut self.rest);
        self.count += count;
        self.sum += value * as_f64(count);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.buckets[bucket] += count;
        if let Some((trace_id, span_id)) = shown {
            self.exemplars[bucket] = Some(Exemplar {
                time_ns,
                value,
                trace_id,
                span_id,
            });
        }
    }

    fn add_many(&mut self, summed: &Summed) {
        self.sum += summed.seconds;
        self.min = self.min.min(summed.shortest);
        self.max = self.max.max(summed.longest);
        for (bucket, count) in self.buckets.iter_mut().zip(summed.buckets) {
            *bucket += u64::from(count);
            self.count += u64::from(count);
        }
    }

    fn with_point(&self, time_ns: u64, put: impl FnOnce(&HistogramPoint<'_>)) {
        let exemplars: Vec<Exemplar> = self.exemplars.iter().flatten().copied().collect();
        put(&HistogramPoint {
            start_ns: self.start_ns,
            time_ns,
            count: self.count,
            sum: self.sum,
            bounds: self.bounds,
            bucket_counts: &self.buckets[..=self.bounds.len()],
            min: Some(self.min),
            max: Some(self.max),
            exemplars: &exemplars,
        });
    }
}

#[expect(clippy::cast_precision_loss, reason = "2^16 at most: a weight")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

const ABSENT: u8 = 0;
const TEXT: u8 = 1;
const INT: u8 = 2;
const YES: u8 = 3;

/// Writes the values of all rows, each behind a tag, so that equal bytes mean equal attributes.
fn encode<S: Subject>(rows: &[Row<S>], facts: &S::Facts<'_>, key: &mut Vec<u8>) {
    key.clear();
    for row in rows {
        match (row.value)(facts) {
            // A measure is no dimension.
            None | Some(Value::Double(_)) => key.push(ABSENT),
            Some(Value::Yes) => key.push(YES),
            Some(Value::Str(text)) => {
                key.push(TEXT);
                let len = u32::try_from(text.len()).expect("headers are bounded");
                key.extend(len.to_le_bytes());
                key.extend(text.as_bytes());
            }
            Some(Value::Int(int)) => {
                key.push(INT);
                key.extend(int.to_le_bytes());
            }
        }
    }
}

/// Reads what `encode` wrote.
pub(super) fn decode(keys: &[&str], key: &[u8], attributes: &mut Attributes<'_>) {
    let mut rest = key;
    for name in keys {
        let Some((tag, after)) = rest.split_first() else {
            return;
        };
        rest = after;
        if *tag == TEXT {
            let (len, after) = rest.split_first_chunk().expect("a length follows");
            let (text, after) = after.split_at(u32::from_le_bytes(*len) as usize);
            attributes.str(name, &String::from_utf8_lossy(text));
            rest = after;
        } else if *tag == INT {
            let (int, after) = rest.split_first_chunk().expect("an integer follows");
            attributes.int(name, i64::from_le_bytes(*int));
            rest = after;
        } else if *tag == YES {
            attributes.bool(name, true);
        }
    }
}
