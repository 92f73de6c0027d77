//! Databases by the semantic conventions (1.37, stable parts): two tables, one for each side.
//!
//! The conventions know the client only. What a server saw is a span of its own, and no metric:
//! there is no name for one.

use std::borrow::Cow;

use tapline_pdata::write::{SpanKind, Status};

use super::{
    database_facts::DatabaseFacts,
    ends::{EndRows, OnConnection},
    facts::Side,
    status::unanswered,
    table::{self, HistogramView, Subject, Value, int, text},
};

type Row = table::Row<Database>;
type Table = table::Table<Database>;

/// Operations on databases, of whichever system.
pub(crate) struct Database;

impl Subject for Database {
    type Facts<'a> = DatabaseFacts<'a>;

    fn table(facts: &DatabaseFacts<'_>) -> &'static Table {
        match facts.ends().side {
            Side::Server => &SERVER,
            Side::Client => &CLIENT,
        }
    }

    fn span_name<'f>(facts: &'f DatabaseFacts<'_>) -> &'f str {
        facts.span_name()
    }

    /// Code and words of the server are attributes, or are not told.
    fn status(facts: &DatabaseFacts<'_>) -> Status<'static> {
        unanswered(facts.exchange.outcome).unwrap_or(match facts.exchange.error {
            Some(_) => Status::Error(""),
            None => Status::Unset,
        })
    }
}

/// Bucket bounds of operation durations, in seconds, as the conventions advise.
static DURATION_BOUNDS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// A process answers.
static SERVER: Table = Table {
    kind: SpanKind::Server,
    rows: ROWS,
    duration: None,
};

/// A process asks.
static CLIENT: Table = Table {
    kind: SpanKind::Client,
    rows: ROWS,
    duration: Some(HistogramView {
        name: "db.client.operation.duration",
        description: "Duration of database client operations.",
        unit: "s",
        bounds: &DURATION_BOUNDS,
        rows: &[
            SYSTEM,
            OPERATION,
            COLLECTION,
            NAMESPACE,
            STATUS,
            ERROR,
            Database::SERVER_ADDRESS,
            Database::SERVER_PORT,
        ],
    }),
};

const ROWS: &[Row] = &[
    SYSTEM,
    OPERATION,
    Row {
        key: "db.query.summary",
        value: |facts| text(facts.span_name()),
    },
    Row {
        key: "db.query.text",
        value: |facts| facts.exchange.operation.text.as_deref().and_then(text),
    },
    COLLECTION,
    NAMESPACE,
    Row {
        key: "db.operation.batch.size",
        value: |facts| facts.exchange.operation.batch_size.map(int),
    },
    STATUS,
    ERROR,
    Database::SERVER_ADDRESS,
    Database::SERVER_PORT,
    Database::CLIENT_ADDRESS,
    Database::PEER_ADDRESS,
    Database::PEER_PORT,
    Database::TRANSPORT,
    Row {
        key: "http.request.method",
        value: |facts| text(facts.http?.method()),
    },
    Row {
        key: "url.full",
        value: |facts| Some(Value::Str(Cow::Owned(facts.http?.url_full()))),
    },
    Row {
        key: "cassandra.consistency.level",
        value: |facts| {
            facts
                .exchange
                .operation
                .cassandra?
                .consistency
                .and_then(text)
        },
    },
    Row {
        key: "cassandra.page.size",
        value: |facts| facts.exchange.operation.cassandra?.page_size.map(int),
    },
    Row {
        key: "tapline.db.key.count",
        value: |facts| facts.exchange.operation.keys.map(int),
    },
    Row {
        key: "tapline.request.truncated",
        value: |facts| facts.exchange.operation.truncated.then_some(Value::Yes),
    },
];

const SYSTEM: Row = Row {
    key: "db.system.name",
    value: |facts| text(facts.exchange.operation.system.name()),
};
const OPERATION: Row = Row {
    key: "db.operation.name",
    value: |facts| text(&facts.exchange.operation.name),
};
const COLLECTION: Row = Row {
    key: "db.collection.name",
    value: |facts| {
        facts
            .exchange
            .operation
            .collection
            .as_deref()
            .and_then(text)
    },
};
const NAMESPACE: Row = Row {
    key: "db.namespace",
    value: |facts| facts.exchange.operation.namespace.as_deref().and_then(text),
};
const STATUS: Row = Row {
    key: "db.response.status_code",
    value: |facts| facts.status_code().map(Value::Str),
};
const ERROR: Row = Row {
    key: "error.type",
    value: |facts| facts.error_type().and_then(text),
};
