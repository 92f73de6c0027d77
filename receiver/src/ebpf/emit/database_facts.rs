//! What one database operation tells, seen from one of its two sides.

use tapline_ebpf::abi::Tuple;
use tapline_protocols::{conversation::Outcome, database::Exchange};

use super::{
    ends::{Ends, OnConnection},
    facts::Side,
};

/// One operation and the connection it was seen on.
pub(crate) struct DatabaseFacts<'a> {
    ends: Ends<'a>,
    /// The operation itself.
    pub(super) exchange: &'a Exchange,
}

impl OnConnection for DatabaseFacts<'_> {
    fn ends(&self) -> &Ends<'_> {
        &self.ends
    }
}

impl<'a> DatabaseFacts<'a> {
    /// Reads an operation.
    pub(crate) fn new(side: Side, tuple: Option<&'a Tuple>, exchange: &'a Exchange) -> Self {
        Self {
            ends: Ends::new(side, tuple),
            exchange,
        }
    }

    /// `db.query.summary`, and the name of the span.
    pub(super) fn span_name(&self) -> &str {
        let operation = &self.exchange.operation;
        if let Some(summary) = &operation.summary {
            return summary;
        }
        match operation.name.as_ref() {
            tapline_protocols::database::OTHER => operation.system.name(),
            name => name,
        }
    }

    /// `error.type`: why there is no answer, or the code that the server gave.
    pub(super) fn error_type(&self) -> Option<&str> {
        match self.exchange.outcome {
            Outcome::Unanswered(reason) => Some(reason.error_type()),
            Outcome::Answered => self.exchange.error.as_deref(),
        }
    }
}
