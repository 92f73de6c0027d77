//! Values to write: what an edit puts into attributes and bodies.

use crate::{
    number::{key_value, list, value},
    wire::write as wire,
};

/// A value to be written.
#[derive(Clone, Copy, Debug)]
pub enum NewValue<'v> {
    /// A string.
    Str(&'v str),
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating point number.
    Double(f64),
    /// Bytes.
    Bytes(&'v [u8]),
    /// The body of an `AnyValue`, as [`NewValue::encode`], [`array`] and [`map`] return it.
    Encoded(&'v [u8]),
}

impl NewValue<'_> {
    /// Returns the body of an `AnyValue`. Allocates it.
    pub fn encode(self) -> Vec<u8> {
        let mut out = Vec::new();
        self.append(&mut out);
        out
    }

    pub(super) fn append(self, out: &mut Vec<u8>) {
        match self {
            Self::Str(text) => wire::bytes(out, value::STRING, text.as_bytes()),
            Self::Bool(truth) => wire::uint(out, value::BOOL, u64::from(truth)),
            Self::Int(int) => wire::uint(out, value::INT, int.cast_unsigned()),
            Self::Double(double) => wire::double(out, value::DOUBLE, double),
            Self::Bytes(bytes) => wire::bytes(out, value::BYTES, bytes),
            Self::Encoded(body) => out.extend_from_slice(body),
        }
    }
}

/// Returns the body of an `AnyValue` that is an array of encoded values.
pub fn array<V: AsRef<[u8]>>(values: impl IntoIterator<Item = V>) -> Vec<u8> {
    let mut out = Vec::new();
    let open = wire::open(&mut out, value::ARRAY);
    for value in values {
        wire::bytes(&mut out, list::VALUES, value.as_ref());
    }
    wire::close(&mut out, open);
    out
}

/// Returns the body of an `AnyValue` that is a map of keys and encoded values.
pub fn map<K: AsRef<str>, V: AsRef<[u8]>>(pairs: impl IntoIterator<Item = (K, V)>) -> Vec<u8> {
    let mut out = Vec::new();
    let open = wire::open(&mut out, value::MAP);
    for (key, value) in pairs {
        let pair = wire::open(&mut out, list::VALUES);
        wire::bytes(&mut out, key_value::KEY, key.as_ref().as_bytes());
        wire::bytes(&mut out, key_value::VALUE, value.as_ref());
        wire::close(&mut out, pair);
    }
    wire::close(&mut out, open);
    out
}
