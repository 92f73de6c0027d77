//! serde's view of one node.
//!
//! Empty values: where a struct's field is left empty, it fails with `Reason::Empty` and is left
//! out in the next pass, so that it keeps its default. In lists and maps, and out of an unset
//! variable, an empty value is the zero of its type.

use serde::{
    de::{self, IntoDeserializer, Unexpected, Visitor},
    forward_to_deserialize_any,
};

use super::{
    Pass, Skip,
    access::{Entries, Fields, Items, Pair, Parts, Pieces, Variant},
    fault::{Fault, Reason},
    identity,
};
use crate::{
    Kind, Node, Problem, duration::DURATION, extended::EXTENDED, optional::OPTIONAL, suggest,
};

/// Reads one node.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) node: &'a Node,
    pub(super) pass: &'a Pass,
    /// Whether its value must not be quoted.
    pub(super) is_secret: bool,
    /// Whether it is the field of a struct, which has a default to keep.
    pub(super) is_field: bool,
    /// Whether a key `enabled` belongs to the enclosing [`Optional`](crate::Optional).
    pub(super) skips_enabled: bool,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    pub(super) fn root(node: &'a Node, pass: &'a Pass) -> Self {
        Self {
            node,
            pass,
            is_secret: false,
            is_field: false,
            skips_enabled: false,
        }
    }

    /// Adds this node's place to a failure that has none.
    pub(super) fn placed(&self, fault: Fault) -> Fault {
        fault.at(self.node.blamed(), self.is_secret || self.is_expanded())
    }

    /// Returns whether a variable had a part in the value: what it holds is not for everybody.
    fn is_expanded(&self) -> bool {
        let written = || {
            self.node
                .place
                .written()
                .is_some_and(|text| text.contains("${"))
        };
        self.node.original.is_some() || written()
    }

    fn done<T>(&self, result: Result<T, Fault>) -> Result<T, Fault> {
        result.map_err(|fault| self.placed(fault))
    }

    fn mismatch<T>(&self, visitor: &dyn de::Expected) -> Result<T, Fault> {
        if self.node.is_null() && self.is_field {
            return Err(self.placed(Fault::empty()));
        }
        let fault = <Fault as de::Error>::invalid_type(self.unexpected(), visitor);
        Err(self.placed(match self.node.not_yaml() {
            Some(reason) => fault.with_label(format!("what it refers to is not YAML: {reason}")),
            None => fault,
        }))
    }

    fn unexpected(&self) -> Unexpected<'_> {
        match &self.node.kind {
            Kind::Null => Unexpected::Unit,
            Kind::Bool(value) => Unexpected::Bool(*value),
            Kind::Int(value) => match i64::try_from(*value) {
                Ok(value) => Unexpected::Signed(value),
                Err(_) => Unexpected::Unsigned(u64::try_from(*value).unwrap_or(u64::MAX)),
            },
            Kind::Float(value) => Unexpected::Float(*value),
            Kind::String(value) => Unexpected::Str(value),
            Kind::List(_) => Unexpected::Seq,
            Kind::Map(_) => Unexpected::Map,
        }
    }

    /// Returns whether an empty scalar is the zero of its type here.
    fn is_zero(&self) -> bool {
        self.node.is_null() && (!self.is_field || self.node.original.is_some())
    }

    /// Returns whether an empty list, map or struct is meant.
    fn is_nothing(&self) -> bool {
        self.node.is_null() && !self.is_field
    }

    fn visit_int<'de, V: Visitor<'de>>(&self, value: i128, visitor: V) -> Result<V::Value, Fault> {
        self.done(match i64::try_from(value) {
            Ok(value) => visitor.visit_i64(value),
            // The tree holds nothing above the largest `u64`.
            Err(_) => visitor.visit_u64(u64::try_from(value).unwrap_or(u64::MAX)),
        })
    }

    fn integer<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.kind {
            Kind::Int(value) => self.visit_int(value, visitor),
            // Above 2^53 a float is no longer the whole number that was written.
            Kind::Float(value) if value.fract() == 0.0 && value.abs() < 9.0e15 => {
                self.visit_int(value as i128, visitor)
            }
            _ if self.is_zero() => self.visit_int(0, visitor),
            _ => self
                .mismatch(&visitor)
                .map_err(|fault| self.unquoted(fault)),
        }
    }

    /// Adds what to write instead of a number in quotes.
    fn unquoted(&self, fault: Fault) -> Fault {
        let is_number = |text: &str| text.parse::<f64>().is_ok();
        match &self.node.kind {
            Kind::String(text) if is_number(text) => {
                fault.hinting("take the quotes away to make it a number")
            }
            _ => fault,
        }
    }

    fn float<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.kind {
            Kind::Float(value) => self.done(visitor.visit_f64(value)),
            Kind::Int(value) => self.visit_int(value, visitor),
            _ if self.is_zero() => self.done(visitor.visit_f64(0.0)),
            _ => self
                .mismatch(&visitor)
                .map_err(|fault| self.unquoted(fault)),
        }
    }

    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if let Some(original) = &self.node.original {
            return self.done(visitor.visit_str(original));
        }
        match &self.node.kind {
            Kind::String(text) => self.done(visitor.visit_str(text)),
            _ if self.is_zero() => self.done(visitor.visit_str("")),
            Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => self
                .mismatch(&visitor)
                .map_err(|fault| fault.with_label("put quotes around it to make it a string")),
            _ => self.mismatch(&visitor),
        }
    }

    fn struct_failed(&self, fault: Fault) -> Fault {
        // A setting that is written but was left out is only missing because of that.
        if let Reason::Missing(field) = fault.reason
            && fault.place.is_none()
            && let Some(node) = self.node.get(field)
        {
            return match self.pass.skipped.get(&identity(node)) {
                Some(Skip::Wrong) => fault.because(Reason::Follows),
                _ => fault.at(node.heading(), self.is_secret),
            };
        }
        fault
    }

    /// Reports the settings of a struct that it does not know.
    pub(super) fn report_unknown(&self, known: &[&'static str]) {
        let mut found = self.pass.found.borrow_mut();
        for (key, node) in self.node.entries() {
            let is_known =
                known.contains(&key.as_str()) || (self.skips_enabled && key == "enabled");
            if is_known {
                continue;
            }
            self.pass.unknown.borrow_mut().insert(identity(node));
            if !found.is_full() {
                let nearest = suggest::nearest(key, known.iter().copied());
                let problem = Problem::error(node.heading(), format!("unknown setting `{key}`"));
                found.push(problem.suggesting(nearest));
            }
        }
    }

    /// Reads an optional block as whether it is enabled and what it holds.
    fn optional<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.node.is_null() {
            return self.done(visitor.visit_unit());
        }
        let written = self.node.get("enabled");
        let enabled = written.filter(|node| !self.pass.skipped.contains_key(&identity(node)));
        let is_enabled = match enabled.map(|node| (node, &node.kind)) {
            None => true,
            Some((_, Kind::Bool(value))) => *value,
            Some((node, _)) if node.is_null() => node.original.is_none(),
            Some((node, _)) => {
                let message = format!("expected a boolean, found {}", node.described());
                let fault = Fault::wrong(message.clone(), message).at(node.blamed(), false);
                return Err(fault.blaming(identity(node)));
            }
        };
        let block = Self {
            skips_enabled: true,
            ..self
        };
        self.done(visitor.visit_seq(Pair::new(is_enabled, block)))
    }

    fn warn_of_bare_integer(&self) {
        if let Kind::Int(nanos) = self.node.kind
            && nanos != 0
        {
            let warning = Problem::warning(&self.node.place, "this duration has no unit");
            let label = "taken as nanoseconds; write for example `200ms`";
            self.pass.found.borrow_mut().push(warning.with_label(label));
        }
    }
}

/// Forwards all sizes of a number to one method.
macro_rules! sized {
    ($($method:ident => $one:ident,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.$one(visitor)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Reader<'_> {
    type Error = Fault;

    sized! {
        deserialize_i8 => integer, deserialize_i16 => integer, deserialize_i32 => integer,
        deserialize_i64 => integer, deserialize_i128 => integer, deserialize_u8 => integer,
        deserialize_u16 => integer, deserialize_u32 => integer, deserialize_u64 => integer,
        deserialize_u128 => integer, deserialize_f32 => float, deserialize_f64 => float,
        deserialize_str => text, deserialize_string => text, deserialize_char => text,
        deserialize_identifier => text,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.kind {
            Kind::Null => self.done(visitor.visit_unit()).map_err(|fault| {
                if self.is_field {
                    fault.because(Reason::Empty)
                } else {
                    fault
                }
            }),
            Kind::Bool(value) => self.done(visitor.visit_bool(*value)),
            Kind::Int(value) => self.visit_int(*value, visitor),
            Kind::Float(value) => self.done(visitor.visit_f64(*value)),
            Kind::String(value) => self.done(visitor.visit_str(value)),
            Kind::List(items) => self.done(visitor.visit_seq(Items::new(self, items))),
            Kind::Map(entries) => self.done(visitor.visit_map(Entries::new(self, entries))),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.kind {
            Kind::Bool(value) => self.done(visitor.visit_bool(value)),
            _ if self.is_zero() => self.done(visitor.visit_bool(false)),
            Kind::String(_) | Kind::Int(_) => {
                let wrong = self.mismatch(&visitor);
                wrong.map_err(|fault| fault.hinting("write `true` or `false`, without quotes"))
            }
            _ => self.mismatch(&visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.done(if self.node.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if name == DURATION {
            if self.node.is_null() && !self.is_zero() {
                return self.mismatch(&visitor);
            }
            self.warn_of_bare_integer();
            let read = self.done(visitor.visit_newtype_struct(self));
            let may_not_quote = self.is_secret || self.is_expanded();
            return read.map_err(|fault| {
                let fault = fault.hinting("write for example `200ms`, `5s` or `1m30s`");
                if may_not_quote {
                    fault.saying("this is not a duration")
                } else {
                    fault
                }
            });
        }
        self.done(visitor.visit_newtype_struct(self))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.kind {
            Kind::List(items) => self.done(visitor.visit_seq(Items::new(self, items))),
            // The Collector splits a text where it wants a list of them.
            Kind::String(text) => self.done(visitor.visit_seq(Pieces::new(text))),
            _ if self.is_nothing() => self.done(visitor.visit_seq(Items::new(self, &[]))),
            _ => self.mismatch(&visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.kind {
            Kind::List(items) => self.done(visitor.visit_seq(Items::all_of(self, items))),
            _ => self.mismatch(&visitor),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if name == OPTIONAL {
            self.optional(visitor)
        } else if name == EXTENDED {
            if !matches!(self.node.kind, Kind::Map(_)) && !self.is_nothing() {
                return self.mismatch(&visitor);
            }
            self.done(visitor.visit_seq(Parts::new(self)))
        } else {
            self.deserialize_tuple(len, visitor)
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.kind {
            Kind::Map(entries) => self.done(visitor.visit_map(Entries::new(self, entries))),
            _ if self.is_nothing() => self.done(visitor.visit_map(Entries::new(self, &[]))),
            _ => self.mismatch(&visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if !matches!(self.node.kind, Kind::Map(_)) && !self.is_nothing() {
            return self.mismatch(&visitor);
        }
        let read = visitor.visit_map(Fields::new(self, fields));
        self.done(read.map_err(|fault| self.struct_failed(fault)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let text = match &self.node.kind {
            Kind::String(text) => Some(text),
            _ => self.node.original.as_ref(),
        };
        match (text, self.node.entries()) {
            (Some(text), _) => {
                let text: de::value::StrDeserializer<'_, Fault> = text.as_str().into_deserializer();
                self.done(visitor.visit_enum(text))
            }
            (None, [(name, content)]) => {
                self.done(visitor.visit_enum(Variant::new(self, name, content)))
            }
            _ if self.node.is_null() => self.mismatch(&visitor),
            _ => {
                let found = self.node.described();
                let message = format!(
                    "expected one of {}, found {found}",
                    suggest::listed(variants)
                );
                Err(self.placed(Fault::wrong(message.clone(), message)))
            }
        }
    }

    forward_to_deserialize_any! { bytes byte_buf unit unit_struct }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }
}
