//! Rules that a type cannot express, reported by path and shown at the line.

use crate::{Kind, Node, Problem, Severity};

/// A rule that was broken, and by which setting below the validated one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Keys and list positions joined by `::`; empty for the validated value as a whole.
    pub path: String,
    /// What is wrong, lower case: `must be positive`.
    pub message: String,
}

impl Invalid {
    /// Makes a report about the setting at a path; an empty path means the whole.
    pub fn at(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }

    /// Moves a report about a part under the key that holds the part.
    #[must_use]
    pub fn under(self, key: &str) -> Self {
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{key}::{}", self.path)
        };
        Self { path, ..self }
    }

    /// Finds the line: the setting itself if it was written, else the nearest key around it.
    pub fn locate(&self, node: &Node) -> Problem {
        let (nearest, is_written) = self.find(node);
        let place = if is_written {
            nearest.blamed()
        } else {
            nearest.heading()
        };
        let message = match self.path.rsplit("::").next() {
            Some("") | None => self.message.clone(),
            Some(_) => format!("`{}` {}", self.path, self.message),
        };
        let problem = Problem::error(place, message);
        let is_value = !matches!(nearest.kind, Kind::Null | Kind::List(_) | Kind::Map(_));
        if is_written && is_value {
            problem
        } else {
            problem.about_absence()
        }
    }

    /// Finds the setting, or the nearest one around it; and whether it is the setting itself.
    pub(crate) fn find<'a>(&self, node: &'a Node) -> (&'a Node, bool) {
        let mut nearest = node;
        for part in self.path.split("::").filter(|part| !part.is_empty()) {
            let item = || {
                let position: usize = part.parse().ok()?;
                nearest.items().get(position)
            };
            let Some(next) = nearest.get(part).or_else(item) else {
                return (nearest, false);
            };
            nearest = next;
        }
        (nearest, true)
    }

    /// Does the same for what is only worth a warning.
    pub(crate) fn locate_warning(&self, node: &Node) -> Problem {
        Problem {
            severity: Severity::Warning,
            ..self.locate(node)
        }
    }
}

/// Checks what deserializing could not.
pub trait Validate {
    /// Returns every broken rule; nothing when all hold.
    fn validate(&self) -> Vec<Invalid>;

    /// Returns what is accepted and does not do what was probably meant.
    fn warnings(&self) -> Vec<Invalid> {
        Vec::new()
    }
}
