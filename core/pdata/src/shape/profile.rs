//! The layout of profiles and of the dictionary that they share.

use super::{
    Kind::{Bytes, Fixed64, Many, One, Packed64, PackedVarint, Varint},
    Shape, VALUE, resource_block_of, scope_block_of, shape,
};
use crate::number::{
    dictionary, function, line, location, mapping, profile, profile_link, request, sample, stack,
    unit_value, value_type,
};

pub(crate) static PROFILES: Shape = shape(
    "ExportProfilesServiceRequest",
    &[
        (request::RESOURCES, Many(&RESOURCE_PROFILES)),
        (request::DICTIONARY, One(&DICTIONARY, 0)),
    ],
);

static RESOURCE_PROFILES: Shape = resource_block_of("ResourceProfiles", &SCOPE_PROFILES);
static SCOPE_PROFILES: Shape = scope_block_of("ScopeProfiles", &PROFILE);

static PROFILE: Shape = shape(
    "Profile",
    &[
        (profile::SAMPLE_TYPE, One(&VALUE_TYPE, 0)),
        (profile::SAMPLES, Many(&SAMPLE)),
        (profile::TIME, Fixed64),
        (profile::DURATION, Varint),
        (profile::PERIOD_TYPE, One(&VALUE_TYPE, 1)),
        (profile::PERIOD, Varint),
        (profile::ID, Bytes),
        (profile::DROPPED_ATTRIBUTES, Varint),
        (profile::PAYLOAD_FORMAT, Bytes),
        (profile::PAYLOAD, Bytes),
        (profile::ATTRIBUTES, PackedVarint),
    ],
);

static VALUE_TYPE: Shape = shape(
    "ValueType",
    &[(value_type::KIND, Varint), (value_type::UNIT, Varint)],
);

static SAMPLE: Shape = shape(
    "Sample",
    &[
        (sample::STACK, Varint),
        (sample::ATTRIBUTES, PackedVarint),
        (sample::LINK, Varint),
        (sample::VALUES, PackedVarint),
        (sample::TIMES, Packed64),
    ],
)
.item();

static DICTIONARY: Shape = shape(
    "ProfilesDictionary",
    &[
        (dictionary::MAPPINGS, Many(&MAPPING)),
        (dictionary::LOCATIONS, Many(&LOCATION)),
        (dictionary::FUNCTIONS, Many(&FUNCTION)),
        (dictionary::LINKS, Many(&LINK)),
        (dictionary::STRINGS, Bytes),
        (dictionary::ATTRIBUTES, Many(&UNIT_VALUE)),
        (dictionary::STACKS, Many(&STACK)),
    ],
);

static MAPPING: Shape = shape(
    "Mapping",
    &[
        (mapping::START, Varint),
        (mapping::LIMIT, Varint),
        (mapping::OFFSET, Varint),
        (mapping::FILE, Varint),
        (mapping::ATTRIBUTES, PackedVarint),
    ],
);

static LOCATION: Shape = shape(
    "Location",
    &[
        (location::MAPPING, Varint),
        (location::ADDRESS, Varint),
        (location::LINES, Many(&LINE)),
        (location::ATTRIBUTES, PackedVarint),
    ],
);

static LINE: Shape = shape(
    "Line",
    &[
        (line::FUNCTION, Varint),
        (line::LINE, Varint),
        (line::COLUMN, Varint),
    ],
);

static FUNCTION: Shape = shape(
    "Function",
    &[
        (function::NAME, Varint),
        (function::SYSTEM_NAME, Varint),
        (function::FILE, Varint),
        (function::START_LINE, Varint),
    ],
);

static LINK: Shape = shape(
    "Link",
    &[
        (profile_link::TRACE_ID, Bytes),
        (profile_link::SPAN_ID, Bytes),
    ],
);

static UNIT_VALUE: Shape = shape(
    "KeyValueAndUnit",
    &[
        (unit_value::KEY, Varint),
        (unit_value::VALUE, One(&VALUE, 0)),
        (unit_value::UNIT, Varint),
    ],
);

static STACK: Shape = shape("Stack", &[(stack::LOCATIONS, PackedVarint)]);
