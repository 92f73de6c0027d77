//! Shows a batch as text: the debug exporter's three forms, and a compact one for tests.
//!
//! [`basic`], [`normal`] and [`detailed`] are the Collector's, byte for byte, down to its oddities.
//! [`compact`] is ours, and [`parse`] reads it. Text grows linearly with the batch and ends at
//! [`MAX_TEXT_BYTES`]. It must not know where the text goes.

mod basic;
mod buckets;
mod compact;
mod detailed;
mod go;
mod normal;
mod page;
mod parse;
mod value;

pub use basic::{Summary, basic};
pub use compact::compact;
pub use detailed::detailed;
pub use normal::normal;
pub use page::MAX_TEXT_BYTES;
pub use parse::{TextError, parse};

use crate::Batch;

/// What the `detailed` form says about profiles, which it does not show yet.
fn unread(batch: &Batch) -> String {
    format!(
        "{} {}, not shown\n",
        batch.items(),
        batch.signal().items_name()
    )
}
