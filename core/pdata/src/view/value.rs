//! Attributes and the values they have.

use std::borrow::Cow;

use super::message::{self, Message};
use crate::{
    number::{key_value, list, value},
    wire::read::{Field, Fields, Payload},
};

/// An attribute's value, or a log record's body.
#[derive(Clone, Debug, Default)]
pub enum Value<'a> {
    /// Nothing, or a kind of value that we do not know.
    #[default]
    Empty,
    /// A string; bytes that are not UTF-8 are shown as replacement characters.
    Str(Cow<'a, str>),
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating point number.
    Double(f64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Values in order.
    Array(Array<'a>),
    /// Keys with values, in wire order; the wire does not promise that keys are unique.
    Map(Attributes<'a>),
}

impl<'a> Value<'a> {
    /// Returns the string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the integer, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            _ => None,
        }
    }

    /// Views the body of an `AnyValue`, without its tag and length.
    pub fn from_wire(body: &'a [u8]) -> Self {
        Self::new(Message(body))
    }

    /// Reads the body of an `AnyValue`. Of a `oneof` the last member counts.
    pub(super) fn new(message: Message<'a>) -> Self {
        Fields::new(message.0)
            .filter_map(Self::member)
            .last()
            .unwrap_or_default()
    }

    fn member(field: Field<'a>) -> Option<Self> {
        Some(match (field.number, field.payload) {
            (value::STRING, Payload::Bytes(text)) => Self::Str(message::text(text)),
            (value::BOOL, Payload::Varint(truth)) => Self::Bool(truth != 0),
            (value::INT, Payload::Varint(int)) => Self::Int(int.cast_signed()),
            (value::DOUBLE, Payload::Fixed64(bits)) => Self::Double(f64::from_bits(bits)),
            (value::ARRAY, Payload::Bytes(body)) => Self::Array(Array(Message(body))),
            (value::MAP, Payload::Bytes(body)) => {
                Self::Map(Attributes::new(Message(body), list::VALUES))
            }
            (value::BYTES, Payload::Bytes(bytes)) => Self::Bytes(bytes),
            (value::STRING_INDEX, Payload::Varint(_)) => Self::Empty,
            _ => return None,
        })
    }
}

/// The values of an array.
#[derive(Clone, Copy, Debug)]
pub struct Array<'a>(Message<'a>);

impl<'a> Array<'a> {
    /// Returns the values in order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + Clone + use<'a> {
        self.0.messages(list::VALUES).map(Value::new)
    }
}

/// Keys with values: the attributes of a record, or a map.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    owner: Message<'a>,
    field: u32,
}

impl<'a> Attributes<'a> {
    /// The attributes that stand in `owner` under this field number.
    pub(super) fn new(owner: Message<'a>, field: u32) -> Self {
        Self { owner, field }
    }

    /// Returns keys and values in wire order.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'a, str>, Value<'a>)> + Clone + use<'a> {
        self.pairs()
            .map(|(key, value)| (message::text(key), Value::new(value)))
    }

    /// Finds the value of the first attribute with this key; compares bytes, decodes one value.
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        let (_, value) = self.pairs().find(|(found, _)| *found == key.as_bytes())?;
        Some(Value::new(value))
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.owner.messages(self.field).next().is_none()
    }

    /// Returns keys with values as the messages they are.
    pub(super) fn entries(&self) -> impl Iterator<Item = Message<'a>> + Clone + use<'a> {
        self.owner.messages(self.field)
    }

    fn pairs(&self) -> impl Iterator<Item = (&'a [u8], Message<'a>)> + Clone + use<'a> {
        self.owner.messages(self.field).map(|entry| {
            // One walk for both: this is the hottest loop of every reader.
            let (mut key, mut value) = (&[][..], Message(&[]));
            for field in Fields::new(entry.0) {
                match (field.number, field.payload) {
                    (key_value::KEY, Payload::Bytes(bytes)) => key = bytes,
                    (key_value::VALUE, Payload::Bytes(bytes)) => value = Message(bytes),
                    _ => {}
                }
            }
            (key, value)
        })
    }
}
