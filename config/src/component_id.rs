//! `type[/name]`: how the Collector names a component instance.

use std::{fmt, sync::LazyLock};

use regex::Regex;
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
        if name.chars().count() > 1024 || has_refused(name) {
            return fail(format!("invalid character(s) in name \"{name}\""));
        }
        Ok(Self {
            kind: kind.to_owned(),
            name: name.to_owned(),
        })
    }
}

/// What a name must not hold: separators, control characters and the like, symbols.
static REFUSED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[\pZ\pC\pS]").expect("the pattern is fixed"));

/// Returns whether a name holds what it must not.
fn has_refused(name: &str) -> bool {
    let is_harmless = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.' | b'/');
    !name.bytes().all(is_harmless) && REFUSED.is_match(name)
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

#[cfg(test)]
mod tests {
    use super::ComponentId;

    #[test]
    fn both_parts_are_trimmed() {
        for (text, shown) in [
            ("otlp", "otlp"),
            (" otlp ", "otlp"),
            (" otlp / two ", "otlp/two"),
            ("otlp/a/b", "otlp/a/b"),
            ("a_1/ünï-1.2:3#é漢", "a_1/ünï-1.2:3#é漢"),
        ] {
            assert_eq!(ComponentId::parse(text).expect(text).to_string(), shown);
        }
        let longest = format!("{}/{}", "a".repeat(63), "é".repeat(1024));
        assert_eq!(
            ComponentId::parse(&longest).expect("legal").to_string(),
            longest
        );
    }

    #[test]
    fn refuses_what_the_collector_refuses() {
        let long_type = "a".repeat(64);
        let long_name = format!("a/{}", "b".repeat(1025));
        let table = [
            ("", "id must not be empty"),
            ("  ", "id must not be empty"),
            ("/x", "in \"/x\" id: the part before / should not be empty"),
            ("x/", "in \"x/\" id: the part after / should not be empty"),
            ("x/ ", "in \"x/ \" id: the part after / should not be empty"),
            ("1x", "invalid character(s) in type \"1x\""),
            ("_x", "invalid character(s) in type"),
            ("o-t", "invalid character(s) in type"),
            ("ö", "invalid character(s) in type"),
            (&long_type, "invalid character(s) in type"),
            (&long_name, "invalid character(s) in name"),
            ("x/a b", "invalid character(s) in name \"a b\""),
            ("x/a\tb", "invalid character(s) in name"),
            ("x/a\u{a0}b", "invalid character(s) in name"),
            ("x/a\u{200b}b", "invalid character(s) in name"),
            ("x/a$b", "invalid character(s) in name"),
            ("x/a€b", "invalid character(s) in name"),
            ("x/a+b", "invalid character(s) in name"),
            ("x/a😀b", "invalid character(s) in name"),
            ("x/a™b", "invalid character(s) in name"),
        ];
        for (text, message) in table {
            let refused = ComponentId::parse(text).expect_err(text).to_string();
            assert!(refused.contains(message), "{text}: {refused}");
        }
    }
}
