//! What the registry says: everything at one moment, one name, or to somebody who follows it.

use std::{borrow::Cow, sync::Arc};

use super::{Follower, Kind, Labels, Meters, Reading, Value, names, registry::Instrument};

impl Meters {
    /// Tells a follower of every series there is and of every one that comes; replaces an earlier
    /// follower. A follower may be told of one series twice.
    pub fn follow(&self, follower: Arc<dyn Follower>) {
        let (series, has_books) = {
            let mut state = self.registry.lock();
            state.follower = Some(follower);
            (state.series.clone(), !state.accounts.is_empty())
        };
        for ((name, labels), (help, instrument)) in &series {
            self.registry.tell(name, help, labels, instrument);
        }
        if has_books {
            self.tell_of_books();
        }
    }

    /// Lists the series of one name.
    pub fn read(&self, name: &str) -> Vec<(Labels, Value)> {
        if name == names::ITEMS.0 {
            return self.books().counted();
        }
        if name == names::ITEMS_QUEUED.0 {
            return self.books().queued();
        }
        let from = (Cow::Owned(name.to_owned()), Labels::new());
        let series: Vec<(Labels, Instrument)> = {
            let state = self.registry.lock();
            let found = state.series.range(from..);
            found
                .take_while(|((known, _), _)| known == name)
                .map(|((_, labels), (_, instrument))| (labels.clone(), instrument.clone()))
                .collect()
        };
        let read = |(labels, instrument): (Labels, Instrument)| (labels, instrument.read().1);
        series.into_iter().map(read).collect()
    }

    /// Lists every series, in the order of names and labels, then the books.
    pub fn snapshot(&self) -> Vec<Reading> {
        // The handles are cloned out first: an observer may itself register something.
        let series = self.registry.lock().series.clone();
        let books = self.books();
        let rows = |(name, help): names::Metric, kind, rows: Vec<(Labels, Value)>| {
            rows.into_iter().map(move |(labels, value)| Reading {
                name: Cow::Borrowed(name),
                help,
                kind,
                labels,
                value,
            })
        };
        series
            .into_iter()
            .map(|((name, labels), (help, instrument))| {
                let (kind, value) = instrument.read();
                Reading {
                    name,
                    help,
                    kind,
                    labels,
                    value,
                }
            })
            .chain(rows(names::ITEMS, Kind::Counter, books.counted()))
            .chain(rows(names::ITEMS_QUEUED, Kind::Gauge, books.queued()))
            .collect()
    }

    /// Sums the counters and gauges of one name that have these labels; 0 if that is negative.
    ///
    /// Takes a whole snapshot: for tests and summaries.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole numbers"
    )]
    pub fn total(&self, name: &str, labels: &[(&'static str, &str)]) -> u64 {
        let wanted = |reading: &Reading| {
            let has = |(key, value): &(&'static str, &str)| {
                reading.labels.get(key).is_some_and(|found| found == value)
            };
            reading.name == name && labels.iter().all(has)
        };
        let number = |reading: Reading| match reading.value {
            Value::Number(number) => number,
            Value::Distribution(_) => 0.0,
        };
        self.snapshot()
            .into_iter()
            .filter(wanted)
            .map(number)
            .sum::<f64>() as u64
    }
}
