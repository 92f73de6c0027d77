//! What a gRPC server answers when it does not do what was asked: `google.rpc.Status`.

use std::time::Duration;

use crate::protobuf::{Message, Value};

/// The status codes of gRPC.
pub use tonic::Code;

/// The most nanoseconds that are not another second.
const NANOS_MAX: u32 = 999_999_999;

/// A status with the delay of its `RetryInfo`, if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcStatus {
    /// The code.
    pub code: Code,
    /// What the server, or our side of the connection, says.
    pub message: String,
    /// Whether, and after which delay, the server wants to be asked again.
    pub retry_after: Option<Duration>,
    /// Who made this status.
    pub side: Side,
}

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This one: there was no answer.
    Ours,
    /// The other one.
    Theirs,
}

impl RpcStatus {
    /// Reads an encoded `google.rpc.Status`. What is malformed counts as absent.
    pub fn decode(wire: &[u8]) -> Self {
        let status = Message::new(wire);
        Self {
            code: Code::from_i32(i32::try_from(status.int(1)).unwrap_or(i32::MAX)),
            message: status.text(2),
            retry_after: retry_delay(wire),
            side: Side::Theirs,
        }
    }
}

/// Finds the delay of the `RetryInfo` among the details of an encoded `google.rpc.Status`.
pub(super) fn retry_delay(status: &[u8]) -> Option<Duration> {
    let mut details = Message::new(status)
        .fields()
        .filter_map(|field| match field {
            (3, Value::Bytes(any)) => Some(Message::new(any)),
            _ => None,
        });
    let info = details.find(|any| any.bytes(1).ends_with(b"/google.rpc.RetryInfo"))?;
    let delay = info.message(2).message(1);
    let seconds = u64::try_from(delay.int(1)).unwrap_or(0);
    let nanos = u32::try_from(delay.int(2)).unwrap_or(0).min(NANOS_MAX);
    Some(Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Code, RpcStatus};

    fn field(number: u8, body: &[u8]) -> Vec<u8> {
        let length = u8::try_from(body.len()).expect("is short");
        [&[number << 3 | 2, length], body].concat()
    }

    fn status(detail: &[u8]) -> Vec<u8> {
        [&[8, 14][..], &field(2, b"busy"), &field(3, detail)].concat()
    }

    #[test]
    fn finds_the_retry_delay() {
        let delay = field(1, &[8, 2, 16, 0x80, 0x94, 0xeb, 0xdc, 0x03]);
        let url = field(1, b"type.googleapis.com/google.rpc.RetryInfo");
        let wire = status(&[url.clone(), field(2, &delay)].concat());
        let read = RpcStatus::decode(&wire);
        assert_eq!(
            (read.code, read.message.as_str()),
            (Code::Unavailable, "busy")
        );
        assert_eq!(read.retry_after, Some(Duration::new(2, 999_999_999)));
        let zero = RpcStatus::decode(&status(&url));
        assert_eq!(zero.retry_after, Some(Duration::ZERO));
        for end in 0..wire.len() {
            assert!(
                RpcStatus::decode(&wire[..end]).message.len() <= 4,
                "cut at {end}"
            );
        }
    }

    #[test]
    fn other_details_are_no_retry_info() {
        let url = field(1, b"type.googleapis.com/google.rpc.BadRequest");
        assert_eq!(RpcStatus::decode(&status(&url)).retry_after, None);
        assert_eq!(RpcStatus::decode(b"").retry_after, None);
    }
}
