//! Requests that wait for their answers, where answers say which request they are to.
//!
//! A bound on how many wait, a bound on how long. What is told of a request belongs to its
//! protocol; this module must not know it.

use std::collections::VecDeque;

/// A request that waits.
#[derive(Debug)]
pub struct Waiting<K, T> {
    /// What its answer is known by.
    pub key: K,
    /// Its number for the sink.
    pub id: u32,
    /// When its last byte moved.
    pub asked_ns: u64,
    /// What its protocol knows of it.
    pub what: T,
}

/// Requests that wait, the oldest first.
#[derive(Debug)]
pub struct ByKey<K, T> {
    waiting: VecDeque<Waiting<K, T>>,
    open_max: usize,
    timeout_ns: u64,
    next_id: u32,
}

impl<K: Copy + Eq, T> ByKey<K, T> {
    /// Creates an empty one. `open_max` should be a few hundred at most: keys are searched, from
    /// the oldest on.
    pub fn new(open_max: usize, timeout_ns: u64) -> Self {
        Self {
            waiting: VecDeque::new(),
            open_max,
            timeout_ns,
            next_id: 0,
        }
    }

    /// Adds a request and returns its number. A request that must go for it comes back, to be told
    /// as unanswered: the one with the same key, or the oldest of too many.
    pub fn ask(&mut self, key: K, asked_ns: u64, what: T) -> (u32, Option<Waiting<K, T>>) {
        let displaced = match self.position(key) {
            Some(index) => self.waiting.remove(index),
            None if self.waiting.len() >= self.open_max => self.waiting.pop_front(),
            None => None,
        };
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        self.waiting.push_back(Waiting {
            key,
            id,
            asked_ns,
            what,
        });
        (id, displaced)
    }

    /// Returns what waits under a key.
    pub fn get_mut(&mut self, key: K) -> Option<&mut T> {
        let index = self.position(key)?;
        self.waiting.get_mut(index).map(|waiting| &mut waiting.what)
    }

    /// Takes out what waits under a key, because it is answered.
    pub fn answer(&mut self, key: K) -> Option<Waiting<K, T>> {
        let index = self.position(key)?;
        self.waiting.remove(index)
    }

    /// Takes out what has waited for too long.
    pub fn expire(&mut self, now_ns: u64, mut tell: impl FnMut(Waiting<K, T>)) {
        let mut index = 0;
        while let Some(waiting) = self.waiting.get(index) {
            if now_ns.saturating_sub(waiting.asked_ns) < self.timeout_ns {
                index += 1;
            } else if let Some(late) = self.waiting.remove(index) {
                tell(late);
            }
        }
    }

    /// Takes out everything.
    pub fn end(&mut self, mut tell: impl FnMut(Waiting<K, T>)) {
        self.waiting.drain(..).for_each(&mut tell);
    }

    /// Returns how many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Returns whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Iterates over those that wait, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Waiting<K, T>> {
        self.waiting.iter()
    }

    /// Iterates over those that wait, the oldest first.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Waiting<K, T>> {
        self.waiting.iter_mut()
    }

    fn position(&self, key: K) -> Option<usize> {
        self.waiting.iter().position(|waiting| waiting.key == key)
    }
}
