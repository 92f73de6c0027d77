//! What plain text means: null, boolean, number or text, as go.yaml v3 decides.
//!
//! That is YAML 1.2 with leftovers of 1.1: `0123` is octal and `1_000` is a number, but `yes`,
//! `no`, `on` and `off` are text. Unlike there, a plain timestamp stays text.

use saphyr_parser::{ScalarStyle, Tag};

use crate::Kind;

/// Returns what a scalar means; the error says which tag the text does not fit.
pub(crate) fn resolve(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Kind, String> {
    let string = || Kind::String(text.to_owned());
    let Some(tag) = tag else {
        return Ok(if style == ScalarStyle::Plain {
            plain(text)
        } else {
            string()
        });
    };
    if !tag.is_yaml_core_schema() {
        return Ok(string());
    }
    let fits = match (tag.suffix.as_str(), plain(text)) {
        ("null", kind @ Kind::Null)
        | ("bool", kind @ Kind::Bool(_))
        | ("int", kind @ Kind::Int(_))
        | ("float", kind @ Kind::Float(_)) => Some(kind),
        ("float", Kind::Int(_)) => float(&text.replace('_', "")).map(Kind::Float),
        ("null" | "bool" | "int" | "float" | "binary", _) => None,
        _ => Some(string()),
    };
    fits.ok_or_else(|| format!("this value cannot be read as `!!{}`", tag.suffix))
}

fn plain(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" => Kind::Bool(true),
        "false" | "False" | "FALSE" => Kind::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Kind::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Kind::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Kind::Float(f64::NEG_INFINITY),
        _ => number(text).unwrap_or_else(|| Kind::String(text.to_owned())),
    }
}

fn number(text: &str) -> Option<Kind> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    let digits = text.replace('_', "");
    integer(&digits)
        .map(Kind::Int)
        .or_else(|| float(&digits).map(Kind::Float))
}

/// Reads an integer with an optional sign and base: `0x`, `0o`, `0b`, or `0` for octal.
fn integer(text: &str) -> Option<i128> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let prefix = unsigned.get(..2).unwrap_or_default().to_ascii_lowercase();
    let (digits, radix) = match prefix.as_str() {
        "0x" => (&unsigned[2..], 16),
        "0o" => (&unsigned[2..], 8),
        "0b" => (&unsigned[2..], 2),
        _ if unsigned.len() > 1 && unsigned.starts_with('0') => (&unsigned[1..], 8),
        _ => (unsigned, 10),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    let (number, limit) = match text.as_bytes().first()? {
        b'-' => (-magnitude, i128::from(i64::MAX)),
        b'+' => (magnitude, i128::from(i64::MAX)),
        _ => (magnitude, i128::from(u64::MAX)),
    };
    (i128::from(i64::MIN)..=limit)
        .contains(&number)
        .then_some(number)
}

/// Reads a decimal number; unlike Rust, `inf` and `nan` are not numbers.
fn float(text: &str) -> Option<f64> {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    let number: f64 = text.chars().all(is_part).then(|| text.parse().ok())??;
    number.is_finite().then_some(number)
}
