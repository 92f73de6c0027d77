//! Feeds the OpenTelemetry SDK from the registry of meters.
//!
//! Counting stays a matter of plain atomics: the SDK has an observable instrument per name and asks
//! the registry when it collects. Only histograms, which the SDK cannot observe, are told value by
//! value, and only where somebody wants them. A name below the level is never made an instrument.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex},
};

use opentelemetry::{
    KeyValue,
    metrics::{AsyncInstrument, Histogram, Meter},
};
use opentelemetry_sdk::metrics::{Instrument, MeterProviderBuilder, SdkMeterProvider, Stream};
use tapline_pipeline::{
    Meters,
    meter::{Follower, Kind, Labels, Listener, Value, account},
};

use super::config::{ViewConfig, matches};
use crate::telemetry::{
    level::{self, Level},
    resource::Resource,
};

/// Gauges that the Collector counts up and down, so that they may be summed.
const UP_DOWN: [&str; 3] = [
    "otelcol_exporter_in_flight_requests",
    "otelcol_processor_batch_metadata_cardinality",
    account::NAME,
];

/// The series that one instrument may have. The SDK reserves room for all of them, at 32 bytes
/// each, so there are fewer than the registry could list.
const SERIES_MAX: usize = 250;
/// There are several of these per component.
const ITEM_SERIES_MAX: usize = 2_000;

/// Begins a provider that has room for as many series as an instrument may have.
pub(super) fn provider(resource: &Resource) -> MeterProviderBuilder {
    let room = |instrument: &Instrument| {
        let stream = Stream::builder().with_cardinality_limit(series_max(instrument.name()));
        stream.build().ok()
    };
    SdkMeterProvider::builder()
        .with_resource(resource.to_sdk())
        .with_view(room)
}

fn series_max(name: &str) -> usize {
    if name == account::NAME {
        ITEM_SERIES_MAX
    } else {
        SERIES_MAX
    }
}

/// Stands between a registry and the SDK.
pub(super) struct Bridge {
    meters: Meters,
    sdk: Meter,
    level: Level,
    views: Vec<ViewConfig>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// How many series each name has.
    observed: HashMap<String, usize>,
    histograms: HashMap<String, Histogram<f64>>,
}

/// What a metric is called once views had their say.
struct Shown {
    name: Cow<'static, str>,
    help: Cow<'static, str>,
    unit: &'static str,
}

impl Bridge {
    /// Joins a registry to the SDK from here on.
    pub(super) fn join(meters: &Meters, sdk: Meter, level: Level, views: Vec<ViewConfig>) {
        meters.follow(Arc::new(Self {
            meters: meters.clone(),
            sdk,
            level,
            views,
            known: Mutex::default(),
        }));
    }

    /// Returns how to show a metric, if it is to be shown at all. The first view that means it
    /// decides.
    fn shown(&self, name: &str, help: &'static str) -> Option<Shown> {
        if level::of(name) > self.level {
            return None;
        }
        let mut shown = Shown {
            name: Cow::Owned(name.to_owned()),
            help: Cow::Borrowed(help),
            unit: level::unit(name),
        };
        let means = |view: &&ViewConfig| matches(&view.selector.instrument_name, name);
        if let Some(view) = self.views.iter().find(means) {
            if view.stream.aggregation.drop.is_on() {
                return None;
            }
            if !view.stream.name.is_empty() {
                shown.name = Cow::Owned(view.stream.name.clone());
            }
            if !view.stream.description.is_empty() {
                shown.help = Cow::Owned(view.stream.description.clone());
            }
        }
        Some(shown)
    }

    fn observe(&self, name: &str, shown: Shown, kind: Kind) {
        let (sdk, source) = (&self.sdk, Source::new(&self.meters, name));
        match kind {
            // Times have fractions; everything else the Collector counts in whole numbers.
            Kind::Counter if shown.unit == "s" => {
                sdk.f64_observable_counter(shown.name)
                    .with_description(shown.help)
                    .with_unit(shown.unit)
                    .with_callback(move |to| source.tell(to, |number| number))
                    .build();
            }
            Kind::Counter => {
                sdk.u64_observable_counter(shown.name)
                    .with_description(shown.help)
                    .with_unit(shown.unit)
                    .with_callback(move |to| source.tell(to, whole))
                    .build();
            }
            Kind::Gauge if UP_DOWN.contains(&name) => {
                sdk.i64_observable_up_down_counter(shown.name)
                    .with_description(shown.help)
                    .with_unit(shown.unit)
                    .with_callback(move |to| source.tell(to, signed))
                    .build();
            }
            Kind::Gauge => {
                sdk.i64_observable_gauge(shown.name)
                    .with_description(shown.help)
                    .with_unit(shown.unit)
                    .with_callback(move |to| source.tell(to, signed))
                    .build();
            }
            Kind::Histogram => {}
        }
    }
}

impl Follower for Bridge {
    fn appeared(&self, name: &str, help: &'static str, kind: Kind) {
        let series = {
            let mut known = self.known.lock().expect("nothing panics here");
            let series = known.observed.entry(name.to_owned()).or_default();
            *series += 1;
            *series
        };
        // A book has several series, and is told of once.
        if name != account::NAME && series == series_max(name) + 1 {
            tracing::warn!(
                metric = name,
                series,
                "more series than can be told apart: the rest is shown as one"
            );
        }
        if series > 1 {
            return;
        }
        if let Some(shown) = self.shown(name, help) {
            self.observe(name, shown, kind);
        }
    }

    fn histogram(
        &self,
        name: &str,
        help: &'static str,
        labels: &Labels,
        bounds: &[f64],
    ) -> Option<Listener> {
        let shown = self.shown(name, help)?;
        let mut known = self.known.lock().expect("nothing panics here");
        let histogram = known
            .histograms
            .entry(name.to_owned())
            .or_insert_with(|| {
                self.sdk
                    .f64_histogram(shown.name)
                    .with_description(shown.help)
                    .with_unit(shown.unit)
                    .with_boundaries(bounds.to_vec())
                    .build()
            })
            .clone();
        let attributes = attributes(labels);
        Some(Box::new(move |value| histogram.record(value, &attributes)))
    }
}

/// One name of a registry.
struct Source {
    meters: Meters,
    name: String,
}

impl Source {
    fn new(meters: &Meters, name: &str) -> Self {
        Self {
            meters: meters.clone(),
            name: name.to_owned(),
        }
    }

    /// Tells what every series of the name says now.
    fn tell<N>(&self, to: &dyn AsyncInstrument<N>, number: fn(f64) -> N) {
        for (labels, value) in self.meters.read(&self.name) {
            if let Value::Number(value) = value {
                to.observe(number(value), &attributes(&labels));
            }
        }
    }
}

#[expect(clippy::cast_sign_loss, reason = "counters are not negative")]
fn whole(value: f64) -> u64 {
    value as u64
}

fn signed(value: f64) -> i64 {
    value as i64
}

fn attributes(labels: &Labels) -> Vec<KeyValue> {
    let pair = |(name, value): (&&'static str, &String)| KeyValue::new(*name, value.clone());
    labels.iter().map(pair).collect()
}
