//! Feeds the OpenTelemetry SDK from the registry of meters.
//!
//! Counting stays a matter of plain atomics: the SDK has an observable instrument per name and asks
//! the registry when it collects. Only histograms, which the SDK cannot observe, are told value by
//! value, and only where somebody wants them. A name below the level is never made an instrument.

use std::{
    borrow::Cow,
    cell::Cell,
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use opentelemetry::{
    KeyValue,
    metrics::{AsyncInstrument, Histogram, Meter},
};
use opentelemetry_sdk::metrics::{Instrument, MeterProviderBuilder, SdkMeterProvider, Stream};
use tapline_pipeline::{
    Meters,
    meter::{Books, Follower, Kind, Labels, Listener, Value, names},
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
    names::ITEMS_QUEUED.0,
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
    if is_of_books(name) {
        ITEM_SERIES_MAX
    } else {
        SERIES_MAX
    }
}

fn is_of_books(name: &str) -> bool {
    [names::ITEMS.0, names::ITEMS_QUEUED.0].contains(&name)
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
        let (sdk, source) = (&self.sdk, Source::new(&self.meters, name, self.level));
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
        if !is_of_books(name) && series == series_max(name) + 1 {
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
    level: Level,
}

thread_local! {
    /// The books that were read for what is counted, until what is queued is told from them.
    static READ: Cell<Option<Books>> = const { Cell::new(None) };
}

impl Source {
    fn new(meters: &Meters, name: &str, level: Level) -> Self {
        Self {
            meters: meters.clone(),
            name: name.to_owned(),
            level,
        }
    }

    /// Tells what every series of the name says now.
    fn tell<N>(&self, to: &dyn AsyncInstrument<N>, number: fn(f64) -> N) {
        for (labels, value) in self.told() {
            to.observe(number(value), &attributes(&labels));
        }
    }

    /// Sums the series that differ only in labels which this level does not tell.
    fn told(&self) -> BTreeMap<Labels, f64> {
        let mut told = BTreeMap::new();
        for (mut labels, value) in self.read() {
            labels.retain(|label, _| level::of_label(label) <= self.level);
            if let Value::Number(value) = value {
                *told.entry(labels).or_default() += value;
            }
        }
        told
    }

    /// Reads the series. The SDK collects in one go, in the order of registration: what is counted
    /// comes before what is queued, and both are told from one reading of the books.
    fn read(&self) -> Vec<(Labels, Value)> {
        if self.name == names::ITEMS.0 {
            let books = self.meters.books();
            let counted = books.counted();
            READ.set(Some(books));
            return counted;
        }
        if self.name == names::ITEMS_QUEUED.0 {
            let books = READ.take().unwrap_or_else(|| self.meters.books());
            return books.queued();
        }
        self.meters.read(&self.name)
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
