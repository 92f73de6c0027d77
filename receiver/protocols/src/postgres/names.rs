//! What a connection prepared: statements and portals by their names.

use std::collections::HashMap;
use std::sync::Arc;

use crate::sql::{Statement, TEXT_BYTES_MAX};

/// The most that are remembered of either; then all are forgotten.
const NAMES_MAX: usize = 128;
/// What one of them holds at most: a name, a summary, a table and a text.
const NAME_BYTES: usize = 512 + TEXT_BYTES_MAX;

/// Statements and portals.
#[derive(Debug, Default)]
pub(super) struct Names {
    statements: HashMap<Box<[u8]>, Arc<Statement>>,
    portals: HashMap<Box<[u8]>, Arc<Statement>>,
}

impl Names {
    pub(super) fn parse(&mut self, name: &[u8], statement: Arc<Statement>) {
        insert(&mut self.statements, name, statement);
    }

    pub(super) fn bind(&mut self, portal: &[u8], name: &[u8]) {
        match self.statements.get(name) {
            Some(statement) => {
                let statement = Arc::clone(statement);
                insert(&mut self.portals, portal, statement);
            }
            None => drop(self.portals.remove(portal)),
        }
    }

    pub(super) fn close(&mut self, kind: u8, name: &[u8]) {
        match kind {
            b'S' => drop(self.statements.remove(name)),
            _ => drop(self.portals.remove(name)),
        }
    }

    pub(super) fn portal(&self, name: &[u8]) -> Option<&Arc<Statement>> {
        self.portals.get(name)
    }

    /// Portals may have been bound to something else, unseen.
    pub(super) fn forget_unnamed(&mut self) {
        self.portals.clear();
        self.statements.remove(&b""[..]);
    }

    pub(super) fn held(&self) -> usize {
        (self.statements.len() + self.portals.len()) * NAME_BYTES
    }

    pub(super) fn held_max() -> usize {
        2 * NAMES_MAX * NAME_BYTES
    }
}

fn insert(names: &mut HashMap<Box<[u8]>, Arc<Statement>>, name: &[u8], statement: Arc<Statement>) {
    if names.len() >= NAMES_MAX && !names.contains_key(name) {
        names.clear();
    }
    names.insert(name[..name.len().min(64)].into(), statement);
}
