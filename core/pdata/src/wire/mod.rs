//! Protobuf's wire form: varints, tags, fixed words and length-delimited bytes.
//!
//! [`read`] walks fields of borrowed bytes, [`write`] appends them to a `Vec<u8>`. Neither knows a
//! message of OTLP; field numbers live in [`number`](crate::number).

pub(crate) mod read;
pub(crate) mod write;

/// The wire type of a varint field.
pub(crate) const VARINT: u32 = 0;
/// The wire type of a field of eight bytes.
pub(crate) const FIXED64: u32 = 1;
/// The wire type of a field that says its length: strings, bytes, messages, packed numbers.
pub(crate) const DELIMITED: u32 = 2;
/// The wire type of a field of four bytes.
pub(crate) const FIXED32: u32 = 5;
