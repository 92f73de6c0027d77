//! Writes a document back as YAML: how it was understood, without its secrets.
//!
//! Loading the output gives the same document again, apart from what was hidden: `$` is written as
//! `$$`, and text that would be read as something else is quoted.

use std::fmt::Write;

use saphyr_parser::ScalarStyle;

use crate::{
    Document, Kind, Node,
    secret::{REDACTED, looks_secret},
    yaml::scalar,
};

/// Whether secrets are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// Values below a key that looks secret become `[REDACTED]`.
    Hidden,
    /// Everything is written as it is.
    Shown,
}

/// Writes a document as YAML.
pub fn print(document: &Document, secrets: Secrets) -> String {
    print_node(document.root(), secrets)
}

/// Writes a value as YAML; its keys stand at the left margin.
pub fn print_node(node: &Node, secrets: Secrets) -> String {
    let mut printer = Printer {
        out: String::new(),
        secrets,
    };
    if is_block(node) {
        printer.block(node, 0, Below::Nothing);
    } else {
        printer.out = flow(node, Below::Nothing);
        printer.out.push('\n');
    }
    printer.out
}

/// Which kind of key a value is below.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Below {
    /// One that holds no secret.
    Nothing,
    /// One whose values are secrets.
    Secret,
    /// `headers`: values are secrets, but in the list form the names are values too.
    Headers,
    /// An item of that list.
    Header,
}

impl Below {
    /// Returns what the value of a key is below.
    fn key(self, key: &str, secrets: Secrets) -> Self {
        match self {
            Self::Header if key == "name" => Self::Nothing,
            Self::Nothing if secrets == Secrets::Shown || !looks_secret(key) => Self::Nothing,
            Self::Nothing if key == "headers" => Self::Headers,
            _ => Self::Secret,
        }
    }

    /// Returns what the items of a list are below.
    fn item(self) -> Self {
        match self {
            Self::Headers => Self::Header,
            other => other,
        }
    }
}

struct Printer {
    out: String,
    secrets: Secrets,
}

// === impl Printer ===

impl Printer {
    /// Writes the lines of a map or list, each indented; the first one is begun already in a list.
    fn block(&mut self, node: &Node, indent: usize, below: Below) {
        let margin = |position: usize| {
            if position == 0 {
                String::new()
            } else {
                " ".repeat(indent)
            }
        };
        for (position, (key, value)) in node.entries().iter().enumerate() {
            let _ = write!(
                self.out,
                "{}{}:",
                margin(position),
                plain_or_quoted(key, false)
            );
            self.value(value, indent, below.key(key, self.secrets));
        }
        for (position, item) in node.items().iter().enumerate() {
            let _ = write!(self.out, "{}-", margin(position));
            if is_block(item) {
                self.out.push(' ');
                self.block(item, indent + 2, below.item());
            } else {
                let _ = writeln!(self.out, " {}", flow(item, below));
            }
        }
    }

    /// Writes what follows `key:`.
    fn value(&mut self, node: &Node, indent: usize, below: Below) {
        if is_block(node) {
            let _ = write!(self.out, "\n{:1$}", "", indent + 2);
            self.block(node, indent + 2, below);
        } else if node.is_null() {
            self.out.push('\n');
        } else {
            let _ = writeln!(self.out, " {}", flow(node, below));
        }
    }
}

/// Returns whether a value takes lines of its own; a list of scalars does not.
fn is_block(node: &Node) -> bool {
    let is_nested = |item: &Node| !item.items().is_empty() || !item.entries().is_empty();
    !node.entries().is_empty() || node.items().iter().any(is_nested)
}

/// Writes a value on one line.
fn flow(node: &Node, below: Below) -> String {
    match &node.kind {
        Kind::Map(_) => "{}".to_owned(),
        Kind::List(items) => {
            let items: Vec<String> = items.iter().map(|item| flow(item, below)).collect();
            format!("[{}]", items.join(", "))
        }
        Kind::Null => "null".to_owned(),
        // A switch, such as `cookies::enabled`: no secret is that short.
        Kind::Bool(value) => value.to_string(),
        _ if below != Below::Nothing => format!("\"{REDACTED}\""),
        Kind::Int(number) => number.to_string(),
        Kind::Float(number) => float(*number),
        Kind::String(text) => plain_or_quoted(text, true),
    }
}

fn float(number: f64) -> String {
    match number {
        _ if number.is_nan() => ".nan".to_owned(),
        f64::INFINITY => ".inf".to_owned(),
        f64::NEG_INFINITY => "-.inf".to_owned(),
        // The debug form keeps the `.0` that makes it a float.
        _ => format!("{number:?}"),
    }
}

/// Writes a text plainly if it reads back as itself, else in double quotes.
fn plain_or_quoted(text: &str, is_value: bool) -> String {
    let text = if is_value {
        text.replace('$', "$$")
    } else {
        text.to_owned()
    };
    let is_text = matches!(
        scalar::resolve(&text, ScalarStyle::Plain, None),
        Ok(Kind::String(_))
    );
    if is_text && (is_words(&text) || is_address(&text)) {
        return text;
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted += "\\n",
            '\t' => quoted += "\\t",
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let _ = write!(quoted, "\\u{:04x}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Returns whether a text is made of words, names and paths only, such as `/var/log`.
fn is_words(text: &str) -> bool {
    let is_safe = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '$' | ' ');
    let starts_safe = text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '/'));
    starts_safe && !text.ends_with(' ') && text.chars().all(is_safe)
}

/// Returns whether a text is like `localhost:4317` or `http://host/path`, which need no quotes.
fn is_address(text: &str) -> bool {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':');
    let starts_safe = text.starts_with(|c: char| c.is_ascii_alphabetic());
    starts_safe && !text.ends_with(':') && text.chars().all(is_safe)
}

#[cfg(test)]
mod tests {
    use super::{Secrets, print};
    use crate::{Document, Environment, Input, load};

    fn loaded(text: &str) -> Document {
        let environment = Environment::from_iter([("TOKEN", "abc")]);
        load(&[Input::text("a.yaml", text)], &environment).expect("good YAML")
    }

    #[test]
    fn hides_secrets() {
        let document = loaded(
            "a: {headers: {x-key: '1', n: null}, tls: {key_pem: \"k\", key_file: /k}}\nb: {token: '${env:TOKEN}', list: [{password: 5}]}\n",
        );
        let expected = "a:\n  headers:\n    x-key: \"[REDACTED]\"\n    n:\n  tls:\n    \
            key_pem: \"[REDACTED]\"\n    key_file: /k\nb:\n  token: \"[REDACTED]\"\n  list:\n    \
            - password: \"[REDACTED]\"\n";
        assert_eq!(print(&document, Secrets::Hidden), expected);
        assert!(print(&document, Secrets::Shown).contains("token: abc"));
    }

    #[test]
    fn shows_what_is_no_secret_below_what_looks_like_one() {
        let document = loaded(
            "headers: [{name: x-key, value: v}, {name: n}]\ncookies: {enabled: true}\n\
             b: {headers: {name: v}, headers_list: 'a=b'}\n",
        );
        let expected = "headers:\n  - name: x-key\n    value: \"[REDACTED]\"\n  - name: n\n\
            cookies:\n  enabled: true\nb:\n  headers:\n    name: \"[REDACTED]\"\n  \
            headers_list: \"[REDACTED]\"\n";
        assert_eq!(print(&document, Secrets::Hidden), expected);
    }

    #[test]
    fn what_is_written_reads_back_as_itself() {
        let text = concat!(
            "a: [1, 1.0, '1', yes, 'true', null, '~', '', [], {}, .nan, -.inf, 1e300]\n",
            "b: [[[x], {y: [z]}], {c: {}, d: [], e: }, 'a: b', '- a', '# x', \"\\0\\n\\t\\\"\\\\\"]\n",
            "c: ['$$1', '$$$${env:X}', ' x ', 'a #b', 'http://h:1/p', 'x:', '{a}', '*a', '&a', '!a', '%a', '@a', '`a']\n",
            "'true': 1\n'5': 2\n'a b': 3\n'a: b': 4\n'': 5\n",
        );
        let once = print(&loaded(text), Secrets::Shown);
        let twice = print(&loaded(&once), Secrets::Shown);
        assert_eq!(once, twice);
        let shape =
            |text: &str| crate::decode::<serde_json::Value>(loaded(text).root()).expect("JSON");
        assert_eq!(shape(text), shape(&once));
    }
}
