//! The messages of profiles, which point into the dictionary of their request.

use super::{
    RESOURCE, SCOPE, VALUE, block, dropped_attributes, field, resource_block, span_id, table,
    trace_id,
};
use crate::{
    json::table::{
        Field,
        Kind::{Binary, Fixed64, Id, Int32, Int64, Message, Text, Uint64},
        Table,
    },
    number::{
        dictionary, function, line, location, mapping, profile, profile_link, request, sample,
        stack, unit_value, value_type,
    },
};

pub(in crate::json) static PROFILES: Table = table(&[
    field(
        "resourceProfiles",
        request::RESOURCES,
        Message(&RESOURCE_PROFILES),
    )
    .many(),
    field("dictionary", request::DICTIONARY, Message(&DICTIONARY)),
]);

static RESOURCE_PROFILES: Table = block!("resource": RESOURCE, "scopeProfiles": SCOPE_PROFILES);
static SCOPE_PROFILES: Table = block!("scope": SCOPE, "profiles": PROFILE);

static PROFILE: Table = table(&[
    field("sampleType", profile::SAMPLE_TYPE, Message(&VALUE_TYPE)),
    field("samples", profile::SAMPLES, Message(&SAMPLE)).many(),
    field("timeUnixNano", profile::TIME, Fixed64),
    field("durationNano", profile::DURATION, Uint64),
    field("periodType", profile::PERIOD_TYPE, Message(&VALUE_TYPE)),
    field("period", profile::PERIOD, Int64),
    field("profileId", profile::ID, Id(16)),
    dropped_attributes(profile::DROPPED_ATTRIBUTES),
    field("originalPayloadFormat", profile::PAYLOAD_FORMAT, Text),
    field("originalPayload", profile::PAYLOAD, Binary),
    attribute_indices(profile::ATTRIBUTES),
]);

static VALUE_TYPE: Table = table(&[
    field("typeStrindex", value_type::KIND, Int32),
    field("unitStrindex", value_type::UNIT, Int32),
]);

static SAMPLE: Table = table(&[
    field("stackIndex", sample::STACK, Int32),
    attribute_indices(sample::ATTRIBUTES),
    field("linkIndex", sample::LINK, Int32),
    field("values", sample::VALUES, Int64).many(),
    field("timestampsUnixNano", sample::TIMES, Fixed64).many(),
])
.item();

static DICTIONARY: Table = table(&[
    field("mappingTable", dictionary::MAPPINGS, Message(&MAPPING)).many(),
    field("locationTable", dictionary::LOCATIONS, Message(&LOCATION)).many(),
    field("functionTable", dictionary::FUNCTIONS, Message(&FUNCTION)).many(),
    field("linkTable", dictionary::LINKS, Message(&LINK)).many(),
    field("stringTable", dictionary::STRINGS, Text).many(),
    field(
        "attributeTable",
        dictionary::ATTRIBUTES,
        Message(&UNIT_VALUE),
    )
    .many(),
    field("stackTable", dictionary::STACKS, Message(&STACK)).many(),
]);

static MAPPING: Table = table(&[
    field("memoryStart", mapping::START, Uint64),
    field("memoryLimit", mapping::LIMIT, Uint64),
    field("fileOffset", mapping::OFFSET, Uint64),
    field("filenameStrindex", mapping::FILE, Int32),
    attribute_indices(mapping::ATTRIBUTES),
]);

static LOCATION: Table = table(&[
    field("mappingIndex", location::MAPPING, Int32),
    field("address", location::ADDRESS, Uint64),
    field("lines", location::LINES, Message(&LINE)).many(),
    attribute_indices(location::ATTRIBUTES),
]);

static LINE: Table = table(&[
    field("functionIndex", line::FUNCTION, Int32),
    field("line", line::LINE, Int64),
    field("column", line::COLUMN, Int64),
]);

static FUNCTION: Table = table(&[
    field("nameStrindex", function::NAME, Int32),
    field("systemNameStrindex", function::SYSTEM_NAME, Int32),
    field("filenameStrindex", function::FILE, Int32),
    field("startLine", function::START_LINE, Int64),
]);

static LINK: Table = table(&[
    trace_id(profile_link::TRACE_ID),
    span_id(profile_link::SPAN_ID),
]);

static UNIT_VALUE: Table = table(&[
    field("keyStrindex", unit_value::KEY, Int32),
    field("value", unit_value::VALUE, Message(&VALUE)),
    field("unitStrindex", unit_value::UNIT, Int32),
]);

static STACK: Table = table(&[field("locationIndices", stack::LOCATIONS, Int32).many()]);

const fn attribute_indices(number: u32) -> Field {
    field("attributeIndices", number, Int32).many()
}
