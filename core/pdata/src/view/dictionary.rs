//! What the profiles of one request point at: strings, attributes, code, spans.
//!
//! Every table must begin with an empty entry, so that place zero means nothing; it reads as such
//! whatever stands there. So does a place that a table does not have.

use std::borrow::Cow;

use super::{
    Attributes, Value,
    message::{self, Message},
    profile::indices,
};
use crate::{
    Batch, Signal,
    number::{
        dictionary, function, key_value, line, location, mapping, profile_link, request, stack,
        unit_value, value,
    },
    wire::read::{Fields, Payload},
};

/// How many tables a dictionary has.
pub(crate) const TABLES: usize = 7;

/// The dictionary of a batch of profiles.
///
/// Making one lists the entries of all tables, so keep it; each is found in no time then.
#[derive(Clone, Debug, Default)]
pub struct Dictionary<'a> {
    tables: [Vec<&'a [u8]>; TABLES],
}

impl<'a> Dictionary<'a> {
    /// Lists the dictionary of a batch, which must be of profiles.
    pub fn new(batch: &'a Batch) -> Self {
        assert_eq!(
            batch.signal(),
            Signal::Profiles,
            "only profiles have a dictionary"
        );
        let mut all = Self::default();
        let fields = batch.chunks().iter().flat_map(|chunk| Fields::new(chunk));
        for field in fields.filter(|field| field.number == request::DICTIONARY) {
            if let Payload::Bytes(body) = field.payload {
                all.extend(body);
            }
        }
        all
    }

    fn extend(&mut self, body: &'a [u8]) {
        for entry in Fields::new(body) {
            let table = (entry.number as usize).wrapping_sub(1);
            if let (Some(table), Payload::Bytes(body)) = (self.tables.get_mut(table), entry.payload)
            {
                table.push(body);
            }
        }
    }

    /// Returns the body of an entry of the table that has this field number.
    pub(crate) fn entry(&self, table: u32, index: usize) -> Option<&'a [u8]> {
        self.tables[table as usize - 1].get(index).copied()
    }

    /// Returns how many entries the table with this field number has.
    pub(crate) fn len(&self, table: u32) -> usize {
        self.tables[table as usize - 1].len()
    }

    fn message(&self, table: u32, index: i32) -> Message<'a> {
        let entry = usize::try_from(index).ok().filter(|&index| index > 0);
        Message(
            entry
                .and_then(|index| self.entry(table, index))
                .unwrap_or_default(),
        )
    }

    /// Returns a string.
    pub fn string(&self, index: i32) -> Cow<'a, str> {
        message::text(self.message(dictionary::STRINGS, index).0)
    }

    /// Returns an attribute.
    pub fn attribute(&self, index: i32) -> UnitValue<'a> {
        UnitValue(self.message(dictionary::ATTRIBUTES, index))
    }

    /// Returns key and value of an attribute, with strings where they have indexes.
    pub fn pair(&self, attribute: UnitValue<'a>) -> (Cow<'a, str>, Value<'a>) {
        let value = self.value(attribute.0.message(unit_value::VALUE));
        (self.string(attribute.key_index()), value)
    }

    /// Returns keys and values, with strings where they have indexes. Inside of arrays and maps
    /// indexes are not followed.
    pub fn pairs(
        &self,
        attributes: &Attributes<'a>,
    ) -> impl Iterator<Item = (Cow<'a, str>, Value<'a>)> {
        attributes.entries().map(|entry| {
            let key = match entry.int32(key_value::KEY_INDEX) {
                0 => entry.string(key_value::KEY),
                index => self.string(index),
            };
            (key, self.value(entry.message(key_value::VALUE)))
        })
    }

    fn value(&self, message: Message<'a>) -> Value<'a> {
        match Value::new(message) {
            Value::Empty if message.has(value::STRING_INDEX) => {
                Value::Str(self.string(message.int32(value::STRING_INDEX)))
            }
            value => value,
        }
    }

    /// Returns a stack.
    pub fn stack(&self, index: i32) -> Stack<'a> {
        Stack(self.message(dictionary::STACKS, index))
    }

    /// Returns a location.
    pub fn location(&self, index: i32) -> Location<'a> {
        Location(self.message(dictionary::LOCATIONS, index))
    }

    /// Returns a function.
    pub fn function(&self, index: i32) -> Function<'a> {
        Function(self.message(dictionary::FUNCTIONS, index))
    }

    /// Returns a mapping.
    pub fn mapping(&self, index: i32) -> Mapping<'a> {
        Mapping(self.message(dictionary::MAPPINGS, index))
    }

    /// Returns a link.
    pub fn link(&self, index: i32) -> ProfileLink<'a> {
        ProfileLink(self.message(dictionary::LINKS, index))
    }
}

/// An attribute of a profile, a sample, a mapping or a location.
#[derive(Clone, Copy, Debug)]
pub struct UnitValue<'a>(Message<'a>);

impl<'a> UnitValue<'a> {
    /// Returns the place of its key in the string table.
    pub fn key_index(&self) -> i32 {
        self.0.int32(unit_value::KEY)
    }

    /// Returns its value.
    pub fn value(&self) -> Value<'a> {
        Value::new(self.0.message(unit_value::VALUE))
    }

    /// Returns the place of its unit in the string table.
    pub fn unit_index(&self) -> i32 {
        self.0.int32(unit_value::UNIT)
    }
}

/// The way into a function, from the innermost call outwards.
#[derive(Clone, Copy, Debug)]
pub struct Stack<'a>(Message<'a>);

impl<'a> Stack<'a> {
    /// Returns places in the location table, the leaf first.
    pub fn location_indices(&self) -> impl Iterator<Item = i32> + Clone + use<'a> {
        indices(self.0, stack::LOCATIONS)
    }
}

/// A place in the code.
#[derive(Clone, Copy, Debug)]
pub struct Location<'a>(Message<'a>);

impl<'a> Location<'a> {
    /// Returns the place of its binary in the mapping table.
    pub fn mapping_index(&self) -> i32 {
        self.0.int32(location::MAPPING)
    }

    /// Returns the address of the instruction.
    pub fn address(&self) -> u64 {
        self.0.uint(location::ADDRESS)
    }

    /// Returns the lines there: several where functions are inlined, the innermost first.
    pub fn lines(&self) -> impl Iterator<Item = Line> + Clone + use<'a> {
        self.0.messages(location::LINES).map(|one| Line {
            function_index: one.int32(line::FUNCTION),
            line: one.uint(line::LINE).cast_signed(),
            column: one.uint(line::COLUMN).cast_signed(),
        })
    }

    /// Returns its attributes, as places in the attribute table.
    pub fn attribute_indices(&self) -> impl Iterator<Item = i32> + Clone + use<'a> {
        indices(self.0, location::ATTRIBUTES)
    }
}

/// A line of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The place of its function in the function table.
    pub function_index: i32,
    /// The number of the line; zero when nobody knows.
    pub line: i64,
    /// The number of the column; zero when nobody knows.
    pub column: i64,
}

/// A function.
#[derive(Clone, Copy, Debug)]
pub struct Function<'a>(Message<'a>);

impl Function<'_> {
    /// Returns the place of its name in the string table.
    pub fn name_index(&self) -> i32 {
        self.0.int32(function::NAME)
    }

    /// Returns the place of its mangled name in the string table.
    pub fn system_name_index(&self) -> i32 {
        self.0.int32(function::SYSTEM_NAME)
    }

    /// Returns the place of its source file's name in the string table.
    pub fn file_index(&self) -> i32 {
        self.0.int32(function::FILE)
    }

    /// Returns the line it begins in; zero when nobody knows.
    pub fn start_line(&self) -> i64 {
        self.0.uint(function::START_LINE).cast_signed()
    }
}

/// A binary in memory.
#[derive(Clone, Copy, Debug)]
pub struct Mapping<'a>(Message<'a>);

impl<'a> Mapping<'a> {
    /// Returns where it begins in memory.
    pub fn memory_start(&self) -> u64 {
        self.0.uint(mapping::START)
    }

    /// Returns where it ends in memory.
    pub fn memory_limit(&self) -> u64 {
        self.0.uint(mapping::LIMIT)
    }

    /// Returns where it begins in its file.
    pub fn file_offset(&self) -> u64 {
        self.0.uint(mapping::OFFSET)
    }

    /// Returns the place of its file's name in the string table.
    pub fn file_index(&self) -> i32 {
        self.0.int32(mapping::FILE)
    }

    /// Returns its attributes, as places in the attribute table.
    pub fn attribute_indices(&self) -> impl Iterator<Item = i32> + Clone + use<'a> {
        indices(self.0, mapping::ATTRIBUTES)
    }
}

/// The span in which a sample was met.
#[derive(Clone, Copy, Debug)]
pub struct ProfileLink<'a>(Message<'a>);

impl<'a> ProfileLink<'a> {
    /// Returns the trace id.
    pub fn trace_id(&self) -> &'a [u8] {
        self.0.bytes(profile_link::TRACE_ID)
    }

    /// Returns the span id.
    pub fn span_id(&self) -> &'a [u8] {
        self.0.bytes(profile_link::SPAN_ID)
    }
}
