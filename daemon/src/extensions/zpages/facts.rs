//! What the pages say, taken from the host when one is asked for.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tapline_config::Duration;
use tapline_pipeline::{
    Health,
    graph::{Node, Pipeline},
    meter::{Labels, Value as Reading},
};

use super::page::{Page, Table};
use crate::{
    extensions::health_check::nodes,
    host_view::{HostView, Phase, Scene},
    timestamp,
};

/// What the host knew at one moment.
pub(super) struct Facts<'h> {
    host: &'h HostView,
    scene: Scene,
}

impl<'h> Facts<'h> {
    pub(super) fn of(host: &'h HostView) -> Self {
        Self {
            host,
            scene: host.scene(),
        }
    }

    /// Build and runtime.
    pub(super) fn service(&self) -> Page {
        let started = self.host.started();
        let up = u64::try_from(started.instant.elapsed().as_millis()).unwrap_or(u64::MAX);
        let phase = match self.scene.phase {
            Phase::Starting => "starting",
            Phase::Running(_) => "running",
            Phase::Stopping => "stopping",
        };
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let pair = |name: &str, value: String| vec![name.to_owned(), value];
        let build = vec![
            pair("Command", env!("CARGO_PKG_NAME").to_owned()),
            pair("Version", env!("CARGO_PKG_VERSION").to_owned()),
        ];
        let runtime = vec![
            pair("State", phase.to_owned()),
            pair("Started", timestamp::nanos(started.time)),
            pair("Uptime", Duration::from_millis(up).to_string()),
            pair("Process", std::process::id().to_string()),
            pair("System", std::env::consts::OS.to_owned()),
            pair("Architecture", std::env::consts::ARCH.to_owned()),
            pair("Kernel", kernel.trim().to_owned()),
        ];
        let table = |name: &str, rows| Table {
            name: name.to_owned(),
            columns: &["Name", "Value"],
            rows,
        };
        let tables = vec![table("Build info", build), table("Runtime info", runtime)];
        Page::new("Service", tables)
    }

    /// A table per pipeline, with a row per component in the order of the flow.
    pub(super) fn pipelines(&self) -> Page {
        let books = self.books();
        let tables = self.scene.pipelines.iter().map(|pipeline| Table {
            name: pipeline.id.to_string(),
            columns: &[
                "Kind",
                "Component",
                "Status",
                "Since",
                "Error",
                "Received",
                "Sent",
                "Refused",
                "Dropped",
                "Stored",
                "Queued",
            ],
            rows: nodes(pipeline, &self.scene.status)
                .map(|(_, node)| self.row(&node, pipeline, &books))
                .collect(),
        });
        Page::new("Pipelines", tables.collect())
    }

    fn row(&self, node: &Node, pipeline: &Pipeline, books: &Books) -> Vec<String> {
        let health = self.scene.status.get(node).unwrap_or_default();
        let Health {
            status,
            cause,
            since,
            ..
        } = health;
        let since = since.map(|since| timestamp::millis(since.time));
        let mut row = vec![
            node.role().to_owned(),
            node.id().to_string(),
            status.name().to_owned(),
            since.unwrap_or_default(),
            cause,
        ];
        let signal = pipeline.id.signal.name().to_owned();
        let book = books.get(&(node.role().to_owned(), node.id().to_string(), signal));
        row.extend(STATES.map(|state| {
            let count = book.and_then(|book| book.get(state));
            count.map_or_else(|| "-".to_owned(), ToString::to_string)
        }));
        row
    }

    /// Reads the books of items of all components.
    fn books(&self) -> Books {
        let mut books = Books::new();
        let read = self.host.meters().books();
        for (labels, reading) in read.counted().into_iter().chain(read.queued()) {
            let Reading::Number(count) = reading else {
                continue;
            };
            let label = |name| Labels::get(&labels, name).cloned().unwrap_or_default();
            let owner = (label("kind"), label("component"), label("signal"));
            let state = Labels::get(&labels, "state").map_or("queued", String::as_str);
            let state = state.to_owned();
            *books.entry(owner).or_default().entry(state).or_default() += count;
        }
        books
    }

    pub(super) fn extensions(&self) -> Page {
        let ids = self.scene.extensions.iter();
        Page::new(
            "Extensions",
            vec![Table {
                name: "Extensions".to_owned(),
                columns: &["Extension"],
                rows: ids.map(|id| vec![id.to_string()]).collect(),
            }],
        )
    }

    pub(super) fn features(&self) -> Page {
        let gates = self.scene.gates.iter().map(|gate| {
            vec![
                gate.id.clone(),
                gate.enabled.to_string(),
                gate.stage.to_owned(),
                gate.described(),
            ]
        });
        Page::new(
            "Feature gates",
            vec![Table {
                name: "Feature gates".to_owned(),
                columns: &["ID", "Enabled", "Stage", "Description"],
                rows: gates.collect(),
            }],
        )
    }

    pub(super) fn traces() -> Page {
        let said = "tapline makes no spans about itself: there is nothing to show";
        Page::new(
            "Traces",
            vec![Table {
                name: "Traces".to_owned(),
                columns: &["Spans"],
                rows: vec![vec![said.to_owned()]],
            }],
        )
    }

    /// Every number there is, by name and labels, and the command line as Go's `expvar` has it.
    pub(super) fn numbers(&self) -> Value {
        let command: Vec<String> = std::env::args().take(1).collect();
        let mut numbers = Map::from_iter([("cmdline".to_owned(), json!(command))]);
        for reading in self.host.meters().snapshot() {
            let Reading::Number(number) = reading.value else {
                continue;
            };
            let labels = reading.labels.iter();
            let labels: Vec<_> = labels
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let key = if labels.is_empty() {
                reading.name.into_owned()
            } else {
                format!("{}{{{}}}", reading.name, labels.join(","))
            };
            numbers.insert(key, json!(number));
        }
        Value::Object(numbers)
    }
}

const STATES: [&str; 6] = ["received", "sent", "refused", "dropped", "stored", "queued"];

/// Counts by state, of each kind, component and signal.
type Books = BTreeMap<(String, String, String), BTreeMap<String, f64>>;
