//! Puts batches of one signal together.

use crate::{
    Batch, Signal,
    profile::{Merger, Source},
};

impl Batch {
    /// Puts `others` behind this batch. All must be of one signal.
    ///
    /// Copies nothing, unless they are profiles: those are copied, each once, and get one
    /// dictionary in which equal things stand once. So join many at once, not one by one.
    #[must_use]
    pub fn join(mut self, others: impl IntoIterator<Item = Self>) -> Self {
        let mut others = others.into_iter().peekable();
        if self.signal() != Signal::Profiles {
            others.for_each(|other| self.append(other));
            return self;
        }
        if others.peek().is_none() {
            return self;
        }
        let mut merger = Merger::default();
        merger.add(&mut Source::new(&self), &self);
        for other in others {
            merger.add(&mut Source::new(&other), &other);
            self.tie(&other);
        }
        merger.finish(&self)
    }
}
