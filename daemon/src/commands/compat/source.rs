//! A file of another machine as a document: what it refers to need not be here.

use std::path::Path;

use tapline_config::{Document, Node, Problem, Problems, Retrieve, load, read_file};

use crate::surroundings::Surroundings;

/// What could be read.
pub(super) struct Opened {
    /// Absent when there is nothing to judge.
    pub(super) document: Option<Document>,
    /// What keeps it from being read, here and there.
    pub(super) mistakes: Problems,
    /// Variables that are not set here, each once.
    pub(super) unset: Vec<String>,
}

/// Another machine: variables and files that are here too may be the same, others are taken as
/// empty. Pages are not asked for.
struct Elsewhere(Surroundings);

impl Retrieve for Elsewhere {
    fn variable(&self, name: &str) -> Option<String> {
        self.0.variable(name)
    }

    fn file(&self, path: &str) -> Result<String, String> {
        Ok(self.0.file(path).unwrap_or_default())
    }

    fn page(&self, _: &str) -> Result<String, String> {
        Ok(String::new())
    }
}

/// Opens a file.
pub(super) fn open(path: &str) -> Opened {
    let elsewhere = Elsewhere(Surroundings::look());
    let loaded = read_file(Path::new(path)).and_then(|input| load(&[input], &elsewhere));
    match loaded {
        Ok(document) => {
            let names = document.problems().iter().filter_map(unset);
            let mut unset: Vec<String> = names.map(str::to_owned).collect();
            unset.sort();
            unset.dedup();
            Opened {
                document: Some(document),
                mistakes: Problems::new(),
                unset,
            }
        }
        Err(problems) => {
            let mut mistakes = Problems::new();
            mistakes.extend(
                problems
                    .into_iter()
                    .filter(|problem| unset(problem).is_none()),
            );
            Opened {
                document: None,
                mistakes,
                unset: Vec::new(),
            }
        }
    }
}

/// Returns the variable that a warning says is not set.
fn unset(problem: &Problem) -> Option<&str> {
    let rest = problem.message.strip_prefix("environment variable `")?;
    rest.strip_suffix("` is not set")
}

/// Returns whether anything in a value depends on the machine it is read on.
pub(super) fn has_open(node: &Node) -> bool {
    let is_open = |written: String| written.contains("${");
    let entries = node.entries().iter().map(|(_, value)| value);
    node.place.written().is_some_and(is_open) || entries.chain(node.items()).any(has_open)
}
