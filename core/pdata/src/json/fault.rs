//! What is wrong with JSON, and where.

use std::fmt::Write;

use crate::{MAX_VALUE_DEPTH, MAX_WIRE_BYTES, json::MAX_UNKNOWN_DEPTH};

/// JSON that is not an export request, and where that shows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} at line {line}, column {column}: {flaw}")]
pub struct JsonError {
    /// The field that is being read, such as `resourceSpans[0].resource`, or `request`.
    pub path: String,
    /// Where the flaw is, counted in bytes from the start of the text.
    pub at: usize,
    /// The same as a line, counted from one.
    pub line: usize,
    /// The same as a byte of that line, counted from one.
    pub column: usize,
    /// What is wrong.
    pub flaw: JsonFlaw,
}

/// What is wrong with JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFlaw {
    /// Something else stands there, or the text ends.
    #[error("expected {0}")]
    Expected(&'static str),
    /// Bytes are not UTF-8.
    #[error("text is not UTF-8")]
    NotUtf8,
    /// A string has an escape that JSON does not have.
    #[error("unknown escape in a string")]
    Escape,
    /// A string has a raw control character.
    #[error("control character in a string")]
    Control,
    /// A number does not fit its field.
    #[error("number is out of range")]
    Range,
    /// An enum has no such name.
    #[error("unknown name, expected one of {0}…")]
    Name(&'static str),
    /// Bytes are not hex.
    #[error("id is not hex")]
    Hex,
    /// An id is of the wrong length.
    #[error("id has {has} hex digits, expected {expected}")]
    IdLength {
        /// How many digits it has.
        has: usize,
        /// How many it should have.
        expected: usize,
    },
    /// Bytes are not base64.
    #[error("bytes are not base64")]
    Base64,
    /// Values are nested too deep.
    #[error("nested deeper than {MAX_VALUE_DEPTH} values or {MAX_UNKNOWN_DEPTH} unknown levels")]
    TooDeep,
    /// The request is too large, as text or on the wire.
    #[error("request is larger than {MAX_WIRE_BYTES} bytes")]
    TooLarge,
}

/// A flaw on its way out. Boxed, because nearly everything returns one and it is rare.
#[derive(Debug)]
pub(super) struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    at: usize,
    flaw: JsonFlaw,
    /// From the inside out.
    path: Vec<Step>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Field(&'static str),
    Element(usize),
}

impl Fault {
    #[cold]
    pub(super) fn new(at: usize, flaw: JsonFlaw) -> Self {
        let path = Vec::new();
        Self(Box::new(Inner { at, flaw, path }))
    }

    #[cold]
    pub(super) fn in_field(mut self, name: &'static str) -> Self {
        self.0.path.push(Step::Field(name));
        self
    }

    #[cold]
    pub(super) fn in_element(mut self, index: usize) -> Self {
        self.0.path.push(Step::Element(index));
        self
    }

    /// Finds the line; reads the text up to the flaw once.
    pub(super) fn located(self, text: &[u8]) -> JsonError {
        let Inner { at, flaw, path } = *self.0;
        let before = text.get(..at).unwrap_or(text);
        let line_at = before.iter().rposition(|&byte| byte == b'\n');
        let mut shown = String::new();
        for step in path.iter().rev() {
            match step {
                Step::Field(name) if shown.is_empty() => shown.push_str(name),
                Step::Field(name) => write!(shown, ".{name}").expect("a String grows"),
                Step::Element(index) => write!(shown, "[{index}]").expect("a String grows"),
            }
        }
        if shown.is_empty() {
            shown.push_str("request");
        }
        JsonError {
            path: shown,
            at,
            line: before.split(|&byte| byte == b'\n').count(),
            column: before.len() - line_at.map_or(0, |at| at + 1) + 1,
            flaw,
        }
    }
}
