//! What one database operation tells, seen from one of its two sides.

use std::borrow::Cow;

use tapline_ebpf::abi::Tuple;
use tapline_protocols::{conversation::Outcome, database::Exchange};

use super::{
    ends::{Ends, OnConnection},
    facts::{Facts, Side},
};

/// One operation and the connection it was seen on.
pub(crate) struct DatabaseFacts<'a> {
    ends: Ends<'a>,
    /// The operation itself.
    pub(super) exchange: &'a Exchange,
    /// The request that carried it, for databases that are asked over HTTP.
    pub(super) http: Option<&'a Facts<'a>>,
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
            http: None,
        }
    }

    /// Says which request of HTTP carried it.
    pub(crate) fn over(self, http: &'a Facts<'a>) -> Self {
        Self {
            http: Some(http),
            ..self
        }
    }

    /// `db.response.status_code`: the code of an error, or the status that came with it.
    pub(super) fn status_code(&self) -> Option<Cow<'_, str>> {
        let error = self.exchange.error.as_deref()?;
        let status = self.http.and_then(Facts::status);
        Some(match status {
            Some(status) => Cow::Owned(status.to_string()),
            None => Cow::Borrowed(error),
        })
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
