//! What waits for the server, and what is told of it when it has it.

use std::borrow::Cow;
use std::sync::Arc;

use super::answer::Answer;
use super::command::Operation;
use crate::conversation::Outcome;
use crate::database::{self, Exchange, OTHER, System};
use crate::sql::Statement;

/// Something that is due.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) answer: Answer,
    /// The number of the answer's next packet, if that is known.
    pub(super) next: Option<u8>,
    /// Nothing of the answer was seen yet.
    pub(super) is_fresh: bool,
    /// A file of the client's goes to the server.
    pub(super) wants_file: bool,
    /// When its last byte moved.
    pub(super) asked_ns: u64,
    /// What is told of it; nothing if it is only waited for, or was told already.
    pub(super) told: Option<(u32, Box<Exchange>)>,
    /// The statement that it prepares.
    pub(super) prepares: Option<Arc<Statement>>,
    /// The database that it changes to.
    pub(super) used: Option<String>,
    pub(super) resets: bool,
}

impl Due {
    pub(super) fn new(operation: &mut Operation, asked_ns: u64) -> Self {
        let prepares = operation.statement.clone();
        Self {
            answer: operation.answer,
            next: Some(1),
            is_fresh: true,
            wants_file: false,
            asked_ns,
            told: None,
            prepares: prepares.filter(|_| operation.prepares),
            used: operation.used.take(),
            resets: operation.resets,
        }
    }

    /// Notes a packet of the answer.
    pub(super) fn note(&mut self, started_ns: u64, at_ns: u64, bytes: u64) {
        if let Some((_, exchange)) = &mut self.told {
            exchange.response_started_ns.get_or_insert(started_ns);
            exchange.response_bytes = exchange.response_bytes.saturating_add(bytes);
            exchange.ended_ns = at_ns;
        }
    }
}

/// Makes an exchange of an operation that was just asked for.
pub(super) fn exchange(
    operation: &Operation,
    system: System,
    namespace: Option<&str>,
) -> Box<Exchange> {
    let statement = operation.statement.as_deref();
    let known = statement.filter(|statement| statement.name != OTHER);
    let summary = match (operation.name, known, &operation.target) {
        ("", Some(statement), _) => Some(statement.summary.clone()),
        (name, Some(statement), _) => Some(format!("{name} {}", statement.summary)),
        (name, None, Some(target)) => Some(format!("{name} {target}")),
        (_, None, None) => None,
    };
    let name = match (operation.name, known) {
        ("", Some(statement)) => statement.name.clone(),
        ("", None) => Cow::Borrowed(OTHER),
        (name, _) => Cow::Borrowed(name),
    };
    let of_table = operation
        .target
        .clone()
        .filter(|_| operation.name == "SHOW FIELDS");
    Box::new(Exchange {
        operation: database::Operation {
            system,
            name,
            summary: summary.filter(|summary| !summary.is_empty()),
            collection: known.map_or(of_table, |statement| statement.collection.clone()),
            text: known.and_then(|statement| statement.text.clone().map(Cow::Owned)),
            namespace: namespace.map(|name| Cow::Owned(name.to_owned())),
            batch_size: None,
            keys: None,
            truncated: statement.is_some_and(|statement| statement.is_cut),
            cassandra: None,
        },
        error: None,
        started_ns: 0,
        response_started_ns: None,
        ended_ns: 0,
        request_thread: 0,
        outcome: Outcome::Answered,
        request_bytes: 0,
        response_bytes: 0,
    })
}
