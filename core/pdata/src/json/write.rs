//! Writes wire bytes as JSON, field by field in the order of the table.

use super::{
    binary,
    table::{Count, Field, Kind, MAX_FIELDS, Table},
};
use crate::{
    MAX_VALUE_DEPTH,
    wire::read::{Fields, Payload, Varints},
};

/// Appends an export request.
pub(super) fn request(out: &mut Vec<u8>, table: &'static Table, wire: &[u8]) {
    Writer { out, depth: 0 }.message(table, wire);
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
    depth: u32,
}

/// The fields that a message has.
struct Found<'a> {
    /// One bit for each.
    present: u32,
    /// Where they came last.
    last: [Payload<'a>; MAX_FIELDS],
}

impl<'a> Found<'a> {
    fn new(table: &Table, body: &'a [u8]) -> Self {
        let mut found = Self {
            present: 0,
            last: [Payload::Varint(0); MAX_FIELDS],
        };
        let mut either = 0;
        for one in Fields::new(body) {
            let Some(index) = table.index(one.number) else {
                continue;
            };
            let field = &table.fields[index];
            if !fits(field, one.payload) {
                continue;
            }
            if field.count == Count::Either {
                // Of a `oneof` the last member counts.
                found.present &= !either;
                either = 1 << index;
            }
            found.present |= 1 << index;
            found.last[index] = one.payload;
        }
        found
    }
}

impl Writer<'_> {
    /// Recurses as deep as values may be nested; what is deeper was never checked and is empty.
    fn message(&mut self, table: &'static Table, body: &[u8]) {
        self.depth += u32::from(table.nests);
        self.out.push(b'{');
        if self.depth <= MAX_VALUE_DEPTH {
            let found = Found::new(table, body);
            let mut comma = false;
            for (index, field) in table.fields.iter().enumerate() {
                let last = found.last[index];
                if found.present & 1 << index == 0 || is_left_out(field, last) {
                    continue;
                }
                if comma {
                    self.out.push(b',');
                }
                comma = true;
                self.name(field.name);
                if field.count == Count::Many {
                    self.many(field, body);
                } else {
                    self.value(field.kind, last);
                }
            }
        }
        self.out.push(b'}');
        self.depth -= u32::from(table.nests);
    }

    fn name(&mut self, name: &str) {
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// Writes a list. Its elements may stand apart on the wire, so this walks the whole message.
    fn many(&mut self, field: &Field, body: &[u8]) {
        self.out.push(b'[');
        let begin = self.out.len();
        for one in Fields::new(body) {
            if one.number != field.number || !fits(field, one.payload) {
                continue;
            }
            match (field.kind, one.payload) {
                (Kind::Message(_) | Kind::Text, _) => self.element(begin, field.kind, one.payload),
                (Kind::Double | Kind::Fixed64, Payload::Bytes(packed)) => {
                    let (words, _) = packed.as_chunks();
                    for word in words {
                        let word = Payload::Fixed64(u64::from_le_bytes(*word));
                        self.element(begin, field.kind, word);
                    }
                }
                (_, Payload::Bytes(packed)) => {
                    for value in Varints(packed) {
                        self.element(begin, field.kind, Payload::Varint(value));
                    }
                }
                (_, single) => self.element(begin, field.kind, single),
            }
        }
        self.out.push(b']');
    }

    fn element(&mut self, begin: usize, kind: Kind, payload: Payload<'_>) {
        if self.out.len() > begin {
            self.out.push(b',');
        }
        self.value(kind, payload);
    }

    fn value(&mut self, kind: Kind, payload: Payload<'_>) {
        match (kind, payload) {
            (Kind::Message(inner), Payload::Bytes(body)) => self.message(inner, body),
            (Kind::Text, Payload::Bytes(text)) => put_string(self.out, text),
            (Kind::Id(_), Payload::Bytes(id)) => {
                self.quoted(|out| binary::put_hex(out, id));
            }
            (Kind::Binary, Payload::Bytes(bytes)) => {
                self.quoted(|out| binary::put_base64(out, bytes));
            }
            (Kind::Bool, Payload::Varint(truth)) => {
                let word: &[u8] = if truth == 0 { b"false" } else { b"true" };
                self.out.extend_from_slice(word);
            }
            (Kind::Double, Payload::Fixed64(bits)) => put_double(self.out, f64::from_bits(bits)),
            (Kind::Fixed32, Payload::Fixed32(value)) => put_integer(self.out, false, value.into()),
            (Kind::Uint32, Payload::Varint(value)) => {
                put_integer(self.out, false, u64::from(value as u32));
            }
            (Kind::Int32 | Kind::Enum(_), Payload::Varint(value)) => {
                put_signed(self.out, i64::from(value as i32));
            }
            (Kind::Sint32, Payload::Varint(value)) => {
                let value = value as u32;
                let signed = (value >> 1).cast_signed() ^ -(value & 1).cast_signed();
                put_signed(self.out, i64::from(signed));
            }
            (Kind::Fixed64, Payload::Fixed64(value)) | (Kind::Uint64, Payload::Varint(value)) => {
                self.quoted(|out| put_integer(out, false, value));
            }
            (Kind::Sfixed64, Payload::Fixed64(value)) | (Kind::Int64, Payload::Varint(value)) => {
                self.quoted(|out| put_signed(out, value.cast_signed()));
            }
            _ => unreachable!("only payloads that fit are kept"),
        }
    }

    fn quoted(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        self.out.push(b'"');
        put(self.out);
        self.out.push(b'"');
    }
}

/// Says whether a field has the wire type of its kind. Bytes that nobody checked may not.
fn fits(field: &Field, payload: Payload<'_>) -> bool {
    match (field.kind, payload) {
        (Kind::Message(_) | Kind::Text | Kind::Id(_) | Kind::Binary, Payload::Bytes(_))
        | (Kind::Double | Kind::Fixed64 | Kind::Sfixed64, Payload::Fixed64(_))
        | (Kind::Fixed32, Payload::Fixed32(_))
        | (
            Kind::Bool
            | Kind::Uint32
            | Kind::Int32
            | Kind::Sint32
            | Kind::Enum(_)
            | Kind::Uint64
            | Kind::Int64,
            Payload::Varint(_),
        ) => true,
        (_, Payload::Bytes(_)) => field.count == Count::Many,
        _ => false,
    }
}

fn is_left_out(field: &Field, payload: Payload<'_>) -> bool {
    field.count == Count::Once
        && !matches!(field.kind, Kind::Message(_))
        && match payload {
            Payload::Varint(value) | Payload::Fixed64(value) => value == 0,
            Payload::Fixed32(value) => value == 0,
            Payload::Bytes(bytes) => bytes.is_empty(),
        }
}

/// Appends a string; bytes that are not UTF-8 become replacement characters.
fn put_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    match str::from_utf8(text) {
        Ok(text) => put_escaped(out, text.as_bytes()),
        Err(_) => put_escaped(out, String::from_utf8_lossy(text).as_bytes()),
    }
    out.push(b'"');
}

fn put_escaped(out: &mut Vec<u8>, mut text: &[u8]) {
    let special = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    while let Some(at) = text.iter().position(special) {
        out.extend_from_slice(&text[..at]);
        match text[at] {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            same @ (b'"' | b'\\') => out.extend_from_slice(&[b'\\', same]),
            control => {
                out.extend_from_slice(b"\\u00");
                binary::put_hex(out, &[control]);
            }
        }
        text = &text[at + 1..];
    }
    out.extend_from_slice(text);
}

/// Appends the shortest digits that read back as the same double.
fn put_double(out: &mut Vec<u8>, double: f64) {
    use std::io::Write;
    if double.is_finite() {
        write!(out, "{double:?}").expect("a Vec grows");
    } else {
        let name: &[u8] = match double {
            f64::INFINITY => b"\"Infinity\"",
            f64::NEG_INFINITY => b"\"-Infinity\"",
            _ => b"\"NaN\"",
        };
        out.extend_from_slice(name);
    }
}

fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_integer(out, value < 0, value.unsigned_abs());
}

fn put_integer(out: &mut Vec<u8>, negative: bool, mut value: u64) {
    // The longest has twenty digits; a sign comes with nineteen.
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    if negative {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}
