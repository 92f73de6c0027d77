//! What metrics call a refusal of a backend: the name of a gRPC code, as in the Collector.

use http::StatusCode;
use tapline_net::grpc::Code;

/// Returns the name of a code, spelled as Go does.
pub(crate) fn of_code(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "Canceled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    }
}

/// Returns the name of the code that the Collector takes an HTTP status for.
pub(crate) fn of_http(status: StatusCode) -> &'static str {
    of_code(match status {
        StatusCode::BAD_REQUEST => Code::InvalidArgument,
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::NOT_FOUND => Code::Unimplemented,
        StatusCode::TOO_MANY_REQUESTS => Code::ResourceExhausted,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            Code::Unavailable
        }
        _ => Code::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::{Code, StatusCode, of_code, of_http};

    #[test]
    fn kinds_are_the_collectors() {
        assert_eq!(of_code(Code::Cancelled), "Canceled");
        assert_eq!(of_code(Code::DataLoss), "DataLoss");
        assert_eq!(of_http(StatusCode::BAD_GATEWAY), "Unavailable");
        assert_eq!(of_http(StatusCode::IM_A_TEAPOT), "Unknown");
    }
}
