//! The status of a span whose request has no answer, in words, whatever the protocol.

use tapline_pdata::write::Status;
use tapline_protocols::conversation::{Outcome, Unanswered};

/// Returns the status of what was not answered; a protocol judges its answers itself.
pub(super) fn unanswered(outcome: Outcome) -> Option<Status<'static>> {
    match outcome {
        Outcome::Unanswered(reason) => Some(Status::Error(description(reason))),
        Outcome::Answered => None,
    }
}

/// What an operator reads where a status code would stand.
fn description(reason: Unanswered) -> &'static str {
    match reason {
        Unanswered::Reset => "the connection was reset before the response was complete",
        Unanswered::ClosedByPeer => "the peer closed the connection before the response",
        Unanswered::ClosedByClient => "the client closed the connection before the response",
        Unanswered::ClosedByServer => "the server closed the connection before the response",
        Unanswered::Closed => "the connection ended before the response",
        Unanswered::Timeout => "no response in time",
        Unanswered::LostData => "outcome unknown: captured bytes were lost",
        Unanswered::StreamReset(_) => {
            "one end gave the request up before the response was complete"
        }
        Unanswered::TooManyOpen => "outcome unknown: too many requests open on the connection",
    }
}
