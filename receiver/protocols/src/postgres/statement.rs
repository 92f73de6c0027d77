//! What an SQL statement does and to what: verbs and tables, never a literal.
//!
//! Quoted texts, numbers, comments and dollar-quoted bodies are passed over. What cannot be read to
//! its end, because it was cut off, is told as far as it was read.

use std::borrow::Cow;

use super::token::{Token, Tokens, is_word};
use crate::database::OTHER;

/// The most tables that a summary names.
const TARGETS_MAX: usize = 8;
/// The longest summary, as the conventions have it.
const SUMMARY_BYTES_MAX: usize = 255;
/// Deeper parentheses are read as if they were not there.
const DEPTH_MAX: usize = 32;

/// Every first word that is believed.
const VERBS: [&str; 48] = [
    "ABORT",
    "ALTER",
    "ANALYZE",
    "BEGIN",
    "CALL",
    "CHECKPOINT",
    "CLOSE",
    "CLUSTER",
    "COMMENT",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DECLARE",
    "DELETE",
    "DISCARD",
    "DO",
    "DROP",
    "END",
    "EXECUTE",
    "EXPLAIN",
    "FETCH",
    "GRANT",
    "IMPORT",
    "INSERT",
    "LISTEN",
    "LOAD",
    "LOCK",
    "MERGE",
    "MOVE",
    "NOTIFY",
    "PREPARE",
    "REFRESH",
    "REINDEX",
    "RELEASE",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SELECT",
    "SET",
    "SHOW",
    "START",
    "TRUNCATE",
    "UNLISTEN",
    "UPDATE",
    "VACUUM",
    "VALUES",
];
/// What can be made, changed and thrown away.
const KINDS: [&str; 14] = [
    "DATABASE",
    "EXTENSION",
    "FUNCTION",
    "INDEX",
    "MATERIALIZED",
    "PROCEDURE",
    "ROLE",
    "SCHEMA",
    "SEQUENCE",
    "TABLE",
    "TRIGGER",
    "TYPE",
    "USER",
    "VIEW",
];

/// A statement in few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// Its verb, of a small set.
    pub(super) name: Cow<'static, str>,
    /// Verbs and tables.
    pub(super) summary: String,
    /// Its table, if it has one only.
    pub(super) collection: Option<String>,
    /// It was not read to its end.
    pub(super) is_cut: bool,
}

#[derive(Default)]
struct Reader {
    name: Option<&'static str>,
    summary: String,
    targets: Vec<String>,
    /// For every parenthesis that is open, whether a query was begun in it.
    queries: Vec<bool>,
    /// The next identifier is a table.
    expects: Expects,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Expects {
    #[default]
    Nothing,
    /// A table.
    Table,
    /// Another table, if a comma comes first.
    Comma,
    /// The kind of thing, or the thing itself.
    Kind,
}

/// Reads what stands before a NUL; without one the text was cut, maybe in the middle of a name.
pub(super) fn read_until_nul(bytes: &[u8]) -> Statement {
    if let Some(end) = memchr::memchr(0, bytes) {
        return read(&bytes[..end]);
    }
    let name = bytes.iter().rev().take_while(|byte| is_of_name(**byte));
    Statement {
        is_cut: true,
        ..read(&bytes[..bytes.len() - name.count()])
    }
}

/// Reads a statement, or several: then the first gives the name.
pub(super) fn read(text: &[u8]) -> Statement {
    let mut reader = Reader {
        queries: vec![false],
        ..Reader::default()
    };
    let mut tokens = Tokens::new(text);
    while let Some(token) = tokens.next() {
        match token {
            Token::Word(word) => reader.word(word, &mut tokens),
            Token::Quoted(word) => reader.identifier(word, &mut tokens),
            Token::Mark(mark) => reader.mark(mark),
            Token::Value => reader.expects = Expects::Nothing,
        }
    }
    let mut targets = reader.targets;
    Statement {
        name: Cow::Borrowed(reader.name.unwrap_or(OTHER)),
        summary: reader.summary,
        is_cut: false,
        collection: if targets.len() == 1 {
            targets.pop()
        } else {
            None
        },
    }
}

impl Reader {
    fn word(&mut self, word: &[u8], tokens: &mut Tokens<'_>) {
        let upper = word.to_ascii_uppercase();
        let upper = std::str::from_utf8(&upper).unwrap_or_default();
        if let (
            "IF" | "NOT" | "EXISTS" | "ONLY" | "CONCURRENTLY" | "UNIQUE" | "TEMP" | "TEMPORARY"
            | "OR" | "REPLACE" | "UNLOGGED" | "VERBOSE" | "LATERAL",
            Expects::Table | Expects::Kind,
        ) = (upper, self.expects)
        {
            return;
        }
        if self.expects == Expects::Kind {
            if let Some(kind) = KINDS.iter().find(|kind| **kind == upper) {
                self.push(kind);
                self.expects = Expects::Table;
                return;
            }
            self.expects = Expects::Nothing;
        }
        if self.keyword(upper) {
            return;
        }
        self.identifier(word, tokens);
    }

    /// Returns whether the word means something here.
    fn keyword(&mut self, upper: &str) -> bool {
        match upper {
            "WITH" if self.summary.is_empty() => {}
            "SELECT" | "INSERT" | "DELETE" | "MERGE" | "UPDATE" if self.begins(upper) => {
                self.verb(upper);
                if let Some(query) = self.queries.last_mut() {
                    *query = true;
                }
                if upper == "UPDATE" {
                    self.expects = Expects::Table;
                }
            }
            "FROM" if self.queries.last() == Some(&true) => self.expects = Expects::Table,
            "JOIN" | "INTO" | "USING" if self.queries.last() == Some(&true) => {
                self.expects = Expects::Table;
            }
            "AS" => {}
            _ if self.summary.is_empty() && VERBS.contains(&upper) => {
                self.verb(upper);
                self.expects = match upper {
                    "CREATE" | "ALTER" | "DROP" => Expects::Kind,
                    "COPY" | "TRUNCATE" | "LOCK" | "VACUUM" | "ANALYZE" => Expects::Table,
                    _ => Expects::Nothing,
                };
            }
            "TABLE" if self.expects == Expects::Table => {}
            "WHERE" | "SET" | "ON" | "ORDER" | "GROUP" | "LIMIT" | "HAVING" | "RETURNING"
            | "VALUES" | "UNION" | "FOR" | "DO" | "STDIN" => self.expects = Expects::Nothing,
            _ => return false,
        }
        true
    }

    /// `FOR UPDATE`, `DO UPDATE` and `ON DELETE` begin nothing.
    fn begins(&self, verb: &str) -> bool {
        let is_query = self.queries.last() == Some(&true);
        match verb {
            "UPDATE" | "DELETE" => {
                !is_query && (self.summary.is_empty() || self.targets.is_empty())
            }
            _ => true,
        }
    }

    fn verb(&mut self, upper: &str) {
        let known = VERBS.iter().find(|verb| **verb == upper);
        let Some(verb) = known else { return };
        if self.name.is_none() && self.queries.len() == 1 {
            self.name = Some(verb);
        }
        self.push(verb);
        self.expects = Expects::Nothing;
    }

    /// Takes a name with its schema, if a table is due.
    fn identifier(&mut self, first: &[u8], tokens: &mut Tokens<'_>) {
        let mut name = String::from_utf8_lossy(first).into_owned();
        while let Some(part) = tokens.qualified() {
            name.push('.');
            name.push_str(&String::from_utf8_lossy(part));
        }
        match self.expects {
            // Its closing quote was cut off.
            Expects::Table if name.is_empty() => {}
            Expects::Table => {
                // A function in FROM looks like a table until its parenthesis.
                self.expects = Expects::Comma;
                if !tokens.is_call() || self.name != Some("SELECT") {
                    self.push(&name);
                    let is_new = !self.targets.contains(&name);
                    if is_new && self.targets.len() < TARGETS_MAX {
                        self.targets.push(name);
                    }
                }
            }
            Expects::Kind => self.expects = Expects::Nothing,
            Expects::Comma | Expects::Nothing => {}
        }
    }

    fn mark(&mut self, mark: u8) {
        match mark {
            b'(' if self.queries.len() < DEPTH_MAX => {
                self.queries.push(false);
                self.expects = Expects::Nothing;
            }
            b')' if self.queries.len() > 1 => {
                self.queries.pop();
                self.expects = Expects::Nothing;
            }
            b',' if self.expects == Expects::Comma => self.expects = Expects::Table,
            b';' => {
                self.queries.truncate(1);
                self.queries[0] = false;
                self.expects = Expects::Nothing;
            }
            _ => {}
        }
    }

    fn push(&mut self, word: &str) {
        let room = SUMMARY_BYTES_MAX.saturating_sub(self.summary.len() + 1);
        if word.len() > room {
            return;
        }
        if !self.summary.is_empty() {
            self.summary.push(' ');
        }
        self.summary.push_str(word);
    }
}

fn is_of_name(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'.' | b'"' | b'$')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text, name, summary.
    const STATEMENTS: &[(&str, &str, &str)] = &[
        ("SELECT 1", "SELECT", "SELECT"),
        (
            "select * from users where id = 42",
            "SELECT",
            "SELECT users",
        ),
        (
            "SELECT a FROM s.t AS x, \"My Table\" y WHERE 1=1",
            "SELECT",
            "SELECT s.t My Table",
        ),
        (
            "SELECT * FROM a JOIN b ON a.x=b.y LEFT JOIN c USING (z)",
            "SELECT",
            "SELECT a b c",
        ),
        ("INSERT INTO t (a, b) VALUES (1, 'x')", "INSERT", "INSERT t"),
        (
            "INSERT INTO t SELECT * FROM u",
            "INSERT",
            "INSERT t SELECT u",
        ),
        (
            "UPDATE t SET a = 1 WHERE b = (SELECT max(c) FROM u)",
            "UPDATE",
            "UPDATE t SELECT u",
        ),
        ("DELETE FROM t WHERE a IN (1,2)", "DELETE", "DELETE t"),
        ("SELECT * FROM t FOR UPDATE", "SELECT", "SELECT t"),
        (
            "INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE SET a=1",
            "INSERT",
            "INSERT t",
        ),
        (
            "WITH x AS (SELECT 1 FROM a) SELECT * FROM x",
            "SELECT",
            "SELECT a SELECT x",
        ),
        ("SELECT extract(year FROM ts) FROM t", "SELECT", "SELECT t"),
        ("SELECT * FROM generate_series(1, 10)", "SELECT", "SELECT"),
        (
            "CREATE TABLE IF NOT EXISTS t (a int)",
            "CREATE",
            "CREATE TABLE t",
        ),
        ("CREATE UNIQUE INDEX i ON t (a)", "CREATE", "CREATE INDEX i"),
        ("DROP TABLE t", "DROP", "DROP TABLE t"),
        ("COPY t FROM STDIN", "COPY", "COPY t"),
        ("TRUNCATE TABLE a, b", "TRUNCATE", "TRUNCATE a b"),
        ("BEGIN; UPDATE t SET a=1; COMMIT", "BEGIN", "BEGIN UPDATE t"),
        ("SET search_path TO 'x'", "SET", "SET"),
        ("hunter2", "_OTHER", ""),
        ("", "_OTHER", ""),
    ];

    #[test]
    fn tells_verbs_and_tables() {
        for (text, name, summary) in STATEMENTS {
            let statement = read(text.as_bytes());
            let told = (statement.name.as_ref(), statement.summary.as_str());
            assert_eq!(told, (*name, *summary), "{text}");
        }
    }

    #[test]
    fn literals_never_leave_however_they_are_written_and_cut() {
        for text in [
            "SELECT 'secret' FROM t WHERE a = 'it''s secret' AND b = E'\\'secret'",
            "SELECT $$secret$$, $x$ from secret $x$ FROM t",
            "SELECT /* from secret /* from secret */ from secret */ 1 FROM t -- from secret",
            "INSERT INTO t VALUES (B'101', X'secret', 1e5, U&'secret', N'secret')",
            "SELECT * FROM t WHERE a = 'x' 'secret'",
        ] {
            for end in 0..=text.len() {
                let statement = read(&text.as_bytes()[..end]);
                assert!(
                    !statement.summary.contains("secret"),
                    "{text} {end}: {statement:?}"
                );
            }
        }
    }

    #[test]
    fn a_name_that_was_cut_is_not_told() {
        for (text, summary) in [
            ("SELECT * FROM users WHERE", "SELECT users"),
            ("SELECT * FROM use", "SELECT"),
            ("SELECT * FROM \"my us", "SELECT"),
            ("SELECT * FROM s.\"my us", "SELECT s"),
        ] {
            let statement = read_until_nul(text.as_bytes());
            assert_eq!(statement.summary, summary, "{text}");
            assert!(statement.is_cut);
        }
        assert!(!read_until_nul(b"SELECT 1\0").is_cut);
    }

    #[test]
    fn names_the_table_if_there_is_one() {
        assert_eq!(read(b"SELECT * FROM t").collection.as_deref(), Some("t"));
        assert_eq!(read(b"SELECT * FROM t, u").collection, None);
    }

    #[test]
    fn bounds_what_it_tells() {
        let many = format!(
            "SELECT * FROM {}",
            vec!["a_long_name_of_a_table"; 500].join(", ")
        );
        assert!(read(many.as_bytes()).summary.len() <= SUMMARY_BYTES_MAX);
        assert_eq!(read("(".repeat(10_000).as_bytes()).summary, "");
    }
}
