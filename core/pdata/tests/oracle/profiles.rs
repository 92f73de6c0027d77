//! Profiles look as prost decodes them, and stay what they are when they are split and joined.
//!
//! What stays is what indexes point at, not the indexes: profiles are compared with all of them
//! resolved.

use std::sync::Arc;

use opentelemetry_proto::tonic::{
    collector::profiles::v1development::ExportProfilesServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value::Value},
    profiles::v1development::{
        Function, KeyValueAndUnit, Line, Link, Location, Mapping, Profile, ProfilesDictionary,
        ResourceProfiles, Sample, ScopeProfiles, Stack, ValueType,
    },
};
use proptest::prelude::*;
use prost::Message;
use tapline_pdata::{
    Batch, Hold, Origin, Signal, json,
    view::{self, Dictionary},
};

use crate::{
    telemetry,
    views::{checked, settled},
};

/// Everything that a request says, with indexes resolved: a line for each sample, and for each
/// profile, scope or resource that has none.
pub(crate) fn flat(request: &ExportProfilesServiceRequest) -> Vec<String> {
    let empty = ProfilesDictionary::default();
    let resolve = Resolve(request.dictionary.as_ref().unwrap_or(&empty));
    let mut flat = Vec::new();
    for block in &request.resource_profiles {
        let mut block = block.clone();
        for pair in block
            .resource
            .iter_mut()
            .flat_map(|one| &mut one.attributes)
        {
            resolve.pair(pair);
        }
        let scopes = std::mem::take(&mut block.scope_profiles);
        let resource = format!("{block:?}");
        if scopes.is_empty() {
            flat.push(resource.clone());
        }
        for mut inner in scopes {
            for pair in inner.scope.iter_mut().flat_map(|one| &mut one.attributes) {
                resolve.pair(pair);
            }
            let profiles = std::mem::take(&mut inner.profiles);
            let scope = format!("{resource} {inner:?}");
            if profiles.is_empty() {
                flat.push(scope.clone());
            }
            for profile in &profiles {
                let head = format!("{scope} {}", resolve.profile(profile));
                if profile.samples.is_empty() {
                    flat.push(head.clone());
                }
                let samples = profile.samples.iter();
                flat.extend(samples.map(|sample| format!("{head} {}", resolve.sample(sample))));
            }
        }
    }
    flat
}

/// Resolves indexes. Index zero, and one that the table does not have, is the empty entry.
struct Resolve<'a>(&'a ProfilesDictionary);

fn at<T: Clone + Default>(table: &[T], index: i32) -> T {
    let entry = usize::try_from(index).ok().filter(|&index| index > 0);
    let entry = entry.and_then(|index| table.get(index).cloned());
    entry.unwrap_or_default()
}

impl Resolve<'_> {
    fn string(&self, index: i32) -> String {
        at(&self.0.string_table, index)
    }

    /// Puts strings where indexes were.
    fn pair(&self, pair: &mut KeyValue) {
        let key = self.string(std::mem::take(&mut pair.key_strindex));
        if !key.is_empty() {
            pair.key = format!("@{key}");
        }
        pair.value.iter_mut().for_each(|value| self.value(value));
    }

    fn value(&self, value: &mut AnyValue) {
        match &mut value.value {
            Some(Value::ArrayValue(array)) => {
                array.values.iter_mut().for_each(|inner| self.value(inner));
            }
            Some(Value::KvlistValue(map)) => {
                map.values.iter_mut().for_each(|pair| self.pair(pair));
            }
            Some(Value::StringValueStrindex(index)) => {
                let text = format!("@{}", self.string(*index));
                value.value = Some(Value::StringValue(text));
            }
            _ => {}
        }
    }

    fn attributes(&self, indices: &[i32]) -> String {
        let attribute = |index: &i32| {
            let mut entry = at(&self.0.attribute_table, *index);
            entry.value.iter_mut().for_each(|value| self.value(value));
            let (key, unit) = (entry.key_strindex, entry.unit_strindex);
            format!("{:?}", (self.string(key), entry.value, self.string(unit)))
        };
        let all: Vec<_> = indices.iter().map(attribute).collect();
        all.join(",")
    }

    fn value_type(&self, value_type: Option<&ValueType>) -> String {
        let shown = |one: &ValueType| {
            format!(
                "{:?}",
                (
                    self.string(one.type_strindex),
                    self.string(one.unit_strindex)
                )
            )
        };
        value_type.map(shown).unwrap_or_default()
    }

    fn profile(&self, profile: &Profile) -> String {
        let types =
            [&profile.sample_type, &profile.period_type].map(|one| self.value_type(one.as_ref()));
        let attributes = self.attributes(&profile.attribute_indices);
        let rest = Profile {
            samples: vec![],
            sample_type: None,
            period_type: None,
            attribute_indices: vec![],
            ..profile.clone()
        };
        format!("{types:?} {attributes} {rest:?}")
    }

    fn sample(&self, sample: &Sample) -> String {
        let stack = at(&self.0.stack_table, sample.stack_index);
        let locations: Vec<_> = stack
            .location_indices
            .iter()
            .map(|index| self.location(&at(&self.0.location_table, *index)))
            .collect();
        let link = at(&self.0.link_table, sample.link_index);
        let attributes = self.attributes(&sample.attribute_indices);
        let (values, times) = (&sample.values, &sample.timestamps_unix_nano);
        format!("{locations:?} {link:?} {attributes} {values:?} {times:?}")
    }

    fn location(&self, location: &Location) -> String {
        let mapping = at(&self.0.mapping_table, location.mapping_index);
        let mapping = (
            mapping.memory_start,
            mapping.memory_limit,
            mapping.file_offset,
            self.string(mapping.filename_strindex),
            self.attributes(&mapping.attribute_indices),
        );
        let line = |line: &Line| {
            let function = at(&self.0.function_table, line.function_index);
            let names = [
                function.name_strindex,
                function.system_name_strindex,
                function.filename_strindex,
            ];
            let names = names.map(|index| self.string(index));
            format!(
                "{names:?}:{}:{}:{}",
                function.start_line, line.line, line.column
            )
        };
        let lines: Vec<_> = location.lines.iter().map(line).collect();
        let attributes = self.attributes(&location.attribute_indices);
        format!("{mapping:?} {} {lines:?} {attributes}", location.address)
    }
}

fn decode(batch: &Batch) -> ExportProfilesServiceRequest {
    ExportProfilesServiceRequest::decode(batch.to_bytes()).expect("prost reads what we write")
}

/// Checks a batch that we made as if it came from outside.
fn assert_sound(batch: &Batch) {
    let again = Batch::checked(Signal::Profiles, batch.to_bytes()).expect("well-formed");
    assert_eq!(again.items(), batch.items());
    assert_eq!(batch.size_bytes(), batch.to_bytes().len());
    let dictionary = decode(batch).dictionary.expect("there is a dictionary");
    let strings = &dictionary.string_table;
    assert_eq!(strings.first().map(String::as_str), Some(""));
    assert_eq!(dictionary.mapping_table.first(), Some(&Mapping::default()));
    assert_eq!(dictionary.stack_table.first(), Some(&Stack::default()));
    let mut sorted = strings.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), strings.len(), "strings stand once");
}

fn joined(pieces: Vec<Batch>) -> Batch {
    let mut pieces = pieces.into_iter();
    let first = pieces.next().expect("there is a piece");
    first.join(pieces)
}

proptest! {
    #[test]
    fn joined_profiles_say_what_each_said(
        left in telemetry::profiles(),
        middle in telemetry::profiles(),
        right in telemetry::profiles(),
    ) {
        let batches = [&left, &middle, &right].map(|one| checked(Signal::Profiles, one));
        let items: u32 = batches.iter().map(Batch::items).sum();
        let together = joined(batches.to_vec());
        assert_sound(&together);
        prop_assert_eq!(together.items(), items);
        let expected = [&left, &middle, &right].map(|one| flat(&settled(one))).concat();
        prop_assert_eq!(flat(&decode(&together)), expected);
    }

    #[test]
    fn joining_the_pieces_of_profiles_gives_them_back(
        request in telemetry::profiles(), max_items in 1..5u32
    ) {
        let whole = checked(Signal::Profiles, &request);
        let pieces = whole.clone().split(max_items);
        prop_assert_eq!(pieces.len(), whole.items().div_ceil(max_items).max(1) as usize);
        for piece in &pieces {
            prop_assert!(piece.items() <= max_items);
            if pieces.len() > 1 {
                assert_sound(piece);
            }
        }
        let together = joined(pieces);
        prop_assert_eq!(together.items(), whole.items());
        prop_assert_eq!(flat(&decode(&together)), flat(&settled(&request)));
    }

    #[test]
    fn views_show_profiles_as_prost_decodes_them(request in telemetry::profiles()) {
        let batch = checked(Signal::Profiles, &request);
        let request = settled(&request);
        let samples = |profiles: &ScopeProfiles| {
            profiles.profiles.iter().map(|one| one.samples.len()).sum::<usize>()
        };
        let scopes = request.resource_profiles.iter().flat_map(|block| &block.scope_profiles);
        prop_assert_eq!(batch.items() as usize, scopes.map(samples).sum::<usize>());
        prop_assert_eq!(flat(&mirror(&batch)), flat(&request));
    }

    #[test]
    fn profiles_come_back_from_json(request in telemetry::profiles()) {
        let batch = checked(Signal::Profiles, &request);
        let text = json::to_json(&batch);
        let again = json::from_json(Signal::Profiles, &text).expect("we read what we write");
        prop_assert_eq!(again.items(), batch.items());
        prop_assert_eq!(decode(&again), settled(&request));
    }
}

/// Reads everything there is to read, of bytes that prost may refuse.
pub(crate) fn exercise(batch: &Batch) {
    let dictionary = Dictionary::new(batch);
    let mut sum = 0u64;
    for block in view::profiles(batch) {
        for one in block.scopes().flat_map(|inner| inner.profiles()) {
            let head = profile(&one, &Profile::default());
            for sample in head.samples {
                let stack = dictionary.stack(sample.stack_index);
                let locations = stack
                    .location_indices()
                    .map(|index| dictionary.location(index));
                sum = locations.fold(sum, |sum, location| sum ^ location.address());
                let link = dictionary.link(sample.link_index);
                sum ^= (link.trace_id().len() + link.span_id().len()) as u64;
            }
            for index in head.attribute_indices {
                drop(dictionary.attribute(index).value());
            }
        }
    }
    std::hint::black_box(sum);
}

/// Rebuilds prost's structs through every getter there is. Attributes of resources and scopes are
/// taken from the oracle: views of those have tests of their own, and know no indexes.
fn mirror(batch: &Batch) -> ExportProfilesServiceRequest {
    let oracle = decode(batch);
    let blocks = view::profiles(batch).zip(&oracle.resource_profiles);
    let blocks = blocks.map(|(block, oracle)| ResourceProfiles {
        resource: oracle.resource.clone(),
        scope_profiles: block
            .scopes()
            .zip(&oracle.scope_profiles)
            .map(|(inner, oracle)| ScopeProfiles {
                scope: oracle.scope.clone(),
                profiles: inner
                    .profiles()
                    .zip(&oracle.profiles)
                    .map(|(one, oracle)| profile(&one, oracle))
                    .collect(),
                schema_url: inner.schema_url().into_owned(),
            })
            .collect(),
        schema_url: block.schema_url().into_owned(),
    });
    let resource_profiles = blocks.collect();
    let dictionary = oracle
        .dictionary
        .map(|oracle| dictionary(&Dictionary::new(batch), &oracle));
    ExportProfilesServiceRequest {
        resource_profiles,
        dictionary,
    }
}

fn profile(profile: &view::Profile<'_>, oracle: &Profile) -> Profile {
    let value_type = |one: view::ValueType| ValueType {
        type_strindex: one.kind_index,
        unit_strindex: one.unit_index,
    };
    Profile {
        sample_type: oracle
            .sample_type
            .map(|_| value_type(profile.sample_type())),
        samples: profile
            .samples()
            .map(|sample| Sample {
                stack_index: sample.stack_index(),
                attribute_indices: sample.attribute_indices().collect(),
                link_index: sample.link_index(),
                values: sample.values().collect(),
                timestamps_unix_nano: sample.times_ns().collect(),
            })
            .collect(),
        time_unix_nano: profile.time_ns(),
        duration_nano: profile.duration_ns(),
        period_type: oracle
            .period_type
            .map(|_| value_type(profile.period_type())),
        period: profile.period(),
        profile_id: profile.profile_id().to_vec(),
        dropped_attributes_count: profile.dropped_attributes(),
        original_payload_format: profile.payload_format().into_owned(),
        original_payload: profile.payload().to_vec(),
        attribute_indices: profile.attribute_indices().collect(),
    }
}

/// The length of each table is the oracle's, and so are the values of attributes.
fn dictionary(from: &Dictionary<'_>, oracle: &ProfilesDictionary) -> ProfilesDictionary {
    fn each<A, B>(table: &[A], entry: impl Fn(i32, &A) -> B) -> Vec<B> {
        (0..)
            .zip(table)
            .map(|(index, one)| entry(index, one))
            .collect()
    }
    ProfilesDictionary {
        mapping_table: each(&oracle.mapping_table, |index, _| {
            let mapping = from.mapping(index);
            Mapping {
                memory_start: mapping.memory_start(),
                memory_limit: mapping.memory_limit(),
                file_offset: mapping.file_offset(),
                filename_strindex: mapping.file_index(),
                attribute_indices: mapping.attribute_indices().collect(),
            }
        }),
        location_table: each(&oracle.location_table, |index, _| {
            let location = from.location(index);
            let line = |one: view::Line| Line {
                function_index: one.function_index,
                line: one.line,
                column: one.column,
            };
            Location {
                mapping_index: location.mapping_index(),
                address: location.address(),
                lines: location.lines().map(line).collect(),
                attribute_indices: location.attribute_indices().collect(),
            }
        }),
        function_table: each(&oracle.function_table, |index, _| {
            let function = from.function(index);
            Function {
                name_strindex: function.name_index(),
                system_name_strindex: function.system_name_index(),
                filename_strindex: function.file_index(),
                start_line: function.start_line(),
            }
        }),
        link_table: each(&oracle.link_table, |index, _| Link {
            trace_id: from.link(index).trace_id().to_vec(),
            span_id: from.link(index).span_id().to_vec(),
        }),
        string_table: each(&oracle.string_table, |index, _| {
            from.string(index).into_owned()
        }),
        attribute_table: each(&oracle.attribute_table, |index, one| KeyValueAndUnit {
            key_strindex: from.attribute(index).key_index(),
            value: one.value.clone(),
            unit_strindex: from.attribute(index).unit_index(),
        }),
        stack_table: each(&oracle.stack_table, |index, _| Stack {
            location_indices: from.stack(index).location_indices().collect(),
        }),
    }
}

#[test]
fn a_joined_dictionary_holds_each_thing_once_and_nothing_unused() {
    let sample = include_str!("../testdata/profiles.json");
    let one = json::from_json(Signal::Profiles, sample.as_bytes()).expect("it is OTLP/JSON");
    let twice = decode(&one.clone().join([one.clone()]));
    assert_eq!(twice.resource_profiles.len(), 2);
    assert_eq!(twice.resource_profiles[0], twice.resource_profiles[1]);
    let (before, after) = (decode(&one).dictionary, twice.dictionary);
    let (before, after) = before.zip(after).expect("both have a dictionary");
    assert_eq!(after.string_table.len(), before.string_table.len());
    assert_eq!(after.encoded_len(), before.encoded_len());

    let pieces = one.split(1);
    assert_eq!(pieces.len(), 2);
    let second = decode(&pieces[1]).dictionary.expect("it has a dictionary");
    assert_eq!(second.stack_table.len(), 2, "the empty one and its own");
    assert_eq!(second.location_table.len(), 2);
    assert_eq!(second.function_table.len(), 1, "its location has no line");
    assert!(!second.string_table.contains(&"pay".to_owned()));
}

#[test]
fn fields_of_profiles_that_we_have_never_heard_of_survive_joining() {
    // ResourceProfiles { scopes { profiles { samples { stack: 1, 900: "MARK" } } } }, and a
    // dictionary whose second stack has a field 900 as well.
    let framed = |number: u32, body: &[u8]| {
        let mut out = Vec::new();
        prost::encoding::encode_varint(u64::from(number << 3 | 2), &mut out);
        prost::encoding::encode_varint(body.len() as u64, &mut out);
        out.extend_from_slice(body);
        out
    };
    let sample = [&[0x08, 1][..], &framed(900, b"MARK")].concat();
    let block = framed(1, &framed(2, &framed(2, &framed(2, &sample))));
    let stacks = [framed(7, b""), framed(7, &framed(900, b"MARK"))].concat();
    let wire = [block, framed(2, &stacks)].concat();
    let batch = Batch::checked(Signal::Profiles, wire.into()).expect("well-formed");
    let wire = batch.clone().join([batch]).to_bytes();
    let marks = wire.windows(4).filter(|window| window == b"MARK").count();
    assert_eq!(marks, 3, "two samples and one stack");
}

#[test]
fn pieces_of_profiles_and_what_is_joined_of_them_keep_what_they_are_tied_to() {
    let sample = include_str!("../testdata/profiles.json");
    let one = json::from_json(Signal::Profiles, sample.as_bytes()).expect("it is OTLP/JSON");
    let hold = Arc::new(());
    let held = || one.clone().with_hold(Arc::clone(&hold) as Hold);
    let origin = Arc::new(Origin::default());
    let from = |batch: Batch| batch.with_origin(Some(Arc::clone(&origin)));

    let pieces = from(held()).split(1);
    assert_eq!(Arc::strong_count(&hold), 3);
    assert!(pieces.iter().all(|piece| piece.origin().is_some()));
    let together = joined(pieces);
    assert_eq!(Arc::strong_count(&hold), 3);
    assert!(together.origin().is_some());

    let other = held().join([together]);
    assert!(other.origin().is_none(), "they are of different origin");
    assert_eq!(Arc::strong_count(&hold), 4);
    drop(other);
    assert_eq!(Arc::strong_count(&hold), 1);
}
