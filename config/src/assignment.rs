//! `--set path.to.key=value` as a document of its own, so that it layers like a file.
//!
//! Dots separate keys, so a key that holds a dot cannot be set; the value is YAML.

use std::sync::Arc;

use crate::{
    Kind, Node, Place, Problem, Problems, Source,
    yaml::{self, MAX_DEPTH, Origin},
};

/// Reads an assignment; `None` after adding an error.
pub(crate) fn read(source: &Arc<Source>, problems: &mut Problems) -> Option<Node> {
    let text = source.text();
    let refuse = |column, width, message: &str| {
        Problem::error(&Place::new(source, 1, column, width), message)
    };
    let Some((path, value)) = text.split_once('=') else {
        problems.push(refuse(
            1,
            text.chars().count(),
            "missing equal sign in `--set`",
        ));
        return None;
    };
    let mut keys: Vec<(String, Place)> = Vec::new();
    let mut column = 1;
    for key in path.split('.') {
        let width = key.chars().count();
        if key.trim().is_empty() {
            problems.push(refuse(column, width, "missing key in `--set`"));
            return None;
        }
        keys.push((key.trim().to_owned(), Place::new(source, 1, column, width)));
        column += width + 1;
    }
    if keys.len() >= MAX_DEPTH {
        problems.push(refuse(1, column, "too many keys in `--set`"));
        return None;
    }
    let mut node = yaml::read_from(value, &Origin::Source(source, column - 1), problems)?;
    for (key, place) in keys.into_iter().rev() {
        let value = Node {
            key: Some(place.clone()),
            ..node
        };
        node = Node::new(Kind::Map(vec![(key, value)]), place);
    }
    Some(node)
}
