//! From the refusal of a pipeline to what OTLP tells the client.

use std::time::Duration;

use http::StatusCode;
use tapline_net::grpc::{Code, Refused};
use tapline_pipeline::{Fault, Refusal, Verdict};

/// When to try again if nobody knows better. Without a delay, some clients give up at once.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Translates a refusal: what may be sent again always says when.
pub(super) fn refused(refusal: &Refusal) -> Refused {
    let cause = &refusal.cause;
    match (refusal.verdict, refusal.fault) {
        (Verdict::Never, Fault::Sender) => Refused::new(Code::InvalidArgument, cause),
        (Verdict::Never, _) => Refused::new(Code::Internal, cause),
        (Verdict::Later { after }, _) => {
            Refused::new(Code::Unavailable, cause).retry_after(after.unwrap_or(RETRY_AFTER))
        }
        (Verdict::Full, _) => Refused::new(Code::ResourceExhausted, cause).retry_after(RETRY_AFTER),
    }
}

/// Returns the HTTP status that means the same as a gRPC code.
pub(super) fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => StatusCode::SERVICE_UNAVAILABLE,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unimplemented => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Returns a delay in the whole seconds of `Retry-After`, never too early.
pub(super) fn whole_seconds(delay: Duration) -> u64 {
    delay.as_secs() + u64::from(delay.subsec_nanos() > 0)
}

/// Writes a refusal as `google.rpc.Status` in JSON.
pub(super) fn json(refused: &Refused) -> String {
    let mut message = String::with_capacity(refused.message.len());
    for letter in refused.message.chars() {
        match letter {
            '"' | '\\' => message.extend(['\\', letter]),
            control if control < ' ' => {
                message.extend(format!("\\u{:04x}", control as u32).chars());
            }
            other => message.push(other),
        }
    }
    let code = refused.code as i32;
    let details = refused.retry_after.map(|delay| {
        let url = "type.googleapis.com/google.rpc.RetryInfo";
        let delay = delay.as_secs_f64();
        format!(",\"details\":[{{\"@type\":\"{url}\",\"retryDelay\":\"{delay}s\"}}]")
    });
    let details = details.unwrap_or_default();
    format!("{{\"code\":{code},\"message\":\"{message}\"{details}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_sent_again_says_when() {
        let told = |refusal: &Refusal| {
            let refused = refused(refusal);
            let status = http_status(refused.code).as_u16();
            (refused.code, status, refused.retry_after.map(whole_seconds))
        };
        let half = Some(Duration::from_millis(1500));
        let cases = [
            (
                Refusal::never(Fault::Sender, "x"),
                (Code::InvalidArgument, 400, None),
            ),
            (
                Refusal::never(Fault::Backend, "x"),
                (Code::Internal, 500, None),
            ),
            (
                Refusal::later(Fault::Backend, "x", None),
                (Code::Unavailable, 503, Some(1)),
            ),
            (
                Refusal::later(Fault::Backend, "x", half),
                (Code::Unavailable, 503, Some(2)),
            ),
            (Refusal::full("x"), (Code::ResourceExhausted, 429, Some(1))),
        ];
        for (refusal, expected) in cases {
            assert_eq!(told(&refusal), expected, "{refusal:?}");
        }
    }

    #[test]
    fn json_is_escaped() {
        let refused = Refused::new(Code::InvalidArgument, "a \"b\" \\ \n")
            .retry_after(Duration::from_millis(1500));
        let url = "type.googleapis.com/google.rpc.RetryInfo";
        let expected = format!(
            r#"{{"code":3,"message":"a \"b\" \\ \u000a","details":[{{"@type":"{url}","retryDelay":"1.5s"}}]}}"#
        );
        assert_eq!(json(&refused), expected);
    }
}
