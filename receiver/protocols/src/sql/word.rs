//! The words that mean something at the beginning of a statement, or behind its verb.

/// Every first word that is believed, in order.
const VERBS: [&str; 76] = [
    "ABORT",
    "ALTER",
    "ANALYZE",
    "APPLY",
    "BACKUP",
    "BEGIN",
    "BINLOG",
    "CACHE",
    "CALL",
    "CHANGE",
    "CHECK",
    "CHECKPOINT",
    "CHECKSUM",
    "CLOSE",
    "CLUSTER",
    "COMMENT",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DECLARE",
    "DELETE",
    "DESC",
    "DESCRIBE",
    "DISCARD",
    "DO",
    "DROP",
    "END",
    "EXECUTE",
    "EXPLAIN",
    "FETCH",
    "FLUSH",
    "GRANT",
    "HANDLER",
    "HELP",
    "IMPORT",
    "INSERT",
    "INSTALL",
    "KILL",
    "LIST",
    "LISTEN",
    "LOAD",
    "LOCK",
    "MERGE",
    "MOVE",
    "NOTIFY",
    "OPTIMIZE",
    "PREPARE",
    "PURGE",
    "REASSIGN",
    "REFRESH",
    "REINDEX",
    "RELEASE",
    "RENAME",
    "REPAIR",
    "REPLACE",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SELECT",
    "SET",
    "SHOW",
    "SHUTDOWN",
    "SIGNAL",
    "START",
    "STOP",
    "TRUNCATE",
    "UNINSTALL",
    "UNLISTEN",
    "UNLOCK",
    "UPDATE",
    "USE",
    "VACUUM",
    "VALUES",
    "XA",
];
/// What can be made, changed and thrown away, in order.
const KINDS: [&str; 19] = [
    "AGGREGATE",
    "DATABASE",
    "EVENT",
    "EXTENSION",
    "FUNCTION",
    "INDEX",
    "KEYSPACE",
    "MATERIALIZED",
    "PROCEDURE",
    "ROLE",
    "SCHEMA",
    "SEQUENCE",
    "SERVER",
    "TABLE",
    "TABLESPACE",
    "TRIGGER",
    "TYPE",
    "USER",
    "VIEW",
];
/// Words that may stand before the name of what is due, in order.
const FILLERS: [&str; 28] = [
    "CONCURRENTLY",
    "CUSTOM",
    "DELAYED",
    "EXISTS",
    "FULLTEXT",
    "GLOBAL",
    "HIGH_PRIORITY",
    "IF",
    "IGNORE",
    "LATERAL",
    "LOCAL",
    "LOW_PRIORITY",
    "NOT",
    "OFFLINE",
    "ONLINE",
    "ONLY",
    "OR",
    "QUICK",
    "RECURSIVE",
    "REPLACE",
    "SPATIAL",
    "TABLE",
    "TABLES",
    "TEMP",
    "TEMPORARY",
    "UNIQUE",
    "UNLOGGED",
    "VERBOSE",
];
/// The longest of all words.
const WORD_BYTES_MAX: usize = 16;

/// A word in capitals, or nothing if it is too long to mean anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Upper {
    letters: [u8; WORD_BYTES_MAX],
    len: usize,
}

impl Upper {
    pub(super) fn new(word: &[u8]) -> Self {
        let mut letters = [0; WORD_BYTES_MAX];
        let len = if word.len() <= WORD_BYTES_MAX {
            word.len()
        } else {
            0
        };
        letters[..len].copy_from_slice(&word[..len]);
        letters.make_ascii_uppercase();
        Self { letters, len }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.letters[..self.len]
    }

    /// Returns the verb that it is.
    pub(super) fn verb(&self) -> Option<&'static str> {
        find(&VERBS, self.as_bytes())
    }

    /// Returns the kind of thing that it is.
    pub(super) fn kind(&self) -> Option<&'static str> {
        find(&KINDS, self.as_bytes())
    }

    pub(super) fn is_filler(&self) -> bool {
        find(&FILLERS, self.as_bytes()).is_some()
    }
}

fn find(words: &'static [&'static str], word: &[u8]) -> Option<&'static str> {
    let index = words.binary_search_by(|known| known.as_bytes().cmp(word));
    index.ok().map(|index| words[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found() {
        for words in [&VERBS[..], &KINDS, &FILLERS] {
            assert!(words.is_sorted(), "{words:?}");
            assert!(words.iter().all(|word| word.len() <= WORD_BYTES_MAX));
        }
    }
}
