//! One failure inside serde, on its way out to where its place is known.

use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

use crate::{Node, Place, Problem, suggest};

/// How many characters of a wrong value are quoted.
const MAX_QUOTED: usize = 60;

/// A failure; serde makes it without a place, the readers add what they know.
#[derive(Debug)]
pub(super) struct Fault {
    words: Box<Words>,
    pub(super) reason: Reason,
    pub(super) place: Option<Place>,
    /// The node to leave out in the next pass.
    pub(super) culprit: Option<usize>,
}

/// What to say; apart, because a failure is passed through many hands.
#[derive(Debug)]
struct Words {
    message: String,
    /// The message without the value, for settings that hold secrets.
    discreet: String,
    label: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// What is written is wrong.
    Wrong,
    /// A required setting is not written.
    Missing(&'static str),
    /// An empty value where the type cannot be empty: the setting keeps its default.
    Empty,
    /// It only follows from something that was reported before.
    Follows,
}

// === impl Fault ===

impl Fault {
    pub(super) fn wrong(message: impl Into<String>, discreet: impl Into<String>) -> Self {
        let (message, discreet) = (message.into(), discreet.into());
        let words = Box::new(Words {
            message,
            discreet,
            label: None,
        });
        Self {
            words,
            reason: Reason::Wrong,
            place: None,
            culprit: None,
        }
    }

    pub(super) fn empty() -> Self {
        Self {
            reason: Reason::Empty,
            ..Self::wrong("empty", "empty")
        }
    }

    #[must_use]
    pub(super) fn with_label(mut self, label: impl Into<String>) -> Self {
        self.words.label = Some(label.into());
        self
    }

    /// Says something else, which holds no value.
    #[must_use]
    pub(super) fn saying(mut self, message: &str) -> Self {
        message.clone_into(&mut self.words.message);
        self
    }

    /// Says what to write instead, unless that is said already or nothing is wrong.
    #[must_use]
    pub(super) fn hinting(self, hint: &str) -> Self {
        if self.words.label.is_none() && self.reason == Reason::Wrong {
            self.with_label(hint)
        } else {
            self
        }
    }

    /// Adds the place unless one is known that is nearer.
    #[must_use]
    pub(super) fn at(mut self, place: &Place, is_secret: bool) -> Self {
        if self.place.is_none() {
            self.place = Some(place.clone());
            if is_secret {
                self.words.message.clone_from(&self.words.discreet);
            }
        }
        self
    }

    /// Makes the failure mean something else.
    #[must_use]
    pub(super) fn because(self, reason: Reason) -> Self {
        Self { reason, ..self }
    }

    /// Adds what to leave out next time unless something smaller is known.
    #[must_use]
    pub(super) fn blaming(self, culprit: usize) -> Self {
        Self {
            culprit: self.culprit.or(Some(culprit)),
            ..self
        }
    }

    pub(super) fn to_problem(&self, root: &Node) -> Problem {
        let place = self.place.as_ref().unwrap_or(root.heading());
        let mut problem = Problem::error(place, &self.words.message);
        if matches!(self.reason, Reason::Missing(_)) {
            problem = problem.about_absence();
        }
        match &self.words.label {
            Some(label) => problem.with_label(label),
            None => problem,
        }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words.message)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::wrong(message.to_string(), "this value is not valid")
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = in_words(&expected.to_string());
        let (shown, discreet) = described(found);
        Self::wrong(
            format!("expected {expected}, found {shown}"),
            format!("expected {expected}, found {discreet}"),
        )
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        let fault = Self::wrong(format!("unknown value `{}`", cut(variant)), "unknown value");
        match suggest::nearest(variant, known.iter().copied()) {
            Some(name) => fault.with_label(format!("did you mean `{name}`?")),
            None => fault.with_label(format!("known: {}", suggest::listed(known))),
        }
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        let message = format!("unknown setting `{}`", cut(field));
        let fault = Self::wrong(message.clone(), message);
        match suggest::nearest(field, known.iter().copied()) {
            Some(name) => fault.with_label(format!("did you mean `{name}`?")),
            None => fault,
        }
    }

    fn missing_field(field: &'static str) -> Self {
        let message = format!("missing setting `{field}`");
        Self {
            reason: Reason::Missing(field),
            ..Self::wrong(message.clone(), message)
        }
    }
}

/// Shortens a text and hides what would move the cursor.
fn cut(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let shown: String = text.chars().take(MAX_QUOTED).map(clean).collect();
    if shown.len() < text.len() {
        format!("{shown}…")
    } else {
        shown
    }
}

/// Says what was found, with its value and without.
fn described(found: Unexpected<'_>) -> (String, String) {
    let valued = |kind: &str, value: String| {
        let article = if kind.starts_with('i') { "an" } else { "a" };
        (format!("the {kind} `{value}`"), format!("{article} {kind}"))
    };
    match found {
        Unexpected::Bool(value) => valued("boolean", value.to_string()),
        Unexpected::Unsigned(value) => valued("integer", value.to_string()),
        Unexpected::Signed(value) => valued("integer", value.to_string()),
        Unexpected::Float(value) => valued("number", value.to_string()),
        Unexpected::Str(value) => valued("string", cut(value)),
        Unexpected::Unit | Unexpected::Option => ("nothing".to_owned(), "nothing".to_owned()),
        Unexpected::Seq => ("a list".to_owned(), "a list".to_owned()),
        Unexpected::Map => ("a map".to_owned(), "a map".to_owned()),
        // By agreement among our own types, this is a description and not a value.
        Unexpected::Other(text) => (cut(text), cut(text)),
        other => (other.to_string(), "something else".to_owned()),
    }
}

/// Says what serde expects in words that are not Rust's.
fn in_words(expected: &str) -> String {
    let words = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" | "u128" => "a whole number that is not negative",
        "i8" | "i16" | "i32" => "a whole number of that size",
        "i64" | "isize" | "i128" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        _ if expected.starts_with("struct ") => "a map of settings",
        other => other,
    };
    words.to_owned()
}
