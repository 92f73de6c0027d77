//! The `basic` form: one log line that counts.

use std::fmt::{self, Display, Formatter};

use crate::{Batch, Signal, number::request, view, wire::read::Fields};

/// A log message and its fields, in the words of the Collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The message, such as `Traces`.
    pub message: &'static str,
    /// What was counted, such as `resource spans`.
    pub counts: Vec<(&'static str, usize)>,
}

/// Counts a batch for the `basic` form.
pub fn basic(batch: &Batch) -> Summary {
    let items = batch.items() as usize;
    let (message, counts) = match batch.signal() {
        Signal::Traces => (
            "Traces",
            vec![
                ("resource spans", view::traces(batch).count()),
                ("spans", items),
            ],
        ),
        Signal::Metrics => {
            let metrics = view::metrics(batch)
                .flat_map(|resource| resource.scopes())
                .map(|scope| scope.metrics().count())
                .sum();
            let resources = view::metrics(batch).count();
            let counts = vec![
                ("resource metrics", resources),
                ("metrics", metrics),
                ("data points", items),
            ];
            ("Metrics", counts)
        }
        Signal::Logs => (
            "Logs",
            vec![
                ("resource logs", view::logs(batch).count()),
                ("log records", items),
            ],
        ),
        Signal::Profiles => {
            let fields = batch.chunks().iter().flat_map(|chunk| Fields::new(chunk));
            let resources = fields
                .filter(|field| field.number == request::RESOURCES)
                .count();
            (
                "Profiles",
                vec![("resource profiles", resources), ("sample records", items)],
            )
        }
    };
    Summary { message, counts }
}

/// The form of the Collector's console encoder: message, tab, fields as JSON.
impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}\t{{", self.message)?;
        for (index, (name, count)) in self.counts.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}\"{name}\": {count}")?;
        }
        f.write_str("}")
    }
}
