//! Clients without any knowledge of OTLP: requests as bytes, answers as they came.

use std::io::Write;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::TcpStream, task::JoinSet};

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// Not at all.
    None,
    /// With gzip.
    Gzip,
    /// With zstd.
    Zstd,
}

impl Packing {
    /// Every packing.
    pub(crate) const ALL: [Self; 3] = [Self::None, Self::Gzip, Self::Zstd];

    /// Returns what headers call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Compresses a body.
    pub(crate) fn pack(self, body: &[u8]) -> Vec<u8> {
        match self {
            Self::None => body.to_vec(),
            Self::Gzip => {
                let level = flate2::Compression::default();
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(body).expect("memory takes writes");
                encoder.finish().expect("memory takes writes")
            }
            Self::Zstd => zstd::encode_all(body, 0).expect("memory takes writes"),
        }
    }
}

/// What a gRPC server answered.
#[derive(Debug)]
pub(crate) struct Called {
    /// Headers and trailers.
    headers: HeaderMap,
}

impl Called {
    /// Returns the status code of gRPC.
    pub(crate) fn code(&self) -> i32 {
        let code = self.headers.get("grpc-status").expect("has a status");
        let code = code.to_str().expect("is text");
        code.parse().expect("is a number")
    }
}

/// Sends an HTTP/1.1 request to a port of this machine.
pub(crate) async fn send(
    method: &str,
    port: u16,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response<Bytes> {
    let io = TokioIo::new(connect(port).await);
    let (mut client, connection) = http1::handshake(io).await.expect("speaks HTTP");
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    let mut request = Request::builder().method(method).uri(path);
    request = request.header("host", "gateway.test");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = Full::new(Bytes::copy_from_slice(body));
    let request = request.body(body).expect("is a request");
    let answer = client.send_request(request).await.expect("is answered");
    let (head, body) = answer.into_parts();
    let body = body.collect().await.expect("is complete").to_bytes();
    Response::from_parts(head, body)
}

/// Calls a gRPC method of a port of this machine with one message.
pub(crate) async fn call(port: u16, method: &str, packing: Packing, message: &[u8]) -> Called {
    let io = TokioIo::new(connect(port).await);
    let handshake = http2::handshake(TokioExecutor::new(), io).await;
    let (mut client, connection) = handshake.expect("speaks HTTP/2");
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    let request = Request::post(format!("http://gateway.test{method}"))
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .header("grpc-encoding", packing.name())
        .body(Full::new(Bytes::from(framed(packing, message))))
        .expect("is a request");
    let answer = client.send_request(request).await.expect("is answered");
    let (head, body) = answer.into_parts();
    let mut headers = head.headers;
    let body = body.collect().await.expect("is complete");
    headers.extend(body.trailers().cloned().unwrap_or_default());
    Called { headers }
}

/// Compresses a message and puts the prefix of gRPC before it.
fn framed(packing: Packing, message: &[u8]) -> Vec<u8> {
    let packed = packing.pack(message);
    let length = u32::try_from(packed.len()).expect("is short");
    let flag = u8::from(packing != Packing::None);
    [&[flag], &length.to_be_bytes()[..], &packed].concat()
}

async fn connect(port: u16) -> TcpStream {
    let socket = TcpStream::connect(("127.0.0.1", port)).await;
    socket.expect("the gateway listens")
}
