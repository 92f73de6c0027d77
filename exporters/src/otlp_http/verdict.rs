//! What to do with a batch that an HTTP backend did not take, by the OTLP specification.

use std::{fmt::Write, time::SystemTime};

use http::{
    HeaderMap, StatusCode, Uri,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use tapline_net::{grpc::RpcStatus, http::Response};
use tapline_pipeline::{Fault, Refusal};

use super::retry_after;
use crate::otlp::kind;

/// How much of the backend's message is shown.
const MESSAGE_CHARS_MAX: usize = 200;

/// Turns an answer that is not a success into a refusal. `now` is for `Retry-After` dates.
pub(super) fn refusal(response: &Response, url: &Uri, now: SystemTime) -> Refusal {
    let cause = cause(response, url);
    let throttled = || {
        let header = response.headers.get(RETRY_AFTER)?.to_str().ok()?;
        retry_after::delay(header, now)
    };
    let refusal = match response.status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            Refusal::later(Fault::Backend, cause, throttled())
        }
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
            Refusal::later(Fault::Backend, cause, None)
        }
        StatusCode::BAD_REQUEST => Refusal::never(Fault::Sender, cause),
        _ => Refusal::never(Fault::Backend, cause),
    };
    refusal.with_kind(kind::of_http(response.status))
}

/// Returns whether an answer claims to be protobuf.
pub(super) fn is_protobuf(headers: &HeaderMap) -> bool {
    content_type(headers).starts_with("application/x-protobuf")
}

/// Returns whether an answer claims to be JSON.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    content_type(headers).starts_with("application/json")
}

fn content_type(headers: &HeaderMap) -> &str {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn cause(response: &Response, url: &Uri) -> String {
    let mut cause = format!(
        "error exporting items, request to {} responded with HTTP Status Code {}",
        without_query(url),
        response.status.as_u16()
    );
    let message = message(response);
    if !message.is_empty() {
        // Writing to a string cannot fail.
        let _infallible = write!(cause, ", Message={message}");
    }
    cause
}

/// Returns what the backend said, on one line: protobuf as OTLP wants it, or plain text.
fn message(response: &Response) -> String {
    let text = match content_type(&response.headers) {
        protobuf if protobuf.starts_with("application/x-protobuf") => {
            RpcStatus::decode(&response.body).message
        }
        json if json.starts_with("application/json") => json_message(&response.body),
        text if text.starts_with("text/plain") => {
            String::from_utf8_lossy(&response.body).into_owned()
        }
        _ => String::new(),
    };
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text.trim()
        .chars()
        .take(MESSAGE_CHARS_MAX)
        .map(printable)
        .collect()
}

/// Returns the message of a `google.rpc.Status` in JSON, or else the whole text.
fn json_message(body: &[u8]) -> String {
    let status: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = status
        .as_ref()
        .and_then(|status| status["message"].as_str());
    let whole = || String::from_utf8_lossy(body).into_owned();
    message.map_or_else(whole, str::to_owned)
}

/// Returns the URL without its query, where some backends want their keys.
fn without_query(url: &Uri) -> String {
    let whole = url.to_string();
    whole.split('?').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE};
    use tapline_net::http::Response;

    use super::{SystemTime, refusal};

    fn cause(content_type: &'static str, body: &'static [u8]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let response = Response {
            status: StatusCode::NOT_FOUND,
            headers,
            body: Bytes::from_static(body),
        };
        let url = "http://backend:4318/v1/traces?key=secret"
            .parse()
            .expect("is a URL");
        let cause = refusal(&response, &url, SystemTime::UNIX_EPOCH).cause;
        let head = "error exporting items, request to http://backend:4318/v1/traces responded \
                    with HTTP Status Code 404";
        cause
            .strip_prefix(head)
            .expect("begins as the Collector's")
            .to_owned()
    }

    #[test]
    fn shows_the_backends_message_on_one_line_and_no_secret() {
        assert_eq!(
            cause("application/x-protobuf", b"\x08\x05\x12\x04gone"),
            ", Message=gone"
        );
        assert_eq!(
            cause("text/plain", b"404 page\r\nnot \x1b[31mfound\n"),
            ", Message=404 page  not  [31mfound"
        );
        assert_eq!(
            cause("application/json", b"{\"code\":5,\"message\":\"gone\"}"),
            ", Message=gone"
        );
        assert_eq!(cause("application/json", b"[1]"), ", Message=[1]");
        assert_eq!(cause("text/html", b"<html>"), "");
        assert_eq!(cause("application/x-protobuf", b"\xff\xff"), "");
    }
}
