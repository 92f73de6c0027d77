//! Attributes under edit: looked up by key, in wire order, never reordered.
//!
//! The wire does not promise that keys are unique. Reading and setting look at the first of a key,
//! as the Collector does; removing takes all of them, so that nothing that was to go is left.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::{NewValue, edit::Edit};
use crate::{
    number::key_value,
    view::Value,
    wire::{
        read::{Fields, Payload},
        write as wire,
    },
};

/// Where an attribute stands, among those of the message it was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At(usize);

/// The attributes of a message under edit.
#[derive(Debug)]
pub struct AttributesEdit<'e> {
    edit: Edit<'e>,
    field: u32,
}

impl<'e> AttributesEdit<'e> {
    pub(super) fn new(mut edit: Edit<'e>, field: u32) -> Self {
        edit.index();
        Self { edit, field }
    }

    /// Finds the first attribute with this key.
    #[inline]
    pub fn find(&self, key: &str) -> Option<At> {
        let found = |at: &usize| pair(self.edit.payload(*at)).0 == key.as_bytes();
        self.edit.slots(self.field).find(found).map(At)
    }

    /// Lists where attributes stand, in wire order.
    pub fn positions(&self) -> impl Iterator<Item = At> {
        self.edit.slots(self.field).map(At)
    }

    /// Returns the key at a position.
    pub fn key(&self, at: At) -> Cow<'_, str> {
        String::from_utf8_lossy(pair(self.edit.payload(at.0)).0)
    }

    /// Returns the value at a position.
    pub fn value(&self, at: At) -> Value<'_> {
        Value::from_wire(self.encoded(at))
    }

    /// Returns the value at a position as the body of an `AnyValue`.
    pub fn encoded(&self, at: At) -> &[u8] {
        pair(self.edit.payload(at.0)).1
    }

    /// Finds the value of the first attribute with this key.
    pub fn get(&self, key: &str) -> Option<Value<'_>> {
        self.find(key).map(|at| self.value(at))
    }

    /// Adds an attribute unless there is one with this key; says whether it did.
    pub fn insert(&mut self, key: &str, value: NewValue<'_>) -> bool {
        let absent = self.find(key).is_none();
        if absent {
            self.write(None, key.as_bytes(), value);
        }
        absent
    }

    /// Replaces the value of an attribute if there is one with this key; says whether it did.
    pub fn update(&mut self, key: &str, value: NewValue<'_>) -> bool {
        let found = self.find(key);
        if found.is_some() {
            self.write(found, key.as_bytes(), value);
        }
        found.is_some()
    }

    /// Sets an attribute, whether or not it was there.
    pub fn upsert(&mut self, key: &str, value: NewValue<'_>) {
        self.write(self.find(key), key.as_bytes(), value);
    }

    /// Replaces the value at a position.
    pub fn replace(&mut self, at: At, value: NewValue<'_>) {
        let key = SmallVec::<[u8; 64]>::from_slice(pair(self.edit.payload(at.0)).0);
        self.write(Some(at), &key, value);
    }

    /// Gives the first attribute with this key another one, in its place. An attribute that had
    /// that key is removed. Says whether there was one to rename.
    pub fn rename(&mut self, from: &str, to: &str) -> bool {
        let Some(at) = self.find(from) else {
            return false;
        };
        if from != to {
            self.remove(to);
            let value = SmallVec::<[u8; 64]>::from_slice(self.encoded(at));
            self.write(Some(at), to.as_bytes(), NewValue::Encoded(&value));
        }
        true
    }

    /// Removes every attribute with this key; says whether there was one.
    pub fn remove(&mut self, key: &str) -> bool {
        let mut removed = false;
        while let Some(at) = self.find(key) {
            self.edit.remove_at(at.0);
            removed = true;
        }
        removed
    }

    /// Removes the attribute at a position.
    pub fn remove_at(&mut self, at: At) {
        self.edit.remove_at(at.0);
    }

    /// Removes every attribute that the predicate is true for.
    pub fn remove_if(&mut self, mut doomed: impl FnMut(&str, &Value<'_>) -> bool) {
        let all: SmallVec<[At; 32]> = self.positions().collect();
        for at in all {
            if doomed(&self.key(at), &self.value(at)) {
                self.edit.remove_at(at.0);
            }
        }
    }

    fn write(&mut self, at: Option<At>, key: &[u8], value: NewValue<'_>) {
        let mut others = SmallVec::<[u8; 16]>::new();
        if let Some(At(at)) = at {
            others = unknown(self.edit.payload(at));
        }
        let field = self.field;
        self.edit.put_at(at.map(|at| at.0), field, |out| {
            let open = wire::open(out, field);
            let from = out.len();
            wire::bytes(out, key_value::KEY, key);
            let inner = wire::open(out, key_value::VALUE);
            value.append(out);
            wire::close(out, inner);
            out.extend_from_slice(&others);
            let len = out.len() - from;
            wire::close(out, open);
            len
        });
    }
}

/// Returns key and value of a `KeyValue`.
#[inline]
pub(super) fn pair(body: &[u8]) -> (&[u8], &[u8]) {
    // A short key and a value that ends the message: nearly always.
    if let [0x0a, len @ ..0x80, rest @ ..] = body
        && let Some((key, [0x12, len @ ..0x80, value @ ..])) =
            rest.split_at_checked(usize::from(*len))
        && value.len() == usize::from(*len)
    {
        return (key, value);
    }
    let (mut key, mut value) = (&[][..], &[][..]);
    for field in Fields::new(body) {
        match (field.number, field.payload) {
            (key_value::KEY, Payload::Bytes(bytes)) => key = bytes,
            (key_value::VALUE, Payload::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    (key, value)
}

/// Returns the fields of a `KeyValue` that are neither key nor value.
fn unknown(body: &[u8]) -> SmallVec<[u8; 16]> {
    let mut others = SmallVec::new();
    let mut fields = Fields::new(body);
    loop {
        let from = fields.at();
        let Some(field) = fields.next() else {
            return others;
        };
        if !matches!(field.number, key_value::KEY | key_value::VALUE) {
            others.extend_from_slice(&body[from..fields.at()]);
        }
    }
}
