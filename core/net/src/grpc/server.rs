//! A gRPC server of unary calls: raw bytes in, raw bytes out, paths to one service.
//!
//! HTTP/2 is hyper's, the framing of messages is ours, so that a message is admitted by its size
//! before it is read, and read into one buffer. It must not know what the messages are.

use std::{
    convert::Infallible,
    future::{Future, ready},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE, request::Parts};
use hyper::{body::Incoming, server::conn::http2, service};
use hyper_util::rt::{TokioIo, TokioTimer};
use tonic::Code;

use super::{
    message::Message,
    refused::Refused,
    reply::{self, Reply},
    timeout::timeout,
};
use crate::{
    listen::Listener,
    server::{self, Activity, Connection, Life, Limits, ServerKeepalive, Speak},
    tls::TlsServer,
};

/// How much a client may send on one stream, and on one connection, before we have read it.
///
/// The first bounds what calls hold that wait to be read, and how fast one call can be over a long
/// way: twice what gRPC begins with. The patience of h2 with clients that send tiny frames follows
/// the second: half of this is too little for one that sends a small message byte by byte.
const WINDOW_BYTES: (u32, u32) = (128 << 10, 1 << 20);

/// The largest frame. A message that fits into one is not copied at all, but keeps the buffer it
/// was read into; a larger one gets a buffer of its own size.
const FRAME_BYTES_MAX: u32 = 64 << 10;

/// How large the headers of a call may be.
const HEADER_BYTES_MAX: u32 = 64 << 10;

/// How many calls one connection may have open when the user sets no limit.
const STREAMS_MAX: u32 = 4096;

/// A call whose message is not read yet.
#[derive(Debug)]
pub struct Call {
    /// Path and headers.
    pub head: Parts,
    /// The message.
    pub message: Message,
    /// Who called; unknown for unix sockets.
    pub peer: Option<SocketAddr>,
}

/// Answers unary calls. Paths and authentication are its business.
#[async_trait]
pub trait Service: Send + Sync + 'static {
    /// Answers one call. Dropped when the client goes away or its deadline passes.
    async fn call(&self, call: Call) -> Result<Bytes, Refused>;
}

/// What a server needs to know.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Speaks TLS if given.
    pub tls: Option<Arc<TlsServer>>,
    /// Bounds of connections.
    pub limits: Limits,
    /// The largest message, on the wire and again after decompression.
    pub message_bytes_max: usize,
    /// How many calls one connection may have open; a few thousand if not given.
    pub streams_max: Option<u32>,
    /// When connections are pinged and ended.
    pub keepalive: ServerKeepalive,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            tls: None,
            limits: Limits::default(),
            message_bytes_max: 64 << 20,
            streams_max: None,
            keepalive: ServerKeepalive::default(),
        }
    }
}

/// Serves until `stop`, then finishes what is under way within `limits.drain_time_max`.
pub async fn serve(
    listener: Listener,
    settings: ServerSettings,
    service: Arc<dyn Service>,
    stop: impl Future<Output = ()> + Send,
) {
    let (tls, limits) = (settings.tls.clone(), settings.limits);
    let protocol = Arc::new(Grpc { settings, service });
    server::run(listener, tls, limits, stop, protocol).await;
}

struct Grpc {
    settings: ServerSettings,
    service: Arc<dyn Service>,
}

impl Speak for Grpc {
    async fn speak(self: Arc<Self>, connection: Connection, peer: Option<SocketAddr>, life: Life) {
        let draining = life.draining().clone();
        let keepalive = self.settings.keepalive;
        let activity = Activity::new();
        let calls = Calls {
            grpc: Arc::clone(&self),
            activity: keepalive.idle_max.map(|_| Arc::clone(&activity)),
            peer,
        };
        let connection = self
            .http2(life)
            .serve_connection(TokioIo::new(connection), calls);
        tokio::pin!(connection);
        // Errors here are clients that went away or do not speak HTTP/2.
        let is_old = tokio::select! {
            biased;
            _closed = connection.as_mut() => return,
            () = draining.cancelled() => false,
            () = keepalive.ended(&activity) => true,
        };
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            _closed = connection => {}
            () = keepalive.grace(), if is_old => {}
        }
    }
}

impl Grpc {
    fn http2(&self, life: Life) -> http2::Builder<Life> {
        let keepalive = &self.settings.keepalive;
        let mut builder = http2::Builder::new(life);
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(WINDOW_BYTES.0)
            .initial_connection_window_size(WINDOW_BYTES.1)
            .max_frame_size(FRAME_BYTES_MAX)
            .max_header_list_size(HEADER_BYTES_MAX)
            .max_concurrent_streams(self.settings.streams_max.unwrap_or(STREAMS_MAX))
            .keep_alive_interval(keepalive.ping_after)
            .keep_alive_timeout(keepalive.ping_time_max)
            .auto_date_header(false);
        builder
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: Option<SocketAddr>,
    ) -> Response<Reply> {
        let (head, body) = request.into_parts();
        let message = Message::new(body, &head.headers, self.settings.message_bytes_max);
        let packed = reply::compression(&head.headers);
        let time_max = timeout(&head.headers);
        let call = self.service.call(Call {
            head,
            message,
            peer,
        });
        let answer = match time_max {
            None => call.await,
            Some(time_max) => {
                let answer = tokio::time::timeout(time_max, call).await;
                answer.unwrap_or_else(|_elapsed| {
                    let message = format!("not done within the {time_max:?} of the client");
                    Err(Refused::new(Code::DeadlineExceeded, message))
                })
            }
        };
        match answer {
            Ok(message) => reply::success(&message, packed),
            Err(refused) => reply::refusal(&refused),
        }
    }
}

/// Turns the requests of one connection into calls.
struct Calls {
    grpc: Arc<Grpc>,
    activity: Option<Arc<Activity>>,
    peer: Option<SocketAddr>,
}

impl service::Service<Request<Incoming>> for Calls {
    type Response = Response<Reply>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        if let Some(status) = not_grpc(&request) {
            let mut response = Response::new(Reply::nothing());
            *response.status_mut() = status;
            return Box::pin(ready(Ok(response)));
        }
        let (grpc, peer) = (Arc::clone(&self.grpc), self.peer);
        let open = self.activity.as_ref().map(Activity::begin);
        Box::pin(async move {
            let _open = open;
            Ok(grpc.answer(request, peer).await)
        })
    }
}

/// Says how a request is refused that is no gRPC call.
fn not_grpc(request: &Request<Incoming>) -> Option<StatusCode> {
    if request.method() != Method::POST {
        return Some(StatusCode::METHOD_NOT_ALLOWED);
    }
    let media = request.headers().get(CONTENT_TYPE);
    let is_grpc = media.is_some_and(|media| {
        let rest = media.as_bytes().strip_prefix(b"application/grpc");
        rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
    });
    (!is_grpc).then_some(StatusCode::UNSUPPORTED_MEDIA_TYPE)
}
