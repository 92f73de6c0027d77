//! Commands of a client: what each is called, what it names, and how its answer goes.

use std::sync::Arc;

use super::answer::Answer;
use super::packet::{PREPARE, QUERY, bytes, counted, number, until_nul};
use crate::database::OTHER;
use crate::propagation::{Headers, TraceContext};
use crate::sql::{self, Dialect, Statement};

/// The largest command that is known, those of MariaDB apart.
const COMMAND_MAX: u8 = 0x20;
/// MariaDB's: a statement executed for many rows.
const BULK_EXECUTE: u8 = 0xfa;
/// How many attributes of a query are read.
const ATTRIBUTES_MAX: u64 = 32;

/// What a command asks for.
#[derive(Debug)]
pub(super) enum Asks {
    /// An operation.
    Operation(Operation),
    /// A prepared statement is executed, or its rows are fetched.
    Prepared { number: u32, is_fetch: bool },
    /// A prepared statement is not needed any more.
    Forget(u32),
    /// Nothing that is answered.
    Nothing,
    /// A stream that has no end.
    Stream,
}

/// An operation, and what it is answered with.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) answer: Answer,
    /// What it is called, if it is not for its statement to say.
    pub(super) name: &'static str,
    pub(super) statement: Option<Arc<Statement>>,
    /// Its statement is prepared only.
    pub(super) prepares: bool,
    /// What it names: a table, a database.
    pub(super) target: Option<String>,
    /// The database that it changes to.
    pub(super) used: Option<String>,
    /// What was prepared is gone.
    pub(super) resets: bool,
    /// The trace that an attribute names.
    pub(super) trace: Option<TraceContext>,
}

/// Returns whether this may be a command: its body, as far as it is here, and its length.
pub(super) fn is_command(body: &[u8], len: u32) -> bool {
    let Some((kind, rest)) = body.split_first() else {
        return false;
    };
    match *kind {
        QUERY | PREPARE => is_sql(rest) || matches!(rest, [0, 1, text @ ..] if is_sql(text)),
        0x17 => len >= 10 && matches!(rest, [_, _, _, _, 0..=15, 1, 0, 0, 0, ..]),
        0x01 | 0x09 | 0x0a | 0x0d | 0x0e | 0x1f => len == 1,
        0x02 => len > 1 && len < 260 && rest.iter().all(|byte| *byte > b' '),
        0x19 | 0x1a => len == 5,
        0x1b => matches!(rest, [0 | 1, 0]) && len == 3,
        0x1c => len == 9,
        _ => false,
    }
}

/// Text from its first byte on, with a letter early.
fn is_sql(text: &[u8]) -> bool {
    let begin = &text[..text.len().min(24)];
    let is_text = |byte: &u8| *byte >= b' ' || byte.is_ascii_whitespace();
    begin.iter().all(is_text) && begin.iter().any(u8::is_ascii_alphabetic)
}

/// Reads a command: its kind, what is here of the rest, and whether that is all.
pub(super) fn read(
    kind: u8,
    rest: &[u8],
    is_whole: bool,
    has_attributes: bool,
    dialect: Dialect,
) -> Asks {
    let mut numbers = rest;
    let mut statement_number = || {
        let number = number::<4>(&mut numbers).unwrap_or_default();
        u32::try_from(number).unwrap_or_default()
    };
    let plain = |name| Operation::new(name, Answer::Single);
    let operation = match kind {
        QUERY => query(rest, is_whole, has_attributes, dialect),
        PREPARE => Operation {
            prepares: true,
            statement: Some(Arc::new(statement(rest, is_whole, dialect))),
            ..Operation::new("PREPARE", Answer::Prepared)
        },
        0x17 | 0x1c | BULK_EXECUTE => {
            return Asks::Prepared {
                number: statement_number(),
                is_fetch: kind == 0x1c,
            };
        }
        0x19 => return Asks::Forget(statement_number()),
        0x01 | 0x18 => return Asks::Nothing,
        0x12 | 0x13 | 0x15 | 0x1e | 0x20 => return Asks::Stream,
        0x02 => Operation {
            used: Some(text(rest)),
            target: Some(text(rest)),
            ..plain("USE")
        },
        0x04 => Operation {
            target: rest.split(|byte| *byte == 0).next().map(text),
            ..Operation::new("SHOW FIELDS", Answer::Rows)
        },
        0x05 => Operation {
            target: Some(text(rest)),
            ..plain("CREATE DATABASE")
        },
        0x06 => Operation {
            target: Some(text(rest)),
            ..plain("DROP DATABASE")
        },
        0x0a => Operation::new("SHOW PROCESSLIST", Answer::Results),
        0x11 => Operation {
            used: changed_database(rest),
            resets: true,
            ..Operation::new("CHANGE USER", Answer::Login)
        },
        0x1f => Operation {
            resets: true,
            ..plain("RESET CONNECTION")
        },
        _ => plain(bare_name(kind)),
    };
    Asks::Operation(operation)
}

/// Names the commands that say nothing more and are answered with one packet.
fn bare_name(kind: u8) -> &'static str {
    match kind {
        0x07 => "REFRESH",
        0x08 => "SHUTDOWN",
        0x09 => "STATISTICS",
        0x0c => "KILL",
        0x0d => "DEBUG",
        0x0e => "PING",
        0x1a => "RESET STATEMENT",
        0x1b => "SET OPTION",
        _ => OTHER,
    }
}

/// Returns whether there is such a command.
pub(super) fn is_known(kind: u8) -> bool {
    kind <= COMMAND_MAX || kind == BULK_EXECUTE
}

impl Operation {
    pub(super) fn new(name: &'static str, answer: Answer) -> Self {
        Self {
            answer,
            name,
            statement: None,
            prepares: false,
            target: None,
            used: None,
            resets: false,
            trace: None,
        }
    }
}

fn query(mut rest: &[u8], is_whole: bool, has_attributes: bool, dialect: Dialect) -> Operation {
    let trace = if has_attributes || rest.starts_with(&[0, 1]) {
        attributes(&mut rest)
    } else {
        None
    };
    let statement = statement(rest, is_whole, dialect);
    Operation {
        used: statement.used.clone(),
        statement: Some(Arc::new(statement)),
        trace,
        ..Operation::new("", Answer::Results)
    }
}

fn statement(text: &[u8], is_whole: bool, dialect: Dialect) -> Statement {
    if is_whole {
        sql::read(text, dialect)
    } else {
        sql::read_cut(text, dialect)
    }
}

/// Takes what MySQL 8 puts before a query: values with names, one of which may be a trace.
fn attributes(rest: &mut &[u8]) -> Option<TraceContext> {
    let text = *rest;
    let mut after = text;
    let count = counted(&mut after).filter(|count| *count <= ATTRIBUTES_MAX)?;
    counted(&mut after).filter(|sets| *sets == 1)?;
    *rest = after;
    if count == 0 {
        return None;
    }
    // What cannot be read to its end is told as no statement.
    *rest = &[];
    let nulls = bytes(&mut after, count.div_ceil(8))?;
    number::<1>(&mut after)?;
    let mut kinds = Vec::new();
    for _ in 0..count {
        let kind = number::<2>(&mut after)?;
        let len = counted(&mut after)?;
        kinds.push((kind & 0xff, bytes(&mut after, len)?));
    }
    let mut headers = Headers::default();
    for (index, (kind, name)) in kinds.into_iter().enumerate() {
        if nulls[index / 8] >> (index % 8) & 1 == 1 {
            continue;
        }
        let len = match kind {
            1 => 1,
            2 | 13 => 2,
            3 | 4 | 9 => 4,
            5 | 8 => 8,
            7 | 10..=12 => number::<1>(&mut after)?,
            6 => 0,
            _ => counted(&mut after)?,
        };
        let value = bytes(&mut after, len)?;
        headers.take(name, value);
    }
    *rest = after;
    headers.read()
}

/// A name, as far as one may be long.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(64)]).into_owned()
}

/// User, password, and the database after a change of users.
fn changed_database(mut rest: &[u8]) -> Option<String> {
    until_nul(&mut rest)?;
    let len = number::<1>(&mut rest)?;
    bytes(&mut rest, len)?;
    until_nul(&mut rest).map(text)
}
