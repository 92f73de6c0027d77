//! OTLP over gRPC, by hand: one length-prefixed message each way, status in the trailers.

use std::{io, net::SocketAddr, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use prost::Message;

use super::{
    Shared,
    answer::{Answer, Outcome},
    http::{inflate, read},
    listener::{Body, Failure, cut, reset, whole},
    payload::{Kind, Protocol, Received},
};

/// The flag and the length before each message.
const PREFIX_BYTES: usize = 5;
const INVALID_ARGUMENT: i32 = 3;
const UNIMPLEMENTED: i32 = 12;

pub(super) async fn answer(
    shared: &Shared,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, Failure> {
    let (head, body) = request.into_parts();
    let body = read(body).await?;
    let path = head.uri.path().to_owned();
    let Some(kind) = Kind::from_path(&path) else {
        return Ok(refusal(UNIMPLEMENTED, "unknown method", None));
    };
    let claimed = head
        .headers
        .get("grpc-encoding")
        .and_then(|value| value.to_str().ok());
    let decoded = unframe(claimed, &body)
        .and_then(|(encoding, wire)| Ok((encoding, kind.decode(wire).map_err(io::Error::other)?)));
    let (encoding, payload) = match decoded {
        Ok(decoded) => decoded,
        Err(error) => return Ok(refusal(INVALID_ARGUMENT, &error.to_string(), None)),
    };
    let scripted = shared.next_answer();
    tokio::time::sleep(scripted.delay).await;
    shared.record(Received {
        protocol: Protocol::Grpc,
        peer,
        path,
        headers: head.headers,
        encoding,
        wire_bytes: body.len(),
        payload,
        accepted: scripted.accepts(),
    });
    respond(kind, scripted)
}

/// Takes the one message out of a request body, and says how it was really compressed.
fn unframe(claimed: Option<&str>, body: &Bytes) -> io::Result<(String, Bytes)> {
    let bad = || io::Error::other("not one length-prefixed message");
    let prefix: [u8; PREFIX_BYTES] = body
        .get(..PREFIX_BYTES)
        .and_then(|it| it.try_into().ok())
        .ok_or_else(bad)?;
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
    if body.len() != PREFIX_BYTES + length {
        return Err(bad());
    }
    let encoding = match (prefix[0], claimed) {
        (0, _) => "identity",
        (1, Some(claimed)) => claimed,
        _ => return Err(bad()),
    };
    let wire = inflate(encoding, &body[PREFIX_BYTES..])?;
    Ok((encoding.to_owned(), wire))
}

fn respond(kind: Kind, answer: Answer) -> Result<Response<Body>, Failure> {
    match answer.outcome {
        Outcome::HangUp => Err(io::Error::other("scripted hang-up").into()),
        Outcome::Reset(error_code) => Err(reset(error_code)),
        Outcome::Cut => Ok(grpc_response(cut())),
        Outcome::Http { status, body, .. } => {
            let mut response = Response::new(whole(body));
            *response.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
            Ok(response)
        }
        Outcome::Grpc {
            code,
            message,
            retry_after,
        } => Ok(refusal(code, &message, retry_after)),
        outcome => {
            let message = kind.response(&outcome);
            let mut framed = BytesMut::with_capacity(PREFIX_BYTES + message.len());
            framed.put_u8(0);
            framed.put_u32(u32::try_from(message.len()).expect("responses are small"));
            framed.extend_from_slice(&message);
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            let body = whole(framed.freeze()).with_trailers(async { Some(Ok(trailers)) });
            Ok(grpc_response(body.boxed_unsync()))
        }
    }
}

/// Answers with headers only, as servers do when a call fails at once.
fn refusal(code: i32, message: &str, retry_after: Option<Duration>) -> Response<Body> {
    let mut response = grpc_response(whole(Bytes::new()));
    let headers = response.headers_mut();
    headers.insert("grpc-status", code.into());
    if let Ok(message) = HeaderValue::from_str(message) {
        headers.insert("grpc-message", message);
    }
    if let Some(delay) = retry_after {
        let status = RpcStatus {
            code,
            message: message.to_owned(),
            details: vec![Any {
                type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
                value: RetryInfo {
                    retry_delay: Some(delay.into()),
                }
                .encode_to_vec(),
            }],
        };
        let text = base64(&status.encode_to_vec());
        let value = HeaderValue::from_str(&text).expect("base64 is ASCII");
        headers.insert("grpc-status-details-bin", value);
    }
    response
}

fn grpc_response(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// Encodes as the standard alphabet without padding, which gRPC headers use.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        let word = word << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            let six = (word >> (18 - 6 * place)) & 0x3f;
            text.push(char::from(ALPHABET[six as usize]));
        }
    }
    text
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, Copy, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<ProtoDuration>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Message)]
struct ProtoDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl From<Duration> for ProtoDuration {
    fn from(delay: Duration) -> Self {
        let seconds = i64::try_from(delay.as_secs()).expect("a scripted delay is short");
        let nanos = i32::try_from(delay.subsec_nanos()).expect("below one billion");
        Self { seconds, nanos }
    }
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_has_no_padding() {
        let cases: [(&[u8], &str); 4] = [
            (b"", ""),
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foobar", "Zm9vYmFy"),
        ];
        for (bytes, text) in cases {
            assert_eq!(base64(bytes), text);
        }
    }
}
