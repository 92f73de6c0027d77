//! Writes a document back as YAML: how it was understood, without its secrets.
//!
//! Loading the output gives the same document again, apart from what was hidden: `$` is written as
//! `$$`, and text that would be read as something else is quoted.

use std::{borrow::Cow, fmt::Write};

use saphyr_parser::ScalarStyle;

use crate::{
    Document, Kind, Node,
    secret::{REDACTED, looks_secret, without_inner_secrets},
    via,
    yaml::scalar,
};

/// Whether secrets are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// Values below a key that looks secret become `[REDACTED]`, and so does what is secret in
    /// another value: the password of a URL.
    Hidden,
    /// Everything is written as it is.
    Shown,
}

/// Writes a document as YAML.
pub fn print(document: &Document, secrets: Secrets) -> String {
    print_node(document.root(), secrets)
}

/// Writes a document as YAML, every value followed by where it came from.
pub fn explain(document: &Document, secrets: Secrets) -> String {
    printed(document.root(), secrets, true)
}

/// Writes a value as YAML; its keys stand at the left margin.
pub fn print_node(node: &Node, secrets: Secrets) -> String {
    printed(node, secrets, false)
}

fn printed(node: &Node, secrets: Secrets, explains: bool) -> String {
    let mut printer = Printer {
        out: String::new(),
        secrets,
        explains,
    };
    if printer.is_block(node) {
        printer.block(node, 0, Below::Nothing);
    } else {
        printer.line(node, Below::Nothing);
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

impl Secrets {
    /// Returns what may be shown of a text below a key that does not look secret.
    fn open(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Hidden => Cow::Owned(without_inner_secrets(text)),
            Self::Shown => Cow::Borrowed(text),
        }
    }
}

struct Printer {
    out: String,
    secrets: Secrets,
    /// Whether each value is followed by where it came from, and so has a line of its own.
    explains: bool,
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
            self.out.push(' ');
            if self.is_block(item) {
                self.block(item, indent + 2, below.item());
            } else {
                self.line(item, below);
            }
        }
    }

    /// Writes what follows `key:`.
    fn value(&mut self, node: &Node, indent: usize, below: Below) {
        if self.is_block(node) {
            let _ = write!(self.out, "\n{:1$}", "", indent + 2);
            self.block(node, indent + 2, below);
        } else if node.is_null() && !self.explains {
            self.out.push('\n');
        } else {
            self.out.push(' ');
            self.line(node, below);
        }
    }

    /// Writes a value and ends the line.
    fn line(&mut self, node: &Node, below: Below) {
        self.out += &flow(node, below, self.secrets);
        if self.explains {
            // What is secret is not told by its default either, even where its value is shown.
            let origin = origin(node, below != Below::Nothing);
            let _ = write!(self.out, "  # {}", self.secrets.open(&origin));
        }
        self.out.push('\n');
    }

    /// Returns whether a value takes lines of its own; a list of scalars does not.
    fn is_block(&self, node: &Node) -> bool {
        let is_nested = |item: &Node| !item.items().is_empty() || !item.entries().is_empty();
        let is_long = |item: &Node| self.explains || is_nested(item);
        !node.entries().is_empty() || node.items().iter().any(is_long)
    }
}

/// Says where a value came from, on one line.
fn origin(node: &Node, is_secret: bool) -> String {
    let own = via::place(&node.place);
    let said = match &node.via {
        Some(via) if via.place == node.place => via.describe(is_secret),
        Some(via) => format!("{own}, {}", via.describe(is_secret)),
        None => own,
    };
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    said.chars().map(clean).collect()
}

/// Writes a value on one line.
fn flow(node: &Node, below: Below, secrets: Secrets) -> String {
    match &node.kind {
        Kind::Map(_) => "{}".to_owned(),
        Kind::List(items) => {
            let items: Vec<String> = items
                .iter()
                .map(|item| flow(item, below, secrets))
                .collect();
            format!("[{}]", items.join(", "))
        }
        Kind::Null => "null".to_owned(),
        // A switch, such as `cookies::enabled`: no secret is that short.
        Kind::Bool(value) => value.to_string(),
        _ if below != Below::Nothing => format!("\"{REDACTED}\""),
        Kind::Int(number) => number.to_string(),
        Kind::Float(number) => float(*number),
        Kind::String(text) => plain_or_quoted(&secrets.open(text), true),
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
mod tests;
