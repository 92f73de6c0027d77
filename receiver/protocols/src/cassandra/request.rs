//! What a request asks for.

use std::sync::Arc;

use super::body::{bytes, number, short, skip_value};
use super::frame::{BATCH, EXECUTE, Frame, OPTIONS, PREPARE, QUERY, REGISTER, STARTUP};
use super::prepared::Prepared;
use crate::sql::{self, Dialect, Statement};

/// Flags of a query.
const WITH_VALUES: u32 = 0x01;
const WITH_PAGE_SIZE: u32 = 0x04;
const WITH_NAMES: u32 = 0x40;
/// Consistency levels, as they are numbered.
const CONSISTENCY: [&str; 11] = [
    "any",
    "one",
    "two",
    "three",
    "quorum",
    "all",
    "local_quorum",
    "each_quorum",
    "serial",
    "local_serial",
    "local_one",
];

/// How bodies are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Compression {
    #[default]
    None,
    Lz4,
    Snappy,
}

/// What a request is for.
#[derive(Debug)]
pub(super) enum Asks {
    Operation(Operation),
    /// It opens the connection, and says how bodies will be compressed.
    Opening(Option<Compression>),
    /// Nothing to tell: who the client is.
    Nothing,
}

/// An operation.
#[derive(Debug, Default)]
pub(super) struct Operation {
    /// What it is called, if it is not for its statement to say.
    pub(super) name: &'static str,
    pub(super) statement: Option<Arc<Statement>>,
    /// The statement is prepared only.
    pub(super) prepares: bool,
    /// The statements of a batch, as far as they are known, and how many there are.
    pub(super) batch: Option<(Vec<Arc<Statement>>, u32)>,
    pub(super) consistency: Option<&'static str>,
    pub(super) page_size: Option<u32>,
    /// A part of it was not seen.
    pub(super) is_cut: bool,
}

/// The most statements of a batch that are read.
const BATCH_MAX: usize = 64;

/// Reads a request.
pub(super) fn read(frame: &Frame, prepared: &Prepared) -> Asks {
    let mut rest = frame.body.as_slice();
    let operation = match frame.kind {
        STARTUP => return Asks::Opening(compression(rest)),
        QUERY => {
            let statement = statement(&mut rest, frame.is_whole);
            let name = if statement.is_some() { "" } else { "QUERY" };
            Operation {
                name,
                statement,
                ..parameters(frame, rest)
            }
        }
        PREPARE => Operation {
            name: "PREPARE",
            statement: statement(&mut rest, frame.is_whole),
            prepares: true,
            ..Operation::default()
        },
        EXECUTE => {
            let statement = short(&mut rest).and_then(|id| prepared.get(id));
            if frame.version >= 5 {
                short(&mut rest);
            }
            let name = if statement.is_some() { "" } else { "EXECUTE" };
            Operation {
                name,
                statement,
                ..parameters(frame, rest)
            }
        }
        BATCH => batch(frame, rest, prepared),
        REGISTER => Operation {
            name: "REGISTER",
            ..Operation::default()
        },
        OPTIONS => Operation {
            name: "OPTIONS",
            ..Operation::default()
        },
        _ => return Asks::Nothing,
    };
    Asks::Operation(operation)
}

/// How bodies will be compressed, if the first request says.
fn compression(mut rest: &[u8]) -> Option<Compression> {
    for _ in 0..number::<2>(&mut rest)? {
        let (name, value) = (short(&mut rest)?, short(&mut rest)?);
        if name == b"COMPRESSION" {
            return match value {
                b"lz4" => Some(Compression::Lz4),
                b"snappy" => Some(Compression::Snappy),
                _ => None,
            };
        }
    }
    Some(Compression::None)
}

/// Takes a statement, or what is here of it.
fn statement(rest: &mut &[u8], is_whole: bool) -> Option<Arc<Statement>> {
    let len = number::<4>(rest)?;
    let statement = match bytes(rest, len) {
        Some(text) => sql::read(text, Dialect::Cql),
        None if is_whole => return None,
        None => sql::read_cut(std::mem::take(rest), Dialect::Cql),
    };
    Some(Arc::new(statement))
}

/// Consistency and page size, behind a statement or an id.
fn parameters(frame: &Frame, mut rest: &[u8]) -> Operation {
    let mut operation = Operation {
        is_cut: !frame.is_whole,
        ..Operation::default()
    };
    operation.consistency = consistency(&mut rest);
    operation.page_size = page_size(frame.version, rest);
    operation
}

fn consistency(rest: &mut &[u8]) -> Option<&'static str> {
    let level = number::<2>(rest)?;
    CONSISTENCY.get(level as usize).copied()
}

fn page_size(version: u8, mut rest: &[u8]) -> Option<u32> {
    let flags = if version >= 5 {
        number::<4>(&mut rest)?
    } else {
        number::<1>(&mut rest)?
    };
    if flags & WITH_PAGE_SIZE == 0 {
        return None;
    }
    if flags & WITH_VALUES != 0 {
        for _ in 0..number::<2>(&mut rest)? {
            if flags & WITH_NAMES != 0 {
                short(&mut rest)?;
            }
            skip_value(&mut rest)?;
        }
    }
    number::<4>(&mut rest)
}

fn batch(frame: &Frame, mut rest: &[u8], prepared: &Prepared) -> Operation {
    let mut statements = Vec::new();
    let mut read = || {
        number::<1>(&mut rest)?;
        let count = number::<2>(&mut rest)?;
        Some(count)
    };
    let count = read().unwrap_or_default();
    let end = entries(&mut rest, count, frame.is_whole, prepared, &mut statements);
    let consistency = end.and_then(|()| consistency(&mut rest));
    Operation {
        name: "BATCH",
        batch: Some((statements, count)),
        consistency,
        is_cut: !frame.is_whole,
        ..Operation::default()
    }
}

/// Takes the statements of a batch, each with its values.
fn entries(
    rest: &mut &[u8],
    count: u32,
    is_whole: bool,
    prepared: &Prepared,
    statements: &mut Vec<Arc<Statement>>,
) -> Option<()> {
    for _ in 0..count {
        let found = match number::<1>(rest)? {
            0 => Some(statement(rest, is_whole)?),
            _ => prepared.get(short(rest)?),
        };
        if let Some(found) = found.filter(|_| statements.len() < BATCH_MAX) {
            statements.push(found);
        }
        for _ in 0..number::<2>(rest)? {
            skip_value(rest)?;
        }
    }
    Some(())
}
