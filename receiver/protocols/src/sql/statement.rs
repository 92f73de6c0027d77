//! What a statement does and to what: verbs and tables, never a literal.
//!
//! Names that a statement gives to its own parts (WITH) are no tables. What cannot be read to its
//! end, because it was cut off, is told as far as it was read.

use std::borrow::Cow;

use super::text::Text;
use super::token::{Token, Tokens, is_word};
use super::word::Upper;
use super::{Dialect, SUMMARY_BYTES_MAX};
use crate::database::OTHER;
use crate::propagation::TraceContext;

/// The most tables that a summary names, and the most names that a statement gives to its parts.
const TARGETS_MAX: usize = 8;
/// Deeper parentheses are read as if they were not there.
const DEPTH_MAX: usize = 32;

/// A statement in few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its verb, of a small set.
    pub name: Cow<'static, str>,
    /// Verbs and tables, at most [`SUMMARY_BYTES_MAX`] bytes.
    pub summary: String,
    /// Its table, if it has one only.
    pub collection: Option<String>,
    /// Its text without values, if its verb is known; at most `TEXT_BYTES_MAX` bytes.
    pub text: Option<String>,
    /// The database that it changes to, if it does nothing else.
    pub used: Option<String>,
    /// The trace that a comment in it names.
    pub trace: Option<TraceContext>,
    /// It was not read to its end.
    pub is_cut: bool,
}

impl Statement {
    /// Returns how many bytes its texts hold.
    pub fn held(&self) -> usize {
        let texts = [&self.collection, &self.text, &self.used];
        let texts = texts.into_iter().flatten().map(String::capacity);
        size_of::<Self>() + self.summary.capacity() + texts.sum::<usize>()
    }
}

#[derive(Default)]
struct Reader {
    name: Option<&'static str>,
    /// The verb that was read last.
    verb: &'static str,
    summary: String,
    /// Where the summary of this statement, of several, begins.
    begun: usize,
    before: Option<(usize, usize)>,
    is_full: bool,
    targets: Targets,
    /// A bit for every parenthesis that is open: a query was begun in it.
    queries: u32,
    depth: usize,
    begins: Begins,
    /// Names are given to queries in front of the statement itself.
    in_with: bool,
    parts: Vec<String>,
    /// The next identifier is a table.
    expects: Expects,
    ignores_using: bool,
}

/// The tables seen: none, one, or more.
#[derive(Default)]
struct Targets {
    first: Option<String>,
    are_several: bool,
    count: usize,
}

/// Which verbs begin something here.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Begins {
    /// Every one: it is the first word.
    #[default]
    Any,
    /// Those that read or change rows.
    Rows,
    /// Those that may stand in the middle.
    Inner,
    /// None.
    Nothing,
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
    /// A thing that is no table.
    Thing,
    /// A name for a part of the statement.
    Part,
}

/// Reads what stands before a NUL; without one the text was cut, maybe in the middle of a name.
pub fn read_until_nul(bytes: &[u8], dialect: Dialect) -> Statement {
    match memchr::memchr(0, bytes) {
        Some(end) => read(&bytes[..end], dialect),
        None => read_cut(bytes, dialect),
    }
}

/// Reads a text of which the end is missing.
pub fn read_cut(bytes: &[u8], dialect: Dialect) -> Statement {
    let name = bytes.iter().rev().take_while(|byte| is_of_name(**byte));
    Statement {
        is_cut: true,
        ..read(&bytes[..bytes.len() - name.count()], dialect)
    }
}

/// Reads a statement, or several: then the first gives the name.
pub fn read(text: &[u8], dialect: Dialect) -> Statement {
    let mut reader = Reader {
        ignores_using: dialect == Dialect::Cql,
        ..Reader::default()
    };
    let mut tokens = Tokens::new(text, dialect);
    let mut shown = Text::new(text.len());
    while let Some(token) = tokens.next() {
        let after_blank = tokens.after_blank;
        match token {
            Token::Word(word) => reader.word(word, &mut tokens),
            Token::Quoted(name) => reader.identifier(name, &mut tokens),
            Token::Mark(mark) => reader.mark(mark),
            Token::Value => reader.value(),
        }
        shown.push(token, tokens.raw(), after_blank);
    }
    reader.drop_repetition();
    let is_known = reader.name.is_some();
    let collection = reader.targets.first.filter(|_| !reader.targets.are_several);
    let used = match reader.name {
        Some("USE") => reader.summary.strip_prefix("USE ").map(str::to_owned),
        _ => None,
    };
    Statement {
        name: Cow::Borrowed(reader.name.unwrap_or(OTHER)),
        summary: reader.summary,
        collection: collection.filter(|_| is_known),
        text: is_known.then(|| shown.finish()),
        used,
        trace: tokens.trace,
        is_cut: tokens.is_doubtful,
    }
}

impl Reader {
    fn word(&mut self, word: &[u8], tokens: &mut Tokens<'_>) {
        let upper = Upper::new(word);
        if self.expects != Expects::Nothing && self.expects != Expects::Comma {
            if self.expects == Expects::Kind && self.kind(&upper) {
                return;
            }
            if upper.is_filler() {
                return;
            }
        }
        if !self.keyword(&upper, tokens) {
            self.identifier(word, tokens);
        }
    }

    /// Returns whether the word means something here.
    fn keyword(&mut self, upper: &Upper, tokens: &Tokens<'_>) -> bool {
        let is_query = self.queries >> self.depth & 1 == 1;
        match upper.as_bytes() {
            b"WITH" if self.begins == Begins::Any => {
                self.in_with = true;
                self.begins = Begins::Rows;
                self.expects = Expects::Part;
            }
            b"SELECT" | b"INSERT" | b"MERGE" if self.may_nest(tokens) => self.rows(upper),
            b"UPDATE" | b"DELETE" | b"REPLACE" if self.may_begin(tokens) => self.rows(upper),
            b"FROM" | b"JOIN" | b"INTO" if is_query => self.expects = Expects::Table,
            b"STRAIGHT_JOIN" if self.expects == Expects::Comma => self.expects = Expects::Table,
            b"USING" if is_query && !self.ignores_using => self.expects = Expects::Table,
            b"BATCH" if self.verb == "BEGIN" || self.verb == "APPLY" => {}
            b"VIEW" if self.verb == "MATERIALIZED" && self.expects == Expects::Table => {
                self.push("VIEW");
                self.verb = "VIEW";
            }
            b"AS" => {}
            b"WHERE" | b"SET" | b"ON" | b"ORDER" | b"GROUP" | b"LIMIT" | b"HAVING"
            | b"RETURNING" | b"VALUES" | b"UNION" | b"FOR" | b"DO" | b"STDIN" | b"OUTFILE"
            | b"DUMPFILE"
                if self.begins != Begins::Any =>
            {
                self.expects = Expects::Nothing;
            }
            _ => return self.first(upper),
        }
        true
    }

    /// Takes the first word of a statement.
    fn first(&mut self, upper: &Upper) -> bool {
        if self.begins != Begins::Any {
            return false;
        }
        self.begins = Begins::Inner;
        let Some(verb) = upper.verb() else {
            return false;
        };
        self.verb(verb);
        match verb {
            "CREATE" | "ALTER" | "DROP" => self.expects = Expects::Kind,
            "COPY" | "TRUNCATE" | "LOCK" | "VACUUM" | "ANALYZE" | "DESCRIBE" | "DESC"
            | "OPTIMIZE" | "CHECK" | "CHECKSUM" | "REPAIR" | "RENAME" | "HANDLER" => {
                self.expects = Expects::Table;
            }
            "CALL" | "USE" => self.expects = Expects::Thing,
            "LOAD" => self.queries |= 1 << self.depth,
            "GRANT" | "REVOKE" | "SHOW" | "HELP" => self.begins = Begins::Nothing,
            _ => {}
        }
        if matches!(verb, "EXPLAIN" | "DESCRIBE" | "DESC" | "BEGIN") {
            self.begins = Begins::Rows;
        }
        true
    }

    /// `INSERT(` is a function.
    fn may_nest(&self, tokens: &Tokens<'_>) -> bool {
        match self.begins {
            Begins::Any | Begins::Rows => true,
            Begins::Inner => !tokens.is_call(),
            Begins::Nothing => false,
        }
    }

    /// `FOR UPDATE`, `DO UPDATE` and `ON DELETE` begin nothing.
    fn may_begin(&self, tokens: &Tokens<'_>) -> bool {
        matches!(self.begins, Begins::Any | Begins::Rows) && !tokens.is_call()
    }

    /// A query begins, or a change of rows.
    fn rows(&mut self, upper: &Upper) {
        let Some(verb) = upper.verb() else { return };
        self.queries |= 1 << self.depth;
        self.verb(verb);
        if self.depth == 0 {
            self.in_with = false;
        }
        // Statements of a batch need no semicolons; parts may change rows, too.
        let is_batch = self.ignores_using && self.name == Some("BEGIN");
        if !self.in_with && !is_batch {
            self.begins = Begins::Inner;
        }
        if matches!(verb, "UPDATE" | "INSERT" | "REPLACE") {
            self.expects = Expects::Table;
        }
    }

    fn verb(&mut self, verb: &'static str) {
        if self.name.is_none() && !(self.in_with && self.depth > 0) {
            self.name = Some(verb);
        }
        self.push(verb);
        self.verb = verb;
        self.expects = Expects::Nothing;
    }

    /// Takes the kind of a thing; until it comes, other words may stand before it.
    fn kind(&mut self, upper: &Upper) -> bool {
        let Some(kind) = upper.kind() else {
            return !matches!(upper.as_bytes(), b"ON" | b"AS" | b"SET" | b"FOR");
        };
        self.push(kind);
        self.verb = kind;
        self.expects = match kind {
            "TABLE" | "VIEW" | "MATERIALIZED" => Expects::Table,
            _ => Expects::Thing,
        };
        true
    }

    /// Takes a name with its schema, if a table is due.
    fn identifier(&mut self, first: &[u8], tokens: &mut Tokens<'_>) {
        match self.expects {
            Expects::Nothing | Expects::Comma | Expects::Kind => return,
            // Its closing quote was cut off.
            _ if first.is_empty() => return,
            _ => {}
        }
        let mut name = String::from_utf8_lossy(first).into_owned();
        while let Some(part) = tokens.qualified() {
            name.push('.');
            name.push_str(&String::from_utf8_lossy(part));
        }
        match self.expects {
            Expects::Part => {
                if self.parts.len() < TARGETS_MAX {
                    self.parts.push(name);
                }
                self.expects = Expects::Nothing;
            }
            Expects::Thing => {
                self.push(&name);
                self.expects = Expects::Nothing;
            }
            _ => {
                self.expects = Expects::Comma;
                // A function in FROM looks like a table until its parenthesis.
                let is_call = self.verb == "SELECT" && tokens.is_call();
                if !is_call && !self.parts.contains(&name) {
                    self.target(name);
                }
            }
        }
    }

    fn target(&mut self, name: String) {
        if self.targets.count >= TARGETS_MAX {
            self.targets.are_several = true;
            return;
        }
        self.targets.count += 1;
        self.push(&name);
        match &self.targets.first {
            Some(first) => self.targets.are_several |= *first != name,
            None => self.targets.first = Some(name),
        }
    }

    fn value(&mut self) {
        if !matches!(self.expects, Expects::Nothing | Expects::Kind) {
            self.expects = Expects::Nothing;
        }
        if self.begins == Begins::Any {
            self.begins = Begins::Inner;
        }
    }

    fn mark(&mut self, mark: u8) {
        match mark {
            b'(' if self.depth < DEPTH_MAX - 1 => {
                self.depth += 1;
                self.queries &= !(1 << self.depth);
                self.expects = Expects::Nothing;
            }
            b')' if self.depth > 0 => {
                self.depth -= 1;
                self.expects = Expects::Nothing;
            }
            b',' if self.expects == Expects::Comma => self.expects = Expects::Table,
            b',' if self.in_with && self.depth == 0 => self.expects = Expects::Part,
            b';' => self.end_statement(),
            b'@' | b'*' if self.expects == Expects::Table => self.expects = Expects::Nothing,
            _ => {}
        }
    }

    fn end_statement(&mut self) {
        self.depth = 0;
        self.queries = 0;
        self.expects = Expects::Nothing;
        self.begins = Begins::Any;
        self.in_with = false;
        self.verb = "";
        self.drop_repetition();
        self.before = Some((self.begun, self.summary.len()));
        self.begun = self.summary.len();
    }

    /// What does the same as the one before it says nothing new.
    fn drop_repetition(&mut self) {
        let Some((from, to)) = self.before else {
            return;
        };
        let this = self.summary[self.begun..].trim_start();
        if this == self.summary[from..to].trim_start() {
            self.summary.truncate(self.begun);
            self.begun = from;
        }
    }

    fn push(&mut self, word: &str) {
        let blank = usize::from(!self.summary.is_empty());
        self.is_full |= self.summary.len() + blank + word.len() > SUMMARY_BYTES_MAX;
        if self.is_full {
            return;
        }
        if blank == 1 {
            self.summary.push(' ');
        }
        self.summary.push_str(word);
    }
}

fn is_of_name(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'.' | b'"' | b'`' | b'$' | b'-')
}
