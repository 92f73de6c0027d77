//! The section `service`: which components each pipeline joins, in which order.

use std::collections::{HashMap, HashSet};

use super::{
    Pipeline, PipelineId, Service, check_keys, check_map, is_any_misspelled, repeated,
    suggest_one_of,
};
use crate::{ComponentId, Kind, Located, Node, Place, Problem, Problems, suggest};

/// The signals a pipeline may carry.
const SIGNALS: &[&str] = &["traces", "metrics", "logs", "profiles"];

/// The keys of `service`.
pub(super) const SERVICE_KEYS: &[&str] = &["extensions", "pipelines", "telemetry"];

/// The keys of a pipeline.
const PIPELINE_KEYS: &[&str] = &["receivers", "processors", "exporters"];

/// Returns whether the pipelines seem to be written under a name that nobody knows.
pub(super) fn is_misspelled(root: &Node) -> bool {
    let service = root.get("service");
    service.is_some_and(|service| is_any_misspelled(service, SERVICE_KEYS))
}

/// Returns what cannot be had of pipelines, because their ids or the names of their parts are none.
pub(super) fn unread(root: &Node) -> Vec<Pipeline> {
    // What is wrong with them was said when the others were read.
    let mut known = Problems::new();
    let pipelines = root.get("service").and_then(|node| node.get("pipelines"));
    let mut unread = Vec::new();
    for (key, node) in pipelines.map_or(&[][..], Node::entries) {
        let has_id = pipeline_id(key, node.heading(), &mut known).is_some();
        let mut part = |name| {
            let is_meant = |written: &str| {
                let is_right = written == name;
                (is_right && !has_id)
                    || (!PIPELINE_KEYS.contains(&written)
                        && suggest::nearest(written, [name]).is_some())
            };
            let part = node.entries().iter().find(|(key, _)| is_meant(key));
            ids(part.map(|(_, ids)| ids), name, &mut known)
        };
        unread.push(Pipeline {
            receivers: part("receivers"),
            processors: part("processors"),
            exporters: part("exporters"),
            id: Located {
                value: PipelineId {
                    signal: key.clone(),
                    name: String::new(),
                },
                place: node.heading().clone(),
            },
        });
    }
    unread
}

// === impl Service ===

impl Service {
    pub(super) fn read(root: &Node, problems: &mut Problems) -> Self {
        let nothing = Node::new(Kind::Null, root.place.clone());
        let service = root.get("service").unwrap_or(&nothing);
        check_map(service, "`service`", problems);
        check_keys(service, SERVICE_KEYS, "`service`", problems);
        let telemetry = service.get("telemetry").unwrap_or(&nothing).clone();
        let extensions = ids(service.get("extensions"), "extension", problems);
        let pipelines = service.get("pipelines");
        if let Some(pipelines) = pipelines {
            check_map(pipelines, "`service::pipelines`", problems);
        }
        if pipelines.is_none_or(|node| node.entries().is_empty()) {
            let place = pipelines.or(root.get("service")).unwrap_or(root).heading();
            let problem = Problem::error(place, "service must have at least one pipeline");
            problems.push(problem.about_absence());
        }
        let pipelines = pipelines.map_or(&[][..], Node::entries);
        let mut service = Self {
            extensions,
            pipelines: Vec::new(),
            telemetry,
        };
        let mut seen: HashMap<PipelineId, Place> = HashMap::new();
        for (key, node) in pipelines {
            let Some(pipeline) = Pipeline::read(key, node, problems) else {
                continue;
            };
            let id = &pipeline.id;
            if let Some(first) = seen.get(&id.value) {
                problems.push(repeated("pipeline", id, first));
                continue;
            }
            seen.insert(id.value.clone(), id.place.clone());
            service.pipelines.push(pipeline);
        }
        service
    }
}

// === impl Pipeline ===

impl Pipeline {
    fn read(key: &str, node: &Node, problems: &mut Problems) -> Option<Self> {
        let id = pipeline_id(key, node.heading(), problems)?;
        let name = format!("pipeline `{}`", id.value);
        check_map(node, &name, problems);
        check_keys(node, PIPELINE_KEYS, &name, problems);
        let receivers = each_once(ids(node.get("receivers"), "receiver", problems), problems);
        let processors = ids(node.get("processors"), "processor", problems);
        let exporters = each_once(ids(node.get("exporters"), "exporter", problems), problems);
        for (part, what) in [("receivers", "receiver"), ("exporters", "exporter")] {
            let written = node.get(part);
            let is_misspelled = written.is_none() && is_any_misspelled(node, &[part]);
            let is_map = matches!(node.kind, Kind::Map(_) | Kind::Null) && !node.is_broken;
            if is_map && !is_misspelled && written.is_none_or(is_empty) {
                let place = written.unwrap_or(node).heading();
                let message = format!("{name} must have at least one {what}");
                problems.push(Problem::error(place, message).about_absence());
            }
        }
        Some(Self {
            id,
            receivers,
            processors,
            exporters,
        })
    }
}

fn pipeline_id(text: &str, place: &Place, problems: &mut Problems) -> Option<Located<PipelineId>> {
    // A pipeline's id has the form of a component's.
    let ComponentId { kind: signal, name } = match ComponentId::parse(text) {
        Ok(id) => id,
        Err(error) => {
            problems.push(Problem::error(
                place,
                format!("invalid pipeline id: {error}"),
            ));
            return None;
        }
    };
    if !SIGNALS.contains(&signal.as_str()) {
        let problem = Problem::error(place, format!("unknown pipeline signal `{signal}`"));
        problems.push(suggest_one_of(problem, &signal, SIGNALS));
        return None;
    }
    Some(Located {
        value: PipelineId { signal, name },
        place: place.clone(),
    })
}

/// Reads a list of component ids; a text is split at its commas, as the Collector does.
fn ids(node: Option<&Node>, what: &str, problems: &mut Problems) -> Vec<Located<ComponentId>> {
    let Some(node) = node else { return Vec::new() };
    let texts: Vec<(&str, &Place)> = match &node.kind {
        Kind::String(text) => text.split(',').map(|text| (text, &node.place)).collect(),
        Kind::List(items) => items
            .iter()
            .filter_map(|item| id_text(item, what, problems))
            .collect(),
        Kind::Null => Vec::new(),
        _ => {
            let message = format!("expected a list of {what} ids, found {}", node.described());
            problems.push(Problem::error(node.blamed(), message));
            Vec::new()
        }
    };
    let parse = |(text, place): (&str, &Place)| match ComponentId::parse(text) {
        Ok(value) => Some(Located {
            value,
            place: place.narrowed_to(text.trim()),
        }),
        Err(error) => {
            problems.push(Problem::error(place, format!("invalid {what} id: {error}")));
            None
        }
    };
    texts.into_iter().filter_map(parse).collect()
}

fn id_text<'a>(
    item: &'a Node,
    what: &str,
    problems: &mut Problems,
) -> Option<(&'a str, &'a Place)> {
    if let Kind::String(text) = &item.kind {
        return Some((text, &item.place));
    }
    if item.is_broken {
        return None;
    }
    let message = format!(
        "expected the id of {}, found {}",
        one(what),
        item.described()
    );
    problems.push(Problem::error(&item.place, message));
    None
}

/// Puts the article before a kind of component.
fn one(what: &str) -> String {
    let article = if what.starts_with('e') { "an" } else { "a" };
    format!("{article} {what}")
}

/// Drops ids that are listed twice where that means nothing, with a warning.
fn each_once(
    mut ids: Vec<Located<ComponentId>>,
    problems: &mut Problems,
) -> Vec<Located<ComponentId>> {
    let mut seen = HashSet::new();
    ids.retain(|id| {
        let is_first = seen.insert(id.value.clone());
        if !is_first {
            problems.push(Problem::warning(
                &id.place,
                format!("`{}` is listed twice", id.value),
            ));
        }
        is_first
    });
    ids
}

/// Returns whether nothing is listed.
fn is_empty(node: &Node) -> bool {
    (node.is_null() && !node.is_broken)
        || matches!(&node.kind, Kind::List(items) if items.is_empty())
}
