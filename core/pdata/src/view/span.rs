//! Spans, their events and links.

use std::borrow::Cow;

use super::{Attributes, Value, message::Message};
use crate::number::{event, link, span, status};

/// One span.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a>(pub(super) Message<'a>);

impl<'a> Span<'a> {
    /// Returns the trace id: 16 bytes, unless its maker was wrong.
    pub fn trace_id(&self) -> &'a [u8] {
        self.0.bytes(span::TRACE_ID)
    }

    /// Returns the span id: 8 bytes, unless its maker was wrong.
    pub fn span_id(&self) -> &'a [u8] {
        self.0.bytes(span::SPAN_ID)
    }

    /// Returns the id of the parent span; empty for a root.
    pub fn parent_span_id(&self) -> &'a [u8] {
        self.0.bytes(span::PARENT_SPAN_ID)
    }

    /// Returns the W3C `tracestate`.
    pub fn trace_state(&self) -> Cow<'a, str> {
        self.0.string(span::TRACE_STATE)
    }

    /// Returns the W3C trace flags in the low byte, OTLP's remote bits above.
    pub fn flags(&self) -> u32 {
        self.0.fixed32(span::FLAGS)
    }

    /// Returns the name.
    pub fn name(&self) -> Cow<'a, str> {
        self.0.string(span::NAME)
    }

    /// Returns OTLP's number of the kind: 2 is server, 3 is client.
    pub fn kind(&self) -> i32 {
        self.0.int32(span::KIND)
    }

    /// Returns when it began, in nanoseconds since 1970.
    pub fn start_ns(&self) -> u64 {
        self.0.fixed64(span::START)
    }

    /// Returns when it ended, in nanoseconds since 1970.
    pub fn end_ns(&self) -> u64 {
        self.0.fixed64(span::END)
    }

    /// Returns the attributes.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.0, span::ATTRIBUTES)
    }

    /// Finds the value of one attribute.
    pub fn attr(&self, key: &str) -> Option<Value<'a>> {
        self.attributes().get(key)
    }

    /// Returns how many attributes its maker dropped.
    pub fn dropped_attributes(&self) -> u32 {
        self.0.uint32(span::DROPPED_ATTRIBUTES)
    }

    /// Returns the events in order.
    pub fn events(&self) -> impl Iterator<Item = Event<'a>> + Clone + use<'a> {
        self.0.messages(span::EVENTS).map(Event)
    }

    /// Returns how many events its maker dropped.
    pub fn dropped_events(&self) -> u32 {
        self.0.uint32(span::DROPPED_EVENTS)
    }

    /// Returns the links in order.
    pub fn links(&self) -> impl Iterator<Item = Link<'a>> + Clone + use<'a> {
        self.0.messages(span::LINKS).map(Link)
    }

    /// Returns how many links its maker dropped.
    pub fn dropped_links(&self) -> u32 {
        self.0.uint32(span::DROPPED_LINKS)
    }

    /// Returns OTLP's number of the status: 0 unset, 1 ok, 2 error.
    pub fn status_code(&self) -> i32 {
        self.0.message(span::STATUS).int32(status::CODE)
    }

    /// Returns the message of the status.
    pub fn status_message(&self) -> Cow<'a, str> {
        self.0.message(span::STATUS).string(status::MESSAGE)
    }
}

/// Something that happened during a span.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a>(Message<'a>);

impl<'a> Event<'a> {
    /// Returns when it happened, in nanoseconds since 1970.
    pub fn time_ns(&self) -> u64 {
        self.0.fixed64(event::TIME)
    }

    /// Returns the name.
    pub fn name(&self) -> Cow<'a, str> {
        self.0.string(event::NAME)
    }

    /// Returns the attributes.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.0, event::ATTRIBUTES)
    }

    /// Returns how many attributes its maker dropped.
    pub fn dropped_attributes(&self) -> u32 {
        self.0.uint32(event::DROPPED_ATTRIBUTES)
    }
}

/// A pointer to another span.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a>(Message<'a>);

impl<'a> Link<'a> {
    /// Returns the trace id of the other span.
    pub fn trace_id(&self) -> &'a [u8] {
        self.0.bytes(link::TRACE_ID)
    }

    /// Returns the id of the other span.
    pub fn span_id(&self) -> &'a [u8] {
        self.0.bytes(link::SPAN_ID)
    }

    /// Returns the W3C `tracestate` of the other span.
    pub fn trace_state(&self) -> Cow<'a, str> {
        self.0.string(link::TRACE_STATE)
    }

    /// Returns the attributes.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.0, link::ATTRIBUTES)
    }

    /// Returns how many attributes its maker dropped.
    pub fn dropped_attributes(&self) -> u32 {
        self.0.uint32(link::DROPPED_ATTRIBUTES)
    }

    /// Returns the W3C trace flags in the low byte, OTLP's remote bits above.
    pub fn flags(&self) -> u32 {
        self.0.fixed32(link::FLAGS)
    }
}
