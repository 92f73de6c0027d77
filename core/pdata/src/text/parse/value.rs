//! Attributes and values: written as they are read.

use super::{
    TextError,
    line::{Line, hex},
};
use crate::{
    MAX_VALUE_DEPTH,
    number::{key_value, list, value},
    wire::write as wire,
};

/// Reads `key=value` up to the end of the line.
pub(super) fn attributes(
    line: &mut Line<'_>,
    out: &mut Vec<u8>,
    number: u32,
) -> Result<(), TextError> {
    while !line.is_done() {
        pair(line, out, number, 1)?;
    }
    Ok(())
}

/// Reads what stands behind a bar, if there is one.
pub(super) fn behind_bar(
    line: &mut Line<'_>,
    out: &mut Vec<u8>,
    number: u32,
) -> Result<(), TextError> {
    if line.eat("|") {
        attributes(line, out, number)?;
    }
    Ok(())
}

fn pair(line: &mut Line<'_>, out: &mut Vec<u8>, number: u32, depth: u32) -> Result<(), TextError> {
    let open = wire::open(out, number);
    let key = key(line)?;
    wire::bytes(out, key_value::KEY, key.as_bytes());
    field(line, out, key_value::VALUE, depth)?;
    wire::close(out, open);
    Ok(())
}

/// Reads `key=`.
pub(super) fn key(line: &mut Line<'_>) -> Result<String, TextError> {
    let key = line.word("a key")?.into_owned();
    if !line.eat_here("=") {
        return Err(line.fail("= behind a key"));
    }
    Ok(key)
}

/// Reads a value into the field of this number.
pub(super) fn field(
    line: &mut Line<'_>,
    out: &mut Vec<u8>,
    number: u32,
    depth: u32,
) -> Result<(), TextError> {
    let open = wire::open(out, number);
    any(line, out, depth)?;
    wire::close(out, open);
    Ok(())
}

/// Reads the body of a value. Recurses as deep as values may be nested.
fn any(line: &mut Line<'_>, out: &mut Vec<u8>, depth: u32) -> Result<(), TextError> {
    if depth > MAX_VALUE_DEPTH {
        return Err(line.fail("values that are nested less deep"));
    }
    if line.eat("[") {
        let open = wire::open(out, value::ARRAY);
        while !line.eat("]") {
            field(line, out, list::VALUES, depth + 1)?;
        }
        wire::close(out, open);
        return Ok(());
    }
    if line.eat("{") {
        let open = wire::open(out, value::MAP);
        while !line.eat("}") {
            pair(line, out, list::VALUES, depth + 1)?;
        }
        wire::close(out, open);
        return Ok(());
    }
    let before = line.clone();
    if line.eat("\"") {
        *line = before;
        let text = line.quoted("a string")?;
        wire::bytes(out, value::STRING, text.as_bytes());
        return Ok(());
    }
    scalar(line.token(), out).ok_or_else(|| before.fail("a value"))
}

fn scalar(token: &str, out: &mut Vec<u8>) -> Option<()> {
    if let Some(digits) = token.strip_prefix("0x") {
        wire::bytes(out, value::BYTES, &hex(digits)?);
        return Some(());
    }
    match token {
        "empty" => {}
        "true" => wire::uint(out, value::BOOL, 1),
        "false" => wire::uint(out, value::BOOL, 0),
        _ => match number(token)? {
            Number::Int(int) => wire::uint(out, value::INT, int.cast_unsigned()),
            Number::Double(double) => wire::double(out, value::DOUBLE, double),
        },
    }
    Some(())
}

pub(super) enum Number {
    Int(i64),
    Double(f64),
}

/// Reads a number: an integer, unless it has a point, an exponent or a name.
pub(super) fn number(token: &str) -> Option<Number> {
    let digits = token.strip_prefix('-').unwrap_or(token);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return token.parse().ok().map(Number::Int);
    }
    token.parse().ok().map(Number::Double)
}
