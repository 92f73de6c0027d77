//! `receivers::otlp::protocols:`: a key that is a path, taken apart and put beside its siblings.
//!
//! It holds for every key of every map. What is said twice that way is a mistake.

use std::collections::HashMap;

use crate::{Kind, Node, Place, Problem, Problems, yaml::MAX_DEPTH};

/// What stands between the keys of a path.
const SEPARATOR: &str = "::";

/// Takes apart the keys of all maps below a node.
pub(crate) fn split(node: Node, problems: &mut Problems) -> Node {
    if has_paths(&node) {
        Splitter { problems }.node(node, 1)
    } else {
        node
    }
}

fn has_paths(node: &Node) -> bool {
    let holds = |(key, value): &(String, Node)| key.contains(SEPARATOR) || has_paths(value);
    node.items().iter().any(has_paths) || node.entries().iter().any(holds)
}

struct Splitter<'a> {
    problems: &'a mut Problems,
}

/// What one key has: a value of its own, or values below it.
type Part = (Option<String>, Node);

// === impl Splitter ===

impl Splitter<'_> {
    fn node(&mut self, node: Node, depth: usize) -> Node {
        let kind = match node.kind {
            Kind::List(items) => {
                let below = items.into_iter().map(|item| self.node(item, depth + 1));
                Kind::List(below.collect())
            }
            Kind::Map(entries) => Kind::Map(self.map(entries, depth)),
            kind => kind,
        };
        Node { kind, ..node }
    }

    fn map(&mut self, entries: Vec<(String, Node)>, depth: usize) -> Vec<(String, Node)> {
        let mut keys: Vec<(String, Vec<Part>)> = Vec::new();
        let mut positions: HashMap<String, usize> = HashMap::new();
        for (key, node) in entries {
            if depth >= MAX_DEPTH && key.contains(SEPARATOR) {
                let message = format!("nested more than {MAX_DEPTH} levels deep");
                self.problems.push(Problem::error(node.heading(), message));
                continue;
            }
            let Some((head, part)) = self.part(key, node) else {
                continue;
            };
            let position = *positions.entry(head.clone()).or_insert(keys.len());
            if position == keys.len() {
                keys.push((head, Vec::new()));
            }
            keys[position].1.push(part);
        }
        let mut joined = Vec::with_capacity(keys.len());
        for (key, parts) in keys {
            let node = self.join(&key, parts, depth);
            joined.push((key, node));
        }
        joined
    }

    /// Takes the first key off a path; what is left is the path below it.
    fn part(&mut self, key: String, node: Node) -> Option<(String, Part)> {
        let Some((head, rest)) = key.split_once(SEPARATOR) else {
            return Some((key, (None, node)));
        };
        if head.is_empty() || rest.is_empty() || rest.starts_with(SEPARATOR) {
            let message = format!("a key is missing beside `{SEPARATOR}` in `{key}`");
            self.problems.push(Problem::error(node.heading(), message));
            return None;
        }
        Some((head.to_owned(), (Some(rest.to_owned()), node)))
    }

    /// Puts everything that one key has into one value.
    fn join(&mut self, key: &str, mut parts: Vec<Part>, depth: usize) -> Node {
        if parts.len() == 1 && parts[0].0.is_none() {
            let (_, node) = parts.remove(0);
            return self.node(node, depth + 1);
        }
        let is_scalar =
            |(rest, node): &Part| rest.is_none() && !matches!(node.kind, Kind::Map(_) | Kind::Null);
        if parts.iter().all(is_scalar) {
            return self.last_of(key, parts);
        }
        let mut entries = Vec::new();
        let mut whole: Option<Node> = None;
        for (rest, node) in parts {
            let (heading, rest_place) = places(key, &node, rest.as_deref());
            let empty = Node {
                key: heading,
                via: node.via.clone(),
                ..Node::new(Kind::Map(Vec::new()), node.place.clone())
            };
            match (rest, node.kind) {
                (Some(rest), kind) => {
                    let value = Node {
                        kind,
                        key: rest_place,
                        ..node
                    };
                    entries.push((rest, value));
                }
                (None, Kind::Map(own)) => entries.extend(own),
                // An empty value leaves room for what stands below it elsewhere.
                (None, Kind::Null) => (),
                (None, _) => {
                    let message = format!("`{key}` is a value here and holds settings elsewhere");
                    self.problems.push(Problem::error(empty.heading(), message));
                }
            }
            whole.get_or_insert(empty);
        }
        let whole = whole.expect("a key has at least one part");
        let entries = self.map(entries, depth + 1);
        Node {
            kind: Kind::Map(entries),
            ..whole
        }
    }

    /// Refuses several values of one key, which were written as different paths.
    fn last_of(&mut self, key: &str, parts: Vec<Part>) -> Node {
        let mut nodes = parts.into_iter().map(|(_, node)| node);
        let first = nodes.next().expect("a key has at least one part");
        let label = format!("first given on line {}", first.heading().line());
        for node in nodes {
            let problem = Problem::error(node.heading(), format!("duplicate key `{key}`"));
            self.problems.push(problem.with_label(&label));
        }
        first
    }
}

/// Returns where the key stands, and where the path below it does.
fn places(key: &str, node: &Node, rest: Option<&str>) -> (Option<Place>, Option<Place>) {
    let Some(written) = &node.key else {
        return (None, None);
    };
    let Some(rest) = rest else {
        return (Some(written.clone()), None);
    };
    let path = written.narrowed_to(&format!("{key}{SEPARATOR}{rest}"));
    (
        Some(path.narrowed_to(key)),
        Some(
            path.narrowed_to(&format!("{SEPARATOR}{rest}"))
                .narrowed_to(rest),
        ),
    )
}

#[cfg(test)]
mod tests;
