//! Sends own metrics on its own, every so often: to a backend, or to standard output.

use std::{io::Write, time::Duration};

use opentelemetry_otlp::MetricExporter;
use opentelemetry_sdk::metrics::{data::ResourceMetrics, exporter::PushMetricExporter};
use tapline_pipeline::{Outage, Stop};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::{
    config::{PageConfig, PeriodicConfig},
    page::{self, Format},
    reader::Reader,
};

/// How long the last push may take when tapline stops.
const LAST_PUSH_TIME_MAX: Duration = Duration::from_secs(5);

/// Where to.
pub(super) enum Target {
    /// A backend.
    Otlp(Box<MetricExporter>),
    /// Standard output.
    Console,
}

/// Sends what a reader collects.
pub(super) struct Push {
    reader: Reader,
    target: Target,
    interval: Duration,
    time_max: Duration,
    outage: Outage,
}

impl Push {
    /// Makes a push; needs a runtime. Nothing is sent before [`Push::run`].
    pub(super) fn new(config: &PeriodicConfig, reader: Reader, target: Target) -> Self {
        Self {
            reader,
            target,
            interval: Duration::from_millis(config.interval),
            time_max: Duration::from_millis(config.timeout),
            outage: Outage::default(),
        }
    }

    /// Sends until `stop`, and then once more.
    pub(super) async fn run(mut self, stop: Stop) {
        let mut due = interval_at(Instant::now() + self.interval, self.interval);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Both are cancel-safe.
            tokio::select! {
                _ = due.tick() => self.push(self.time_max).await,
                () = stop.requested() => break,
            }
        }
        self.push(self.time_max.min(LAST_PUSH_TIME_MAX)).await;
    }

    async fn push(&mut self, time_max: Duration) {
        let sent = match timeout(time_max, self.send()).await {
            Ok(sent) => sent,
            Err(_elapsed) => Err(format!("no answer within {time_max:?}")),
        };
        match sent {
            Ok(()) => {
                if self.outage.succeeded(Instant::now()).is_some() {
                    tracing::info!("own metrics are sent again");
                }
            }
            Err(error) => {
                if self.outage.failed(Instant::now()) {
                    tracing::warn!(error, "cannot send own metrics");
                }
            }
        }
    }

    async fn send(&self) -> Result<(), String> {
        let collected = self.reader.read()?;
        match &self.target {
            Target::Otlp(exporter) => exporter
                .export(&collected)
                .await
                .map_err(|error| error.to_string()),
            Target::Console => print(&collected),
        }
    }
}

fn print(collected: &ResourceMetrics) -> Result<(), String> {
    let text = page::render(collected, &PageConfig::default(), Format::Prometheus, 0);
    std::io::stdout()
        .lock()
        .write_all(text.as_bytes())
        .map_err(|error| error.to_string())
}
