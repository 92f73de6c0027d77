//! What surrounds records: resources and scopes.

use std::{borrow::Cow, marker::PhantomData};

use super::{Attributes, LogRecord, Metric, Profile, Span, Value, message::Message};
use crate::number::{entity_ref, resource, resource_block, scope, scope_block};

/// A span, a metric, a log record or a profile.
pub trait Record<'a>: Sized {
    /// Views the body of a record, without its tag and length.
    fn from_wire(body: &'a [u8]) -> Self;

    /// Returns the body of this record.
    fn wire(&self) -> &'a [u8];
}

macro_rules! records {
    ($($record:ident)*) => {$(
        impl<'a> Record<'a> for $record<'a> {
            fn from_wire(body: &'a [u8]) -> Self {
                Self(Message(body))
            }

            fn wire(&self) -> &'a [u8] {
                self.0.0
            }
        }
    )*};
}

records!(Span Metric LogRecord Profile);

/// The records of one resource: `ResourceSpans`, `ResourceMetrics`, `ResourceLogs` or
/// `ResourceProfiles`.
#[derive(Clone, Copy, Debug)]
pub struct ResourceBlock<'a, R> {
    message: Message<'a>,
    records: PhantomData<R>,
}

impl<'a, R: Record<'a>> ResourceBlock<'a, R> {
    pub(super) fn new(message: Message<'a>) -> Self {
        Self {
            message,
            records: PhantomData,
        }
    }

    /// Returns what made the records.
    pub fn resource(&self) -> Resource<'a> {
        Resource(self.message.message(resource_block::RESOURCE))
    }

    /// Returns the schema that the resource follows; may be empty.
    pub fn schema_url(&self) -> Cow<'a, str> {
        self.message.string(resource_block::SCHEMA_URL)
    }

    /// Returns the scopes in order.
    pub fn scopes(&self) -> impl Iterator<Item = ScopeBlock<'a, R>> + Clone + use<'a, R> {
        let block = |message| ScopeBlock {
            message,
            records: PhantomData,
        };
        self.message.messages(resource_block::SCOPES).map(block)
    }
}

/// The records of one scope: `ScopeSpans`, `ScopeMetrics`, `ScopeLogs` or `ScopeProfiles`.
#[derive(Clone, Copy, Debug)]
pub struct ScopeBlock<'a, R> {
    message: Message<'a>,
    records: PhantomData<R>,
}

impl<'a, R: Record<'a>> ScopeBlock<'a, R> {
    /// Returns the instrumentation scope.
    pub fn scope(&self) -> Scope<'a> {
        Scope(self.message.message(scope_block::SCOPE))
    }

    /// Returns the schema that the records follow; may be empty.
    pub fn schema_url(&self) -> Cow<'a, str> {
        self.message.string(scope_block::SCHEMA_URL)
    }

    /// Returns the records in order.
    pub fn records(&self) -> impl Iterator<Item = R> + Clone + use<'a, R> {
        self.message
            .messages(scope_block::RECORDS)
            .map(|message| R::from_wire(message.0))
    }
}

impl<'a> ScopeBlock<'a, Span<'a>> {
    /// Returns the spans in order.
    pub fn spans(&self) -> impl Iterator<Item = Span<'a>> + Clone + use<'a> {
        self.records()
    }
}

impl<'a> ScopeBlock<'a, Metric<'a>> {
    /// Returns the metrics in order.
    pub fn metrics(&self) -> impl Iterator<Item = Metric<'a>> + Clone + use<'a> {
        self.records()
    }
}

impl<'a> ScopeBlock<'a, LogRecord<'a>> {
    /// Returns the log records in order.
    pub fn log_records(&self) -> impl Iterator<Item = LogRecord<'a>> + Clone + use<'a> {
        self.records()
    }
}

impl<'a> ScopeBlock<'a, Profile<'a>> {
    /// Returns the profiles in order.
    pub fn profiles(&self) -> impl Iterator<Item = Profile<'a>> + Clone + use<'a> {
        self.records()
    }
}

/// What made telemetry: a service, a host, a pod.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a>(Message<'a>);

impl<'a> Resource<'a> {
    /// Views the body of a resource, without its tag and length.
    pub(crate) fn from_wire(body: &'a [u8]) -> Self {
        Self(Message(body))
    }

    /// Returns the attributes.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.0, resource::ATTRIBUTES)
    }

    /// Finds the value of one attribute.
    pub fn attr(&self, key: &str) -> Option<Value<'a>> {
        self.attributes().get(key)
    }

    /// Returns how many attributes its maker dropped.
    pub fn dropped_attributes(&self) -> u32 {
        self.0.uint32(resource::DROPPED_ATTRIBUTES)
    }

    /// Returns the entities that the resource takes part in.
    pub fn entity_refs(&self) -> impl Iterator<Item = EntityRef<'a>> + Clone + use<'a> {
        self.0.messages(resource::ENTITY_REFS).map(EntityRef)
    }

    /// Returns the encoded body, as [`write::resource_block`](crate::write::resource_block) takes
    /// it.
    pub fn wire(&self) -> &'a [u8] {
        self.0.0
    }
}

/// An entity that a resource takes part in, as keys of the resource's attributes.
#[derive(Clone, Copy, Debug)]
pub struct EntityRef<'a>(Message<'a>);

impl<'a> EntityRef<'a> {
    /// Returns the schema that the entity follows; may be empty.
    pub fn schema_url(&self) -> Cow<'a, str> {
        self.0.string(entity_ref::SCHEMA_URL)
    }

    /// Returns the kind of entity, such as `service`.
    pub fn kind(&self) -> Cow<'a, str> {
        self.0.string(entity_ref::KIND)
    }

    /// Returns the keys that identify it.
    pub fn id_keys(&self) -> impl Iterator<Item = Cow<'a, str>> + Clone + use<'a> {
        self.0.strings(entity_ref::ID_KEYS)
    }

    /// Returns the keys that describe it.
    pub fn description_keys(&self) -> impl Iterator<Item = Cow<'a, str>> + Clone + use<'a> {
        self.0.strings(entity_ref::DESCRIPTION_KEYS)
    }
}

/// The instrumentation that made records.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a>(Message<'a>);

impl<'a> Scope<'a> {
    /// Views the body of a scope, without its tag and length.
    pub(crate) fn from_wire(body: &'a [u8]) -> Self {
        Self(Message(body))
    }

    /// Returns the name; may be empty.
    pub fn name(&self) -> Cow<'a, str> {
        self.0.string(scope::NAME)
    }

    /// Returns the version; may be empty.
    pub fn version(&self) -> Cow<'a, str> {
        self.0.string(scope::VERSION)
    }

    /// Returns the attributes.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.0, scope::ATTRIBUTES)
    }

    /// Returns how many attributes its maker dropped.
    pub fn dropped_attributes(&self) -> u32 {
        self.0.uint32(scope::DROPPED_ATTRIBUTES)
    }
}
