//! Routes that the user wrote: `/users/{id}`, `/files/**`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::segments;

/// A pattern over paths.
///
/// `{name}`, `:name` and `*` stand for one segment, `**` at the end for all that follow, or none.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Pattern {
    text: String,
    parts: Vec<Part>,
    takes_rest: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Any,
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        let mut parts: Vec<&str> = segments(&text).collect();
        let takes_rest = parts.last() == Some(&"**");
        if takes_rest {
            parts.pop();
        }
        let parts = parts.into_iter().map(part).collect();
        Self {
            text,
            parts,
            takes_rest,
        }
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

fn part(segment: &str) -> Part {
    let is_named = segment.starts_with('{') && segment.ends_with('}') || segment.starts_with(':');
    if is_named || matches!(segment, "*" | "**") {
        Part::Any
    } else {
        Part::Literal(segment.to_owned())
    }
}

impl Pattern {
    /// Returns the pattern as written, which is the route.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether it begins as every path does.
    pub fn is_absolute(&self) -> bool {
        self.text.starts_with('/')
    }

    /// Returns whether a path is of this form.
    pub(super) fn matches(&self, path: &str) -> bool {
        let mut given = segments(path);
        for part in &self.parts {
            match (part, given.next()) {
                (_, None) => return false,
                (Part::Literal(literal), Some(segment)) if literal != segment => return false,
                _ => {}
            }
        }
        self.takes_rest || given.next().is_none()
    }
}
