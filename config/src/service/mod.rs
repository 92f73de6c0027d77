//! The skeleton of a configuration: which components there are and how pipelines join them.
//!
//! Settings of components stay nodes, for their own types to be decoded from. Which types exist is
//! told by the caller. Everything wrong is reported at once: this module collects, it never stops.

mod asked;
mod kinds;
mod listening;
mod pipelines;
mod references;
mod sections;
mod uses;

pub use kinds::Standing;
use uses::Uses;

use crate::{ComponentId, Document, Kind, Located, Node, Place, Problem, Problems, suggest};

/// The components of one section in the order they were written, with their settings.
pub type Section = Vec<(Located<ComponentId>, Node)>;

/// The component types that exist, by section and by their names of today.
#[derive(Clone, Copy, Debug)]
pub struct KnownTypes<'a> {
    /// What `receivers` may hold.
    pub receivers: &'a [&'a str],
    /// What `processors` may hold.
    pub processors: &'a [&'a str],
    /// What `exporters` may hold.
    pub exporters: &'a [&'a str],
    /// What `connectors` may hold.
    pub connectors: &'a [&'a str],
    /// What `extensions` may hold.
    pub extensions: &'a [&'a str],
    /// Says, by section and type, what is known of any other name.
    pub judge: fn(&str, &str) -> Standing,
}

impl Default for KnownTypes<'_> {
    /// Knows none.
    fn default() -> Self {
        Self {
            receivers: &[],
            processors: &[],
            exporters: &[],
            connectors: &[],
            extensions: &[],
            judge: |_, _| Standing::Unknown(None),
        }
    }
}

/// A configuration by sections.
#[derive(Clone, Debug)]
pub struct Layout {
    /// What makes or takes in telemetry.
    pub receivers: Section,
    /// What changes it.
    pub processors: Section,
    /// What ships it.
    pub exporters: Section,
    /// What ends one pipeline and begins another.
    pub connectors: Section,
    /// What serves the process.
    pub extensions: Section,
    /// How they are joined.
    pub service: Service,
}

/// The section `service`.
#[derive(Clone, Debug)]
pub struct Service {
    /// The extensions to start, in order.
    pub extensions: Vec<Located<ComponentId>>,
    /// The pipelines in the order they were written.
    pub pipelines: Vec<Pipeline>,
    /// The settings of our own telemetry; null when there are none.
    pub telemetry: Node,
}

/// A way from receivers through processors to exporters.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// Its id, such as `traces/backup`.
    pub id: Located<PipelineId>,
    /// Receivers, and connectors that another pipeline ends in; each once.
    pub receivers: Vec<Located<ComponentId>>,
    /// Processors in order; each once.
    pub processors: Vec<Located<ComponentId>>,
    /// Exporters, and connectors that another pipeline begins with; each once.
    pub exporters: Vec<Located<ComponentId>>,
}

/// `signal[/name]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PipelineId {
    /// `traces`, `metrics`, `logs` or `profiles`.
    pub signal: String,
    /// What follows the slash; empty when there is none.
    pub name: String,
}

impl std::fmt::Display for PipelineId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.signal)?;
        if self.name.is_empty() {
            Ok(())
        } else {
            write!(f, "/{}", self.name)
        }
    }
}

// === impl Layout ===

impl Layout {
    /// Reads the skeleton, adding every error and warning to a list.
    ///
    /// There is always a layout, so that the settings of its components can be checked too; it may
    /// be run only if no error was added.
    pub fn read(document: &Document, known: &KnownTypes<'_>, problems: &mut Problems) -> Self {
        let root = document.root();
        sections::check_names(root, problems);
        let mut section = |name| sections::read(root, name, problems);
        let mut layout = Self {
            receivers: section("receivers"),
            processors: section("processors"),
            exporters: section("exporters"),
            connectors: section("connectors"),
            extensions: section("extensions"),
            service: Service::read(root, problems),
        };
        let uses = Uses::of(&layout.service, &pipelines::unread(root));
        kinds::check(&mut layout, &uses, known, problems);
        references::check(&layout, problems);
        asked::check(&layout, &uses, problems);
        *problems = listening::sharpened(root, known, std::mem::take(problems));
        // What is written, but cannot be had or has a wrong name, is not missing.
        if !document.is_whole() || sections::is_unreadable(root) || pipelines::is_misspelled(root) {
            problems.forget_absences();
        }
        layout
    }
}

fn check_map(node: &Node, name: &str, problems: &mut Problems) {
    if !matches!(node.kind, Kind::Map(_) | Kind::Null) {
        let message = format!("{name} must be a map, but this is {}", node.described());
        let problem = Problem::error(node.blamed(), message);
        problems.push(match node.not_yaml() {
            Some(reason) => problem.with_label(format!("what it refers to is not YAML: {reason}")),
            None => problem,
        });
    }
}

fn check_keys(node: &Node, known: &[&str], owner: &str, problems: &mut Problems) {
    for (key, value) in node.entries() {
        if !known.contains(&key.as_str()) && !problems.is_full() {
            let message = format!("unknown setting `{key}` in {owner}");
            let problem = Problem::error(value.heading(), message);
            problems.push(if sections::is_name(key) {
                problem.with_label("a section of its own: it belongs at the left margin")
            } else {
                suggest_one_of(problem, key, known)
            });
        }
    }
}

/// Returns whether a key that is missing seems to be written under another name.
fn is_any_misspelled(node: &Node, known: &[&str]) -> bool {
    let missing: Vec<&str> = known
        .iter()
        .copied()
        .filter(|key| node.get(key).is_none())
        .collect();
    node.entries()
        .iter()
        .filter(|(key, _)| !known.contains(&key.as_str()))
        .any(|(key, _)| suggest::nearest(key, missing.iter().copied()).is_some())
}

/// Adds the name that was probably meant, or all that could have been.
fn suggest_one_of(problem: Problem, written: &str, known: &[&str]) -> Problem {
    match suggest::nearest(written, known.iter().copied()) {
        Some(name) => problem.suggesting(Some(name)),
        None if known.is_empty() => problem,
        None => problem.with_label(format!("known: {}", suggest::listed(known))),
    }
}

fn repeated<T: std::fmt::Display>(what: &str, id: &Located<T>, first: &Place) -> Problem {
    Problem::error(&id.place, format!("duplicate {what} id `{}`", id.value))
        .with_label(format!("first given on line {}", first.line()))
}
