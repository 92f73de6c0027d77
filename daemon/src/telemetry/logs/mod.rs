//! tapline's own log: `service: telemetry: logs:`, in the Collector's two forms.
//!
//! *config* is what the user wrote, *line* how one event is written, *sampler* which events are
//! left out, *sink* where lines go. A subscriber of `tracing` joins them.

mod config;
mod line;
mod sampler;
mod sink;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};

use tracing::{Event, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

pub(crate) use self::config::LogsConfig;
use self::{
    line::{Form, Line},
    sampler::{Sampler, Verdict},
    sink::Sinks,
};
use super::Resource;

/// Libraries whose `debug` says nothing about tapline.
const CHATTY: [&str; 9] = [
    "h2",
    "hyper",
    "hyper_util",
    "tonic",
    "tower",
    "rustls",
    "aya",
    "mio",
    "opentelemetry",
];

/// Starts the log of this process; later calls change nothing. Fails if a file cannot be opened.
pub(crate) fn start(config: &LogsConfig, resource: &Resource) -> Result<(), String> {
    let log = Log::new(config, resource)?;
    // Whoever was first keeps the log: tests of one process share it.
    let _first_stays = Registry::default().with(log).try_init();
    Ok(())
}

/// Writes events as lines.
struct Log {
    level: LevelFilter,
    form: Form,
    sampler: Option<Mutex<Sampler>>,
    sinks: Arc<Sinks>,
}

impl Log {
    fn new(config: &LogsConfig, resource: &Resource) -> Result<Self, String> {
        let sinks = Sinks::open(&config.output_paths, &config.error_output_paths)?;
        Ok(Self::onto(sinks, config, resource))
    }

    fn onto(sinks: Sinks, config: &LogsConfig, resource: &Resource) -> Self {
        Self {
            level: config.level.filter(),
            form: Form::new(config, resource),
            sampler: config
                .sampling
                .settings()
                .map(|s| Mutex::new(Sampler::new(s))),
            sinks: Arc::new(sinks),
        }
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _context: Context<'_, S>) -> bool {
        let module = metadata.target().split("::").next().unwrap_or_default();
        let level = if CHATTY.contains(&module) {
            self.level.min(LevelFilter::INFO)
        } else {
            self.level
        };
        *metadata.level() <= level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let line = Line::of(event);
        if let Some(sampler) = &self.sampler {
            let mut sampler = sampler.lock().expect("the sampler does not panic");
            let now = std::time::Instant::now();
            if sampler.judge(now, line.level(), line.message()) == Verdict::LeaveOut {
                return;
            }
        }
        let now = std::time::SystemTime::now();
        self.sinks.write(&self.form.write(&line, now));
    }
}
