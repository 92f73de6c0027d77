//! `type[/name]`: how the Collector names a component instance.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The id of a component instance, such as `otlp` or `otlp/backup`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComponentId {
    /// The component type: `otlp`.
    pub kind: String,
    /// What follows the slash; empty when there is none.
    pub name: String,
}

/// Why a text is not a component id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IdError(pub String);

impl ComponentId {
    /// Parses `type[/name]`, both parts trimmed, by the Collector's rules.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let (kind, name) = match text.split_once('/') {
            Some((kind, name)) => (kind.trim(), Some(name.trim())),
            None => (text.trim(), None),
        };
        let fail = |message: String| Err(IdError(message));
        if kind.is_empty() && name.is_none() {
            return fail("id must not be empty".to_owned());
        }
        if kind.is_empty() {
            return fail(format!(
                "in \"{text}\" id: the part before / should not be empty"
            ));
        }
        if name == Some("") {
            return fail(format!(
                "in \"{text}\" id: the part after / should not be empty"
            ));
        }
        let mut letters = kind.chars();
        let legal = letters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic())
            && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
            && kind.len() <= 63;
        if !legal {
            return fail(format!("invalid character(s) in type \"{kind}\""));
        }
        let name = name.unwrap_or_default();
        if name.len() > 1024 || name.chars().any(is_refused) {
            return fail(format!("invalid character(s) in name \"{name}\""));
        }
        Ok(Self {
            kind: kind.to_owned(),
            name: name.to_owned(),
        })
    }
}

/// Returns whether a name must not hold this letter: white space, control characters, symbols.
fn is_refused(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~')
}

impl<'de> Deserialize<'de> for ComponentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl Serialize for ComponentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if self.name.is_empty() {
            Ok(())
        } else {
            write!(f, "/{}", self.name)
        }
    }
}
