//! The located tree: what was typed, every key and value with its place.
//!
//! This module must not know how the tree was read, layered or expanded.

use std::sync::Arc;

use crate::{Place, Via};

/// A value of the configuration and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Where the value was written.
    pub place: Place,
    /// Where the key was written that this is the value of; list items and the root have none.
    pub key: Option<Place>,
    /// The text behind a value that came out of `${…}`; a text setting takes this, not the value.
    pub original: Option<String>,
    /// The references that it came through, if any.
    pub via: Option<Arc<Via>>,
    /// Whether what was written here could not be had, which was reported; it is null then.
    pub is_broken: bool,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Nothing: an empty value, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number between the smallest `i64` and the largest `u64`.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// Text, quoted or not.
    String(String),
    /// A sequence.
    List(Vec<Node>),
    /// Keys in the order they were written, each once; the place of a key is its value's `key`.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Makes a node that is no key's value and did not come out of `${…}`.
    pub fn new(kind: Kind, place: Place) -> Self {
        Self {
            kind,
            place,
            key: None,
            original: None,
            via: None,
            is_broken: false,
        }
    }

    /// Returns why this is a text and no list or map, if it was read from a text that is not YAML.
    pub(crate) fn not_yaml(&self) -> Option<&str> {
        let via = self.via.as_ref()?;
        let is_text = matches!(self.kind, Kind::String(_));
        via.not_yaml.as_deref().filter(|_| is_text)
    }

    /// Returns the place to point at when the whole value is meant: its key, if it has one.
    pub fn heading(&self) -> &Place {
        self.key.as_ref().unwrap_or(&self.place)
    }

    /// Returns the place to point at when the value is wrong: a scalar itself, else its key.
    pub fn blamed(&self) -> &Place {
        match self.kind {
            Kind::Null | Kind::List(_) | Kind::Map(_) => self.heading(),
            _ => &self.place,
        }
    }

    /// Returns the value of a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// Returns the keys and values of a map; nothing for any other kind.
    pub fn entries(&self) -> &[(String, Self)] {
        if let Kind::Map(entries) = &self.kind {
            entries
        } else {
            &[]
        }
    }

    /// Returns the items of a list; nothing for any other kind.
    pub fn items(&self) -> &[Self] {
        if let Kind::List(items) = &self.kind {
            items
        } else {
            &[]
        }
    }

    /// Returns whether nothing was written here.
    pub fn is_null(&self) -> bool {
        self.kind == Kind::Null
    }

    /// Returns the kind in words with its article, for messages: `a list`.
    pub fn described(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "a boolean",
            Kind::Int(_) => "an integer",
            Kind::Float(_) => "a number",
            Kind::String(_) => "a string",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }
}
