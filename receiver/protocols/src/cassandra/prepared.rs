//! Statements that were prepared, by their ids.
//!
//! An id is a digest of keyspace and text, so it means the same on every connection, and drivers
//! prepare on one and execute on others. What a connection prepared itself goes first; what others
//! prepared is shared by the process, within a bound.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::sql::Statement;

/// The most statements and bytes that a connection remembers; then all are forgotten.
const STATEMENTS_MAX: usize = 256;
pub(super) const HELD_MAX: usize = 256 * 1024;
/// The most that all connections share, likewise.
const SHARED_MAX: usize = 2048;
/// The longest id.
const ID_BYTES_MAX: usize = 64;

type Statements = HashMap<Box<[u8]>, Arc<Statement>>;

static SHARED: LazyLock<Mutex<Statements>> = LazyLock::new(Mutex::default);

/// Statements that may be executed.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    own: Statements,
    held: usize,
}

impl Prepared {
    pub(super) fn insert(&mut self, id: &[u8], statement: Arc<Statement>) {
        if id.len() > ID_BYTES_MAX {
            return;
        }
        let size = statement.held() + ID_BYTES_MAX;
        if self.own.len() >= STATEMENTS_MAX || self.held + size > HELD_MAX {
            self.own.clear();
            self.held = 0;
        }
        self.held += size;
        if let Some(old) = self.own.insert(id.into(), Arc::clone(&statement)) {
            self.held -= old.held() + ID_BYTES_MAX;
        }
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.len() >= SHARED_MAX {
            shared.clear();
        }
        shared.insert(id.into(), statement);
    }

    pub(super) fn get(&self, id: &[u8]) -> Option<Arc<Statement>> {
        if let Some(statement) = self.own.get(id) {
            return Some(Arc::clone(statement));
        }
        let shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.get(id).map(Arc::clone)
    }

    pub(super) fn held(&self) -> usize {
        self.held
    }
}
