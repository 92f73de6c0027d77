//! Just enough protobuf to read small answers: `google.rpc.Status` and its like.
//!
//! Hostile input ends the iteration early and is never an error. Telemetry has its own reader.

/// A field's value, by wire type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// An integer, a boolean or an enum.
    Varint(u64),
    /// Eight bytes.
    Fixed64([u8; 8]),
    /// A string, bytes or a message.
    Bytes(&'a [u8]),
    /// Four bytes.
    Fixed32([u8; 4]),
}

/// A message, read by field number. Of a field that occurs twice the last one counts.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a>(&'a [u8]);

impl<'a> Message<'a> {
    /// Wraps an encoded message.
    pub fn new(wire: &'a [u8]) -> Self {
        Self(wire)
    }

    /// Returns all fields, in order.
    pub fn fields(self) -> Fields<'a> {
        Fields(self.0)
    }

    /// Returns an integer field, or 0.
    pub fn int(self, number: u64) -> i64 {
        let Some(Value::Varint(raw)) = self.last(number) else {
            return 0;
        };
        raw.cast_signed()
    }

    /// Returns a string, bytes or message field, or nothing in it.
    pub fn bytes(self, number: u64) -> &'a [u8] {
        let Some(Value::Bytes(bytes)) = self.last(number) else {
            return &[];
        };
        bytes
    }

    /// Returns a string field, or `""`; what is not UTF-8 is replaced.
    pub fn text(self, number: u64) -> String {
        String::from_utf8_lossy(self.bytes(number)).into_owned()
    }

    /// Returns a field that is a message, possibly an empty one.
    #[must_use]
    pub fn message(self, number: u64) -> Self {
        Self(self.bytes(number))
    }

    fn last(self, number: u64) -> Option<Value<'a>> {
        self.fields()
            .filter(|(found, _)| *found == number)
            .last()
            .map(|(_, value)| value)
    }
}

/// Iterates over the fields of one message, until the end or the first malformed byte.
#[derive(Clone, Debug)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn value(&mut self, wire_type: u64) -> Option<Value<'a>> {
        Some(match wire_type {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.take(8)?.try_into().ok()?),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed32(self.take(4)?.try_into().ok()?),
            _ => return None,
        })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self
            .varint()
            .and_then(|tag| Some((tag >> 3, self.value(tag & 7)?)));
        if field.is_none() {
            self.0 = &[];
        }
        field
    }
}

#[cfg(test)]
mod tests {
    use super::{Message, Value};

    #[test]
    fn reads_every_wire_type_and_ends_at_garbage() {
        let message = b"\x08\x96\x01\x12\x02hi\x1d\x01\x02\x03\x04\x21\0\0\0\0\0\0\0\x01\x2b";
        let fields: Vec<_> = Message::new(message).fields().collect();
        assert_eq!(
            fields,
            [
                (1, Value::Varint(150)),
                (2, Value::Bytes(b"hi")),
                (3, Value::Fixed32([1, 2, 3, 4])),
                (4, Value::Fixed64([0, 0, 0, 0, 0, 0, 0, 1])),
            ]
        );
    }

    #[test]
    fn a_truncated_message_ends_early() {
        let message = b"\x08\x96\x01\x12\x02hi";
        for end in 0..message.len() {
            assert!(
                Message::new(&message[..end]).fields().count() <= 1,
                "cut at {end}"
            );
        }
        let lying = Message::new(b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
        assert_eq!(lying.fields().next(), None);
    }
}
