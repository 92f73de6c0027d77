//! What a connection prepared: statements by their numbers.

use std::collections::HashMap;
use std::sync::Arc;

use crate::sql::Statement;

/// The most statements that are remembered, and the most bytes of them; then all are forgotten.
const STATEMENTS_MAX: usize = 256;
pub(super) const HELD_MAX: usize = 256 * 1024;

/// Statements that may be executed.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    statements: HashMap<u32, Arc<Statement>>,
    held: usize,
}

impl Prepared {
    pub(super) fn insert(&mut self, number: u32, statement: Arc<Statement>) {
        self.remove(number);
        let size = statement.held();
        if self.statements.len() >= STATEMENTS_MAX || self.held + size > HELD_MAX {
            self.clear();
        }
        self.held += size;
        self.statements.insert(number, statement);
    }

    pub(super) fn get(&self, number: u32) -> Option<&Arc<Statement>> {
        self.statements.get(&number)
    }

    pub(super) fn remove(&mut self, number: u32) {
        if let Some(statement) = self.statements.remove(&number) {
            self.held -= statement.held();
        }
    }

    pub(super) fn clear(&mut self) {
        self.statements.clear();
        self.held = 0;
    }

    pub(super) fn held(&self) -> usize {
        self.held
    }
}
