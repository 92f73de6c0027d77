//! What one operation on messages tells, seen from one of its two sides.

use tapline_ebpf::abi::Tuple;
use tapline_protocols::{conversation::Outcome, messaging::Exchange};

use super::{
    ends::{Ends, OnConnection},
    facts::Side,
};

/// One operation and the connection it was seen on.
pub(crate) struct MessagingFacts<'a> {
    ends: Ends<'a>,
    /// The operation itself.
    pub(super) exchange: &'a Exchange,
    span_name: String,
}

impl OnConnection for MessagingFacts<'_> {
    fn ends(&self) -> &Ends<'_> {
        &self.ends
    }
}

impl<'a> MessagingFacts<'a> {
    /// Reads an operation.
    pub(crate) fn new(side: Side, tuple: Option<&'a Tuple>, exchange: &'a Exchange) -> Self {
        Self {
            ends: Ends::new(side, tuple),
            exchange,
            span_name: span_name(exchange),
        }
    }

    pub(super) fn span_name(&self) -> &str {
        &self.span_name
    }

    /// `error.type`: why there is no answer, or the error that was answered.
    pub(super) fn error_type(&self) -> Option<&str> {
        match self.exchange.outcome {
            Outcome::Unanswered(reason) => Some(reason.error_type()),
            Outcome::Answered => self.exchange.error.as_deref(),
        }
    }
}

/// The operation and what it works on, if it moves messages. Others may name anything: a request
/// for metadata names topics that are not there.
fn span_name(exchange: &Exchange) -> String {
    let operation = &exchange.operation;
    let destination = operation.destination.as_ref();
    match destination.filter(|_| operation.kind.is_some()) {
        Some(destination) => format!("{} {}", operation.name, destination.low_cardinality()),
        None => operation.name.to_owned(),
    }
}
