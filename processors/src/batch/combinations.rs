//! Which combinations of client metadata there are, and how many there may be.
//!
//! A combination that was not used for a while is forgotten when a new one comes, so that senders
//! who are gone do not keep others out for good, and so that there is a bound even when the
//! user sets none. This module must not know what is held for a combination.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tapline_pdata::{Batch, Origin};
use tapline_pipeline::{Fault, Gauge, Meters, Refusal};
use tokio::time::Instant;

use super::Config;
use crate::names;

/// How long a combination is remembered, beyond the time that a batch may be filled.
const IDLE_TIME: Duration = Duration::from_mins(5);
/// How often at most to look for those that were not used: it means looking at all of them.
const LOOK_EVERY: Duration = Duration::from_secs(10);

pub(super) struct Combinations {
    keys: Vec<String>,
    /// Zero means that there is none.
    limit: usize,
    idle_time: Duration,
    known: Mutex<Known>,
    /// Shared with others of this name, so it is only ever moved.
    gauge: Gauge,
}

struct Known {
    /// When each was used last.
    used: HashMap<Arc<Origin>, Instant>,
    look_again: Instant,
}

impl Combinations {
    pub(super) fn new(config: &Config, meters: &Meters) -> Self {
        let (name, help) = names::BATCH_CARDINALITY;
        let gauge = meters.gauge(name, help, &[]);
        if config.metadata_keys.is_empty() {
            gauge.add(1);
        }
        Self {
            keys: config.metadata_keys.clone(),
            limit: config.metadata_cardinality_limit as usize,
            idle_time: config.timeout.get().saturating_add(IDLE_TIME),
            known: Mutex::new(Known {
                used: HashMap::new(),
                look_again: Instant::now() + LOOK_EVERY,
            }),
            gauge,
        }
    }

    /// Reduces the origin of a batch to what those it may be joined with have in common.
    pub(super) fn assign(&self, batch: Batch) -> Result<Batch, Refusal> {
        if self.keys.is_empty() {
            return Ok(batch.with_origin(None));
        }
        let reduced = batch.origin().map(|origin| origin.reduced_to(&self.keys));
        let reduced = Arc::new(reduced.unwrap_or_default());
        let now = Instant::now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.used.contains_key(&reduced) {
            self.make_room(&mut known, now)?;
            self.gauge.add(1);
        }
        known.used.insert(Arc::clone(&reduced), now);
        drop(known);
        Ok(batch.with_origin(Some(reduced)))
    }

    fn make_room(&self, known: &mut Known, now: Instant) -> Result<(), Refusal> {
        if now >= known.look_again {
            known.look_again = now + LOOK_EVERY;
            let before = count(&known.used);
            let fresh = |used: Instant| now.saturating_duration_since(used) < self.idle_time;
            known.used.retain(|_, used| fresh(*used));
            self.gauge.add(count(&known.used) - before);
        }
        if self.limit != 0 && known.used.len() >= self.limit {
            let cause = "too many batcher metadata-value combinations";
            return Err(Refusal::never(Fault::Sender, cause));
        }
        Ok(())
    }
}

fn count(used: &HashMap<Arc<Origin>, Instant>) -> i64 {
    i64::try_from(used.len()).unwrap_or(i64::MAX)
}

impl Drop for Combinations {
    fn drop(&mut self) {
        let known = self.known.get_mut().unwrap_or_else(PoisonError::into_inner);
        let all = if self.keys.is_empty() {
            1
        } else {
            count(&known.used)
        };
        self.gauge.add(-all);
    }
}
