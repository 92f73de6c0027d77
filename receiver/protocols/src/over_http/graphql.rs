//! GraphQL over HTTP: what kind of operation it was, how it is called, and whether it failed in an
//! answer that says 200.

use super::{Body, json};
use crate::http;

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// `query`, `mutation` or `subscription`; unknown where only a hash of the document was sent.
    pub kind: Option<&'static str>,
    /// Its name, as who wrote the document called it.
    pub name: Option<String>,
    /// The code of the first error in the answer, or `_OTHER`.
    pub error: Option<String>,
}

impl Operation {
    /// Returns the name of a span: the kind with the name.
    pub fn span_name(&self) -> String {
        let kind = self.kind.unwrap_or("GraphQL");
        match &self.name {
            Some(name) => format!("{kind} {name}"),
            None => kind.to_owned(),
        }
    }
}

const KINDS: [&str; 3] = ["query", "mutation", "subscription"];
/// The longest name that is told.
const NAME_BYTES: usize = 128;
const OTHER: &str = "_OTHER";

/// Returns whether the head of a request looks like one.
pub(super) fn may_be(method: &str, path: &str) -> bool {
    let last = path.trim_end_matches('/').rsplit('/').next();
    matches!(method, "POST" | "GET")
        && last.is_some_and(|last| last.eq_ignore_ascii_case("graphql") || last == "gql")
}

/// Reads an exchange.
pub(super) fn read(exchange: &http::Exchange, asked: &Body, told: &Body) -> Option<Operation> {
    let request = &exchange.request;
    let content_type = request.headers.content_type.as_deref().unwrap_or_default();
    let (document, chosen, is_persisted) = if content_type.starts_with("application/graphql") {
        let text = String::from_utf8_lossy(asked.head()).into_owned();
        (Some(text), None, false)
    } else if request.method == "GET" {
        (
            parameter(&request.target, "query"),
            parameter(&request.target, "operationName"),
            false,
        )
    } else {
        // Several may come at once; the first one stands for all.
        let body = json::first(asked.head()).unwrap_or(asked.head());
        let persisted = json::all(body, "persistedQuery").next().is_some();
        let named = json::member(body, "operationName").and_then(json::name);
        (
            json::member(body, "query").and_then(json::text),
            named,
            persisted,
        )
    };
    let found = document
        .as_deref()
        .and_then(|text| operation(text, chosen.as_deref()));
    let (kind, name) = match found {
        Some((kind, name)) => (Some(kind), name.map(str::to_owned).or(chosen)),
        None if is_persisted => (None, chosen),
        None => return None,
    };
    Some(Operation {
        kind,
        name: name.filter(|name| is_name(name)),
        error: error(told.head()),
    })
}

/// Returns the code of the first error of an answer.
fn error(body: &[u8]) -> Option<String> {
    let body = json::first(body).unwrap_or(body);
    let first = json::first(json::member(body, "errors")?)?;
    let extensions = json::member(first, "extensions").unwrap_or_default();
    let code = json::member(extensions, "code").and_then(json::name);
    Some(
        code.filter(|code| is_name(code))
            .unwrap_or_else(|| OTHER.to_owned()),
    )
}

/// Finds the operation that is to be run in a document, which may be cut off.
fn operation<'d>(
    document: &'d str,
    chosen: Option<&str>,
) -> Option<(&'static str, Option<&'d str>)> {
    let mut first = None;
    let mut depth = 0usize;
    let mut rest = document;
    while let Some(start) = rest.find(|c: char| !c.is_whitespace() && c != ',') {
        rest = &rest[start..];
        let word = &rest[..rest.find(|c: char| !is_letter(c)).unwrap_or(rest.len())];
        let taken = match rest.as_bytes()[0] {
            b'#' => rest.find('\n').unwrap_or(rest.len()),
            b'"' => text_end(rest),
            b'{' | b'(' => {
                if depth == 0 && first.is_none() && rest.starts_with('{') {
                    first = Some(("query", None));
                }
                depth += 1;
                1
            }
            b'}' | b')' => {
                depth = depth.saturating_sub(1);
                1
            }
            _ if depth == 0 && !word.is_empty() => {
                if let Some(kind) = KINDS.iter().find(|kind| **kind == word) {
                    let name = name_behind(&rest[word.len()..]);
                    if chosen.is_none() || name == chosen {
                        return Some((kind, name));
                    }
                    first = first.or(Some((kind, name)));
                } else if word != "fragment" && first.is_none() {
                    return None;
                } else {
                    // A fragment: up to its body.
                    let body = rest.find('{').unwrap_or(rest.len());
                    rest = &rest[body..];
                    continue;
                }
                word.len()
            }
            _ => rest
                .chars()
                .next()
                .map_or(1, char::len_utf8)
                .max(word.len()),
        };
        rest = &rest[taken..];
    }
    first
}

fn name_behind(rest: &str) -> Option<&str> {
    let rest = rest.trim_start();
    let name = &rest[..rest.find(|c: char| !is_letter(c)).unwrap_or(rest.len())];
    (!name.is_empty()).then_some(name)
}

/// Returns where a text in a document ends.
fn text_end(rest: &str) -> usize {
    let quotes = if rest.starts_with("\"\"\"") {
        "\"\"\""
    } else {
        "\""
    };
    let inner = &rest[quotes.len()..];
    let mut from = 0;
    while let Some(found) = inner[from..].find(quotes) {
        let is_escaped = inner[..from + found].ends_with('\\');
        from += found + quotes.len();
        if !is_escaped {
            return quotes.len() + from;
        }
    }
    rest.len()
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_BYTES && name.chars().all(is_letter)
}

/// Returns a parameter of the query of a target, decoded.
fn parameter(target: &str, name: &str) -> Option<String> {
    let (_, query) = target.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    Some(decoded(value))
}

fn decoded(value: &str) -> String {
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
                match (digit(), digit()) {
                    (Some(high), Some(low)) => u8::try_from(high << 4 | low).unwrap_or(b'?'),
                    _ => b'?',
                }
            }
            byte => byte,
        });
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'d>(
        document: &'d str,
        chosen: Option<&str>,
    ) -> Option<(&'static str, Option<&'d str>)> {
        operation(document, chosen)
    }

    #[test]
    fn finds_what_is_run() {
        assert_eq!(found("{ user { name } }", None), Some(("query", None)));
        assert_eq!(
            found("query Users($n: Int = 3) { a }", None),
            Some(("query", Some("Users")))
        );
        assert_eq!(
            found("# hi\n mutation  Add { b(t: \"}\") }", None),
            Some(("mutation", Some("Add")))
        );
        let two = "fragment F on A { x } query One { ...F } mutation Two { b }";
        assert_eq!(found(two, Some("Two")), Some(("mutation", Some("Two"))));
        assert_eq!(found(two, None), Some(("query", Some("One"))));
        assert_eq!(found("subscription{a}", None), Some(("subscription", None)));
    }

    #[test]
    fn is_not_fooled() {
        assert_eq!(found("select * from users", None), None);
        assert_eq!(found("", None), None);
        for text in ["{", "query \"", "\"\"\"", "query A(é", "}}}", "fragment"] {
            found(text, Some("x"));
        }
    }

    #[test]
    fn reads_errors_of_an_answer_that_says_200() {
        let told =
            br#"{"errors":[{"message":"secret","extensions":{"code":"NOT_FOUND"}}],"data":null}"#;
        assert_eq!(error(told).as_deref(), Some("NOT_FOUND"));
        assert_eq!(
            error(br#"{"errors":[{"message":"no"}]}"#).as_deref(),
            Some("_OTHER")
        );
        assert_eq!(error(br#"{"data":{"errors":[1]}}"#), None);
        assert_eq!(error(br#"{"errors":[]}"#), None);
    }

    #[test]
    fn decodes_a_query_of_an_address() {
        let target = "/graphql?operationName=A&query=query%20A+%7Bx%7D";
        assert_eq!(parameter(target, "query").as_deref(), Some("query A {x}"));
    }
}
