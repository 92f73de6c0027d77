//! What waits for the server, and when it has it.

use std::borrow::Cow;

use super::frame::Message;
use crate::conversation::Outcome;
use crate::database::{Exchange, OTHER, Operation, System};
use crate::sql::Statement;

/// Something that is due.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) kind: Kind,
    /// When its last byte moved.
    pub(super) asked_ns: u64,
    /// What is told of it; nothing if it is only waited for, or was told already.
    pub(super) told: Option<(u32, Box<Exchange>)>,
}

/// What ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A simple query, or statements that are prepared only: that the server is ready again.
    UntilReady,
    /// An execution: that it is complete.
    Execute,
    /// The end of a pipeline: that the server is ready again. Nothing is told of it.
    Sync,
}

impl Slot {
    pub(super) fn answer(&mut self, message: &Message, at_ns: u64) {
        if let Some((_, exchange)) = &mut self.told {
            exchange
                .response_started_ns
                .get_or_insert(message.started_ns);
            exchange.response_bytes += message.bytes;
            exchange.ended_ns = at_ns;
        }
    }

    pub(super) fn fail(&mut self, code: Cow<'static, str>) {
        if let Some((_, exchange)) = &mut self.told {
            exchange.error.get_or_insert(code);
        }
    }
}

/// Makes an exchange of a statement that was just asked for.
pub(super) fn exchange(
    statement: Option<&Statement>,
    prefix: &'static str,
    namespace: Option<&str>,
) -> Box<Exchange> {
    let named = statement.filter(|statement| statement.name != OTHER);
    let (name, summary) = match (named, prefix) {
        (Some(statement), "") => (statement.name.clone(), statement.summary.clone()),
        (Some(statement), prefix) => {
            let summary = format!("{prefix} {}", statement.summary);
            (Cow::Borrowed(prefix), summary)
        }
        (None, "") => (Cow::Borrowed(OTHER), String::new()),
        (None, prefix) => (Cow::Borrowed(prefix), String::new()),
    };
    Box::new(Exchange {
        operation: Operation {
            system: System::Postgresql,
            name,
            summary: Some(summary).filter(|summary| !summary.is_empty()),
            text: named.and_then(|statement| statement.text.clone().map(Cow::Owned)),
            collection: statement.and_then(|statement| statement.collection.clone()),
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

/// Returns the SQLSTATE of an error.
pub(super) fn sqlstate(message: &Message) -> Cow<'static, str> {
    let mut rest = message.body.as_slice();
    while let Some((field, after)) = rest.split_first() {
        let (text, after) = Message::text(after);
        let is_code = text.len() == 5
            && text
                .iter()
                .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        if *field == b'C' && is_code {
            return Cow::Owned(String::from_utf8_lossy(text).into_owned());
        }
        rest = after;
    }
    Cow::Borrowed(OTHER)
}
