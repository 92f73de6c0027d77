//! What the tap costs those who are tapped, and what the gateway costs per span.
//!
//! Absolute times belong to one machine and one day; a ratio of neighbouring measurements is what
//! can be compared with a goal. Every measurement with the tap stands between two without it, and
//! how far those two differ is printed beside the result; the gateway's rows come with a piece of
//! work that no daemon has a part in. A missed goal is a result and not a failure; not being able
//! to measure is one. Knows the daemon only as a program with a configuration, a log and metrics
//! as text.

mod capture;
mod columns;
mod counters;
mod gateway;
mod machine;
mod process;
mod release;
mod rounds;
mod scratch;
mod server;
mod spread;
mod table;
mod tap;
mod timing;
mod tools;

use std::path::Path;

use anyhow::{Result, bail};

/// Runs `cargo xtask bench`.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<()> {
    match arguments {
        [subject, names @ ..] if subject == "capture" => capture::run(root, names),
        [subject, options @ ..] if subject == "gateway" => gateway::run(root, options),
        _ => bail!("bench takes the word capture or gateway, not {arguments:?}"),
    }
}
