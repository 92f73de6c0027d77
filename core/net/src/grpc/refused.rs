//! What a server answers when it does not do what was asked: a code, words, and perhaps a delay.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use http::{HeaderMap, HeaderValue};
use tonic::Code;

use crate::percent;

/// A refused call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The code.
    pub code: Code,
    /// What is said to the client.
    pub message: String,
    /// After which delay the client may ask again, told as `RetryInfo`.
    pub retry_after: Option<Duration>,
}

impl Refused {
    /// Makes a refusal that says nothing about asking again.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    /// Says after which delay the client may ask again.
    #[must_use]
    pub fn retry_after(self, delay: Duration) -> Self {
        Self {
            retry_after: Some(delay),
            ..self
        }
    }

    /// Refuses a call of a method that is not served.
    pub fn unknown_method(path: &str) -> Self {
        Self::new(Code::Unimplemented, format!("unknown method {path}"))
    }

    /// Encodes it as `google.rpc.Status`, the body of OTLP/HTTP errors too.
    pub fn encode(&self) -> Vec<u8> {
        let mut wire = Vec::with_capacity(self.message.len() + 64);
        varint_field(&mut wire, 1, self.code as u64);
        bytes_field(&mut wire, 2, self.message.as_bytes());
        if let Some(delay) = self.retry_after {
            let mut duration = Vec::new();
            varint_field(&mut duration, 1, delay.as_secs());
            varint_field(&mut duration, 2, u64::from(delay.subsec_nanos()));
            let (mut info, mut any) = (Vec::new(), Vec::new());
            bytes_field(&mut info, 1, &duration);
            bytes_field(&mut any, 1, b"type.googleapis.com/google.rpc.RetryInfo");
            bytes_field(&mut any, 2, &info);
            bytes_field(&mut wire, 3, &any);
        }
        wire
    }

    /// Writes it into the headers that end a call.
    pub(super) fn write_to(&self, trailers: &mut HeaderMap) {
        trailers.insert("grpc-status", HeaderValue::from(self.code as i32));
        if let Ok(message) = HeaderValue::from_str(&percent::encoded(&self.message)) {
            trailers.insert("grpc-message", message);
        }
        if self.retry_after.is_some()
            && let Ok(details) =
                HeaderValue::from_str(&BASE64_STANDARD_NO_PAD.encode(self.encode()))
        {
            trailers.insert("grpc-status-details-bin", details);
        }
    }
}

/// Protobuf leaves out what is zero.
fn varint_field(wire: &mut Vec<u8>, number: u8, value: u64) {
    if value != 0 {
        wire.push(number << 3);
        varint(wire, value);
    }
}

fn bytes_field(wire: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    wire.push(number << 3 | 2);
    varint(wire, bytes.len() as u64);
    wire.extend_from_slice(bytes);
}

fn varint(wire: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        wire.push(value as u8 | 0x80);
        value >>= 7;
    }
    wire.push(value as u8);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderMap;

    use super::{Code, Refused};
    use crate::grpc::RpcStatus;

    #[test]
    fn clients_read_what_was_written() {
        let refused = Refused::new(Code::Unavailable, "busy").retry_after(Duration::new(200, 7));
        let read = RpcStatus::decode(&refused.encode());
        assert_eq!((read.code, read.message.as_str()), (refused.code, "busy"));
        assert_eq!(read.retry_after, refused.retry_after);
    }

    #[test]
    fn words_survive_the_header() {
        let refused = Refused::new(Code::InvalidArgument, "50% of \u{e9}\n");
        let mut trailers = HeaderMap::new();
        refused.write_to(&mut trailers);
        assert_eq!(trailers["grpc-message"], "50%25 of %C3%A9%0A");
        assert_eq!(trailers["grpc-status"], "3");
        assert!(!trailers.contains_key("grpc-status-details-bin"));
    }
}
