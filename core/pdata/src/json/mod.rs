//! OTLP/JSON, both ways, without a tree in between.
//!
//! [`to_json`] walks the wire bytes and writes JSON; [`from_json`] walks the JSON and writes wire
//! bytes. Both follow one table of names, numbers and kinds. What the reader accepts is what the
//! Collector accepts: names in camelCase and snake_case, unknown ones ignored, `null` for absent,
//! 64-bit integers as strings or numbers, enums as numbers or names. Where a name comes twice, the
//! last value counts and lists are joined. It must not know where JSON comes from.

mod binary;
mod fault;
mod layout;
mod lex;
mod read;
mod scalar;
mod table;
mod write;

pub use fault::{JsonError, JsonFlaw};

use crate::{Batch, Signal};
use table::Table;

/// How deep unknown values may be nested: they are read only to be skipped.
pub const MAX_UNKNOWN_DEPTH: u32 = 128;

/// Writes a batch as the JSON of its export request. Values at their default are left out.
///
/// Allocates the text, and copies the wire once before that if it is in several pieces.
pub fn to_json(batch: &Batch) -> Vec<u8> {
    let mut out = Vec::new();
    append_json(&mut out, batch);
    out
}

/// Appends what [`to_json`] returns, which is one line.
pub fn append_json(out: &mut Vec<u8>, batch: &Batch) {
    let wire = batch.to_bytes();
    out.reserve(2 * wire.len());
    write::request(out, table_of(batch.signal()), &wire);
}

/// Reads the JSON of an export request.
///
/// Takes time and memory in proportion to the text, whatever it says.
pub fn from_json(signal: Signal, text: &[u8]) -> Result<Batch, JsonError> {
    let (wire, items) = read::request(table_of(signal), text)?;
    Ok(Batch::written(signal, wire.into(), items))
}

fn table_of(signal: Signal) -> &'static Table {
    match signal {
        Signal::Traces => &layout::TRACES,
        Signal::Metrics => &layout::METRICS,
        Signal::Logs => &layout::LOGS,
        Signal::Profiles => &layout::PROFILES,
    }
}
