//! Copies profiles and what they point at, each thing once.

use std::collections::HashMap;

use bytes::Bytes;
use smallvec::SmallVec;

use super::refs::{self, Holder, Refs};
use crate::{
    Batch, MAX_VALUE_DEPTH,
    number::request,
    view::{Dictionary, TABLES},
    wire::{
        read::{Fields, Payload, Varints},
        write as wire,
    },
};

/// How deep messages are followed: three for each value in a value, and those around them. What is
/// deeper was never checked and is copied as it is.
const MAX_DEPTH: u32 = 3 * MAX_VALUE_DEPTH + 16;

/// A dictionary that things are taken from.
pub(crate) struct Source<'a> {
    dictionary: Dictionary<'a>,
    /// Where entries went, by table: the merger, by number, and the index there.
    moved: [Vec<(u32, u32)>; TABLES],
    merger: u32,
}

impl<'a> Source<'a> {
    pub(crate) fn new(batch: &'a Batch) -> Self {
        let dictionary = Dictionary::new(batch);
        let moved = std::array::from_fn(|table| vec![(0, 0); dictionary.len(table as u32 + 1)]);
        Self {
            dictionary,
            moved,
            merger: 1,
        }
    }

    /// Forgets where entries went: the next merger begins.
    pub(crate) fn next_merger(&mut self) {
        self.merger += 1;
    }
}

/// Profiles that are being put together, and the dictionary that they will share.
#[derive(Default)]
pub(crate) struct Merger {
    /// Fields of the request.
    blocks: Vec<u8>,
    /// Fields of the dictionary, by table.
    tables: [Target; TABLES],
    items: u32,
}

/// A table of the new dictionary.
#[derive(Default)]
struct Target {
    /// Its entries as fields.
    fields: Vec<u8>,
    /// Finds an entry by its body, in which indexes are new ones already.
    places: HashMap<Box<[u8]>, u32>,
}

impl Merger {
    /// Adds the profiles of a batch, or of a piece of it, whose dictionary is `source`.
    pub(crate) fn add(&mut self, source: &mut Source<'_>, batch: &Batch) {
        self.items += batch.items();
        let mut blocks = std::mem::take(&mut self.blocks);
        let mut copy = Copy {
            source,
            tables: &mut self.tables,
            depth: 0,
        };
        for chunk in batch.chunks() {
            copy.fields(&refs::REQUEST, chunk, &mut blocks);
        }
        self.blocks = blocks;
    }

    /// Puts the request together, as a batch that came from `whole`.
    pub(crate) fn finish(self, whole: &Batch) -> Batch {
        let mut out = self.blocks;
        let dictionary = wire::open(&mut out, request::DICTIONARY);
        for (table, target) in self.tables.into_iter().enumerate() {
            // The empty entry that index zero stands for.
            wire::bytes(&mut out, table as u32 + 1, b"");
            out.extend_from_slice(&target.fields);
        }
        wire::close(&mut out, dictionary);
        let chunks = SmallVec::from_elem(Bytes::from(out), 1);
        whole.derived(chunks, self.items)
    }
}

/// One walk from a source into a merger.
struct Copy<'m, 's, 'a> {
    source: &'s mut Source<'a>,
    tables: &'m mut [Target; TABLES],
    depth: u32,
}

impl Copy<'_, '_, '_> {
    /// Copies the fields of a message, with new indexes. What is no index stays byte for byte, so
    /// fields that we have never heard of survive.
    fn fields(&mut self, holder: &Holder, body: &[u8], out: &mut Vec<u8>) {
        self.depth += 1;
        let mut fields = Fields::new(body);
        loop {
            let from = fields.at();
            let Some(field) = fields.next() else { break };
            match (holder.field(field.number), field.payload) {
                (Some(Refs::Index(table)), Payload::Varint(index)) => {
                    let index = self.moved(table, index);
                    wire::uint(out, field.number, index);
                }
                (Some(Refs::Index(table)), Payload::Bytes(packed)) => {
                    let open = wire::open(out, field.number);
                    for index in Varints(packed) {
                        let index = self.moved(table, index);
                        wire::varint(out, index);
                    }
                    wire::close(out, open);
                }
                (Some(Refs::Inside(holder)), Payload::Bytes(inner)) if self.depth < MAX_DEPTH => {
                    let open = wire::open(out, field.number);
                    self.fields(holder, inner, out);
                    wire::close(out, open);
                }
                // The dictionary is made anew.
                (None, _) if self.depth == 1 && field.number == request::DICTIONARY => {}
                _ => out.extend_from_slice(&body[from..fields.at()]),
            }
        }
        self.depth -= 1;
    }

    /// Returns the new index of an entry, which moves when it is first asked for. An index that the
    /// source does not have becomes zero, which stands for nothing as well.
    fn moved(&mut self, table: u32, index: u64) -> u64 {
        // An index is an `int32`; a negative one is far outside of every table.
        let index = index as u32 as usize;
        let place = table as usize - 1;
        let merger = self.source.merger;
        let Some(&(by, new)) = self.source.moved[place].get(index) else {
            return 0;
        };
        if index == 0 {
            return 0;
        }
        if by == merger {
            return u64::from(new);
        }
        let body = self.source.dictionary.entry(table, index);
        let mut entry = Vec::new();
        self.fields_of_entry(table, body.unwrap_or_default(), &mut entry);
        let new = self.tables[place].place(table, entry);
        self.source.moved[place][index] = (merger, new);
        u64::from(new)
    }

    fn fields_of_entry(&mut self, table: u32, body: &[u8], out: &mut Vec<u8>) {
        let holder = refs::entry(table);
        if holder.is_leaf() {
            out.extend_from_slice(body);
        } else {
            self.fields(holder, body, out);
        }
    }
}

impl Target {
    /// Returns the index of an entry, and adds it if there is no equal one.
    fn place(&mut self, table: u32, body: Vec<u8>) -> u32 {
        if body.is_empty() {
            return 0;
        }
        // Cannot overflow: an entry takes a byte at least in a request of 2^30.
        let next = self.places.len() as u32 + 1;
        let fields = &mut self.fields;
        let place = self.places.entry(body.into_boxed_slice());
        *place.or_insert_with_key(|body| {
            wire::bytes(fields, table, body);
            next
        })
    }
}
