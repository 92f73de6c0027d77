//! Log records.

use std::borrow::Cow;

use super::{Attributes, Value, message::Message};
use crate::number::log;

/// One log record.
#[derive(Clone, Copy, Debug)]
pub struct LogRecord<'a>(pub(super) Message<'a>);

impl<'a> LogRecord<'a> {
    /// Returns when it happened, in nanoseconds since 1970; zero when nobody knows.
    pub fn time_ns(&self) -> u64 {
        self.0.fixed64(log::TIME)
    }

    /// Returns when it was seen, in nanoseconds since 1970.
    pub fn observed_ns(&self) -> u64 {
        self.0.fixed64(log::OBSERVED)
    }

    /// Returns OTLP's severity, 1 (trace) to 24 (fatal); zero when nobody knows.
    pub fn severity_number(&self) -> i32 {
        self.0.int32(log::SEVERITY_NUMBER)
    }

    /// Returns the severity as its source wrote it.
    pub fn severity_text(&self) -> Cow<'a, str> {
        self.0.string(log::SEVERITY_TEXT)
    }

    /// Returns the body.
    pub fn body(&self) -> Value<'a> {
        Value::new(self.0.message(log::BODY))
    }

    /// Returns the name that makes this record an event; may be empty.
    pub fn event_name(&self) -> Cow<'a, str> {
        self.0.string(log::EVENT_NAME)
    }

    /// Returns the trace it belongs to; may be empty.
    pub fn trace_id(&self) -> &'a [u8] {
        self.0.bytes(log::TRACE_ID)
    }

    /// Returns the span it belongs to; may be empty.
    pub fn span_id(&self) -> &'a [u8] {
        self.0.bytes(log::SPAN_ID)
    }

    /// Returns the W3C trace flags.
    pub fn flags(&self) -> u32 {
        self.0.fixed32(log::FLAGS)
    }

    /// Returns the attributes.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.0, log::ATTRIBUTES)
    }

    /// Finds the value of one attribute.
    pub fn attr(&self, key: &str) -> Option<Value<'a>> {
        self.attributes().get(key)
    }

    /// Returns how many attributes its maker dropped.
    pub fn dropped_attributes(&self) -> u32 {
        self.0.uint32(log::DROPPED_ATTRIBUTES)
    }
}
