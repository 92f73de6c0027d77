//! The batches that are being filled, one per combination of client metadata.
//!
//! What belongs together is held as it came and joined when it is taken, because joining profiles
//! copies them. This module must not know when a batch is full, nor where it goes.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::Arc,
};

use tapline_pdata::{Batch, Origin};
use tokio::time::Instant;

/// What batches have in common that are joined.
pub(super) type Combination = Option<Arc<Origin>>;

/// When a batch is to be sent, and a number that tells apart what is sent at one moment.
type Due = (Instant, u64);

/// Everything that is held. A combination that holds nothing is not in here.
#[derive(Default)]
pub(super) struct Fillings {
    by_combination: HashMap<Combination, Filling>,
    by_due: BTreeMap<Due, Combination>,
    begun: u64,
    items: u64,
    size_bytes: usize,
}

struct Filling {
    due: Due,
    batches: Vec<Batch>,
    items: u32,
    size_bytes: usize,
}

impl Fillings {
    /// Puts a batch to those of its combination, and returns how many items those have now. Its
    /// time runs from the first of them.
    pub(super) fn add(&mut self, batch: Batch, due: Instant) -> u32 {
        self.items += u64::from(batch.items());
        self.size_bytes += batch.size_bytes();
        let filling = match self.by_combination.entry(batch.origin().cloned()) {
            Entry::Occupied(held) => held.into_mut(),
            Entry::Vacant(place) => {
                self.begun += 1;
                let due = (due, self.begun);
                self.by_due.insert(due, place.key().clone());
                place.insert(Filling {
                    due,
                    batches: Vec::new(),
                    items: 0,
                    size_bytes: 0,
                })
            }
        };
        filling.items = filling.items.saturating_add(batch.items());
        filling.size_bytes += batch.size_bytes();
        filling.batches.push(batch);
        filling.items
    }

    /// Takes what is held for a combination, joined.
    pub(super) fn take(&mut self, combination: &Combination) -> Option<Batch> {
        let filling = self.by_combination.remove(combination)?;
        self.by_due.remove(&filling.due);
        let items: u64 = filling.batches.iter().map(|it| u64::from(it.items())).sum();
        let mut batches = filling.batches.into_iter();
        let joined = batches.next()?.join(batches);
        // Only now: if joining panics they are still counted as held.
        self.items -= items;
        self.size_bytes -= filling.size_bytes;
        Some(joined)
    }

    /// Takes what is to be sent first.
    pub(super) fn take_next(&mut self) -> Option<Batch> {
        let (_, combination) = self.by_due.first_key_value()?;
        let combination = combination.clone();
        self.take(&combination)
    }

    /// Takes what frees the most memory.
    pub(super) fn take_largest(&mut self) -> Option<Batch> {
        let held = self.by_combination.iter();
        let (combination, _) = held.max_by_key(|(_, filling)| filling.size_bytes)?;
        let combination = combination.clone();
        self.take(&combination)
    }

    /// Returns when the first is to be sent.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.by_due.keys().next().map(|(due, _)| *due)
    }

    /// Returns how many items are held for all combinations.
    pub(super) fn items(&self) -> u64 {
        self.items
    }

    /// Returns how many bytes are held for all combinations.
    pub(super) fn size_bytes(&self) -> usize {
        self.size_bytes
    }
}
