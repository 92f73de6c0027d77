//! The metrics page, and the law that every item is in exactly one place.

use std::collections::BTreeMap;

use crate::client::Client;

/// A metrics page as it was at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    samples: Vec<Sample>,
}

#[derive(Clone, Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: u64,
}

impl Page {
    /// Reads the page that is served on a port.
    pub(crate) async fn read(port: u16) -> Self {
        let text = Client::new(port).get("/metrics").await;
        let samples = text.lines().filter_map(Sample::parse).collect();
        Self { samples }
    }

    /// Sums the samples of a family that have these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let samples = self.samples.iter().filter(|sample| sample.name == name);
        let fitting = samples.filter(|sample| labels.iter().all(|(k, v)| sample.label(k) == *v));
        fitting.map(|sample| sample.value).sum()
    }

    /// Panics unless every item of every book is in exactly one place.
    pub(crate) fn assert_balanced(&self) {
        let books = self.books("tapline_items", ["kind", "component", "signal"]);
        assert!(!books.is_empty(), "there are no books:\n{self:#?}");
        for book in books {
            let labels = [
                ("kind", book[0].as_str()),
                ("component", book[1].as_str()),
                ("signal", book[2].as_str()),
            ];
            let of = |state| {
                self.sum(
                    "tapline_items",
                    &[&labels[..], &[("state", state)]].concat(),
                )
            };
            let places = ["sent", "refused", "dropped", "stored"].map(of);
            let queued = self.sum("tapline_items_queued", &labels);
            let placed = places.iter().sum::<u64>() + queued;
            let came = of("received") + of("recovered");
            assert_eq!(came, placed, "{book:?}: {places:?} and {queued} queued");
        }
    }

    /// Panics unless the counters of exporters agree, which they do while nothing moves.
    pub(crate) fn assert_at_rest(&self) {
        for book in self.books(
            "tapline_exporter_received_items",
            ["exporter", "otel_signal", ""],
        ) {
            let labels = [
                ("exporter", book[0].as_str()),
                ("otel_signal", book[1].as_str()),
            ];
            let of = |what| self.sum(&format!("tapline_exporter_{what}_items"), &labels);
            let sent = self.sent(&book[0], &book[1]);
            let came = of("received") + of("recovered");
            let places = ["refused", "dropped", "spilled", "queued"].map(of);
            let placed: u64 = places.iter().sum();
            assert_eq!(came, sent + placed, "{book:?}: sent {sent}, {places:?}");
        }
    }

    /// Returns what an exporter of a signal has sent.
    pub(crate) fn sent(&self, exporter: &str, signal: &str) -> u64 {
        let items = match signal {
            "traces" => "spans",
            "metrics" => "metric_points",
            _ => "log_records",
        };
        let name = format!("otelcol_exporter_sent_{items}");
        self.sum(&name, &[("exporter", exporter)])
    }

    fn books(&self, name: &str, keys: [&str; 3]) -> Vec<[String; 3]> {
        let samples = self.samples.iter().filter(|sample| sample.name == name);
        let mut books: Vec<_> = samples
            .map(|sample| keys.map(|key| sample.label(key).to_owned()))
            .collect();
        books.sort();
        books.dedup();
        books
    }
}

impl Sample {
    /// Reads `name{key="value",...} number`; our label values hold no quotes and no commas,
    /// and what is no whole number is no count.
    fn parse(line: &str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = match series.split_once('{') {
            Some((name, rest)) => (name, rest.strip_suffix('}')?),
            None => (series, ""),
        };
        let labels = labels.split(',').filter_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            Some((key.to_owned(), value.trim_matches('"').to_owned()))
        });
        Some(Self {
            name: name.to_owned(),
            labels: labels.collect(),
            value: value.parse().ok()?,
        })
    }

    fn label(&self, key: &str) -> &str {
        self.labels.get(key).map_or("", String::as_str)
    }
}
