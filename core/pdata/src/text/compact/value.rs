//! Attributes, values, ids and times, so that their types show.

use std::{
    borrow::Cow,
    fmt::{self, Display, Formatter},
};

use crate::{
    MAX_VALUE_DEPTH,
    text::go::Hex,
    view::{Attributes, Dictionary, Value},
};

/// ` key=value` for each attribute; of profiles with the dictionary that they point into.
pub(super) struct Spaced<'a, 'v>(
    pub(super) &'v Attributes<'a>,
    pub(super) Option<&'v Dictionary<'a>>,
);

impl Display for Spaced<'_, '_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut put = |(key, value): Pair<'_>| write!(f, " {}", Equals(&key, &value));
        match self.1 {
            None => self.0.iter().try_for_each(&mut put),
            Some(dictionary) => dictionary.pairs(self.0).try_for_each(&mut put),
        }
    }
}

type Pair<'a> = (Cow<'a, str>, Value<'a>);

/// `key=value`.
pub(super) struct Equals<'a, 'v>(pub(super) &'v str, pub(super) &'v Value<'a>);

impl Display for Equals<'_, '_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", Word(self.0), Short(self.1, 0))
    }
}

/// A name as it is, or in quotes if it would be mistaken for something else.
pub(super) struct Word<'v>(pub(super) &'v str);

impl Display for Word<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if is_word(self.0) {
            f.write_str(self.0)
        } else {
            write!(f, "{:?}", self.0)
        }
    }
}

/// Says whether a name needs no quotes.
pub(in crate::text) fn is_word(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_word_char)
}

/// Says whether a name of such characters needs no quotes.
pub(in crate::text) fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':')
}

/// A value whose type shows: strings are quoted, floats have a point. With its depth.
pub(super) struct Short<'a, 'v>(pub(super) &'v Value<'a>, pub(super) u32);

impl Display for Short<'_, '_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let depth = self.1 + 1;
        match self.0 {
            Value::Empty => f.write_str("empty"),
            Value::Str(text) => write!(f, "{text:?}"),
            Value::Bool(truth) => write!(f, "{truth}"),
            Value::Int(int) => write!(f, "{int}"),
            Value::Double(double) => write!(f, "{double:?}"),
            Value::Bytes(bytes) => write!(f, "0x{}", Hex(bytes)),
            _ if depth > MAX_VALUE_DEPTH => f.write_str("..."),
            Value::Array(array) => {
                f.write_str("[")?;
                for (index, element) in array.iter().enumerate() {
                    let space = if index > 0 { " " } else { "" };
                    write!(f, "{space}{}", Short(&element, depth))?;
                }
                f.write_str("]")
            }
            Value::Map(map) => {
                f.write_str("{")?;
                for (index, (key, element)) in map.iter().enumerate() {
                    let space = if index > 0 { " " } else { "" };
                    write!(f, "{space}{}={}", Word(&key), Short(&element, depth))?;
                }
                f.write_str("}")
            }
        }
    }
}

/// An id in hex, or `-`.
pub(super) struct Present<'a>(pub(super) &'a [u8]);

impl Display for Present<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            f.write_str("-")
        } else {
            Hex(self.0).fmt(f)
        }
    }
}

/// Nanoseconds in the largest unit that does not make them a fraction below one.
pub(super) struct Took(pub(super) u64);

impl Display for Took {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", std::time::Duration::from_nanos(self.0))
    }
}
