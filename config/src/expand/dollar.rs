//! `$NAME` without braces: it stays as it is, which a shell has taught nobody to expect.

use super::Expander;
use crate::{Place, Problem};

impl Expander<'_, '_> {
    /// Warns of the first `$NAME` in a text that stands in a file.
    pub(super) fn warn_of_dollars(&mut self, text: &str, place: &Place, is_secret: bool) {
        let Some(name) = bare_name(text) else { return };
        let reference = format!("${name}");
        let (message, label) = if is_secret {
            (
                "a `$` in this value begins no reference".to_owned(),
                "write `${env:NAME}` for a variable, or `$$` for a `$`".to_owned(),
            )
        } else {
            (
                format!("`{reference}` is not expanded"),
                format!(
                    "write `${{env:{name}}}` for the variable, or `${reference}` for this text"
                ),
            )
        };
        let warning = Problem::warning(&place.narrowed_to(&reference), message);
        self.problems.push(warning.with_label(label));
    }
}

/// Returns the name after the first `$` that is not one of a pair and begins no `${`.
fn bare_name(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let dollars = rest[at..].len() - rest[at..].trim_start_matches('$').len();
        rest = &rest[at + dollars..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let name = &rest[..end.unwrap_or(rest.len())];
        if dollars % 2 == 1 && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return Some(name);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::bare_name;

    #[test]
    fn finds_names_without_braces_only() {
        let table = [
            ("$HOME/x", Some("HOME")),
            ("a $_b c", Some("_b")),
            ("$$HOME $A", Some("A")),
            ("$$$B", Some("B")),
            ("${A} $$B $1 $ $-", None),
            ("^a$", None),
        ];
        for (text, name) in table {
            assert_eq!(bare_name(text), name, "{text}");
        }
    }
}
