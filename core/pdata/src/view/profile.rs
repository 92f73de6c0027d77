//! Profiles and their samples. What they point at is in the [`Dictionary`](super::Dictionary).

use std::borrow::Cow;

use super::message::Message;
use crate::number::{profile, sample, value_type};

/// One profile: samples of one type.
#[derive(Clone, Copy, Debug)]
pub struct Profile<'a>(pub(super) Message<'a>);

impl<'a> Profile<'a> {
    /// Returns what the values of its samples are.
    pub fn sample_type(&self) -> ValueType {
        ValueType::new(self.0.message(profile::SAMPLE_TYPE))
    }

    /// Returns the samples in order.
    pub fn samples(&self) -> impl Iterator<Item = Sample<'a>> + Clone + use<'a> {
        self.0.messages(profile::SAMPLES).map(Sample)
    }

    /// Returns when it began, in nanoseconds since 1970.
    pub fn time_ns(&self) -> u64 {
        self.0.fixed64(profile::TIME)
    }

    /// Returns how long it took, in nanoseconds.
    pub fn duration_ns(&self) -> u64 {
        self.0.uint(profile::DURATION)
    }

    /// Returns what is counted between two samples.
    pub fn period_type(&self) -> ValueType {
        ValueType::new(self.0.message(profile::PERIOD_TYPE))
    }

    /// Returns how many of it lie between two samples.
    pub fn period(&self) -> i64 {
        self.0.uint(profile::PERIOD).cast_signed()
    }

    /// Returns its id: 16 bytes or none, unless its maker was wrong.
    pub fn profile_id(&self) -> &'a [u8] {
        self.0.bytes(profile::ID)
    }

    /// Returns how many attributes its maker dropped.
    pub fn dropped_attributes(&self) -> u32 {
        self.0.uint32(profile::DROPPED_ATTRIBUTES)
    }

    /// Returns the format of the payload that it was made from, such as `pprof`; may be empty.
    pub fn payload_format(&self) -> Cow<'a, str> {
        self.0.string(profile::PAYLOAD_FORMAT)
    }

    /// Returns the payload that it was made from; may be empty.
    pub fn payload(&self) -> &'a [u8] {
        self.0.bytes(profile::PAYLOAD)
    }

    /// Returns its attributes, as places in the attribute table.
    pub fn attribute_indices(&self) -> impl Iterator<Item = i32> + Clone + use<'a> {
        indices(self.0, profile::ATTRIBUTES)
    }
}

/// What a value is, as places in the string table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueType {
    /// The place of its name, such as `cpu`.
    pub kind_index: i32,
    /// The place of its unit, such as `nanoseconds`.
    pub unit_index: i32,
}

impl ValueType {
    fn new(message: Message<'_>) -> Self {
        Self {
            kind_index: message.int32(value_type::KIND),
            unit_index: message.int32(value_type::UNIT),
        }
    }
}

/// A place in the code that was met, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a>(Message<'a>);

impl<'a> Sample<'a> {
    /// Returns the place of its stack in the stack table.
    pub fn stack_index(&self) -> i32 {
        self.0.int32(sample::STACK)
    }

    /// Returns its attributes, as places in the attribute table.
    pub fn attribute_indices(&self) -> impl Iterator<Item = i32> + Clone + use<'a> {
        indices(self.0, sample::ATTRIBUTES)
    }

    /// Returns the place of its span in the link table; zero for none.
    pub fn link_index(&self) -> i32 {
        self.0.int32(sample::LINK)
    }

    /// Returns what was measured.
    pub fn values(&self) -> impl Iterator<Item = i64> + Clone + use<'a> {
        self.0.varints(sample::VALUES).map(u64::cast_signed)
    }

    /// Returns when it was met, in nanoseconds since 1970.
    pub fn times_ns(&self) -> impl Iterator<Item = u64> + Clone + use<'a> {
        self.0.words(sample::TIMES)
    }
}

/// Returns a list of `int32`, cut off as protobuf does.
pub(super) fn indices(message: Message<'_>, number: u32) -> impl Iterator<Item = i32> + Clone {
    message.varints(number).map(|index| index as i32)
}
