//! What runs but probably does not do what was meant: warnings about whole configurations.
//!
//! Each trap has its module. None of them knows how a component works, only how it is configured.

mod exposure;
mod order;
mod queueless;
#[cfg(test)]
mod tests;

use tapline_config::{Layout, Problems};

/// Adds a warning for every trap that a configuration falls into.
pub(crate) fn look(layout: &Layout, problems: &mut Problems) {
    exposure::look(layout, problems);
    order::look(layout, problems);
    queueless::look(layout, problems);
}
