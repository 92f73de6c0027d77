//! Reads JSON into wire bytes, in one pass.

use std::ops::Range;

use smallvec::SmallVec;

use super::{
    JsonError,
    fault::{Fault, JsonFlaw},
    lex::Lexer,
    scalar,
    table::{Count, Field, Kind, MAX_FIELDS, Table},
};
use crate::{MAX_VALUE_DEPTH, MAX_WIRE_BYTES, wire::write as wire};

/// Reads an export request and counts its items.
pub(super) fn request(table: &'static Table, text: &[u8]) -> Result<(Vec<u8>, u32), JsonError> {
    let read = || {
        if text.len() > MAX_WIRE_BYTES {
            return Err(Fault::new(0, JsonFlaw::TooLarge));
        }
        let mut reader = Reader {
            lexer: Lexer::new(text)?,
            out: Vec::with_capacity(text.len() / 2),
            items: 0,
            depth: 0,
        };
        reader.message(table)?;
        reader.lexer.end()?;
        Ok((reader.out, reader.items))
    };
    read().map_err(|fault: Fault| fault.located(text))
}

struct Reader<'a> {
    lexer: Lexer<'a>,
    out: Vec<u8>,
    /// Cannot overflow: an item takes two bytes of text at least, and there are 2^30.
    items: u32,
    depth: u32,
}

/// What was written of the message that is being read.
#[derive(Default)]
struct Written {
    /// One bit for each field that came.
    seen: u32,
    /// The fields that must not stand there twice.
    single: SmallVec<[Single; 2]>,
    /// What was written and then came again.
    dead: Vec<Range<usize>>,
}

/// A field that must not stand on the wire twice.
struct Single {
    slot: usize,
    range: Range<usize>,
    /// How many items are in it.
    items: u32,
}

/// The slot of members of a `oneof`, which are one field together.
const ONEOF: usize = MAX_FIELDS;

impl Reader<'_> {
    /// Reads the body of a message. Recurses as deep as values may be nested.
    fn message(&mut self, table: &'static Table) -> Result<(), Fault> {
        self.items += u32::from(table.item);
        self.depth += u32::from(table.nests);
        if self.depth > MAX_VALUE_DEPTH {
            return Err(self.lexer.fault(JsonFlaw::TooDeep));
        }
        let mut written = Written::default();
        let mut likely = 0;
        let mut members = self.lexer.open_object()?;
        while let Some(name) = self.lexer.member(&mut members)? {
            let Some(index) = table.find(&name, likely) else {
                self.lexer.skip(0)?;
                continue;
            };
            likely = index + 1;
            let field = &table.fields[index];
            if !self.lexer.word("null") {
                self.field(field, index, &mut written)
                    .map_err(|fault| fault.in_field(field.name))?;
            }
        }
        if self.out.len() > MAX_WIRE_BYTES {
            return Err(self.lexer.fault(JsonFlaw::TooLarge));
        }
        remove(&mut self.out, written.dead);
        self.depth -= u32::from(table.nests);
        Ok(())
    }

    fn field(&mut self, field: &Field, index: usize, written: &mut Written) -> Result<(), Fault> {
        let (begin, items) = (self.out.len(), self.items);
        let seen = written.seen & 1 << index != 0;
        written.seen |= 1 << index;
        match (field.count, field.kind) {
            (Count::Many, Kind::Message(inner)) => return self.messages(field.number, inner),
            (Count::Many, Kind::Text) => return self.texts(field),
            (Count::Many, _) => return self.packed(field),
            (_, Kind::Message(inner)) => {
                let open = wire::open(&mut self.out, field.number);
                self.message(inner)?;
                wire::close(&mut self.out, open);
            }
            (count, kind) => {
                let value = scalar::read(&mut self.lexer, kind)?;
                if count != Count::Once || seen || !value.is_zero() {
                    value.put(&mut self.out, field.number);
                }
                if count != Count::Either {
                    return Ok(());
                }
            }
        }
        // Messages that come twice would be merged by other readers, and members of a `oneof` are
        // one field: of both only the last stays.
        let slot = if field.count == Count::Either {
            ONEOF
        } else {
            index
        };
        let now = Single {
            slot,
            range: begin..self.out.len(),
            items: self.items - items,
        };
        match written.single.iter_mut().find(|one| one.slot == slot) {
            Some(one) => {
                let before = std::mem::replace(one, now);
                written.dead.push(before.range);
                self.items -= before.items;
            }
            None => written.single.push(now),
        }
        Ok(())
    }

    fn messages(&mut self, number: u32, inner: &'static Table) -> Result<(), Fault> {
        let mut list = self.lexer.open_array()?;
        let mut index = 0;
        while self.lexer.element(&mut list)? {
            let open = wire::open(&mut self.out, number);
            // A null in a list keeps its place: it is an empty message.
            if self.lexer.word("null") {
                self.items += u32::from(inner.item);
            } else {
                self.message(inner)
                    .map_err(|fault| fault.in_element(index))?;
            }
            wire::close(&mut self.out, open);
            index += 1;
        }
        Ok(())
    }

    fn texts(&mut self, field: &Field) -> Result<(), Fault> {
        let mut list = self.lexer.open_array()?;
        let mut index = 0;
        while self.lexer.element(&mut list)? {
            let value = scalar::read(&mut self.lexer, field.kind);
            value
                .map_err(|fault| fault.in_element(index))?
                .put(&mut self.out, field.number);
            index += 1;
        }
        Ok(())
    }

    fn packed(&mut self, field: &Field) -> Result<(), Fault> {
        let begin = self.out.len();
        let open = wire::open(&mut self.out, field.number);
        let empty = self.out.len();
        let mut list = self.lexer.open_array()?;
        let mut index = 0;
        while self.lexer.element(&mut list)? {
            let value = scalar::read(&mut self.lexer, field.kind);
            value
                .map_err(|fault| fault.in_element(index))?
                .put_packed(&mut self.out);
            index += 1;
        }
        if self.out.len() == empty {
            self.out.truncate(begin);
        } else {
            wire::close(&mut self.out, open);
        }
        Ok(())
    }
}

/// Removes ranges, each byte moving once however many there are.
fn remove(out: &mut Vec<u8>, mut dead: Vec<Range<usize>>) {
    dead.sort_unstable_by_key(|range| range.start);
    let Some(first) = dead.first() else { return };
    let mut to = first.start;
    for (index, range) in dead.iter().enumerate() {
        let next = dead.get(index + 1).map_or(out.len(), |next| next.start);
        out.copy_within(range.end..next, to);
        to += next - range.end;
    }
    out.truncate(to);
}
