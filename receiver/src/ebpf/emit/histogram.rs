//! Cumulative duration histograms with exemplars, one per process and attribute set, bounded.

use std::{collections::HashMap, sync::Arc};

use tapline_pdata::write::{self, Attributes, Exemplar, HistogramPoint, MetricHead};

use super::{
    facts::Facts,
    http_table::DURATION_BOUNDS,
    table::{HistogramView, Row, Value},
};
use crate::ebpf::process::Process;

/// The most attribute sets per process and metric; further ones share one overflow series, as the
/// OpenTelemetry SDKs do.
const SERIES_MAX: usize = 1000;
const BUCKETS: usize = DURATION_BOUNDS.len() + 1;

/// What was measured once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measurement {
    /// Seconds.
    pub(crate) seconds: f64,
    /// When it ended, nanoseconds since 1970.
    pub(crate) time_ns: u64,
    /// The trace that shows it.
    pub(crate) trace_id: [u8; 16],
    /// The span that shows it.
    pub(crate) span_id: [u8; 8],
}

/// One metric of one process.
pub(crate) struct Histogram {
    view: &'static HistogramView,
    /// By attribute values in the order of the view's rows, as `encode` writes them.
    series: HashMap<Vec<u8>, Series>,
    overflow: Option<Series>,
}

#[derive(Clone, Debug)]
struct Series {
    start_ns: u64,
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    buckets: [u64; BUCKETS],
    exemplars: [Option<Exemplar>; BUCKETS],
}

/// All metrics of one process.
pub(crate) struct ProcessMetrics {
    /// Whose they are.
    pub(crate) process: Arc<Process>,
    histograms: Vec<Histogram>,
}

impl ProcessMetrics {
    /// Makes an empty set.
    pub(crate) fn new(process: Arc<Process>) -> Self {
        Self {
            process,
            histograms: Vec::new(),
        }
    }

    /// Adds one exchange to the view's histogram.
    pub(crate) fn record(
        &mut self,
        view: &'static HistogramView,
        facts: &Facts<'_>,
        measurement: Measurement,
        key: &mut Vec<u8>,
    ) {
        let known = self
            .histograms
            .iter()
            .position(|known| known.view.name == view.name);
        let index = known.unwrap_or_else(|| {
            self.histograms.push(Histogram {
                view,
                series: HashMap::new(),
                overflow: None,
            });
            self.histograms.len() - 1
        });
        self.histograms[index].record(facts, measurement, key);
    }

    /// Appends every histogram as a framed metric; returns how many points that were.
    pub(crate) fn write(&self, out: &mut Vec<u8>, time_ns: u64) -> u32 {
        self.histograms
            .iter()
            .map(|histogram| histogram.write(out, time_ns))
            .sum()
    }
}

impl Histogram {
    /// `key` is scratch, so that a known series costs no allocation.
    fn record(&mut self, facts: &Facts<'_>, measurement: Measurement, key: &mut Vec<u8>) {
        encode(self.view.rows, facts, key);
        if let Some(series) = self.series.get_mut(key.as_slice()) {
            return series.add(measurement);
        }
        let fresh = || Series::starting_at(measurement.time_ns, measurement.seconds);
        if self.series.len() < SERIES_MAX {
            self.series
                .entry(key.clone())
                .or_insert_with(fresh)
                .add(measurement);
        } else {
            self.overflow.get_or_insert_with(fresh).add(measurement);
        }
    }

    fn write(&self, out: &mut Vec<u8>, time_ns: u64) -> u32 {
        let HistogramView {
            name,
            description,
            unit,
            rows,
        } = *self.view;
        write::histogram(
            out,
            &MetricHead {
                name,
                description,
                unit,
            },
            |points| {
                for (key, series) in &self.series {
                    series.with_point(time_ns, |point| {
                        points.point(point, |attributes| decode(rows, key, attributes));
                    });
                }
                if let Some(series) = &self.overflow {
                    series.with_point(time_ns, |point| {
                        points.point(point, |attributes| {
                            attributes.bool("otel.metric.overflow", true);
                        });
                    });
                }
            },
        )
    }
}

impl Series {
    fn starting_at(time_ns: u64, seconds: f64) -> Self {
        #[expect(clippy::cast_sign_loss, reason = "durations are not negative")]
        let lasted_ns = (seconds * 1e9) as u64;
        Self {
            start_ns: time_ns.saturating_sub(lasted_ns),
            count: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: 0.0,
            buckets: [0; BUCKETS],
            exemplars: [None; BUCKETS],
        }
    }

    fn add(&mut self, measurement: Measurement) {
        let Measurement {
            seconds,
            time_ns,
            trace_id,
            span_id,
        } = measurement;
        let bucket = DURATION_BOUNDS.partition_point(|bound| *bound < seconds);
        self.count += 1;
        self.sum += seconds;
        self.min = self.min.min(seconds);
        self.max = self.max.max(seconds);
        self.buckets[bucket] += 1;
        self.exemplars[bucket] = Some(Exemplar {
            time_ns,
            value: seconds,
            trace_id,
            span_id,
        });
    }

    fn with_point(&self, time_ns: u64, put: impl FnOnce(&HistogramPoint<'_>)) {
        let exemplars: Vec<Exemplar> = self.exemplars.iter().flatten().copied().collect();
        put(&HistogramPoint {
            start_ns: self.start_ns,
            time_ns,
            count: self.count,
            sum: self.sum,
            bounds: &DURATION_BOUNDS,
            bucket_counts: &self.buckets,
            min: Some(self.min),
            max: Some(self.max),
            exemplars: &exemplars,
        });
    }
}

const ABSENT: u8 = 0;
const TEXT: u8 = 1;
const INT: u8 = 2;
const YES: u8 = 3;

/// Writes the values of all rows, each behind a tag, so that equal bytes mean equal attributes.
fn encode(rows: &[Row], facts: &Facts<'_>, key: &mut Vec<u8>) {
    key.clear();
    for row in rows {
        match (row.value)(facts) {
            None => key.push(ABSENT),
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
fn decode(rows: &[Row], key: &[u8], attributes: &mut Attributes<'_>) {
    let mut rest = key;
    for row in rows {
        let Some((tag, after)) = rest.split_first() else {
            return;
        };
        rest = after;
        if *tag == TEXT {
            let (len, after) = rest.split_first_chunk().expect("a length follows");
            let (text, after) = after.split_at(u32::from_le_bytes(*len) as usize);
            attributes.str(row.key, &String::from_utf8_lossy(text));
            rest = after;
        } else if *tag == INT {
            let (int, after) = rest.split_first_chunk().expect("an integer follows");
            attributes.int(row.key, i64::from_le_bytes(*int));
            rest = after;
        } else if *tag == YES {
            attributes.bool(row.key, true);
        }
    }
}
