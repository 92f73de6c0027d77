//! One file, component by component.

use std::collections::{BTreeMap, BTreeSet};

use schemars::SchemaGenerator;
use serde::Serialize;
use serde_json::json;
use tapline_config::{
    ComponentId, Document, Kind, KnownTypes, Layout, Node, Problem, Problems, Severity,
    Standing as Known,
};

use super::{
    differences::{self, Difference, Kind::Mistake},
    source,
};
use crate::{
    components::{CONNECTORS, EXPORTERS, EXTENSIONS, PROCESSORS, RECEIVERS, Row, Settings},
    names,
    reference::inlining_generator,
    telemetry,
};

/// How much of a component there is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    /// All of it that the file uses.
    Full,
    /// It, but not every setting that the file uses.
    Partial,
    /// The Collector has it and tapline has not.
    Missing,
    /// The Collector had it and has it no more.
    Removed,
    /// Nobody has it.
    Unknown,
}

/// One component of a file.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Component {
    pub(super) section: &'static str,
    pub(super) id: String,
    pub(super) standing: Standing,
    /// Whether a pipeline, or the list of extensions, names it.
    pub(super) used: bool,
    /// What to use instead of what is not here.
    pub(super) instead: Option<String>,
    pub(super) differences: Vec<Difference>,
}

/// What one file would be like here.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) file: String,
    pub(super) components: Vec<Component>,
    /// Of `service::telemetry`.
    pub(super) telemetry: Vec<Difference>,
    /// What is wrong whoever reads it.
    pub(super) mistakes: Problems,
    /// Variables that are not set here; what they would say is not judged.
    pub(super) unset: Vec<String>,
    /// Feature gates about which there is something to say.
    pub(super) gates: Problems,
}

/// Judges a file.
pub(super) fn judge(path: &str, gates: &Problems) -> Report {
    let opened = source::open(path);
    let mut report = Report {
        file: path.to_owned(),
        components: Vec::new(),
        telemetry: Vec::new(),
        mistakes: opened.mistakes,
        unset: opened.unset,
        gates: gates.clone(),
    };
    if let Some(document) = opened.document {
        report.read(&document);
    }
    report
}

// === impl Report ===

impl Report {
    /// Returns whether tapline would start with the file, as far as that can be told from it.
    pub(super) fn would_start(&self) -> bool {
        self.obstacles().is_empty()
    }

    /// Lists what keeps tapline from starting, each in a few words.
    pub(super) fn obstacles(&self) -> Vec<String> {
        let mut obstacles = Vec::new();
        for component in self.components.iter().filter(|one| one.is_obstacle()) {
            let what = component.section.trim_end_matches('s');
            let how = match component.standing {
                Standing::Full => "has mistakes",
                Standing::Partial => "has settings that are refused",
                Standing::Missing => "is missing here",
                Standing::Removed => "is gone from the Collector too",
                Standing::Unknown => "is unknown",
            };
            obstacles.push(format!("{what} `{}` {how}", component.id));
        }
        if self.telemetry.iter().any(Difference::is_fatal) {
            obstacles.push("`service::telemetry` has settings that are refused".to_owned());
        }
        let errors = |problems: &Problems| problems.iter().filter(|one| is_error(one)).count();
        match errors(&self.mistakes) {
            0 => (),
            1 => obstacles.push("1 mistake in the file".to_owned()),
            count => obstacles.push(format!("{count} mistakes in the file")),
        }
        if errors(&self.gates) > 0 {
            obstacles.push("feature gates are refused".to_owned());
        }
        obstacles
    }

    /// Counts what would be different from the Collector, apart from what keeps it from starting.
    pub(super) fn differences(&self) -> usize {
        let components = self.components.iter().map(|component| {
            let is_lacking = matches!(component.standing, Standing::Missing | Standing::Removed);
            component.differences.len() + usize::from(is_lacking)
        });
        components.sum::<usize>() + self.telemetry.len() + self.gates.len()
    }

    fn read(&mut self, document: &Document) {
        // Which types there are is judged here, component by component.
        let known = KnownTypes {
            judge: |_, _| Known::Here,
            ..KnownTypes::default()
        };
        let mut problems = Problems::new();
        let layout = Layout::read(document, &known, &mut problems);
        // What is configured and not used is no worse here than there.
        self.mistakes.extend(problems.into_iter().filter(is_error));
        let used = used(&layout);
        let sections = [
            ("receivers", &layout.receivers),
            ("processors", &layout.processors),
            ("exporters", &layout.exporters),
            ("connectors", &layout.connectors),
            ("extensions", &layout.extensions),
        ];
        for (section, components) in sections {
            for (id, node) in components {
                let is_used = used.contains(&(is_extension(section), &id.value));
                self.components
                    .push(Component::of(section, &id.value, node, is_used));
            }
        }
        let node = &layout.service.telemetry;
        let mut said = Problems::new();
        telemetry::TelemetryConfig::read(node, &mut said);
        let blocks = telemetry::settings(&mut inlining_generator());
        let blocks = blocks.into_iter().map(|(key, block)| (key, block.schema));
        let schema = json!({ "properties": blocks.collect::<BTreeMap<_, _>>() });
        self.telemetry = differences::of(node, &said, &schema);
    }
}

fn is_error(problem: &Problem) -> bool {
    problem.severity == Severity::Error
}

fn is_extension(section: &str) -> bool {
    section == "extensions"
}

/// What is named somewhere; extensions have names of their own.
fn used(layout: &Layout) -> BTreeSet<(bool, &ComponentId)> {
    let mut used = BTreeSet::new();
    for pipeline in &layout.service.pipelines {
        let parts = [
            &pipeline.receivers,
            &pipeline.processors,
            &pipeline.exporters,
        ];
        used.extend(parts.into_iter().flatten().map(|id| (false, &id.value)));
    }
    used.extend(layout.service.extensions.iter().map(|id| (true, &id.value)));
    used
}

// === impl Component ===

impl Component {
    /// Returns whether nothing starts because of it. What is missing and not used stops nobody.
    fn is_obstacle(&self) -> bool {
        let is_lacking = !matches!(self.standing, Standing::Full | Standing::Partial);
        let is_gone = matches!(self.standing, Standing::Missing | Standing::Removed);
        let is_tolerated = is_gone && !self.used;
        (is_lacking && !is_tolerated) || self.differences.iter().any(Difference::is_fatal)
    }

    fn of(section: &'static str, id: &ComponentId, node: &Node, used: bool) -> Self {
        let mut component = Self {
            section,
            id: id.to_string(),
            standing: Standing::Full,
            used,
            instead: None,
            differences: Vec::new(),
        };
        let mut said = Problems::new();
        if let Some(settings) = read(section, id, node, &mut said) {
            let schema = settings(&mut inlining_generator()).schema.to_value();
            component.differences = differences::of(node, &said, &schema);
            // A mistake is one in the Collector too.
            if component.differences.iter().any(|one| one.kind != Mistake) {
                component.standing = Standing::Partial;
            }
            return component;
        }
        let (standing, instead) = match names::judge(section, &id.kind) {
            Known::Missing(instead) => (Standing::Missing, instead.map(str::to_owned)),
            Known::Removed(instead) => (Standing::Removed, instead.map(str::to_owned)),
            Known::Unknown(meant) => {
                let meant = meant.map(|name| format!("did you mean `{name}`?"));
                (Standing::Unknown, meant)
            }
            Known::Here | Known::Older(_) | Known::Spelled(_) => (Standing::Full, None),
        };
        component.standing = standing;
        component.instead = instead;
        component
    }
}

type DescribeSettings = fn(&mut SchemaGenerator) -> Settings;

/// Reads settings as a start would; `None` if there is no such component here.
fn read(
    section: &str,
    id: &ComponentId,
    node: &Node,
    said: &mut Problems,
) -> Option<DescribeSettings> {
    fn of<M>(
        table: &[Row<M>],
        section: &str,
        id: &ComponentId,
        node: &Node,
        said: &mut Problems,
    ) -> Option<DescribeSettings> {
        let row = names::row(table, section, &id.kind)?;
        // Only what it says counts.
        let _made = (row.read)(node, said);
        // Rules are not looked at while there are unknown keys; here everything is to be told.
        let _made = (row.read)(&without_unknown(node, said), said);
        Some(row.settings)
    }
    match section {
        "receivers" => of(RECEIVERS, section, id, node, said),
        "processors" => of(PROCESSORS, section, id, node, said),
        "exporters" => of(EXPORTERS, section, id, node, said),
        "connectors" => of(CONNECTORS, section, id, node, said),
        "extensions" => of(EXTENSIONS, section, id, node, said),
        _ => None,
    }
}

/// Returns a value without the keys that were said to be unknown.
fn without_unknown(node: &Node, said: &Problems) -> Node {
    let is_unknown = |value: &Node| {
        let mut here = said
            .iter()
            .filter(|one| one.place.as_ref() == Some(value.heading()));
        here.any(|problem| problem.message.starts_with("unknown setting"))
    };
    let inside = |value: &Node| without_unknown(value, said);
    let kind = match &node.kind {
        Kind::Map(entries) => {
            let known = entries.iter().filter(|(_, value)| !is_unknown(value));
            Kind::Map(
                known
                    .map(|(key, value)| (key.clone(), inside(value)))
                    .collect(),
            )
        }
        Kind::List(items) => Kind::List(items.iter().map(inside).collect()),
        other => other.clone(),
    };
    Node {
        kind,
        ..node.clone()
    }
}
