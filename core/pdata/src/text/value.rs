//! Prints a value as the Collector's `AsString` does: arrays and maps as JSON.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt::{self, Display, Formatter, Write},
};

use super::go::{self, Json};
use crate::{MAX_VALUE_DEPTH, view::Value};

/// A value as text alone.
pub(super) struct Plain<'a, 'v>(pub(super) &'v Value<'a>);

impl Display for Plain<'_, '_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Empty => Ok(()),
            Value::Str(text) => f.write_str(text),
            Value::Bool(truth) => write!(f, "{truth}"),
            Value::Int(int) => write!(f, "{int}"),
            Value::Double(double) => match go::non_finite(*double) {
                Some(name) => write!(f, "json: unsupported value: {name}"),
                None => Json(*double).fmt(f),
            },
            Value::Bytes(bytes) => put_base64(f, bytes),
            Value::Array(_) | Value::Map(_) => {
                // Go's encoder gives nothing at all when it meets what JSON cannot say.
                let mut json = String::new();
                match put_json(&mut json, self.0, 0) {
                    Ok(()) => f.write_str(&json),
                    Err(fmt::Error) => Ok(()),
                }
            }
        }
    }
}

/// A value with its type around it, such as `Str(val)`.
pub(super) struct Typed<'a, 'v>(pub(super) &'v Value<'a>);

impl Display for Typed<'_, '_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            Value::Empty => "Empty",
            Value::Str(_) => "Str",
            Value::Bool(_) => "Bool",
            Value::Int(_) => "Int",
            Value::Double(_) => "Double",
            Value::Bytes(_) => "Bytes",
            Value::Array(_) => "Slice",
            Value::Map(_) => "Map",
        };
        write!(f, "{name}({})", Plain(self.0))
    }
}

/// Appends JSON; fails on a float that is not finite, and where nesting is too deep to be checked.
fn put_json(out: &mut String, value: &Value<'_>, depth: u32) -> fmt::Result {
    if depth > MAX_VALUE_DEPTH {
        return Err(fmt::Error);
    }
    match value {
        Value::Empty => out.write_str("null"),
        Value::Str(text) => put_json_string(out, text),
        Value::Bool(truth) => write!(out, "{truth}"),
        Value::Int(int) => write!(out, "{int}"),
        Value::Double(double) if double.is_finite() => write!(out, "{}", Json(*double)),
        Value::Double(_) => Err(fmt::Error),
        Value::Bytes(bytes) => {
            out.push('"');
            put_base64(out, bytes)?;
            out.write_char('"')
        }
        Value::Array(array) => {
            out.push('[');
            for (index, element) in array.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                put_json(out, &element, depth + 1)?;
            }
            out.write_char(']')
        }
        Value::Map(map) => {
            // Go collects into a map and sorts it: the last of equal keys stays.
            let sorted: BTreeMap<Cow<'_, str>, Value<'_>> = map.iter().collect();
            out.push('{');
            for (index, (key, element)) in sorted.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                put_json_string(out, key)?;
                out.push(':');
                put_json(out, element, depth + 1)?;
            }
            out.write_char('}')
        }
    }
}

/// Appends a quoted string with what Go's encoder escapes, which includes HTML.
fn put_json_string(out: &mut String, text: &str) -> fmt::Result {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write!(out, "\\u{:04x}", u32::from(c))?;
            }
            _ => out.push(c),
        }
    }
    out.write_char('"')
}

fn put_base64(out: &mut impl Write, bytes: &[u8]) -> fmt::Result {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let byte = |index| u32::from(group.get(index).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * index) & 63) as usize];
            out.write_char(if index > group.len() {
                '='
            } else {
                char::from(letter)
            })?;
        }
    }
    Ok(())
}
