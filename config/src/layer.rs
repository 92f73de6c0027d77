//! Puts documents on top of each other by the Collector's rules, with the `config` crate.
//!
//! Maps merge, scalars and lists replace, null wipes, `{}` adds nothing. Each document is a
//! `config::Source`; `config` decides which document has the last word on each path, and we keep
//! our own nodes, because its values know neither the place of a key nor that of a map. So a leaf
//! travels through it as the number of its document, in `origin`, and its value is never looked at.

use std::collections::HashMap;

use config::{Config, ConfigError, Map, Source, Value, ValueKind};

use crate::{Kind, Node};

/// Everything is put under one key: only top-level keys are taken for paths by `config`, and ours
/// may hold `/` and `.`.
const ROOT: &str = "document";

/// One document as `config` sees it.
#[derive(Clone, Debug)]
struct Layer {
    skeleton: Value,
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(Map::from_iter([(ROOT.to_owned(), self.skeleton.clone())]))
    }
}

/// Merges documents in order; all of them are maps, and there is at least one.
pub(crate) fn merge(documents: &[Node]) -> Result<Node, ConfigError> {
    let mut builder = Config::builder();
    for (number, document) in documents.iter().enumerate() {
        builder = builder.add_source(Layer {
            skeleton: skeleton(document, &number.to_string()),
        });
    }
    let mut table = builder.build()?.cache.into_table()?;
    let merged = table.swap_remove(ROOT).unwrap_or_default();
    let here: Vec<Option<&Node>> = documents.iter().map(Some).collect();
    Ok(rebuild(merged, &here).unwrap_or_else(|| documents[0].clone()))
}

/// Reduces a document to its maps, and to its number for everything else.
fn skeleton(node: &Node, number: &String) -> Value {
    let Kind::Map(entries) = &node.kind else {
        return Value::new(Some(number), ValueKind::Nil);
    };
    let table: Map<String, Value> = entries
        .iter()
        .map(|(key, value)| (key.clone(), skeleton(value, number)))
        .collect();
    Value::new(Some(number), ValueKind::Table(table))
}

/// Follows the merged skeleton; `here` is what each document has at this path.
fn rebuild(merged: Value, here: &[Option<&Node>]) -> Option<Node> {
    let number: Option<usize> = merged.origin().and_then(|number| number.parse().ok());
    let ValueKind::Table(table) = merged.kind else {
        return here.get(number?).copied().flatten().cloned();
    };
    let is_map = |node: &&&Node| matches!(node.kind, Kind::Map(_));
    let last_map = here.iter().rev().flatten().find(is_map)?;
    let last_key = here
        .iter()
        .rev()
        .flatten()
        .find_map(|node| node.key.clone());
    let documents: Vec<HashMap<&str, &Node>> = here
        .iter()
        .map(|node| node.map_or(&[][..], Node::entries))
        .map(|entries| {
            entries
                .iter()
                .map(|(key, value)| (key.as_str(), value))
                .collect()
        })
        .collect();
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table {
        let below: Vec<_> = documents
            .iter()
            .map(|keys| keys.get(key.as_str()).copied())
            .collect();
        if let Some(node) = rebuild(value, &below) {
            entries.push((key, node));
        }
    }
    Some(Node {
        key: last_key,
        ..Node::new(Kind::Map(entries), last_map.place.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::merge;
    use crate::{
        Problems, Source,
        print::{Secrets, print_node},
        yaml,
    };

    fn merged(texts: &[&str]) -> String {
        let mut problems = Problems::new();
        let read = |(order, text): (usize, &&str)| {
            yaml::read(
                &Source::new(format!("{order}"), *text, order),
                &mut problems,
            )
            .expect("YAML")
        };
        let documents: Vec<_> = texts.iter().enumerate().map(read).collect();
        print_node(&merge(&documents).expect("merged"), Secrets::Shown)
    }

    #[test]
    fn follows_the_collectors_rules() {
        let table: &[(&[&str], &str)] = &[
            (
                &["a: {b: 1, c: 2}", "a: {c: 3, d: 4}"],
                "a:\n  b: 1\n  c: 3\n  d: 4\n",
            ),
            (&["a: [1, 2]", "a: [3]"], "a: [3]\n"),
            (&["a: {b: 1}", "a:"], "a:\n"),
            (&["a: {b: 1}", "a: {}"], "a:\n  b: 1\n"),
            (&["a: {b: 1}", "a:", "a: {c: 2}"], "a:\n  c: 2\n"),
            (&["a: 1", "a: {b: 2}"], "a:\n  b: 2\n"),
            (&["a: {b: 2}", "a: 1"], "a: 1\n"),
            (&["a: {}"], "a: {}\n"),
            (&["z: 1\na: 2", "m: 3\nz: 4"], "z: 4\na: 2\nm: 3\n"),
            (
                &["otlp/2: 1\nhttp.method: 2\nA: 3\na: 4\n'': 5"],
                "otlp/2: 1\nhttp.method: 2\nA: 3\na: 4\n\"\": 5\n",
            ),
        ];
        for (texts, expected) in table {
            assert_eq!(merged(texts), *expected, "{texts:?}");
        }
    }

    #[test]
    fn keys_and_values_keep_the_place_of_their_last_word() {
        let mut problems = Problems::new();
        let mut read = |name: &str, text| {
            yaml::read(&Source::new(name, text, 0), &mut problems).expect("YAML")
        };
        let documents = [read("one", "a: {b: 1}\nc: 2"), read("two", "a:\n  d: 3")];
        let root = merge(&documents).expect("merged");
        let a = root.get("a").expect("a");
        let places = format!(
            "{:?} {:?} {:?}",
            a.key,
            a.get("b"),
            a.get("d").map(|d| &d.place)
        );
        assert!(places.starts_with("Some(two:1:1) "), "{places}");
        assert!(places.contains("place: one:1:8"), "{places}");
        assert!(places.ends_with("Some(two:2:6)"), "{places}");
    }
}
