//! One attempt: bounded in time, and its panics caught.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use tapline_pdata::Batch;

use crate::{Exporter, Fault, Gauge, Refusal, graph::panic_text};

/// What the Collector's metrics call an answer that did not come in time.
const TIMED_OUT: &str = "Deadline_Exceeded";

/// Why an attempt failed.
pub(super) enum Failed {
    /// The exporter or the clock said no.
    Refused(Refusal),
    /// The exporter panicked, and said this.
    Panicked(String),
}

/// Exports a batch once, within the limit if there is one.
pub(super) async fn attempt(
    exporter: &dyn Exporter,
    batch: Batch,
    limit: Option<Duration>,
    in_flight: &Gauge,
) -> Result<(), Failed> {
    let _flying = Flying::new(in_flight);
    let export = AssertUnwindSafe(exporter.export(batch)).catch_unwind();
    let answered = match limit {
        None => export.await,
        Some(limit) => match tokio::time::timeout(limit, export).await {
            Ok(answered) => answered,
            Err(_elapsed) => {
                let cause = format!("no answer within {limit:?}");
                let refusal = Refusal::later(Fault::Backend, cause, None);
                return Err(Failed::Refused(refusal.with_kind(TIMED_OUT)));
            }
        },
    };
    match answered {
        Ok(answer) => answer.map_err(Failed::Refused),
        Err(panic) => Err(Failed::Panicked(panic_text(&*panic))),
    }
}

/// One attempt on the gauge, even if it is cancelled.
struct Flying<'g>(&'g Gauge);

impl<'g> Flying<'g> {
    fn new(gauge: &'g Gauge) -> Self {
        gauge.add(1);
        Self(gauge)
    }
}

impl Drop for Flying<'_> {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}
