//! tapline's own metrics, from the registry to whoever reads them: `service: telemetry: metrics:`.
//!
//! Components count in `Meters`. A bridge makes the OpenTelemetry SDK see that, readers collect
//! from the SDK, and each reader is a page for Prometheus or a push every so often.

mod bridge;
pub(crate) mod config;
mod page;
mod process;
mod push;
mod reader;
mod serve;
#[cfg(test)]
mod tests;

use std::{pin::Pin, sync::Arc, time::Instant};

use opentelemetry::{InstrumentationScope, metrics::MeterProvider as _};
use opentelemetry_sdk::metrics::{MeterProviderBuilder, SdkMeterProvider, Temporality};
use tapline_pipeline::{Meters, Stop};
use tokio::task::JoinSet;

use self::{
    bridge::Bridge,
    config::{MetricsConfig, PageConfig, PeriodicConfig},
    push::{Push, Target},
    reader::Reader,
    serve::Page,
};
use super::{level::Level, otlp::OtlpConfig, resource::Resource};

/// Own metrics that somebody can read. Dropping it ends that at once.
pub(crate) struct Telling {
    tasks: JoinSet<()>,
    stop: Stop,
    /// Readers collect for as long as this lives.
    provider: Option<SdkMeterProvider>,
}

/// Makes the metrics of a registry readable, as configured; needs a runtime.
///
/// Fails if a reader that the user wrote cannot work. The page that is there without being asked
/// for is only missed, with a warning: two processes on one machine must not exclude each other.
pub(crate) async fn start(
    config: &MetricsConfig,
    resource: &Resource,
    meters: &Meters,
    started: Instant,
) -> Result<Telling, String> {
    let mut starter = Starter {
        tasks: Vec::new(),
        stop: Stop::new(),
        provider: Some(bridge::provider(resource)),
    };
    if config.level == Level::None {
        return Ok(starter.nothing());
    }
    process::register(meters, started);
    match &config.readers {
        None => {
            if !starter.page_if_possible(&PageConfig::default()).await {
                return Ok(starter.nothing());
            }
        }
        Some(readers) => {
            for (position, reader) in readers.iter().enumerate() {
                let whose = |key| {
                    let setting =
                        format!("service::telemetry::metrics::readers[{position}]::{key}");
                    move |error| format!("{setting}: {error}")
                };
                let prometheus = reader.pull.as_ref().map(|pull| &pull.exporter.prometheus);
                if let Some(page) = prometheus.and_then(|page| page.as_ref()) {
                    let page = starter.page(page).await;
                    page.map_err(whose("pull::exporter::prometheus"))?;
                }
                if let Some(periodic) = &reader.periodic {
                    starter.push(periodic).map_err(whose("periodic"))?;
                }
            }
        }
    }
    let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
        .with_version(env!("CARGO_PKG_VERSION"))
        .build();
    let telling = starter.everything();
    if let Some(provider) = &telling.provider {
        let sdk = provider.meter_with_scope(scope);
        Bridge::join(meters, sdk, config.level, config.views.clone());
    }
    Ok(telling)
}

impl Telling {
    /// Sends what is to be sent once more, and closes the pages. Cancel-safe: ask it again.
    pub(crate) async fn stop(&mut self) {
        self.stop.request();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Collects readers, because the provider must know them all before any is asked.
struct Starter {
    tasks: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>,
    stop: Stop,
    provider: Option<MeterProviderBuilder>,
}

impl Starter {
    fn reader(&mut self, temporality: Temporality) -> Reader {
        let reader = Reader::new(temporality);
        let builder = self.provider.take().unwrap_or_default();
        self.provider = Some(builder.with_reader(reader.clone()));
        reader
    }

    async fn page(&mut self, config: &PageConfig) -> Result<(), String> {
        let listener = serve::bind(config).await?;
        let page = Page::new(self.reader(Temporality::Cumulative), config.clone());
        let stop = self.stop.clone();
        self.tasks
            .push(Box::pin(serve::run(listener, Arc::new(page), stop)));
        Ok(())
    }

    /// Adds the page that nobody asked for, unless its port is taken.
    async fn page_if_possible(&mut self, config: &PageConfig) -> bool {
        let added = self.page(config).await;
        if let Err(error) = &added {
            let hint = "set a port, or `level: none`, under service::telemetry::metrics";
            tracing::warn!(error, hint, "own metrics are not shown");
        }
        added.is_ok()
    }

    fn push(&mut self, config: &PeriodicConfig) -> Result<(), String> {
        let otlp = config.exporter.otlp.as_ref();
        let target = match otlp {
            Some(otlp) => Target::Otlp(Box::new(otlp.metric_exporter()?)),
            None => Target::Console,
        };
        let temporality = otlp.map_or(Temporality::Cumulative, OtlpConfig::temporality);
        let push = Push::new(config, self.reader(temporality), target);
        self.tasks.push(Box::pin(push.run(self.stop.clone())));
        Ok(())
    }

    fn everything(self) -> Telling {
        let provider = self.provider.map(MeterProviderBuilder::build);
        let mut tasks = JoinSet::new();
        for task in self.tasks {
            tasks.spawn(task);
        }
        Telling {
            tasks,
            stop: self.stop,
            provider,
        }
    }

    fn nothing(self) -> Telling {
        Telling {
            provider: None,
            tasks: JoinSet::new(),
            stop: self.stop,
        }
    }
}
