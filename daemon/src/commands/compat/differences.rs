//! How the settings of one component differ from what they do in the Collector.
//!
//! What is refused is found by reading the settings as a start would. What is accepted and does
//! nothing is said by the comments of the settings, which the reference pages show too.

use serde::Serialize;
use serde_json::Value;
use tapline_config::{Node, Place, Problem, Problems, Severity, decode};

use super::source::has_open;
use crate::reference::solid;

/// What a difference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// The Collector has it and tapline has not: nothing starts.
    NotSupported,
    /// tapline does not know it, and perhaps nobody does: nothing starts.
    UnknownSetting,
    /// What it says is wrong: nothing starts.
    Mistake,
    /// It is read, and does nothing here.
    NoEffect,
}

/// One difference and where it is written.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Difference {
    pub(super) kind: Kind,
    /// The setting, its keys joined by `::`; empty for the component as a whole.
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) message: String,
}

/// Comments that begin so, or say so, belong to settings that do nothing.
const MARKS: [&str; 2] = ["Accepted", "Ignored:"];

// === impl Difference ===

impl Difference {
    /// Returns whether nothing starts with it.
    pub(super) fn is_fatal(&self) -> bool {
        self.kind != Kind::NoEffect
    }

    fn new(kind: Kind, key: String, place: &Place, message: String) -> Self {
        Self {
            kind,
            key,
            line: place.line(),
            column: place.column(),
            message,
        }
    }
}

/// Lists differences of a component: what reading it said, and what does nothing.
pub(super) fn of(node: &Node, said: &Problems, schema: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    without_effect(node, schema, "", &mut found);
    for problem in said {
        let place = problem.place.as_ref().unwrap_or(node.heading());
        let (path, meant) = find(node, place).unwrap_or((String::new(), node));
        let Some(kind) = kind(problem) else { continue };
        // What depends on the other machine cannot be told here. Which settings there are does not.
        let is_undecided = kind == Kind::Mistake && has_open(meant);
        let below = format!("{path}::");
        let is_told = |one: &Difference| one.key == path || one.key.starts_with(&below);
        let is_repetition = kind == Kind::NoEffect && found.iter().any(is_told);
        if is_undecided || is_repetition {
            continue;
        }
        let message = match &problem.label {
            Some(label) => format!("{} ({label})", problem.message),
            None => problem.message.clone(),
        };
        found.push(Difference::new(kind, path, place, message));
    }
    found.sort_by_key(|difference| (difference.line, difference.column));
    found
}

/// Returns what a problem means for the comparison; `None` where the Collector does the same.
fn kind(problem: &Problem) -> Option<Kind> {
    let says = |words: &str| problem.message.contains(words);
    match problem.severity {
        Severity::Error if says("not supported") => Some(Kind::NotSupported),
        Severity::Error if says("unknown setting") => Some(Kind::UnknownSetting),
        Severity::Error => Some(Kind::Mistake),
        Severity::Warning => says("no effect").then_some(Kind::NoEffect),
    }
}

/// Finds what is written at a place, and the keys that lead there.
fn find<'n>(node: &'n Node, place: &Place) -> Option<(String, &'n Node)> {
    let entries = node.entries().iter();
    let entries = entries.map(|(key, value)| (key.clone(), value));
    let items = node.items().iter().enumerate();
    let items = items.map(|(at, item)| (at.to_string(), item));
    for (key, value) in entries.chain(items) {
        if let Some((path, found)) = find(value, place) {
            return Some((format!("{key}::{path}"), found));
        }
        if value.key.as_ref() == Some(place) || value.place == *place {
            return Some((key, value));
        }
    }
    None
}

/// Finds what is written and does nothing. Recurses as deep as configurations may nest.
fn without_effect(node: &Node, schema: &Value, prefix: &str, found: &mut Vec<Difference>) {
    let block = solid(schema);
    for (key, value) in node.entries() {
        let described = match block["properties"].get(key) {
            Some(described) => described,
            None => &block["additionalProperties"],
        };
        let path = format!("{prefix}{key}");
        match remark(described).or_else(|| remark(solid(described))) {
            Some(_) if says_nothing(value, described) => (),
            Some(why) => {
                let message = format!("`{path}` has no effect here{why}");
                found.push(Difference::new(
                    Kind::NoEffect,
                    path,
                    value.heading(),
                    message,
                ));
            }
            None => without_effect(value, described, &format!("{path}::"), found),
        }
    }
    for (at, item) in node.items().iter().enumerate() {
        without_effect(item, &block["items"], &format!("{prefix}{at}::"), found);
    }
}

/// Returns whether a setting is left as it is when nothing is written.
fn says_nothing(value: &Node, described: &Value) -> bool {
    let written = decode::<Value>(value).ok();
    value.is_null() || (written.is_some() && written.as_ref() == described.get("default"))
}

/// Returns why a setting does nothing, if its comment says that it does: `: nobody asks for it`.
fn remark(schema: &Value) -> Option<String> {
    let about = schema["description"].as_str()?;
    let at = MARKS.iter().find_map(|mark| about.find(mark))?;
    let about = about[at..].split_whitespace().collect::<Vec<_>>().join(" ");
    let why = about.split_once([':', ';']);
    Some(why.map_or(String::new(), |(_, why)| {
        format!(": {}", why.trim().trim_end_matches('.'))
    }))
}
