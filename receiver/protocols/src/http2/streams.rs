//! The streams that are open, found by their numbers, which grow.

use std::collections::VecDeque;

use super::stream::Stream;

/// Streams, in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: VecDeque<Box<Stream>>,
    held: usize,
}

impl Streams {
    /// Returns how many there are.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Returns how many bytes are held.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Adds one whose number is higher than that of every other.
    pub(super) fn push(&mut self, stream: Box<Stream>) {
        self.held += stream.held;
        self.open.push_back(stream);
    }

    /// Finds one.
    pub(super) fn get(&mut self, id: u32) -> Option<&mut Stream> {
        let index = self.position(id)?;
        self.open.get_mut(index).map(|stream| &mut **stream)
    }

    /// Takes one out.
    pub(super) fn take(&mut self, id: u32) -> Option<Box<Stream>> {
        let index = self.position(id)?;
        self.remove(index)
    }

    /// Takes the oldest out.
    pub(super) fn take_oldest(&mut self) -> Option<Box<Stream>> {
        self.remove(0)
    }

    /// Takes one out that is as asked for.
    pub(super) fn take_if(&mut self, wanted: impl Fn(&Stream) -> bool) -> Option<Box<Stream>> {
        let index = self.open.iter().position(|stream| wanted(stream))?;
        self.remove(index)
    }

    /// Iterates over all.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.open.iter_mut().map(|stream| &mut **stream)
    }

    fn position(&self, id: u32) -> Option<usize> {
        // Most connections have one stream at a time.
        match self.open.front() {
            Some(only) if only.id == id => Some(0),
            _ => self.open.binary_search_by_key(&id, |stream| stream.id).ok(),
        }
    }

    fn remove(&mut self, index: usize) -> Option<Box<Stream>> {
        let stream = self.open.remove(index)?;
        self.held -= stream.held;
        Some(stream)
    }
}
