//! The names of topics by their ids, as metadata tells them.
//!
//! Newer requests name topics by ids alone. A client asks one broker for metadata and fetches from
//! others, so what one connection says is known to all: ids are random, and none is used twice.

use std::{
    collections::{HashMap, VecDeque},
    sync::{LazyLock, Mutex, PoisonError},
};

use super::cursor::TopicId;

/// The most topics that are remembered for all connections.
pub(super) const TOPICS_MAX: usize = 4096;

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

#[derive(Debug, Default)]
struct Known {
    names: HashMap<TopicId, String>,
    /// The oldest first.
    order: VecDeque<TopicId>,
}

/// Remembers the name of a topic. What was said first holds.
pub(super) fn remember(id: TopicId, name: String) {
    if id == TopicId::default() {
        return;
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.remember(id, name);
}

/// Returns the name of a topic.
pub(super) fn name(id: TopicId) -> Option<String> {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.names.get(&id).cloned()
}

impl Known {
    fn remember(&mut self, id: TopicId, name: String) {
        if self.names.contains_key(&id) {
            return;
        }
        if self.order.len() >= TOPICS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
        self.order.push_back(id);
        self.names.insert(id, name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_the_oldest_beyond_its_bound() {
        let mut known = Known::default();
        for number in 0..=TOPICS_MAX as u128 {
            known.remember(number.to_be_bytes(), number.to_string());
            known.remember(number.to_be_bytes(), "later".to_owned());
        }
        assert_eq!(known.names.len(), TOPICS_MAX);
        assert_eq!(known.names.get(&0u128.to_be_bytes()), None);
        assert_eq!(known.names[&1u128.to_be_bytes()], "1");
    }
}
