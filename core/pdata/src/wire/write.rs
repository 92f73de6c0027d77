//! Appends protobuf fields to a `Vec<u8>`.
//!
//! Two families: the plain verbs always write, the `_unless_…` ones skip what proto3 skips. A
//! nested message whose length is not known beforehand is opened, written and closed; closing
//! patches the length in. It must not know a message of OTLP.

use super::{DELIMITED, FIXED32, FIXED64, VARINT};

/// Where an open nested message began: the position of its reserved length byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    length_at: usize,
    /// How many bytes are reserved for the length.
    width: usize,
}

/// Appends a base-128 varint.
#[inline]
pub(crate) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Returns how many bytes [`varint`] takes.
#[inline]
pub(crate) fn varint_len(value: u64) -> usize {
    // A varint has seven bits a byte, and zero takes one.
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Returns how many bytes a length-delimited field takes.
#[inline]
pub(crate) fn field_len(number: u32, body: usize) -> usize {
    varint_len(u64::from(number) << 3) + varint_len(body as u64) + body
}

/// Returns the tag of a length-delimited field below sixteen, which takes one byte.
#[inline]
pub(crate) fn short_tag(number: u32) -> u8 {
    debug_assert!(number < 16, "the tags of higher numbers take more bytes");
    (number << 3 | DELIMITED) as u8
}

#[inline]
fn tag(out: &mut Vec<u8>, number: u32, wire_type: u32) {
    varint(out, u64::from(number << 3 | wire_type));
}

/// Appends the head of a length-delimited field whose body of `len` bytes follows.
#[inline]
pub(crate) fn head(out: &mut Vec<u8>, number: u32, len: usize) {
    tag(out, number, DELIMITED);
    varint(out, len as u64);
}

/// Appends a length-delimited field.
#[inline]
pub(crate) fn bytes(out: &mut Vec<u8>, number: u32, value: &[u8]) {
    head(out, number, value.len());
    out.extend_from_slice(value);
}

/// Appends a varint field.
#[inline]
pub(crate) fn uint(out: &mut Vec<u8>, number: u32, value: u64) {
    tag(out, number, VARINT);
    varint(out, value);
}

/// Appends a field of eight bytes.
#[inline]
pub(crate) fn fixed64(out: &mut Vec<u8>, number: u32, value: u64) {
    tag(out, number, FIXED64);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a field of four bytes.
#[inline]
pub(crate) fn fixed32(out: &mut Vec<u8>, number: u32, value: u32) {
    tag(out, number, FIXED32);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a floating point field of eight bytes.
#[inline]
pub(crate) fn double(out: &mut Vec<u8>, number: u32, value: f64) {
    fixed64(out, number, value.to_bits());
}

/// Appends a packed field of eight-byte words, unless there are none.
pub(crate) fn packed64(out: &mut Vec<u8>, number: u32, values: impl ExactSizeIterator<Item = u64>) {
    if values.len() == 0 {
        return;
    }
    head(out, number, values.len() * 8);
    out.extend(values.flat_map(u64::to_le_bytes));
}

/// Appends a length-delimited field, unless it is empty.
#[inline]
pub(crate) fn bytes_unless_empty(out: &mut Vec<u8>, number: u32, value: &[u8]) {
    if !value.is_empty() {
        bytes(out, number, value);
    }
}

/// Appends a varint field, unless it is zero.
#[inline]
pub(crate) fn uint_unless_zero(out: &mut Vec<u8>, number: u32, value: u64) {
    if value != 0 {
        uint(out, number, value);
    }
}

/// Appends a field of eight bytes, unless it is zero.
#[inline]
pub(crate) fn fixed64_unless_zero(out: &mut Vec<u8>, number: u32, value: u64) {
    if value != 0 {
        fixed64(out, number, value);
    }
}

/// Appends a field of four bytes, unless it is zero.
#[inline]
pub(crate) fn fixed32_unless_zero(out: &mut Vec<u8>, number: u32, value: u32) {
    if value != 0 {
        fixed32(out, number, value);
    }
}

/// Begins a nested message: its tag, and one byte for a length that [`close`] knows.
#[inline]
pub(crate) fn open(out: &mut Vec<u8>, number: u32) -> Open {
    open_like(out, number, 0)
}

/// Begins a nested message that will be about `len` bytes: if its length takes as many bytes as
/// that of `len`, closing moves nothing.
#[inline]
pub(crate) fn open_like(out: &mut Vec<u8>, number: u32, len: usize) -> Open {
    tag(out, number, DELIMITED);
    let length_at = out.len();
    let width = varint_len(len as u64);
    out.resize(length_at + width, 0);
    Open { length_at, width }
}

/// Ends a nested message: patches its length in.
///
/// A body whose length takes more or fewer bytes than were reserved moves by the difference: one
/// `memmove` of a body that is still in cache, cheaper than measuring the message before writing
/// it.
#[inline]
pub(crate) fn close(out: &mut Vec<u8>, open: Open) {
    let body_at = open.length_at + open.width;
    let len = out.len() - body_at;
    let width = varint_len(len as u64);
    if width != open.width {
        let end = open.length_at + width + len;
        out.resize(end.max(body_at + len), 0);
        out.copy_within(body_at..body_at + len, open.length_at + width);
        out.truncate(end);
    }
    let mut rest = len;
    let last = open.length_at + width - 1;
    for byte in &mut out[open.length_at..last] {
        *byte = rest as u8 | 0x80;
        rest >>= 7;
    }
    out[last] = rest as u8;
}
