//! Arbitrary profiles. Tables begin with the empty entry that they must begin with; indexes may
//! point outside.

use opentelemetry_proto::tonic::{
    collector::profiles::v1development::ExportProfilesServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    profiles::v1development::{
        Function, KeyValueAndUnit, Line, Link, Location, Mapping, Profile, ProfilesDictionary,
        ResourceProfiles, Sample, ScopeProfiles, Stack, ValueType,
    },
    resource::v1::Resource,
};
use proptest::{collection::vec, option, prelude::*};

use super::{any_value, text, u32s, u64s};

fn index() -> impl Strategy<Value = i32> {
    prop_oneof![9 => 0..5i32, 1 => Just(-1), 1 => any::<i32>()]
}

fn indices() -> impl Strategy<Value = Vec<i32>> {
    vec(index(), 0..3)
}

fn id(len: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(vec![]), vec(any::<u8>(), len)]
}

fn table<T: Clone + std::fmt::Debug + Default>(
    entry: impl Strategy<Value = T>,
) -> impl Strategy<Value = Vec<T>> {
    let with_first = |mut entries: Vec<T>| {
        entries.insert(0, T::default());
        entries
    };
    vec(entry, 0..5).prop_map(with_first)
}

/// A value that may point into the string table.
fn value() -> impl Strategy<Value = Option<AnyValue>> {
    let by_index = index().prop_map(|index| AnyValue {
        value: Some(Value::StringValueStrindex(index)),
    });
    option::of(prop_oneof![any_value(), by_index])
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let pair = (text(), index(), value()).prop_map(|(key, key_strindex, value)| KeyValue {
        key,
        value,
        key_strindex,
    });
    vec(pair, 0..3)
}

fn dictionary() -> impl Strategy<Value = ProfilesDictionary> {
    let mapping = (u64s(), u64s(), u64s(), index(), indices()).prop_map(
        |(memory_start, memory_limit, file_offset, filename_strindex, attribute_indices)| Mapping {
            memory_start,
            memory_limit,
            file_offset,
            filename_strindex,
            attribute_indices,
        },
    );
    let line = (index(), any::<i64>(), -1..3i64).prop_map(|(function_index, line, column)| Line {
        function_index,
        line,
        column,
    });
    let location = (index(), u64s(), vec(line, 0..3), indices()).prop_map(
        |(mapping_index, address, lines, attribute_indices)| Location {
            mapping_index,
            address,
            lines,
            attribute_indices,
        },
    );
    let function = (index(), index(), index(), -1..9i64).prop_map(
        |(name_strindex, system_name_strindex, filename_strindex, start_line)| Function {
            name_strindex,
            system_name_strindex,
            filename_strindex,
            start_line,
        },
    );
    let link = (id(16), id(8)).prop_map(|(trace_id, span_id)| Link { trace_id, span_id });
    let attribute = (index(), value(), index()).prop_map(|(key_strindex, value, unit_strindex)| {
        KeyValueAndUnit {
            key_strindex,
            value,
            unit_strindex,
        }
    });
    let stack = indices().prop_map(|location_indices| Stack { location_indices });
    let tables = (
        table(mapping),
        table(location),
        table(function),
        table(link),
        table(text()),
        table(attribute),
        table(stack),
    );
    tables.prop_map(|tables| ProfilesDictionary {
        mapping_table: tables.0,
        location_table: tables.1,
        function_table: tables.2,
        link_table: tables.3,
        string_table: tables.4,
        attribute_table: tables.5,
        stack_table: tables.6,
    })
}

fn profile() -> impl Strategy<Value = Profile> {
    let value_type = || {
        option::of(
            (index(), index()).prop_map(|(type_strindex, unit_strindex)| ValueType {
                type_strindex,
                unit_strindex,
            }),
        )
    };
    let sample = (
        index(),
        indices(),
        index(),
        vec(any::<i64>(), 0..3),
        vec(u64s(), 0..3),
    )
        .prop_map(
            |(stack_index, attribute_indices, link_index, values, timestamps_unix_nano)| Sample {
                stack_index,
                attribute_indices,
                link_index,
                values,
                timestamps_unix_nano,
            },
        );
    let head = (
        value_type(),
        vec(sample, 0..4),
        u64s(),
        u64s(),
        value_type(),
    );
    let tail = (
        any::<i64>(),
        id(16),
        u32s(),
        text(),
        vec(any::<u8>(), 0..4),
        indices(),
    );
    (head, tail).prop_map(|(head, tail)| Profile {
        sample_type: head.0,
        samples: head.1,
        time_unix_nano: head.2,
        duration_nano: head.3,
        period_type: head.4,
        period: tail.0,
        profile_id: tail.1,
        dropped_attributes_count: tail.2,
        original_payload_format: tail.3,
        original_payload: tail.4,
        attribute_indices: tail.5,
    })
}

pub(crate) fn profiles() -> impl Strategy<Value = ExportProfilesServiceRequest> {
    let scope =
        option::of(
            (text(), attributes()).prop_map(|(name, attributes)| InstrumentationScope {
                name,
                attributes,
                ..Default::default()
            }),
        );
    let scope_profiles =
        (scope, vec(profile(), 0..3), text()).prop_map(|(scope, profiles, schema_url)| {
            ScopeProfiles {
                scope,
                profiles,
                schema_url,
            }
        });
    let resource = option::of(attributes().prop_map(|attributes| Resource {
        attributes,
        ..Default::default()
    }));
    let resource_profiles = (resource, vec(scope_profiles, 0..3), text()).prop_map(
        |(resource, scope_profiles, schema_url)| ResourceProfiles {
            resource,
            scope_profiles,
            schema_url,
        },
    );
    (
        vec(resource_profiles, 0..3),
        option::weighted(0.9, dictionary()),
    )
        .prop_map(
            |(resource_profiles, dictionary)| ExportProfilesServiceRequest {
                resource_profiles,
                dictionary,
            },
        )
}
