//! The dynamic table of one direction, as far as it is known.
//!
//! Its entries are numbered from the newest. So what is added after a loss is numbered right,
//! whatever there was before. An encoder never names an entry that it has dropped; that this table
//! may have dropped fewer, when it does not know how large the encoder's is, does no harm.

use std::{collections::VecDeque, sync::Arc};

use super::name::Name;

/// The size that both ends begin with (RFC 9113, section 6.5.2).
const SIZE_AT_FIRST: usize = 4096;
/// What the standard adds to the size of an entry.
const ENTRY_OVERHEAD: usize = 32;
/// The largest table that is kept. Of a larger one, the newest entries are known.
pub(in crate::http2) const SIZE_MAX: usize = 64 * 1024;

/// A header that was said once and may be named by its number.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: Name,
    pub(super) name_len: usize,
    /// What is kept of the value, and whether that is all of it.
    pub(super) value: Option<(Arc<str>, bool)>,
    size: usize,
}

/// The entries, the newest first.
#[derive(Debug)]
pub(super) struct Table {
    entries: VecDeque<Entry>,
    size: usize,
    /// The size that the encoder works with.
    size_max: usize,
    /// The largest size that the other end allowed.
    allowed: usize,
    /// Whether there may be entries behind the last one.
    has_unknown: bool,
    held: usize,
}

impl Table {
    /// Creates the table of a direction, whose first block is `known` to be the first.
    pub(super) fn new(known: bool) -> Self {
        let size = if known { SIZE_AT_FIRST } else { SIZE_MAX };
        Self {
            entries: VecDeque::new(),
            size: 0,
            size_max: size,
            allowed: size,
            has_unknown: !known,
            held: 0,
        }
    }

    /// Returns an entry, 0 for the newest. Without one it is unknown, or there is none.
    pub(super) fn get(&self, index: usize) -> Result<Option<&Entry>, ()> {
        match self.entries.get(index) {
            Some(entry) => Ok(Some(entry)),
            None if self.has_unknown => Ok(None),
            None => Err(()),
        }
    }

    /// Adds an entry; `value_len` is how long its value is, whatever is kept of it.
    pub(super) fn insert(
        &mut self,
        name: Name,
        name_len: usize,
        value: Option<(Arc<str>, bool)>,
        value_len: usize,
    ) {
        let size = name_len + value_len + ENTRY_OVERHEAD;
        if size > self.size_max {
            // This empties the table and is no error.
            return self.shrink(0);
        }
        self.shrink(self.size_max - size);
        self.size += size;
        self.held += value.as_ref().map_or(0, |(text, _)| text.len());
        self.entries.push_front(Entry {
            name,
            name_len,
            value,
            size,
        });
    }

    /// The other end allows tables of this size.
    pub(super) fn allow(&mut self, size: usize) {
        self.allowed = self.allowed.max(size.min(SIZE_MAX));
    }

    /// The encoder changes the size. Returns whether it may.
    pub(super) fn resize(&mut self, size: usize) {
        if size > self.allowed {
            self.has_unknown = true;
        }
        self.size_max = size.min(self.allowed);
        self.shrink(self.size_max);
    }

    /// An unknown number of entries may have been added.
    pub(super) fn lose(&mut self) {
        self.entries.clear();
        self.size = 0;
        self.held = 0;
        self.has_unknown = true;
        // The size may have been changed as well; too many known entries do no harm.
        self.allowed = SIZE_MAX;
        self.size_max = SIZE_MAX;
    }

    /// Returns how many bytes are held.
    pub(super) fn held(&self) -> usize {
        self.held + self.entries.len() * size_of::<Entry>()
    }

    fn shrink(&mut self, size: usize) {
        while self.size > size {
            let Some(oldest) = self.entries.pop_back() else {
                return;
            };
            self.size -= oldest.size;
            self.held -= oldest.value.map_or(0, |(text, _)| text.len());
        }
    }
}
