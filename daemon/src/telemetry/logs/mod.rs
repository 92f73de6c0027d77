//! tapline's own log: `service: telemetry: logs:`, in the Collector's two forms.
//!
//! *config* is what the user wrote, *line* how one event is written, *sampler* which events are
//! left out, *sink* where lines go, *ship* how records go to a backend, *sheet* how text of many
//! lines gets in. A subscriber of `tracing` joins them; it is there once, and what it does is
//! replaced when the configuration changes.

mod config;
mod line;
mod sampler;
mod sheet;
mod ship;
mod sink;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, RwLock};

use tapline_pipeline::Stop;
use tokio::task::JoinSet;
use tracing::{Event, Metadata, Subscriber, callsite, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

use self::{
    config::Encoding,
    line::{Form, Line},
    sampler::{Sampler, Verdict},
    ship::{Ship, Shipment, ship},
    sink::{Sinks, Stream},
};
pub(crate) use self::{config::LogsConfig, sheet::Sheet};
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

/// What the log of this process does now.
static CURRENT: RwLock<Option<Arc<Log>>> = RwLock::new(None);
const UNBROKEN: &str = "nothing panics while the log is replaced";

/// Starts the log of this process, or makes it do something else from here on: a later call
/// replaces what an earlier one started. Fails if a file cannot be opened.
///
/// Records for backends wait until [`start_shipping`].
pub(crate) fn start(config: &LogsConfig, resource: &Resource) -> Result<(), String> {
    let log = Log::new(config, resource)?;
    *CURRENT.write().expect(UNBROKEN) = Some(Arc::new(log));
    // Only the first call can install it, and the others need not.
    let _installed_before = Registry::default().with(Relay).try_init();
    callsite::rebuild_interest_cache();
    Ok(())
}

/// Where the last word of a process that fails belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastWord {
    /// To the log: somebody reads it line by line, and text beside it would break it.
    Log,
    /// To standard error, where people are: the log goes there too, or says nothing.
    Stderr,
    /// To both: the log is elsewhere.
    Both,
}

/// Returns where the last word belongs now.
pub(crate) fn last_word() -> LastWord {
    let current = CURRENT.read().expect(UNBROKEN);
    current
        .as_ref()
        .map_or(LastWord::Stderr, |log| log.last_word())
}

/// Begins to send log records to backends, if the configuration says so; needs a runtime.
pub(crate) fn start_shipping() -> Shipping {
    let shipping = Shipping {
        stop: Stop::new(),
        tasks: JoinSet::new(),
    };
    let current = CURRENT.read().expect(UNBROKEN).clone();
    match current {
        Some(log) => log.start_shipping(shipping),
        None => shipping,
    }
}

/// Log records on their way to backends. Dropping it ends that at once.
pub(crate) struct Shipping {
    stop: Stop,
    tasks: JoinSet<()>,
}

impl Shipping {
    /// Sends what is left. The last thing to stop: what others say while stopping is sent too.
    /// Cancel-safe: it may be asked again.
    pub(crate) async fn stop(&mut self) {
        self.stop.request();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Hands everything to the log that is current.
struct Relay;

impl<S: Subscriber> Layer<S> for Relay {
    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        let current = CURRENT.read().expect(UNBROKEN);
        current.as_ref().is_some_and(|log| log.wants(metadata))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let current = CURRENT.read().expect(UNBROKEN);
        current.as_ref().map(|log| log.level)
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let current = CURRENT.read().expect(UNBROKEN).clone();
        if let Some(log) = current {
            log.write(event);
        }
    }
}

/// Writes events as lines, and as records.
struct Log {
    level: LevelFilter,
    form: Form,
    sampler: Option<Mutex<Sampler>>,
    sinks: Sinks,
    ships: Vec<Ship>,
    /// Here until they are started.
    shipments: Mutex<Vec<Shipment>>,
}

impl Log {
    fn new(config: &LogsConfig, resource: &Resource) -> Result<Self, String> {
        let sinks = Sinks::open(&config.output_paths, &config.error_output_paths)?;
        Self::onto(sinks, config, resource)
    }

    fn onto(sinks: Sinks, config: &LogsConfig, resource: &Resource) -> Result<Self, String> {
        let settings = config.sampling.settings();
        let mut log = Self {
            level: config.level.filter(),
            form: Form::new(config, resource),
            sampler: settings.map(|settings| Mutex::new(Sampler::new(settings))),
            sinks,
            ships: Vec::new(),
            shipments: Mutex::default(),
        };
        for processor in &config.processors {
            let batch = processor.as_batch();
            let otlp = batch.exporter.otlp.as_ref();
            let sender = otlp.ok_or("must have `otlp`")?.log_sender()?;
            let (put, shipment) = ship(&batch, sender, resource);
            log.ships.push(put);
            log.shipments.get_mut().expect(UNBROKEN).push(shipment);
        }
        Ok(log)
    }

    fn start_shipping(&self, mut shipping: Shipping) -> Shipping {
        let mut shipments = self.shipments.lock().expect(UNBROKEN);
        for shipment in shipments.drain(..) {
            shipping.tasks.spawn(shipment.run(shipping.stop.clone()));
        }
        shipping
    }

    fn last_word(&self) -> LastWord {
        if self.level < LevelFilter::ERROR {
            return LastWord::Stderr;
        }
        let has = |stream| self.sinks.has(stream);
        match self.form.encoding() {
            Encoding::Json if has(Stream::Stdout) || has(Stream::Stderr) => LastWord::Log,
            Encoding::Console if has(Stream::Stderr) => LastWord::Stderr,
            Encoding::Console | Encoding::Json => LastWord::Both,
        }
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let module = metadata.target().split("::").next().unwrap_or_default();
        let level = if CHATTY.contains(&module) {
            self.level.min(LevelFilter::INFO)
        } else {
            self.level
        };
        *metadata.level() <= level
    }

    fn write(&self, event: &Event<'_>) {
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
        for ship in &self.ships {
            ship.put(&line, now);
        }
    }
}

/// A log that is a subscriber's own, for tests.
#[cfg(test)]
impl<S: Subscriber> Layer<S> for Log {
    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        self.write(event);
    }
}
