//! Values that are not messages: from JSON to what goes on the wire.

use std::borrow::Cow;

use super::{
    binary,
    fault::{Fault, JsonFlaw},
    lex::{Lexer, number_len},
    table::{Kind, Names},
};
use crate::wire::write as wire;

/// A value as the wire holds it, without a tag.
pub(super) enum Scalar<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(Cow<'a, [u8]>),
}

impl Scalar<'_> {
    /// Says whether it is what absence stands for.
    pub(super) fn is_zero(&self) -> bool {
        match self {
            Self::Varint(value) | Self::Fixed64(value) => *value == 0,
            Self::Fixed32(value) => *value == 0,
            Self::Bytes(bytes) => bytes.is_empty(),
        }
    }

    /// Appends it as a field.
    pub(super) fn put(&self, out: &mut Vec<u8>, number: u32) {
        match self {
            Self::Varint(value) => wire::uint(out, number, *value),
            Self::Fixed64(value) => wire::fixed64(out, number, *value),
            Self::Fixed32(value) => wire::fixed32(out, number, *value),
            Self::Bytes(bytes) => wire::bytes(out, number, bytes),
        }
    }

    /// Appends it as an element of a packed field.
    pub(super) fn put_packed(&self, out: &mut Vec<u8>) {
        match self {
            Self::Varint(value) => wire::varint(out, *value),
            Self::Fixed64(value) => out.extend_from_slice(&value.to_le_bytes()),
            Self::Fixed32(value) => out.extend_from_slice(&value.to_le_bytes()),
            Self::Bytes(_) => unreachable!("bytes are never packed"),
        }
    }
}

/// Reads a value of this kind, which is not a message.
#[inline]
pub(super) fn read<'a>(lexer: &mut Lexer<'a>, kind: Kind) -> Result<Scalar<'a>, Fault> {
    // Where to point at if the value is complete and wrong.
    let at = lexer.at();
    let wrong = |flaw| Fault::new(at, flaw);
    Ok(match kind {
        Kind::Text => Scalar::Bytes(match lexer.string("a string")? {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }),
        Kind::Id(len) => Scalar::Bytes(Cow::Owned(
            id(&lexer.string("an id in hex")?, len).map_err(wrong)?,
        )),
        Kind::Binary => {
            let text = lexer.string("bytes in base64")?;
            Scalar::Bytes(Cow::Owned(
                binary::base64(&text).ok_or(wrong(JsonFlaw::Base64))?,
            ))
        }
        Kind::Bool if lexer.word("true") => Scalar::Varint(1),
        Kind::Bool if lexer.word("false") => Scalar::Varint(0),
        Kind::Bool => return Err(wrong(JsonFlaw::Expected("true or false"))),
        Kind::Double => Scalar::Fixed64(double(lexer)?.to_bits()),
        Kind::Fixed32 => Scalar::Fixed32(integer(lexer)?),
        Kind::Uint32 => Scalar::Varint(u64::from(integer::<u32>(lexer)?)),
        Kind::Int32 => signed(integer(lexer)?),
        Kind::Sint32 => {
            let value: i32 = integer(lexer)?;
            Scalar::Varint(u64::from((value << 1 ^ value >> 31).cast_unsigned()))
        }
        Kind::Enum(names) => signed(named(lexer, names)?),
        Kind::Fixed64 => Scalar::Fixed64(integer(lexer)?),
        Kind::Sfixed64 => Scalar::Fixed64(integer::<i64>(lexer)?.cast_unsigned()),
        Kind::Uint64 => Scalar::Varint(integer(lexer)?),
        Kind::Int64 => Scalar::Varint(integer::<i64>(lexer)?.cast_unsigned()),
        Kind::Message(_) => unreachable!("a message is no scalar"),
    })
}

/// An `int32` on the wire has its sign extended to 64 bits.
fn signed(value: i32) -> Scalar<'static> {
    Scalar::Varint(i64::from(value).cast_unsigned())
}

fn id(text: &str, len: usize) -> Result<Vec<u8>, JsonFlaw> {
    let bytes = binary::hex(text).ok_or(JsonFlaw::Hex)?;
    if bytes.is_empty() || bytes.len() == len {
        return Ok(bytes);
    }
    Err(JsonFlaw::IdLength {
        has: text.len(),
        expected: 2 * len,
    })
}

/// Reads an integer, as a number or a string of digits.
#[inline]
fn integer<T: TryFrom<i128>>(lexer: &mut Lexer<'_>) -> Result<T, Fault> {
    let at = lexer.at();
    let quoted;
    let digits = if lexer.peek() == Some(b'"') {
        quoted = lexer.string("an integer")?;
        &*quoted
    } else {
        lexer.number("an integer")?
    };
    let value = whole(digits).map_err(|flaw| Fault::new(at, flaw))?;
    T::try_from(value).map_err(|_| Fault::new(at, JsonFlaw::Range))
}

/// Reads an integer from all of a text. Fractions and exponents pass if the value is whole.
#[inline]
fn whole(text: &str) -> Result<i128, JsonFlaw> {
    const WHOLE: JsonFlaw = JsonFlaw::Expected("an integer");
    if number_len(text) != Some(text.len()) {
        return Err(WHOLE);
    }
    if let Ok(value) = text.parse::<i64>() {
        return Ok(i128::from(value));
    }
    if let Ok(value) = text.parse::<u64>() {
        return Ok(i128::from(value));
    }
    let value: f64 = text.parse().map_err(|_| WHOLE)?;
    if value.fract() != 0.0 {
        return Err(WHOLE);
    }
    // Saturates, and then is out of the range of any field.
    Ok(value as i128)
}

/// Reads a double: a number, or a string with a number or one of three names.
fn double(lexer: &mut Lexer<'_>) -> Result<f64, Fault> {
    const DOUBLE: JsonFlaw = JsonFlaw::Expected("a number");
    let at = lexer.at();
    let wrong = |flaw| Fault::new(at, flaw);
    let quoted;
    let text = if lexer.peek() == Some(b'"') {
        quoted = lexer.string("a number")?;
        match &*quoted {
            "NaN" => return Ok(f64::NAN),
            "Infinity" => return Ok(f64::INFINITY),
            "-Infinity" => return Ok(f64::NEG_INFINITY),
            text if number_len(text) == Some(text.len()) => text,
            _ => return Err(wrong(DOUBLE)),
        }
    } else {
        lexer.number("a number")?
    };
    let value: f64 = text.parse().map_err(|_| wrong(DOUBLE))?;
    if value.is_finite() {
        Ok(value)
    } else {
        Err(wrong(JsonFlaw::Range))
    }
}

/// Reads a member of an enum, by number or by name.
fn named(lexer: &mut Lexer<'_>, names: &'static Names) -> Result<i32, Fault> {
    let at = lexer.at();
    if lexer.peek() != Some(b'"') {
        return integer(lexer);
    }
    let text = lexer.string("a name")?;
    let place = text
        .strip_prefix(names.prefix)
        .and_then(|rest| names.rest.iter().position(|name| *name == rest));
    // Else a number in quotes, which other readers take as well.
    let value = place.map_or_else(|| whole(&text).ok(), |place| i128::try_from(place).ok());
    value
        .and_then(|value| i32::try_from(value).ok())
        .ok_or(Fault::new(at, JsonFlaw::Name(names.prefix)))
}
