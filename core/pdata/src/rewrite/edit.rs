//! One message under edit: its bytes as they came, and a list of what becomes of each field.
//!
//! New fields are written into a scratch buffer; writing the message copies runs of untouched bytes
//! and what is new between them. The list and the buffer serve one message after another, so that
//! nothing is allocated per record. It must not know which message this is.

use std::{cell::OnceCell, ops::Range};

use crate::wire::{
    read::{Fields, Payload},
    write as wire,
};

/// A field, and what becomes of it.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) number: u32,
    /// Where it stands in the message; empty, at the end, for one that was added.
    pub(super) whole: Range<usize>,
    /// Where its payload begins, in the message or in the scratch buffer.
    payload_at: usize,
    pub(super) fate: Fate,
}

#[derive(Clone, Debug)]
pub(super) enum Fate {
    Kept,
    Removed,
    /// Replaced by this range of the scratch buffer.
    New(Range<usize>),
}

/// What is remembered about the message under edit.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) slots: Vec<Slot>,
    scratch: Vec<u8>,
    indexed: bool,
    changed: bool,
    /// Whether it changed since somebody asked.
    fresh: bool,
    /// The message as it is now, for who wants to view it whole.
    encoded: OnceCell<Vec<u8>>,
}

impl Store {
    pub(super) fn reset(&mut self) {
        if self.indexed {
            self.slots.clear();
            self.scratch.clear();
            self.encoded.take();
        }
        (self.indexed, self.changed, self.fresh) = (false, false, false);
    }

    pub(super) fn changed(&self) -> bool {
        self.changed
    }

    pub(super) fn take_fresh(&mut self) -> bool {
        std::mem::take(&mut self.fresh)
    }

    pub(super) fn new_field(&self, range: Range<usize>) -> &[u8] {
        &self.scratch[range]
    }

    /// Lists the fields of `body`, unless that was done.
    #[inline]
    pub(super) fn index(&mut self, body: &[u8]) {
        if self.indexed {
            return;
        }
        self.indexed = true;
        let mut fields = Fields::new(body);
        loop {
            let from = fields.at();
            let Some(field) = fields.next() else { break };
            let to = fields.at();
            let payload_at = match field.payload {
                Payload::Bytes(bytes) => to - bytes.len(),
                _ => from,
            };
            self.slots.push(Slot {
                number: field.number,
                whole: from..to,
                payload_at,
                fate: Fate::Kept,
            });
        }
    }

    fn touch(&mut self) {
        self.changed = true;
        self.fresh = true;
        self.encoded.take();
    }
}

/// A message under edit.
#[derive(Debug)]
pub(super) struct Edit<'e> {
    pub(super) body: &'e [u8],
    pub(super) store: &'e mut Store,
}

impl Edit<'_> {
    pub(super) fn reborrow(&mut self) -> Edit<'_> {
        Edit {
            body: self.body,
            store: self.store,
        }
    }

    pub(super) fn index(&mut self) {
        self.store.index(self.body);
    }

    /// Returns how many bytes the message takes now.
    pub(super) fn len(&self) -> usize {
        let mut len = self.body.len();
        for slot in &self.store.slots {
            match &slot.fate {
                Fate::Kept => {}
                Fate::Removed => len -= slot.whole.len(),
                Fate::New(range) => len = len + range.len() - slot.whole.len(),
            }
        }
        len
    }

    /// Appends the message as it is now.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut done = 0;
        for slot in &self.store.slots {
            if matches!(slot.fate, Fate::Kept) {
                continue;
            }
            out.extend_from_slice(&self.body[done..slot.whole.start]);
            done = slot.whole.end;
            if let Fate::New(range) = &slot.fate {
                out.extend_from_slice(&self.store.scratch[range.clone()]);
            }
        }
        out.extend_from_slice(&self.body[done..]);
    }

    /// Returns the message as it is now. Copies it once if it was changed.
    pub(super) fn bytes(&self) -> &[u8] {
        if !self.store.changed {
            return self.body;
        }
        self.store.encoded.get_or_init(|| {
            let mut out = Vec::with_capacity(self.len());
            self.write(&mut out);
            out
        })
    }

    /// Returns the positions of the fields of this number that are there.
    #[inline]
    pub(super) fn slots(&self, number: u32) -> impl Iterator<Item = usize> {
        let slots = &self.store.slots;
        (0..slots.len()).filter(move |at| {
            slots[*at].number == number && !matches!(slots[*at].fate, Fate::Removed)
        })
    }

    /// Returns what a delimited field carries; of other fields, something.
    #[inline]
    pub(super) fn payload(&self, at: usize) -> &[u8] {
        let slot = &self.store.slots[at];
        match &slot.fate {
            Fate::New(range) => &self.store.scratch[slot.payload_at..range.end],
            _ => &self.body[slot.payload_at..slot.whole.end],
        }
    }

    pub(super) fn remove_at(&mut self, at: usize) {
        self.store.slots[at].fate = Fate::Removed;
        self.store.touch();
    }

    pub(super) fn clear(&mut self, number: u32) {
        self.index();
        for at in 0..self.store.slots.len() {
            let slot = &self.store.slots[at];
            if slot.number == number && !matches!(slot.fate, Fate::Removed) {
                self.remove_at(at);
            }
        }
    }

    /// Replaces the field at this position, or adds one, with what `write` appends. `write` returns
    /// how many bytes the payload takes, if it is delimited.
    pub(super) fn put_at(
        &mut self,
        at: Option<usize>,
        number: u32,
        write: impl FnOnce(&mut Vec<u8>) -> usize,
    ) {
        let from = self.store.scratch.len();
        let payload_len = write(&mut self.store.scratch);
        let to = self.store.scratch.len();
        let end = self.body.len();
        let at = at.unwrap_or_else(|| {
            self.store.slots.push(Slot {
                number,
                whole: end..end,
                payload_at: 0,
                fate: Fate::Kept,
            });
            self.store.slots.len() - 1
        });
        let slot = &mut self.store.slots[at];
        slot.payload_at = to - payload_len;
        slot.fate = Fate::New(from..to);
        self.store.touch();
    }

    /// Makes this the only field of its number.
    fn put(&mut self, number: u32, write: impl FnOnce(&mut Vec<u8>) -> usize) {
        self.index();
        let last = self.slots(number).last();
        for at in 0..last.unwrap_or(0) {
            if self.store.slots[at].number == number {
                self.remove_at(at);
            }
        }
        self.put_at(last, number, write);
    }

    /// Sets a delimited field; an empty one is left out.
    pub(super) fn set_bytes(&mut self, number: u32, bytes: &[u8]) {
        if bytes.is_empty() {
            return self.clear(number);
        }
        self.put(number, |out| {
            wire::bytes(out, number, bytes);
            bytes.len()
        });
    }

    /// Sets a delimited field, even to nothing.
    pub(super) fn set_message(&mut self, number: u32, body: &[u8]) {
        self.put(number, |out| {
            wire::bytes(out, number, body);
            body.len()
        });
    }

    /// Sets a varint field; zero is left out.
    pub(super) fn set_uint(&mut self, number: u32, value: u64) {
        if value == 0 {
            return self.clear(number);
        }
        self.put(number, |out| {
            wire::uint(out, number, value);
            0
        });
    }

    /// Sets a field of eight bytes; zero is left out.
    pub(super) fn set_fixed64(&mut self, number: u32, value: u64) {
        if value == 0 {
            return self.clear(number);
        }
        self.set_word(number, value);
    }

    /// Sets a field of eight bytes, even to zero.
    pub(super) fn set_word(&mut self, number: u32, value: u64) {
        self.put(number, |out| {
            wire::fixed64(out, number, value);
            0
        });
    }
}
