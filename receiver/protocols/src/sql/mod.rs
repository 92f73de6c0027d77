//! SQL and its relatives: what a statement does and to what, and its text without values.
//!
//! `token` cuts a text as its dialect has it, `word` knows the words that mean something,
//! `statement` follows them, `text` writes what may be told. Nothing here knows a protocol, and no
//! literal and no comment leaves here.

mod comment;
mod statement;
mod text;
mod token;
mod word;

#[cfg(test)]
mod tests;

pub use statement::{Statement, read, read_cut, read_until_nul};

/// The longest text of a statement that is told, in bytes.
pub const TEXT_BYTES_MAX: usize = 1024;
/// The longest summary, in bytes, as the conventions have it.
pub const SUMMARY_BYTES_MAX: usize = 255;

/// How a server cuts a text into words and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL: dollar quotes, nested comments, names in double quotes.
    Postgres,
    /// MySQL and MariaDB: names in backticks, texts in single and double quotes, backslashes.
    Mysql,
    /// The same, in the mode in which a backslash escapes nothing.
    MysqlPlain,
    /// CQL: dollar quotes without a tag, UUIDs and durations as values.
    Cql,
}

impl Dialect {
    fn is_mysql(self) -> bool {
        matches!(self, Self::Mysql | Self::MysqlPlain)
    }
}
