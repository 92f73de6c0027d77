//! What parsers of database protocols tell: operations, and how they ended.
//!
//! Nothing here holds a value: no key, no literal, no row. What a statement is called, how much it
//! took and which code the server gave are all that leaves a parser. Nothing here parses.

use std::borrow::Cow;

use crate::conversation::Outcome;
use crate::propagation::TraceContext;

/// The name of an operation that cannot be told, or that the server does not know either.
pub const OTHER: &str = "_OTHER";

/// Which database speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum System {
    /// Cassandra and what speaks its protocol.
    Cassandra,
    /// Elasticsearch.
    Elasticsearch,
    /// MariaDB.
    Mariadb,
    /// Memcached, in text or binary.
    Memcached,
    /// MongoDB and what speaks its protocol.
    Mongodb,
    /// MySQL and what speaks its protocol.
    Mysql,
    /// OpenSearch.
    Opensearch,
    /// PostgreSQL and what speaks its protocol.
    Postgresql,
    /// Redis and what speaks its protocol.
    Redis,
}

impl System {
    /// Returns the name that `db.system.name` has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cassandra => "cassandra",
            Self::Elasticsearch => "elasticsearch",
            Self::Mariadb => "mariadb",
            Self::Memcached => "memcached",
            Self::Mongodb => "mongodb",
            Self::Mysql => "mysql",
            Self::Opensearch => "opensearch",
            Self::Postgresql => "postgresql",
            Self::Redis => "redis",
        }
    }
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Which database was asked.
    pub system: System,
    /// The name of the operation, a word or two of few different ones.
    pub name: Cow<'static, str>,
    /// What it does to what, if that says more than the name: few different texts, without values.
    pub summary: Option<String>,
    /// The one table or collection that it names.
    pub collection: Option<String>,
    /// The statement without its values, if it says more than the name.
    pub text: Option<Cow<'static, str>>,
    /// The database it works in, if that is known.
    pub namespace: Option<Cow<'static, str>>,
    /// How many operations it stands for, if it is a batch.
    pub batch_size: Option<u32>,
    /// How many keys it names, if that is known.
    pub keys: Option<u32>,
    /// Whether a part of the request was not seen.
    pub truncated: bool,
    /// What only Cassandra is told.
    pub cassandra: Option<Cassandra>,
}

/// What Cassandra is told of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cassandra {
    /// How many replicas must agree, by its name in small letters.
    pub consistency: Option<&'static str>,
    /// How many rows may be returned at once.
    pub page_size: Option<u32>,
}

/// An operation with how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What was asked.
    pub operation: Operation,
    /// The code of the error that the server answered with.
    pub error: Option<Cow<'static, str>>,
    /// When the first byte of the request moved.
    pub started_ns: u64,
    /// When the first byte of the response moved.
    pub response_started_ns: Option<u64>,
    /// When the last byte of the response moved, or the time of the reason why there is none.
    pub ended_ns: u64,
    /// Who moved the bytes that completed the request.
    pub request_thread: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Bytes of the request on the wire.
    pub request_bytes: u64,
    /// Bytes of the response on the wire.
    pub response_bytes: u64,
}

/// Receives what a parser understood.
pub trait Sink {
    /// Takes a request that is complete. `id` is unique on its connection.
    fn request(&mut self, id: u32, thread: u64);
    /// Takes a request that may say which trace it continues.
    fn request_in(&mut self, id: u32, thread: u64, trace: Option<TraceContext>) {
        drop(trace);
        self.request(id, thread);
    }
    /// Takes the finished exchange of a request that was announced before; called once for each.
    fn exchange(&mut self, id: u32, exchange: Exchange);
}
