//! What the batch stage counts beside its book.

use tapline_pipeline::{Counter, Histogram, Meters, meter::names::Metric};

use crate::names;

/// Upper bounds of the histogram of items.
const ITEM_BOUNDS: [f64; 22] = [
    10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0,
    6000.0, 7000.0, 8000.0, 9000.0, 10_000.0, 20_000.0, 30_000.0, 50_000.0, 100_000.0,
];
/// Upper bounds of the histogram of bytes: powers of two from 128 B to 16 MiB.
const BYTE_BOUNDS: [f64; 18] = {
    let mut bounds = [128.0; 18];
    let mut at = 1;
    while at < bounds.len() {
        bounds[at] = bounds[at - 1] * 2.0;
        at += 1;
    }
    bounds
};

pub(super) struct BatchMeters {
    /// Who speaks, for the log.
    pub(super) id: String,
    pub(super) size: Histogram,
    pub(super) size_bytes: Histogram,
    pub(super) size_trigger: Counter,
    pub(super) timeout_trigger: Counter,
}

impl BatchMeters {
    pub(super) fn new(meters: &Meters) -> Self {
        let counter = |(name, help): Metric| meters.counter(name, help, &[]);
        let histogram = |(name, help): Metric, bounds| meters.histogram(name, help, &[], bounds);
        Self {
            id: meters.label("processor").unwrap_or("batch").to_owned(),
            size: histogram(names::BATCH_SEND_SIZE, &ITEM_BOUNDS),
            size_bytes: histogram(names::BATCH_SEND_SIZE_BYTES, &BYTE_BOUNDS),
            size_trigger: counter(names::BATCH_SIZE_TRIGGER),
            timeout_trigger: counter(names::BATCH_TIMEOUT_TRIGGER),
        }
    }
}
