//! A client that keeps its connections: OTLP over gRPC and HTTP, and plain GET.
//!
//! Like every gRPC client, it sends a request again that the server cannot have seen, because its
//! connection was being closed; no other request is sent twice. It must not know what it sends.

use std::{error::Error, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::timeout;

/// No request may take longer.
const LIMIT: Duration = Duration::from_secs(20);
/// How often a request is sent again that the server did not look at.
const UNSEEN_MAX: usize = 5;
const GRPC_TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const GRPC_LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// A client of one port on loopback.
#[derive(Clone)]
pub(crate) struct Client {
    port: u16,
    speaks_grpc: bool,
    inner: legacy::Client<HttpConnector, Full<Bytes>>,
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Logs,
}

/// Why a request was not acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// What happened: a status with its message, or what became of the connection.
    pub(crate) said: String,
    /// Whether the server says when to come back.
    pub(crate) has_delay: bool,
}

impl Failure {
    fn unanswered(said: String) -> Self {
        let has_delay = false;
        Self { said, has_delay }
    }
}

impl Client {
    /// Makes a client that speaks HTTP/1.1.
    pub(crate) fn new(port: u16) -> Self {
        Self::build(port, false)
    }

    /// Makes a client that speaks gRPC.
    pub(crate) fn grpc(port: u16) -> Self {
        Self::build(port, true)
    }

    fn build(port: u16, speaks_grpc: bool) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let inner = legacy::Client::builder(TokioExecutor::new())
            .http2_only(speaks_grpc)
            .build(connector);
        Self {
            port,
            speaks_grpc,
            inner,
        }
    }

    /// Sends an export request and waits for the acknowledgement.
    pub(crate) async fn export(&self, signal: Signal, message: &[u8]) -> Result<(), Failure> {
        let sent = async {
            if self.speaks_grpc {
                self.call(signal, message).await
            } else {
                self.post(signal, message).await
            }
        };
        let answer = timeout(LIMIT, sent).await;
        answer.unwrap_or_else(|_| Err(Failure::unanswered(format!("not within {LIMIT:?}"))))
    }

    /// Returns the body of a page.
    pub(crate) async fn get(&self, path: &str) -> String {
        let request = Request::get(self.uri(path)).body(Full::default());
        let request = request.expect("a path makes a request");
        let answered = self.inner.request(request).await;
        let answered = answered.unwrap_or_else(|error| panic!("GET {path}: {error:?}"));
        assert!(answered.status().is_success(), "{answered:?}");
        let body = answered.into_body().collect().await;
        let body = body.unwrap_or_else(|error| panic!("GET {path}: {error:?}"));
        String::from_utf8_lossy(&body.to_bytes()).into_owned()
    }

    async fn post(&self, signal: Signal, message: &[u8]) -> Result<(), Failure> {
        let path = match signal {
            Signal::Traces => "/v1/traces",
            Signal::Logs => "/v1/logs",
        };
        let request = Request::post(self.uri(path))
            .header("content-type", "application/x-protobuf")
            .body(Full::new(Bytes::copy_from_slice(message)))
            .expect("a path makes a request");
        let (head, body, _) = self.exchange(request).await?;
        if head.status().is_success() {
            return Ok(());
        }
        Err(Failure {
            said: format!("{}: {}", head.status(), String::from_utf8_lossy(&body)),
            has_delay: head.headers().contains_key("retry-after"),
        })
    }

    async fn call(&self, signal: Signal, message: &[u8]) -> Result<(), Failure> {
        let path = match signal {
            Signal::Traces => GRPC_TRACES,
            Signal::Logs => GRPC_LOGS,
        };
        let mut framed = BytesMut::with_capacity(5 + message.len());
        framed.put_u8(0);
        framed.put_u32(u32::try_from(message.len()).expect("messages are small"));
        framed.extend_from_slice(message);
        let request = Request::post(self.uri(path))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(framed.freeze()))
            .expect("a path makes a request");
        let (head, _, trailers) = self.exchange(request).await?;
        let told = |name: &str| {
            let value = trailers.get(name).or_else(|| head.headers().get(name))?;
            value.to_str().ok().map(str::to_owned)
        };
        let Some(status) = told("grpc-status") else {
            return Err(Failure::unanswered(format!("no grpc-status: {head:?}")));
        };
        if status == "0" {
            return Ok(());
        }
        Err(Failure {
            said: format!("{status}: {}", told("grpc-message").unwrap_or_default()),
            has_delay: told("grpc-status-details-bin").is_some(),
        })
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(Response<()>, Bytes, HeaderMap), Failure> {
        let unanswered = |error: &dyn std::fmt::Debug| Failure::unanswered(format!("{error:?}"));
        let mut tries = 0;
        let answered = loop {
            match self.inner.request(request.clone()).await {
                Err(error) if is_unseen(&error) && tries < UNSEEN_MAX => tries += 1,
                answered => break answered.map_err(|error| unanswered(&error))?,
            }
        };
        let (head, body) = answered.into_parts();
        let body = Incoming::collect(body).await;
        let body = body.map_err(|error| unanswered(&error))?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        Ok((Response::from_parts(head, ()), body.to_bytes(), trailers))
    }

    fn uri(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

/// Returns whether the server has said that it did not look at a request: it took leave before.
fn is_unseen(error: &legacy::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(h2) = error.downcast_ref::<h2::Error>() {
            return h2.is_go_away() && h2.is_remote() && h2.reason() == Some(h2::Reason::NO_ERROR);
        }
        source = error.source();
    }
    false
}
