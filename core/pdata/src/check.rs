//! Admits bytes from outside: one walk along the framing, at the edge, and never again.
//!
//! After it a [`Batch`] is well-formed, its items are counted and views cannot fail. It looks at
//! framing only: ids of odd length or strings that are not UTF-8 pass, as they do in the Collector.

use std::ops::Range;

use bytes::Bytes;

use crate::{
    Batch, Signal,
    shape::{self, Kind, Shape},
    wire::read::{Broken, Field, Fields, Payload, Varints},
};

/// The largest request that is looked at, in bytes. Receivers have smaller limits of their own.
pub const MAX_WIRE_BYTES: usize = 1 << 30;

/// How deep values may be nested in values, in arrays and maps.
pub const MAX_VALUE_DEPTH: u32 = 64;

/// Bytes that are not an export request, and where that shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at byte {at}: {flaw}")]
pub struct Malformed {
    /// The message that holds the flaw, by its OTLP name.
    pub message: &'static str,
    /// Where the flawed field begins, counted from the start of the request.
    pub at: usize,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It is not a protobuf field.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// It has another wire type than OTLP gives this field number.
    #[error("field {0} has the wrong wire type")]
    WrongType(u32),
    /// It is a message that may come once and comes again.
    #[error("field {0} comes twice")]
    Twice(u32),
    /// It nests deeper than [`MAX_VALUE_DEPTH`].
    #[error("values are nested deeper than {MAX_VALUE_DEPTH}")]
    TooDeep,
    /// The request is larger than [`MAX_WIRE_BYTES`].
    #[error("request is larger than {MAX_WIRE_BYTES} bytes")]
    TooLarge,
}

impl Batch {
    /// Admits an export request: checks its framing and counts its items. Copies nothing.
    pub fn checked(signal: Signal, wire: Bytes) -> Result<Self, Malformed> {
        let shape = match signal {
            Signal::Traces => &shape::TRACES,
            Signal::Metrics => &shape::METRICS,
            Signal::Logs => &shape::LOGS,
            Signal::Profiles => &shape::PROFILES,
        };
        if wire.len() > MAX_WIRE_BYTES {
            return Err(Malformed {
                message: shape.name,
                at: 0,
                flaw: Flaw::TooLarge,
            });
        }
        let mut walk = Walk { items: 0, depth: 0 };
        walk.message(shape, &wire, 0)?;
        let items = walk.items;
        Ok(Self::written(signal, wire, items))
    }
}

impl Shape {
    #[cold]
    fn flawed(&self, at: usize, flaw: Flaw) -> Malformed {
        Malformed {
            message: self.name,
            at,
            flaw,
        }
    }
}

struct Walk {
    /// Cannot overflow: an item takes two bytes at least, and there are 2^30.
    items: u32,
    depth: u32,
}

impl Walk {
    /// Checks one message that begins at byte `base`. Recurses at most a few frames for OTLP's
    /// fixed levels and three for each value in a value, so the stack is bounded by
    /// [`MAX_VALUE_DEPTH`].
    fn message(&mut self, shape: &Shape, body: &[u8], base: usize) -> Result<(), Malformed> {
        self.items += u32::from(shape.item);
        self.depth += u32::from(shape.nests);
        if self.depth > MAX_VALUE_DEPTH {
            return Err(shape.flawed(base, Flaw::TooDeep));
        }
        let mut seen = 0u32;
        let mut fields = Fields::new(body);
        loop {
            // Nine of ten fields of real telemetry end here.
            if let Some((number, bytes)) = fields.step_short() {
                match shape.short_kind(number) {
                    Kind::Unknown | Kind::Bytes => continue,
                    // A plain attribute has one value, which is one level deeper.
                    Kind::Many(inner)
                        if std::ptr::eq(inner, &raw const shape::KEY_VALUE)
                            && self.depth < MAX_VALUE_DEPTH
                            && is_plain(bytes) =>
                    {
                        continue;
                    }
                    _ => {}
                }
                let field = Field {
                    number,
                    payload: Payload::Bytes(bytes),
                };
                let end = fields.at();
                let at = end - bytes.len() - 2;
                self.field(shape, field, &mut seen, base + at..base + end)?;
                continue;
            }
            let at = fields.at();
            match fields.step() {
                Ok(None) => break,
                Ok(Some(field)) => {
                    self.field(shape, field, &mut seen, base + at..base + fields.at())?;
                }
                Err(broken) => return Err(shape.flawed(base + at, broken.into())),
            }
        }
        self.depth -= u32::from(shape.nests);
        Ok(())
    }

    /// Checks one field of a message: what it carries, and whether it may come again.
    #[inline]
    fn field(
        &mut self,
        shape: &Shape,
        field: Field<'_>,
        seen: &mut u32,
        range: Range<usize>,
    ) -> Result<(), Malformed> {
        let flawed = |flaw| Err(shape.flawed(range.start, flaw));
        match (shape.kind(field.number), field.payload) {
            (Kind::Unknown, _)
            | (Kind::Bytes, Payload::Bytes(_))
            | (Kind::Varint | Kind::PackedVarint, Payload::Varint(_))
            | (Kind::Fixed64 | Kind::Packed64, Payload::Fixed64(_))
            | (Kind::Fixed32, Payload::Fixed32(_)) => Ok(()),
            (Kind::Many(inner), Payload::Bytes(bytes)) => {
                self.message(inner, bytes, range.end - bytes.len())
            }
            (Kind::One(inner, bit), Payload::Bytes(bytes)) => {
                if *seen & 1 << bit != 0 {
                    return flawed(Flaw::Twice(field.number));
                }
                *seen |= 1 << bit;
                self.message(inner, bytes, range.end - bytes.len())
            }
            (Kind::Packed64, Payload::Bytes(bytes)) if bytes.len() % 8 == 0 => Ok(()),
            (Kind::Packed64, Payload::Bytes(_)) => flawed(Broken::Truncated.into()),
            (Kind::PackedVarint, Payload::Bytes(bytes)) => match Varints(bytes).check() {
                Ok(()) => Ok(()),
                Err(broken) => flawed(broken.into()),
            },
            _ => flawed(Flaw::WrongType(field.number)),
        }
    }
}

/// Recognises an attribute as nearly all are: a key, then one scalar, both short. It is
/// well-formed; of others this says nothing. Half the time of the whole walk is saved by it.
#[inline]
fn is_plain(attribute: &[u8]) -> bool {
    let [0x0a, key_len @ 0..0x80, rest @ ..] = attribute else {
        return false;
    };
    let Some((_key, [0x12, value_len @ 0..0x80, value @ ..])) =
        rest.split_at_checked(usize::from(*key_len))
    else {
        return false;
    };
    if value.len() != usize::from(*value_len) {
        return false;
    }
    match value {
        [0x0a | 0x3a, len @ 0..0x80, text @ ..] => text.len() == usize::from(*len),
        [0x10 | 0x18, 0..0x80] => true,
        // A tenth byte would have to be looked at.
        [0x18, more @ .., 0..0x80] => more.len() < 9 && more.iter().all(|byte| *byte >= 0x80),
        [0x21, double @ ..] => double.len() == 8,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::write;

    #[test]
    fn plain_attributes_are_those_the_whole_walk_admits() {
        let value = |body: &[u8]| {
            let mut attribute = Vec::new();
            write::bytes(&mut attribute, 1, b"key");
            write::bytes(&mut attribute, 2, body);
            attribute
        };
        let plain = [
            value(b"\x0a\x04text"),
            value(b"\x10\x01"),
            value(b"\x18\x00"),
            value(b"\x18\xc8\x01"),
            value(b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
            value(b"\x21\0\0\0\0\0\0\xf0\x3f"),
        ];
        let mut walk = Walk { items: 0, depth: 0 };
        for attribute in &plain {
            assert!(is_plain(attribute), "{attribute:?}");
            assert_eq!(walk.message(&shape::KEY_VALUE, attribute, 0), Ok(()));
        }
        // Whatever one byte is changed or cut: what is taken for plain is well-formed.
        for attribute in &plain {
            for at in 0..attribute.len() {
                for byte in 0..=u8::MAX {
                    let mut changed = attribute.clone();
                    changed[at] = byte;
                    for changed in [&changed[..], &changed[..at]] {
                        let admitted = walk.message(&shape::KEY_VALUE, changed, 0).is_ok();
                        assert!(!is_plain(changed) || admitted, "{changed:?}");
                        walk.depth = 0;
                    }
                }
            }
        }
    }
}
