//! Moves profiles from one dictionary into another, so that they can be joined and split.
//!
//! Profiles point into the dictionary of their request by index. [`Merger`] copies them, puts what
//! they point at into a dictionary of its own, each thing once, and corrects the indexes; what
//! nobody points at is left behind. [`refs`] says where indexes stand. It must not know what the
//! things mean.

mod merge;
mod refs;

pub(crate) use merge::{Merger, Source};
