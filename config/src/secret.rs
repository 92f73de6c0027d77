//! Which settings are secret, judged by their names, and how to hide them in a line of text.
//!
//! Three users: problems, the excerpts below them, and `print`. The judgement is by name because it
//! must also work on text that is not valid YAML. It errs on the side of hiding.

use crate::{Source, suggest::distance};

/// What is shown in place of a secret.
pub(crate) const REDACTED: &str = "[REDACTED]";

/// How many lines are looked through for a key that a line is indented below.
const MAX_LINES_UP: usize = 5000;

/// A setting whose name contains one of these holds a secret.
const SECRET_WORDS: &[&str] = &[
    "api-key",
    "api_key",
    "apikey",
    "authorization",
    "connection_string",
    "cookie",
    "credential",
    "datasource",
    "hmac_key",
    "instrumentation_key",
    "license_key",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "secret",
    "token",
];

/// Returns whether the values below this key must not be shown.
pub(crate) fn looks_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    let names_a_place = key.ends_with("_file") || key.ends_with("_path");
    ["headers", "headers_list"].contains(&key.as_str())
        || key.ends_with("_pem")
        || (!names_a_place && SECRET_WORDS.iter().any(|word| key.contains(word)))
        || key.split(['-', '_', '.', '/']).any(is_mistyped)
}

/// Returns whether a part of a key is a secret word with one mistake in it: what is wrong with a
/// mistyped `password` is shown, and the password stands right beside it.
fn is_mistyped(part: &str) -> bool {
    let lengths = 5..=16;
    lengths.contains(&part.len()) && SECRET_WORDS.iter().any(|word| distance(part, word) == 1)
}

/// Returns the byte offset from which on a line holds a secret, if it does.
///
/// A line does when one of its keys looks secret, or one of the keys it is indented below.
pub(crate) fn secret_from(source: &Source, line_number: usize) -> Option<usize> {
    let line = source.line(line_number)?;
    if is_below_secret(source, line_number) {
        return Some(value_start(line).unwrap_or_else(|| indent(line)));
    }
    secret_key_end(line)
}

/// Puts stars over `user:password` in URLs; nothing moves.
pub(crate) fn mask_credentials(line: &mut [char]) {
    let ends = |c: &char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '?' | '#');
    for at in 2..line.len() {
        if line[at - 2..=at] != [':', '/', '/'] {
            continue;
        }
        let rest = &line[at + 1..];
        let host = rest.iter().position(ends).unwrap_or(rest.len());
        if let Some(end) = rest[..host].iter().rposition(|c| *c == '@') {
            line[at + 1..at + 1 + end].fill('*');
        }
    }
}

/// Returns a text with stars over `user:password` in its URLs.
pub(crate) fn without_credentials(text: String) -> String {
    if !(text.contains("://") && text.contains('@')) {
        return text;
    }
    let mut chars: Vec<char> = text.chars().collect();
    mask_credentials(&mut chars);
    chars.into_iter().collect()
}

/// Returns a text without what is secret within it: the user and password of its URLs, and what
/// follows the `=` of a name that looks secret, as in `?token=x&a=b` or `password=x host=y`.
pub(crate) fn without_inner_secrets(text: &str) -> String {
    let mut open = without_credentials(text.to_owned());
    let mut from = 0;
    while let Some(equals) = open[from..].find('=').map(|at| from + at) {
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let name = open[..equals].rsplit(|c| !is_name(c)).next();
        from = equals + 1;
        let ends = |c: char| c.is_whitespace() || matches!(c, '&' | ';' | '#' | '"' | '\'');
        let end = open[from..].find(ends).map_or(open.len(), |at| from + at);
        if end > from && name.is_some_and(looks_secret) {
            open.replace_range(from..end, REDACTED);
            from += REDACTED.len();
        }
    }
    open
}

/// Walks up through the lines that are indented less and less, looking for a secret key.
fn is_below_secret(source: &Source, line_number: usize) -> bool {
    let Some(mut child) = source.line(line_number) else {
        return false;
    };
    let is_at_margin = |line: &str| indent(line) == 0 && !is_item(line);
    if is_at_margin(child) {
        return false;
    }
    let farthest = line_number.saturating_sub(MAX_LINES_UP).max(1);
    for candidate in (farthest..line_number)
        .rev()
        .filter_map(|number| source.line(number))
    {
        let trimmed = candidate.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        // A list may stand at the indent of its key.
        let may_share_indent = is_item(child) && !is_item(candidate);
        let is_parent = indent(candidate) < indent(child)
            || (may_share_indent && indent(candidate) == indent(child));
        if !is_parent {
            continue;
        }
        if secret_key_end(candidate).is_some() {
            return true;
        }
        child = candidate;
        if is_at_margin(child) {
            return false;
        }
    }
    // Nobody knows what it belongs to.
    farthest > 1
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn is_item(line: &str) -> bool {
    line.trim_start().starts_with("- ")
}

/// Returns where the value of the line's first key starts.
fn value_start(line: &str) -> Option<usize> {
    let colon = line
        .find(": ")
        .or_else(|| line.trim_end().strip_suffix(':').map(str::len))?;
    Some(colon + 1)
}

/// Returns where the value of the line's first secret-looking key starts; keys end in `:` or `=`.
fn secret_key_end(line: &str) -> Option<usize> {
    line.match_indices([':', '='])
        .map(|(at, _)| at)
        .find_map(|at| {
            let before = line[..at].trim_end_matches(['"', '\'', ' ']);
            let is_key = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
            let key = before.rsplit(|c| !is_key(c)).next().unwrap_or_default();
            looks_secret(key).then_some(at + 1)
        })
}

#[cfg(test)]
mod tests {
    use super::{looks_secret, secret_from, without_inner_secrets};
    use crate::Source;

    #[test]
    fn judges_by_name() {
        let secret = [
            "headers",
            "Authorization",
            "bearer_token",
            "key_pem",
            "x-api-key",
            "pasword",
            "client_secrte",
        ];
        let open = [
            "endpoint",
            "key_file",
            "metadata_keys",
            "token_file",
            "key",
            "header",
        ];
        assert!(secret.iter().all(|key| looks_secret(key)));
        assert!(!open.iter().any(|key| looks_secret(key)));
    }

    #[test]
    fn hides_secrets_inside_a_text() {
        let cases = [
            ("https://u:p@h/a?b=c", "https://***@h/a?b=c"),
            (
                "http://a@h http://b:c@d@h:1/x@y",
                "http://*@h http://*****@h:1/x@y",
            ),
            (
                "http://h/?token=x&a=b&api_key=y",
                "http://h/?token=[REDACTED]&a=b&api_key=[REDACTED]",
            ),
            (
                "host=h password=p=q port=1",
                "host=h password=[REDACTED] port=1",
            ),
            ("a@b = c, token=", "a@b = c, token="),
        ];
        for (text, shown) in cases {
            assert_eq!(without_inner_secrets(text), shown);
        }
    }

    #[test]
    fn hides_what_is_too_far_from_its_key() {
        let text = format!("open:\n{}last: 1\n", "  a: 1\n".repeat(6000));
        let source = Source::new("a.yaml", text, 0);
        let hidden = [5000, 5500, 6002].map(|line| secret_from(&source, line));
        assert_eq!(hidden, [None, Some(4), None]);
    }

    #[test]
    fn hides_what_is_indented_below_a_secret_key() {
        let text = "headers:\n- name: a\n  value: b\nopen: 1\ntls: {key_pem: x}\n--set a.token=1";
        let source = Source::new("a.yaml", text, 0);
        let hidden: Vec<_> = (1..=6).map(|line| secret_from(&source, line)).collect();
        assert_eq!(
            hidden,
            [Some(8), Some(7), Some(8), None, Some(14), Some(14)]
        );
    }
}
