//! The gate `confmap.enableMergeAppendOption`: some lists are appended instead of replaced.
//!
//! These are the lists whose order means nothing: extensions, and the receivers and exporters of
//! pipelines. What is already listed is not listed again.

use crate::{Kind, Node};

/// Puts what the earlier document lists in front of what the later one does.
pub(crate) fn lists(earlier: &Node, later: Node) -> Node {
    at(Some(earlier), later, &mut Vec::new())
}

fn at(earlier: Option<&Node>, later: Node, path: &mut Vec<String>) -> Node {
    let kind = match later.kind {
        // Only maps are walked into, so this recurses as deep as configurations may nest.
        Kind::Map(entries) => {
            let mut below = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let known = earlier.and_then(|node| node.get(&key));
                path.push(key.clone());
                let value = match path[0].as_str() {
                    "service" => at(known, value, path),
                    _ => value,
                };
                path.pop();
                below.push((key, value));
            }
            Kind::Map(below)
        }
        Kind::List(items) if is_appended(path) => {
            let known = earlier.map_or(&[][..], Node::items);
            let mut all = known.to_vec();
            for item in items {
                if !all.iter().any(|known| is_same(known, &item)) {
                    all.push(item);
                }
            }
            Kind::List(all)
        }
        kind => kind,
    };
    Node { kind, ..later }
}

/// Says whether a list is one of `service::extensions`, `service::**::receivers`, and
/// `service::**::exporters`.
fn is_appended(path: &[String]) -> bool {
    let last = path.last().map(String::as_str);
    match path.len() {
        2 => last == Some("extensions"),
        _ => path.len() > 2 && matches!(last, Some("receivers" | "exporters")),
    }
}

fn is_same(left: &Node, right: &Node) -> bool {
    matches!((&left.kind, &right.kind), (Kind::String(left), Kind::String(right)) if left == right)
}
