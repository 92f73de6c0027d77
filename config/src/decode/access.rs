//! serde's view of what is inside of a node: items, entries, fields, variants.
//!
//! Each of them leaves out what an earlier pass found wrong, and blames the smallest part that can
//! be left out next.

use std::slice;

use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
    value::StrDeserializer,
};

use super::{fault::Fault, identity, value::Reader};
use crate::{Node, secret::looks_secret};

/// The items of a list.
pub(super) struct Items<'a> {
    list: Reader<'a>,
    left: slice::Iter<'a, Node>,
    /// Whether a wrong item can be left out; a tuple needs all of them.
    drops_wrong: bool,
}

/// A text that stands for a list of texts.
pub(super) struct Pieces<'a> {
    left: Option<&'a str>,
}

/// The entries of a map whose keys are data.
pub(super) struct Entries<'a> {
    map: Reader<'a>,
    left: slice::Iter<'a, (String, Node)>,
    current: Option<&'a (String, Node)>,
}

/// The settings of a struct.
pub(super) struct Fields<'a> {
    map: Reader<'a>,
    known: &'static [&'static str],
    left: slice::Iter<'a, (String, Node)>,
    current: Option<&'a (String, Node)>,
}

/// Whether an optional block is enabled, then the block.
pub(super) struct Pair<'a> {
    enabled: Option<bool>,
    block: Reader<'a>,
}

/// The parts of an extended block: the same map, once for each.
pub(super) struct Parts<'a> {
    block: Reader<'a>,
    left: usize,
}

/// A variant written as a map with one key.
pub(super) struct Variant<'a> {
    name: &'a str,
    content: Reader<'a>,
}

fn key_reader(key: &str) -> StrDeserializer<'_, Fault> {
    key.into_deserializer()
}

// === impl Items ===

impl<'a> Items<'a> {
    pub(super) fn new(list: Reader<'a>, items: &'a [Node]) -> Self {
        Self {
            list,
            left: items.iter(),
            drops_wrong: true,
        }
    }

    /// The items of a list whose length matters.
    pub(super) fn all_of(list: Reader<'a>, items: &'a [Node]) -> Self {
        Self {
            drops_wrong: false,
            ..Self::new(list, items)
        }
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let skipped = &self.list.pass.skipped;
        let Some(node) = self
            .left
            .find(|node| !skipped.contains_key(&identity(node)))
        else {
            return Ok(None);
        };
        let item = Reader {
            node,
            is_field: false,
            skips_enabled: false,
            ..self.list
        };
        seed.deserialize(item).map(Some).map_err(|fault| {
            let fault = item.placed(fault);
            if self.drops_wrong {
                fault.blaming(identity(node))
            } else {
                fault
            }
        })
    }
}

// === impl Pieces ===

impl<'a> Pieces<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            left: Some(text).filter(|text| !text.is_empty()),
        }
    }
}

impl<'de> SeqAccess<'de> for Pieces<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some(left) = self.left else {
            return Ok(None);
        };
        let (piece, rest) = match left.split_once(',') {
            Some((piece, rest)) => (piece, Some(rest)),
            None => (left, None),
        };
        self.left = rest;
        seed.deserialize(key_reader(piece)).map(Some)
    }
}

// === impl Entries ===

impl<'a> Entries<'a> {
    pub(super) fn new(map: Reader<'a>, entries: &'a [(String, Node)]) -> Self {
        Self {
            map,
            left: entries.iter(),
            current: None,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let skipped = &self.map.pass.skipped;
        self.current = self
            .left
            .find(|(_, node)| !skipped.contains_key(&identity(node)));
        let Some((key, node)) = self.current else {
            return Ok(None);
        };
        let read = seed.deserialize(key_reader(key)).map(Some);
        read.map_err(|fault| fault.at(node.heading(), false).blaming(identity(node)))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (key, node) = self.current.expect("serde asks for the key first");
        let is_secret = self.map.is_secret || looks_secret(key);
        let value = Reader {
            node,
            is_secret,
            is_field: false,
            skips_enabled: false,
            ..self.map
        };
        let read = seed.deserialize(value);
        read.map_err(|fault| value.placed(fault).blaming(identity(node)))
    }
}

// === impl Fields ===

impl<'a> Fields<'a> {
    /// Reports the settings that the struct does not know, and reads the others.
    pub(super) fn new(map: Reader<'a>, known: &'static [&'static str]) -> Self {
        let fields = Self {
            map,
            known,
            left: map.node.entries().iter(),
            current: None,
        };
        if !map.pass.takes_part(map.node, known) && map.pass.is_first_visit(map.node) {
            map.report_unknown(known);
        }
        fields
    }

    fn is_enabled_of_block(&self, key: &str) -> bool {
        self.map.skips_enabled && key == "enabled"
    }

    fn is_read(&self, key: &str, node: &Node) -> bool {
        self.known.contains(&key)
            && !self.is_enabled_of_block(key)
            && !self.map.pass.skipped.contains_key(&identity(node))
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let mut left = self.left.clone();
        self.current = left.find(|(key, node)| self.is_read(key, node));
        self.left = left;
        let Some((key, _)) = self.current else {
            return Ok(None);
        };
        seed.deserialize(key_reader(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (key, node) = self.current.expect("serde asks for the key first");
        let is_secret = self.map.is_secret || looks_secret(key);
        let value = Reader {
            node,
            is_secret,
            is_field: true,
            skips_enabled: false,
            ..self.map
        };
        let read = seed.deserialize(value);
        read.map_err(|fault| value.placed(fault).blaming(identity(node)))
    }
}

// === impl Pair ===

impl<'a> Pair<'a> {
    pub(super) fn new(is_enabled: bool, block: Reader<'a>) -> Self {
        Self {
            enabled: Some(is_enabled),
            block,
        }
    }
}

impl<'de> SeqAccess<'de> for Pair<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        match self.enabled.take() {
            Some(is_enabled) => seed.deserialize(is_enabled.into_deserializer()).map(Some),
            None => seed.deserialize(self.block).map(Some),
        }
    }
}

// === impl Parts ===

impl<'a> Parts<'a> {
    pub(super) fn new(block: Reader<'a>) -> Self {
        block.pass.begin_parts(block.node);
        Self { block, left: 2 }
    }
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let pass = self.block.pass;
        let part = seed.deserialize(self.block)?;
        self.left -= 1;
        if self.left == 0 {
            let known = pass.end_parts(self.block.node);
            if pass.is_first_visit(self.block.node) {
                self.block.report_unknown(&known);
            }
        }
        Ok(Some(part))
    }
}

// === impl Variant ===

impl<'a> Variant<'a> {
    pub(super) fn new(map: Reader<'a>, name: &'a str, node: &'a Node) -> Self {
        Self {
            name,
            content: Reader {
                node,
                is_field: false,
                skips_enabled: false,
                ..map
            },
        }
    }
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Fault;
    type Variant = Reader<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Reader<'a>), Fault> {
        let place = self.content.node.heading();
        let variant = seed.deserialize(key_reader(self.name));
        Ok((
            variant.map_err(|fault| fault.at(place, false))?,
            self.content,
        ))
    }
}

impl<'de> VariantAccess<'de> for Reader<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        serde::Deserialize::deserialize(self)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        serde::Deserializer::deserialize_tuple(self, len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        serde::Deserializer::deserialize_struct(self, "", fields, visitor)
    }
}
