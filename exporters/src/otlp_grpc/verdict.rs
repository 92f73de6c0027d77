//! What to do with a batch that a gRPC backend did not take, by the OTLP specification.

use tapline_net::grpc::{Code, RpcStatus, Side};
use tapline_pipeline::{Fault, Refusal};

use crate::otlp::kind;

/// Turns a status into a refusal.
pub(super) fn refusal(status: &RpcStatus, endpoint: &str) -> Refusal {
    let cause = match status.side {
        Side::Ours => status.message.clone(),
        Side::Theirs => format!("{endpoint} answered {:?}: {}", status.code, status.message),
    };
    let kind = kind::of_code(status.code);
    if is_retryable(status) {
        // A delay of zero is no wish.
        let after = status.retry_after.filter(|delay| !delay.is_zero());
        return Refusal::later(Fault::Backend, cause, after).with_kind(kind);
    }
    let fault = match status.code {
        Code::InvalidArgument => Fault::Sender,
        _ => Fault::Backend,
    };
    Refusal::never(fault, cause).with_kind(kind)
}

fn is_retryable(status: &RpcStatus) -> bool {
    match status.code {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => true,
        Code::ResourceExhausted => status.retry_after.is_some(),
        _ => false,
    }
}
