//! Reads the answer to a unary call: one message and a status, or what went wrong instead.

use std::error::Error;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::{
    client::Reply,
    status::{Code, RpcStatus, Side, retry_delay},
};
use crate::{compression, dial::DialError, percent};

/// How large an answer may be.
const RESPONSE_BYTES_MAX: usize = 4 << 20;
/// The flag and the length before a message.
const PREFIX_BYTES: usize = 5;
/// Servers send base64 with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads a response to its end.
pub(super) async fn read(response: Response<Incoming>) -> Reply {
    let (head, mut body) = response.into_parts();
    if let Some(status) = status(&head.headers) {
        return status.map(|()| Bytes::new());
    }
    if head.status != StatusCode::OK {
        return Err(not_grpc(head.status));
    }
    let mut message = BytesMut::new();
    let mut outcome = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        match frame.into_data() {
            Ok(data) if message.len() + data.len() > PREFIX_BYTES + RESPONSE_BYTES_MAX => {
                return Err(too_large());
            }
            Ok(data) => message.extend_from_slice(&data),
            Err(frame) => outcome = frame.trailers_ref().and_then(status),
        }
    }
    match outcome {
        None => Err(theirs(Code::Unknown, "the answer ended without a status")),
        Some(Err(status)) => Err(status),
        Some(Ok(())) => unframed(&head.headers, message.freeze()),
    }
}

/// Says what a failed call means. Whatever was lost on the way is UNAVAILABLE, as gRPC wants it.
pub(super) fn broken(error: &(dyn Error + 'static)) -> RpcStatus {
    let mut cause = error;
    let mut code = Code::Unavailable;
    loop {
        if let Some(h2) = cause.downcast_ref::<h2::Error>()
            && h2.is_reset()
        {
            code = reset_code(h2.reason());
        }
        let Some(source) = cause.source() else { break };
        cause = source;
    }
    RpcStatus {
        code,
        message: cause.to_string(),
        retry_after: None,
        side: Side::Ours,
    }
}

/// Returns whether the server cannot have looked at the call, so that repeating it is safe.
pub(super) fn is_untouched(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(h2) = error.downcast_ref::<h2::Error>() {
            let refused = h2.reason() == Some(h2::Reason::REFUSED_STREAM);
            let leaving = h2.is_go_away() && h2.reason() == Some(h2::Reason::NO_ERROR);
            return h2.is_remote() && (refused || leaving);
        }
        cause = error.source();
    }
    false
}

/// Turns a failure to connect into a status.
pub(super) fn unreachable(error: &DialError) -> RpcStatus {
    RpcStatus {
        code: Code::Unavailable,
        message: error.to_string(),
        retry_after: None,
        side: Side::Ours,
    }
}

/// What a stream means that was reset before it had a status. No server has judged the call: this
/// is a broken connection, with other calls beside it that go on. So it departs from the table of
/// gRPC's "PROTOCOL-HTTP2", section "Errors", where most of these are INTERNAL and so for ever.
fn reset_code(reason: Option<h2::Reason>) -> Code {
    match reason {
        Some(h2::Reason::CANCEL) => Code::Cancelled,
        // The ways to connect do not fit, and will not until somebody changes the settings.
        Some(h2::Reason::INADEQUATE_SECURITY) => Code::PermissionDenied,
        _ => Code::Unavailable,
    }
}

/// The table of gRPC's "HTTP to gRPC status code mapping", for proxies that speak no gRPC.
fn not_grpc(status: StatusCode) -> RpcStatus {
    let code = match status.as_u16() {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    };
    theirs(
        code,
        &format!("unexpected HTTP status code received from server: {status}"),
    )
}

/// Reads the status among headers or trailers, if it is there.
fn status(headers: &HeaderMap) -> Option<Result<(), RpcStatus>> {
    let number = headers.get("grpc-status")?.to_str().ok();
    let code = number.and_then(|it| it.parse().ok()).map(Code::from_i32);
    if code == Some(Code::Ok) {
        return Some(Ok(()));
    }
    let message = headers.get("grpc-message");
    let message = message.map_or_else(Vec::new, |it| percent::decoded(it.as_bytes()));
    let message = String::from_utf8_lossy(&message);
    let details = headers.get("grpc-status-details-bin");
    let details = details.and_then(|it| BASE64.decode(it.as_bytes()).ok());
    Some(Err(RpcStatus {
        retry_after: details.as_deref().and_then(retry_delay),
        ..theirs(code.unwrap_or(Code::Unknown), &message)
    }))
}

/// Takes the message out of its frame. A server that took the call and says nothing took it.
fn unframed(headers: &HeaderMap, mut framed: Bytes) -> Reply {
    if framed.is_empty() {
        return Ok(framed);
    }
    let malformed = || theirs(Code::Internal, "the answer is not one framed message");
    if framed.len() < PREFIX_BYTES {
        return Err(malformed());
    }
    let (flag, length) = (framed.get_u8(), framed.get_u32());
    if framed.len() as u64 != u64::from(length) {
        return Err(malformed());
    }
    if flag == 0 {
        return Ok(framed);
    }
    let encoding = headers.get("grpc-encoding").and_then(|it| it.to_str().ok());
    let encoding = encoding.ok_or_else(malformed)?;
    compression::decompress(encoding, &framed, RESPONSE_BYTES_MAX)
        .map_err(|error| theirs(Code::Internal, &error.to_string()))
}

fn too_large() -> RpcStatus {
    RpcStatus {
        side: Side::Ours,
        ..theirs(
            Code::ResourceExhausted,
            &format!("the answer is larger than the limit, {RESPONSE_BYTES_MAX} bytes"),
        )
    }
}

fn theirs(code: Code, message: &str) -> RpcStatus {
    RpcStatus {
        code,
        message: message.to_owned(),
        retry_after: None,
        side: Side::Theirs,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::unframed;

    #[test]
    fn what_is_not_one_message_is_an_error() {
        let read = |bytes: &'static [u8]| unframed(&HeaderMap::new(), Bytes::from_static(bytes));
        assert_eq!(read(b"\0\0\0\0\x02hi"), Ok(Bytes::from_static(b"hi")));
        assert_eq!(read(b""), Ok(Bytes::new()));
        for bad in [
            &b"\0\0\0"[..],
            b"\0\0\0\0\x03hi",
            b"\0\0\0\0\x01hi",
            b"\x01\0\0\0\x02hi",
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
