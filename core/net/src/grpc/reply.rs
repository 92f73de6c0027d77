//! What goes back: one message and the trailers, or the trailers alone.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response, header::CONTENT_TYPE};
use hyper::body::{Body, Frame, SizeHint};

use super::{
    message::{ACCEPTED, PREFIX_BYTES, compression_named},
    refused::Refused,
};
use crate::compression::Compression;

/// An answer without any field: the length of its message is zero.
const EMPTY_MESSAGE: &[u8; PREFIX_BYTES] = &[0; PREFIX_BYTES];

/// The frames of an answer that are not sent yet.
#[derive(Debug)]
pub(super) struct Reply {
    message: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

/// Answers with a message, compressed as `packed` says.
pub(super) fn success(message: &Bytes, packed: Compression) -> Response<Reply> {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let (message, packed) = framed(message, packed);
    let mut response = response(Reply {
        message: Some(message),
        trailers: Some(trailers),
    });
    if packed != Compression::None {
        let name = HeaderValue::from_static(packed.content_encoding().unwrap_or("identity"));
        response.headers_mut().insert("grpc-encoding", name);
    }
    response
}

/// Answers with the status alone, in the headers.
pub(super) fn refusal(refused: &Refused) -> Response<Reply> {
    let mut response = response(Reply::nothing());
    refused.write_to(response.headers_mut());
    if refused.code == tonic::Code::Unimplemented {
        let accepted = HeaderValue::from_static(ACCEPTED);
        response
            .headers_mut()
            .insert("grpc-accept-encoding", accepted);
    }
    response
}

/// Returns how to compress the answer: as the request was, if the client takes that.
pub(super) fn compression(request: &HeaderMap) -> Compression {
    let used = request.get("grpc-encoding").and_then(|it| it.to_str().ok());
    let Some(found) = used.and_then(compression_named) else {
        return Compression::None;
    };
    let accepts = request.get_all("grpc-accept-encoding").iter().any(|list| {
        let list = list.to_str().unwrap_or_default();
        list.split(',').any(|name| Some(name.trim()) == used)
    });
    if accepts { found } else { Compression::None }
}

fn framed(message: &Bytes, compression: Compression) -> (Bytes, Compression) {
    if message.is_empty() {
        return (Bytes::from_static(EMPTY_MESSAGE), Compression::None);
    }
    // Frames are what gRPC means by `snappy`.
    let written = match compression {
        Compression::Snappy => Compression::SnappyFramed,
        other => other,
    };
    let packed = written.compress(0, std::slice::from_ref(message));
    // Compressing into memory does not fail; if it did, plain would do.
    let (packed, compression) = match packed {
        Ok(packed) => (packed, compression),
        Err(_error) => (message.clone(), Compression::None),
    };
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + packed.len());
    framed.put_u8(u8::from(compression != Compression::None));
    framed.put_u32(u32::try_from(packed.len()).expect("answers are small"));
    framed.extend_from_slice(&packed);
    (framed.freeze(), compression)
}

fn response(reply: Reply) -> Response<Reply> {
    let mut response = Response::new(reply);
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(CONTENT_TYPE, grpc);
    response
}

impl Reply {
    pub(super) fn nothing() -> Self {
        Self {
            message: None,
            trailers: None,
        }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let message = self.message.take().map(Frame::data);
        let frame = message.or_else(|| self.trailers.take().map(Frame::trailers));
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.message.is_none() && self.trailers.is_none()
    }

    // Unknown, so that no content-length is sent: trailers follow.
    fn size_hint(&self) -> SizeHint {
        if self.is_end_stream() {
            SizeHint::with_exact(0)
        } else {
            SizeHint::default()
        }
    }
}
