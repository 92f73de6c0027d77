//! What a message looks like in JSON, as data: names, numbers and kinds of its fields.
//!
//! One table drives both directions. It must not know a message of OTLP; those are in
//! [`layout`](super::layout).

/// The highest field number of OTLP.
const HIGHEST: usize = 16;

/// How many fields a message may have; one bit each in a `u32`.
pub(super) const MAX_FIELDS: usize = 20;

/// The fields of one message.
pub(super) struct Table {
    /// Whether a message of this kind is an item of its batch.
    pub(super) item: bool,
    /// Whether it counts against the nesting limit.
    pub(super) nests: bool,
    pub(super) fields: &'static [Field],
    /// Finds a field by its number.
    indexes: [u8; HIGHEST + 1],
}

/// One field.
pub(super) struct Field {
    /// Its name in lowerCamelCase.
    pub(super) name: &'static str,
    pub(super) number: u32,
    pub(super) kind: Kind,
    pub(super) count: Count,
}

/// What a field holds: its wire form and its JSON form.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    /// Bytes in hex, of this length or empty.
    Id(usize),
    /// Bytes in base64.
    Binary,
    Bool,
    Double,
    /// Four bytes, as a number.
    Fixed32,
    /// A varint, as a number.
    Uint32,
    /// A varint with its sign extended, as a number.
    Int32,
    /// A zigzag varint, as a number.
    Sint32,
    /// Like `Int32`; names are read as well. A name's place is its number.
    Enum(&'static Names),
    /// Eight bytes, as a decimal string. So are the following.
    Fixed64,
    Sfixed64,
    Uint64,
    Int64,
    Message(&'static Table),
}

/// The names of an enum: what all begin with, and how each goes on.
pub(super) struct Names {
    pub(super) prefix: &'static str,
    pub(super) rest: &'static [&'static str],
}

/// How often a field may come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    /// Once, and its zero is the same as its absence (unless it is a message).
    Once,
    /// Once or not at all: zero is told apart.
    Optional,
    /// As a member of the one `oneof` that the message has.
    Either,
    Many,
}

impl Table {
    /// Finds a field by its name, in camelCase or snake_case. Looks at `likely` first.
    pub(super) fn find(&self, name: &str, likely: usize) -> Option<usize> {
        let same = |field: &Field| field.name == name;
        if self.fields.get(likely).is_some_and(same) {
            return Some(likely);
        }
        let position = |same: &dyn Fn(&Field) -> bool| self.fields.iter().position(same);
        position(&same).or_else(|| {
            let snake = |field: &Field| is_snake_of(name, field.name);
            name.contains('_').then(|| position(&snake)).flatten()
        })
    }

    /// Finds a field by its number.
    pub(super) fn index(&self, number: u32) -> Option<usize> {
        let index = usize::from(*self.indexes.get(number as usize)?);
        (index < self.fields.len()).then_some(index)
    }

    pub(super) const fn item(mut self) -> Self {
        self.item = true;
        self
    }

    pub(super) const fn nests(mut self) -> Self {
        self.nests = true;
        self
    }
}

impl Field {
    pub(super) const fn optional(self) -> Self {
        self.count(Count::Optional)
    }

    pub(super) const fn either(self) -> Self {
        self.count(Count::Either)
    }

    pub(super) const fn many(self) -> Self {
        self.count(Count::Many)
    }

    const fn count(mut self, count: Count) -> Self {
        self.count = count;
        self
    }
}

/// A field that may come once.
pub(super) const fn field(name: &'static str, number: u32, kind: Kind) -> Field {
    Field {
        name,
        number,
        kind,
        count: Count::Once,
    }
}

pub(super) const fn table(fields: &'static [Field]) -> Table {
    assert!(fields.len() <= MAX_FIELDS, "a field has a bit");
    let mut indexes = [u8::MAX; HIGHEST + 1];
    let mut index = 0;
    while index < fields.len() {
        indexes[fields[index].number as usize] = index as u8;
        index += 1;
    }
    Table {
        item: false,
        nests: false,
        fields,
        indexes,
    }
}

/// Says whether `snake` is `camel` with each upper case letter as an underscore and a lower one.
fn is_snake_of(snake: &str, camel: &str) -> bool {
    let mut rest = snake.bytes();
    let same = camel.bytes().all(|byte| {
        if byte.is_ascii_uppercase() {
            rest.next() == Some(b'_') && rest.next() == Some(byte.to_ascii_lowercase())
        } else {
            rest.next() == Some(byte)
        }
    });
    same && rest.next().is_none()
}
