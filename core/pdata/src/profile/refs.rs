//! Where indexes stand in the messages of profiles, as data.

use Refs::{Index, Inside};

use crate::number::{
    dictionary, function, key_value, line, list, location, mapping, profile, request, resource,
    resource_block, sample, scope, scope_block, stack, unit_value, value, value_type,
};

/// What a field has to do with indexes.
#[derive(Clone, Copy)]
pub(super) enum Refs {
    /// It is an index, or a list of them, into the table of this field number.
    Index(u32),
    /// It is a message that has some inside.
    Inside(&'static Holder),
}

/// A message that has indexes in it: its fields that matter.
pub(super) struct Holder(&'static [(u32, Refs)]);

impl Holder {
    /// Returns what the field of this number has to do with indexes.
    pub(super) fn field(&self, number: u32) -> Option<Refs> {
        let mut fields = self.0.iter();
        fields
            .find(|(one, _)| *one == number)
            .map(|(_, refs)| *refs)
    }
}

impl Holder {
    /// Says whether there is nothing in it to look for.
    pub(super) fn is_leaf(&self) -> bool {
        self.0.is_empty()
    }
}

/// Returns what the entries of a table hold.
pub(super) fn entry(table: u32) -> &'static Holder {
    match table {
        dictionary::MAPPINGS => &MAPPING,
        dictionary::LOCATIONS => &LOCATION,
        dictionary::FUNCTIONS => &FUNCTION,
        dictionary::ATTRIBUTES => &UNIT_VALUE,
        dictionary::STACKS => &STACK,
        // Strings and links point at nothing.
        _ => &LEAF,
    }
}

static LEAF: Holder = Holder(&[]);

pub(super) static REQUEST: Holder = Holder(&[(request::RESOURCES, Inside(&RESOURCE_PROFILES))]);

static RESOURCE_PROFILES: Holder = Holder(&[
    (resource_block::RESOURCE, Inside(&RESOURCE)),
    (resource_block::SCOPES, Inside(&SCOPE_PROFILES)),
]);

static RESOURCE: Holder = Holder(&[(resource::ATTRIBUTES, Inside(&KEY_VALUE))]);

static SCOPE_PROFILES: Holder = Holder(&[
    (scope_block::SCOPE, Inside(&SCOPE)),
    (scope_block::RECORDS, Inside(&PROFILE)),
]);

static SCOPE: Holder = Holder(&[(scope::ATTRIBUTES, Inside(&KEY_VALUE))]);

static KEY_VALUE: Holder = Holder(&[
    (key_value::VALUE, Inside(&VALUE)),
    (key_value::KEY_INDEX, Index(dictionary::STRINGS)),
]);

static VALUE: Holder = Holder(&[
    (value::ARRAY, Inside(&ARRAY)),
    (value::MAP, Inside(&MAP)),
    (value::STRING_INDEX, Index(dictionary::STRINGS)),
]);

static ARRAY: Holder = Holder(&[(list::VALUES, Inside(&VALUE))]);
static MAP: Holder = Holder(&[(list::VALUES, Inside(&KEY_VALUE))]);

static PROFILE: Holder = Holder(&[
    (profile::SAMPLE_TYPE, Inside(&VALUE_TYPE)),
    (profile::SAMPLES, Inside(&SAMPLE)),
    (profile::PERIOD_TYPE, Inside(&VALUE_TYPE)),
    (profile::ATTRIBUTES, Index(dictionary::ATTRIBUTES)),
]);

static VALUE_TYPE: Holder = Holder(&[
    (value_type::KIND, Index(dictionary::STRINGS)),
    (value_type::UNIT, Index(dictionary::STRINGS)),
]);

static SAMPLE: Holder = Holder(&[
    (sample::STACK, Index(dictionary::STACKS)),
    (sample::ATTRIBUTES, Index(dictionary::ATTRIBUTES)),
    (sample::LINK, Index(dictionary::LINKS)),
]);

static MAPPING: Holder = Holder(&[
    (mapping::FILE, Index(dictionary::STRINGS)),
    (mapping::ATTRIBUTES, Index(dictionary::ATTRIBUTES)),
]);

static LOCATION: Holder = Holder(&[
    (location::MAPPING, Index(dictionary::MAPPINGS)),
    (location::LINES, Inside(&LINE)),
    (location::ATTRIBUTES, Index(dictionary::ATTRIBUTES)),
]);

static LINE: Holder = Holder(&[(line::FUNCTION, Index(dictionary::FUNCTIONS))]);

static FUNCTION: Holder = Holder(&[
    (function::NAME, Index(dictionary::STRINGS)),
    (function::SYSTEM_NAME, Index(dictionary::STRINGS)),
    (function::FILE, Index(dictionary::STRINGS)),
]);

static UNIT_VALUE: Holder = Holder(&[
    (unit_value::KEY, Index(dictionary::STRINGS)),
    (unit_value::VALUE, Inside(&VALUE)),
    (unit_value::UNIT, Index(dictionary::STRINGS)),
]);

static STACK: Holder = Holder(&[(stack::LOCATIONS, Index(dictionary::LOCATIONS))]);
