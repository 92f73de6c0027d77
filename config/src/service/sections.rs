//! The sections at the top of a configuration: ids of what is in them.

use std::collections::HashMap;

use super::{
    Section, check_map, is_any_misspelled, pipelines::SERVICE_KEYS, repeated, suggest_one_of,
};
use crate::{ComponentId, Kind, Located, Node, Place, Problem, Problems};

/// Everything that may stand at the left margin.
const SECTIONS: &[&str] = &[
    "receivers",
    "processors",
    "exporters",
    "connectors",
    "extensions",
    "service",
];

/// Reports what stands at the left margin and is no section, and required sections that are empty.
pub(super) fn check_names(root: &Node, problems: &mut Problems) {
    for (key, node) in root.entries() {
        if !SECTIONS.contains(&key.as_str()) {
            let problem = Problem::error(node.heading(), format!("unknown section `{key}`"));
            problems.push(if SERVICE_KEYS.contains(&key.as_str()) {
                problem.with_label("it belongs below `service`")
            } else {
                suggest_one_of(problem, key, SECTIONS)
            });
        }
    }
    for (name, what) in [("receivers", "receiver"), ("exporters", "exporter")] {
        let message = format!("no {what} is configured");
        match root.get(name) {
            None => problems.push(Problem::unplaced(message).about_absence()),
            Some(node) if is_empty(node) => {
                problems.push(Problem::error(node.heading(), message).about_absence());
            }
            Some(_) => (),
        }
    }
}

/// Returns whether a key is the name of a section.
pub(super) fn is_name(key: &str) -> bool {
    SECTIONS.contains(&key)
}

/// Returns whether a section seems to be written under a name that nobody knows, or stands where it
/// does not belong, or is no map.
pub(super) fn is_unreadable(root: &Node) -> bool {
    let is_no_map = |node: &Node| !matches!(node.kind, Kind::Map(_) | Kind::Null);
    let sections = || SECTIONS.iter().filter_map(|name| root.get(name));
    let service = root.get("service").map_or(&[][..], Node::entries);
    is_any_misspelled(root, SECTIONS)
        || sections().any(is_no_map)
        || service
            .iter()
            .any(|(key, _)| is_name(key) && !SERVICE_KEYS.contains(&key.as_str()))
        || SERVICE_KEYS
            .iter()
            .any(|key| *key != "extensions" && root.get(key).is_some())
}

fn is_empty(node: &Node) -> bool {
    node.is_null() || matches!(&node.kind, Kind::Map(entries) if entries.is_empty())
}

/// Reads one section: valid ids, each once.
pub(super) fn read(root: &Node, name: &str, problems: &mut Problems) -> Section {
    let Some(node) = root.get(name) else {
        return Section::new();
    };
    check_map(node, &format!("`{name}`"), problems);
    let what = name.trim_end_matches('s');
    let mut section = Section::new();
    let mut seen: HashMap<ComponentId, Place> = HashMap::new();
    for (key, settings) in node.entries() {
        let place = settings.heading();
        let id = match ComponentId::parse(key) {
            Ok(value) => Located {
                value,
                place: place.clone(),
            },
            Err(error) => {
                problems.push(Problem::error(place, format!("invalid {what} id: {error}")));
                continue;
            }
        };
        if let Some(first) = seen.get(&id.value) {
            problems.push(repeated(what, &id, first));
            continue;
        }
        seen.insert(id.value.clone(), place.clone());
        section.push((id, settings.clone()));
    }
    section
}
