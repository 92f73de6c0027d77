//! Header blocks of HTTP/2 (HPACK, RFC 7541), read by somebody who may have come late.
//!
//! A header is said in full, or by its number in a table of what was said before. What was said
//! before we came, or in a block that was lost, is an unknown header, and no error. Values are kept
//! of the names in `name` only. This module must not know what headers mean.

mod huffman;
mod integer;
mod name;
mod statics;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::{
    integer::{Stop, integer},
    statics::ENTRIES,
    table::Table,
};
pub(super) use self::{name::Name, table::SIZE_MAX};
use crate::{text::text, wanted::Wanted};

/// Bytes of a name that are looked at; no name of ours is as long.
const NAME_BYTES: usize = 64;
/// A kept buffer larger than this is given back after each block.
const SCRATCH_BYTES: usize = 1024;

/// What is known of the value of a header.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    /// It was said before we could know, or is not wanted.
    Unknown,
    /// One of the standard.
    Static(&'static str),
    /// It was said before, or may be said again. The flag tells of a value that was too long.
    Shared(&'a Arc<str>, bool),
    /// It was said here; the flag is the same.
    Said(&'a [u8], bool),
}

/// How the reading of a block ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoded {
    /// All of it was read.
    Whole,
    /// It breaks off. What came before was read.
    Cut,
    /// It is not a header block from somewhere on.
    Wrong,
}

/// Reads the header blocks of one direction, one after another.
#[derive(Debug)]
pub(super) struct Decoder {
    table: Table,
    /// Which other headers are kept, and whether these are those of requests.
    wanted: &'static Wanted,
    is_request: bool,
    name: Vec<u8>,
    value: Vec<u8>,
}

/// A text as it stands in a block.
#[derive(Clone, Copy)]
struct Coded<'a> {
    bytes: &'a [u8],
    is_huffman: bool,
}

/// A header that is spelt out, or a part of it.
struct Literal<'a> {
    name: Name,
    name_len: usize,
    value: Coded<'a>,
}

impl Decoder {
    /// Creates a decoder. `known` tells that the first block will be the first of the direction.
    pub(super) fn new(known: bool, wanted: &'static Wanted, is_request: bool) -> Self {
        Self {
            table: Table::new(known),
            wanted,
            is_request,
            name: Vec::new(),
            value: Vec::new(),
        }
    }

    /// The other end allows tables of this size.
    pub(super) fn allow(&mut self, size: usize) {
        self.table.allow(size);
    }

    /// A block was lost.
    pub(super) fn lose(&mut self) {
        self.table.lose();
    }

    /// Returns how many bytes are held.
    pub(super) fn held(&self) -> usize {
        self.table.held() + self.name.capacity() + self.value.capacity()
    }

    /// Reads a block; shows every header in it, known or not. `is_whole` tells that nothing of the
    /// block is missing behind it.
    pub(super) fn decode(
        &mut self,
        block: &[u8],
        is_whole: bool,
        mut show: impl FnMut(Name, Value<'_>),
    ) -> Decoded {
        let mut rest = block;
        let mut end = if is_whole {
            Decoded::Whole
        } else {
            Decoded::Cut
        };
        while !rest.is_empty() {
            match self.field(&mut rest, &mut show) {
                Ok(()) => {}
                Err(Stop::Cut) if !is_whole => break,
                Err(_) => {
                    end = Decoded::Wrong;
                    break;
                }
            }
        }
        if end != Decoded::Whole {
            self.table.lose();
        }
        if self.value.capacity() > SCRATCH_BYTES {
            self.value = Vec::new();
        }
        end
    }

    fn field(
        &mut self,
        rest: &mut &[u8],
        show: &mut impl FnMut(Name, Value<'_>),
    ) -> Result<(), Stop> {
        let first = *rest.first().ok_or(Stop::Cut)?;
        if first & 0x80 != 0 {
            let index = integer(rest, 7)?;
            return self.indexed(index, show);
        }
        if first & 0xe0 == 0x20 {
            let size = integer(rest, 5)?;
            self.table.resize(size);
            return Ok(());
        }
        let is_added = first & 0x40 != 0;
        let index = integer(rest, if is_added { 6 } else { 4 })?;
        let (name, name_len) = match index {
            0 => self.literal_name(rest)?,
            index => self.indexed_name(index)?,
        };
        let value = coded(rest)?;
        let literal = Literal {
            name,
            name_len,
            value,
        };
        if is_added {
            self.add(&literal, show)
        } else {
            self.pass(&literal, show)
        }
    }

    fn indexed(&self, index: usize, show: &mut impl FnMut(Name, Value<'_>)) -> Result<(), Stop> {
        let index = index.checked_sub(1).ok_or(Stop::Wrong)?;
        if let Some((name, text, value)) = ENTRIES.get(index) {
            show(self.name(*name, text), Value::Static(value));
            return Ok(());
        }
        match self.table.get(index - ENTRIES.len()) {
            Ok(Some(entry)) => match &entry.value {
                Some((value, is_cut)) => show(entry.name, Value::Shared(value, *is_cut)),
                None => show(entry.name, Value::Unknown),
            },
            Ok(None) => show(Name::Unknown, Value::Unknown),
            Err(()) => return Err(Stop::Wrong),
        }
        Ok(())
    }

    fn indexed_name(&self, index: usize) -> Result<(Name, usize), Stop> {
        let index = index - 1;
        if let Some((name, text, _)) = ENTRIES.get(index) {
            return Ok((self.name(*name, text), text.len()));
        }
        match self.table.get(index - ENTRIES.len()) {
            Ok(Some(entry)) => Ok((entry.name, entry.name_len)),
            Ok(None) => Ok((Name::Unknown, 0)),
            Err(()) => Err(Stop::Wrong),
        }
    }

    fn literal_name(&mut self, rest: &mut &[u8]) -> Result<(Name, usize), Stop> {
        let name = coded(rest)?;
        if !name.is_huffman {
            return Ok((self.name_of(name.bytes), name.bytes.len()));
        }
        self.name.clear();
        let name_len = name.decode(NAME_BYTES, &mut self.name)?;
        Ok((self.name_of(&self.name), name_len))
    }

    fn name_of(&self, text: &[u8]) -> Name {
        Name::of(text, |other| self.find(other))
    }

    /// Returns what a name of the standard is, which somebody may have asked for.
    fn name(&self, name: Name, text: &str) -> Name {
        match name {
            Name::Other => self.find(text.as_bytes()).map_or(name, Name::Wanted),
            name => name,
        }
    }

    fn find(&self, name: &[u8]) -> Option<&'static str> {
        if self.wanted.is_empty() {
            None
        } else if self.is_request {
            self.wanted.of_request(name)
        } else {
            self.wanted.of_response(name)
        }
    }

    /// A header that may be named by its number from now on.
    fn add(
        &mut self,
        literal: &Literal<'_>,
        show: &mut impl FnMut(Name, Value<'_>),
    ) -> Result<(), Stop> {
        let kept = literal.name.bytes_kept();
        self.value.clear();
        let value_len = literal.value.decode(kept, &mut self.value)?;
        let value = (kept > 0).then(|| {
            let text: Arc<str> = text(&self.value, kept).into();
            (text, value_len > kept)
        });
        match &value {
            Some((value, is_cut)) => show(literal.name, Value::Shared(value, *is_cut)),
            None => show(literal.name, Value::Unknown),
        }
        self.table
            .insert(literal.name, literal.name_len, value, value_len);
        Ok(())
    }

    /// A header for this once.
    fn pass(
        &mut self,
        literal: &Literal<'_>,
        show: &mut impl FnMut(Name, Value<'_>),
    ) -> Result<(), Stop> {
        let kept = literal.name.bytes_kept();
        if kept == 0 {
            show(literal.name, Value::Unknown);
            return Ok(());
        }
        self.value.clear();
        let value_len = literal.value.decode(kept, &mut self.value)?;
        show(literal.name, Value::Said(&self.value, value_len > kept));
        Ok(())
    }
}

fn coded<'a>(rest: &mut &'a [u8]) -> Result<Coded<'a>, Stop> {
    let is_huffman = rest.first().ok_or(Stop::Cut)? & 0x80 != 0;
    let len = integer(rest, 7)?;
    let (bytes, after) = rest.split_at_checked(len).ok_or(Stop::Cut)?;
    *rest = after;
    Ok(Coded { bytes, is_huffman })
}

impl Coded<'_> {
    /// Decodes at most `kept` bytes to the end of `into`; returns how long the whole text is.
    fn decode(self, kept: usize, into: &mut Vec<u8>) -> Result<usize, Stop> {
        if !self.is_huffman {
            into.extend_from_slice(&self.bytes[..self.bytes.len().min(kept)]);
            return Ok(self.bytes.len());
        }
        let mut len = 0;
        let is_text = huffman::decode(self.bytes, |byte| {
            if len < kept {
                into.push(byte);
            }
            len += 1;
        });
        if is_text { Ok(len) } else { Err(Stop::Wrong) }
    }
}
