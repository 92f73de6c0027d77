//! Shell-like patterns: `*` is any run of characters, `?` is one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A pattern over a whole text. Matching is linear in text times stars, without backtracking trees.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(from = "String")]
pub struct Glob(String);

impl From<String> for Glob {
    fn from(pattern: String) -> Self {
        Self(pattern)
    }
}

impl Glob {
    /// Takes a pattern; every text is one.
    pub fn new(pattern: &str) -> Self {
        Self(pattern.to_owned())
    }

    /// Returns whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        matches(self.0.as_bytes(), text.as_bytes())
    }

    /// Matches a path; a pattern without a slash is about the last part of it.
    pub fn matches_path(&self, path: &str) -> bool {
        let base = path.rsplit('/').next().unwrap_or(path);
        self.matches(if self.0.contains('/') { path } else { base })
    }
}

/// Greedy with one remembered star: enough, because an earlier star never needs to take more once
/// a later one was reached.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(wanted) if *wanted == b'?' || *wanted == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after_star, taken)) = retry else {
                    return false;
                };
                retry = Some((after_star, taken + 1));
                p = after_star;
                t = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_a_shell_would() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("*b*b*", "abab", true),
            ("?b", "ab", true),
            ("?b", "b", false),
            ("a**", "a", true),
            ("python*", "python3.11", true),
        ] {
            assert_eq!(
                Glob::new(pattern).matches(text),
                expected,
                "{pattern} on {text}"
            );
        }
    }

    #[test]
    fn takes_the_last_part_of_a_path_unless_told_otherwise() {
        assert!(Glob::new("nginx").matches_path("/usr/sbin/nginx"));
        assert!(!Glob::new("/nginx").matches_path("/usr/sbin/nginx"));
        assert!(Glob::new("*/sbin/*").matches_path("/usr/sbin/nginx"));
    }

    #[test]
    fn is_not_slow_on_a_hostile_pattern() {
        let pattern = "a*".repeat(60) + "b";
        assert!(!Glob::new(&pattern).matches(&"a".repeat(4000)));
    }
}
