//! What is told of an operation.

use std::borrow::Cow;

use super::request::Operation;
use crate::conversation::Outcome;
use crate::database::{self, Cassandra, Exchange, OTHER, System};
use crate::sql::{SUMMARY_BYTES_MAX, Statement, TEXT_BYTES_MAX};

/// Makes an exchange of an operation that was just asked for.
pub(super) fn exchange(asks: &Operation, keyspace: Option<&str>, is_holed: bool) -> Box<Exchange> {
    let statement = asks.statement.as_deref();
    let known = statement.filter(|statement| statement.name != OTHER);
    let is_cut = is_holed || asks.is_cut && statement.is_none_or(|statement| statement.is_cut);
    let mut operation = database::Operation {
        system: System::Cassandra,
        name: Cow::Borrowed(asks.name),
        summary: None,
        collection: None,
        text: None,
        namespace: keyspace.map(|name| Cow::Owned(name.to_owned())),
        batch_size: None,
        keys: None,
        truncated: is_cut || statement.is_some_and(|statement| statement.is_cut),
        cassandra: Some(Cassandra {
            consistency: asks.consistency,
            page_size: asks.page_size,
        }),
    };
    if let Some(statement) = known {
        operation.collection.clone_from(&statement.collection);
        operation.text = statement.text.clone().map(Cow::Owned);
        let summary = format!("{} {}", asks.name, statement.summary);
        operation.summary = Some(summary.trim().to_owned());
        if asks.name.is_empty() {
            operation.name.clone_from(&statement.name);
        }
    } else if asks.name.is_empty() {
        operation.name = Cow::Borrowed(OTHER);
    }
    if let Some((statements, count)) = &asks.batch {
        batch(&mut operation, statements, *count);
    }
    Box::new(Exchange {
        operation,
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

/// What all statements of a batch have in common is told of it.
fn batch(
    operation: &mut database::Operation,
    statements: &[std::sync::Arc<Statement>],
    count: u32,
) {
    // One is no batch.
    operation.batch_size = Some(count).filter(|count| *count > 1);
    let Some((first, others)) = statements.split_first() else {
        return;
    };
    if statements.len() as u64 != u64::from(count) {
        return;
    }
    if others.iter().all(|other| other.name == first.name) && first.name != OTHER {
        operation.name = Cow::Owned(format!("BATCH {}", first.name));
    }
    if others.iter().all(|other| other.summary == first.summary) {
        let mut summary = format!("BATCH {}", first.summary);
        if summary.len() > SUMMARY_BYTES_MAX {
            "BATCH".clone_into(&mut summary);
        }
        operation.summary = Some(summary.trim().to_owned());
    }
    if others
        .iter()
        .all(|other| other.collection == first.collection)
    {
        operation.collection.clone_from(&first.collection);
    }
    let mut texts: Vec<&str> = Vec::new();
    for text in statements
        .iter()
        .filter_map(|statement| statement.text.as_deref())
    {
        let len: usize = texts.iter().map(|text| text.len() + 2).sum();
        if texts.last() != Some(&text) && len + text.len() <= TEXT_BYTES_MAX {
            texts.push(text);
        }
    }
    operation.text = (!texts.is_empty()).then(|| Cow::Owned(texts.join("; ")));
}
