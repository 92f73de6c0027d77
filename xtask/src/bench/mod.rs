//! What the tap costs those who are tapped, measured as ratios within one run.
//!
//! Absolute times belong to one machine and one day; a ratio of neighbouring measurements is what
//! can be compared with a goal. Every measurement with the tap stands between two without it, and
//! how far those two differ is printed beside the result. A missed goal is a result and not a
//! failure; not being able to measure is one. Knows the daemon only as a program with a
//! configuration, a log and metrics as text.

mod capture;
mod counters;
mod machine;
mod pair;
mod process;
mod rounds;
mod scratch;
mod spread;
mod table;
mod tap;
mod timing;
mod tools;
mod web;

use std::path::Path;

use anyhow::{Result, bail};

/// Runs `cargo xtask bench capture`.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<()> {
    match arguments {
        [subject] if subject == "capture" => capture::run(root),
        _ => bail!("bench takes the word capture, not {arguments:?}"),
    }
}
