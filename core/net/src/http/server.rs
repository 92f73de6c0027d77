//! An HTTP server: requests go to one handler, which decides what to read and what to answer.
//!
//! HTTP/1.1, and HTTP/2 when TLS negotiates it. It must not know what the paths mean.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{
    HeaderMap,
    header::{CONNECTION, CONTENT_ENCODING, HeaderValue, ORIGIN},
    request::Parts,
};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::Service,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::{body::Body, cors::Cors};
use crate::{
    compression::Encodings,
    listen::Listener,
    server::{self, Activity, Connection, Impatient, Life, Limits, ServerKeepalive, Speak},
    tls::TlsServer,
};

/// How long an HTTP/1.1 connection without a request may still bring one after its server was asked
/// to stop. Only an answer can tell a client that it is the last one, and a client that happens to
/// send while its connection is closed cannot know whether it was heard.
const LAST_REQUEST_TIME_MAX: Duration = Duration::from_millis(250);

/// A request whose body is not read yet.
#[derive(Debug)]
pub struct Request {
    /// Method, URI and headers.
    pub head: Parts,
    /// The body.
    pub body: Body,
    /// Who sent it; unknown for unix sockets.
    pub peer: Option<SocketAddr>,
}

/// An answer, complete.
pub type Answer = http::Response<Bytes>;

/// Answers requests. Paths, methods and authentication are its business.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. Dropped when the client goes away.
    async fn handle(&self, request: Request) -> Answer;
}

/// What a server needs to know.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Speaks TLS if given.
    pub tls: Option<Arc<TlsServer>>,
    /// Bounds of connections.
    pub limits: Limits,
    /// The largest body, on the wire and again after decompression.
    pub body_bytes_max: usize,
    /// Encodings that bodies may have.
    pub encodings: Encodings,
    /// Headers added to every answer.
    pub answer_headers: HeaderMap,
    /// Which web pages may send requests.
    pub cors: Option<Cors>,
    /// How long the head of a request may take.
    pub head_time_max: Option<Duration>,
    /// How long the body of a request may take to arrive.
    pub body_time_max: Option<Duration>,
    /// How long a write may wait for the client to read.
    pub write_time_max: Option<Duration>,
    /// How long a connection may be without a request.
    pub idle_max: Option<Duration>,
    /// Whether a connection serves more than one request.
    pub keep_alive: bool,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            tls: None,
            limits: Limits::default(),
            body_bytes_max: 20 << 20,
            encodings: Encodings::ALL,
            answer_headers: HeaderMap::new(),
            cors: None,
            head_time_max: Some(Duration::from_mins(1)),
            body_time_max: None,
            write_time_max: Some(Duration::from_secs(30)),
            idle_max: Some(Duration::from_mins(1)),
            keep_alive: true,
        }
    }
}

/// Serves until `stop`, then finishes what is under way within `limits.drain_time_max`.
pub async fn serve(
    listener: Listener,
    settings: ServerSettings,
    handler: Arc<dyn Handler>,
    stop: impl Future<Output = ()> + Send,
) {
    let (tls, limits) = (settings.tls.clone(), settings.limits);
    let protocol = Arc::new(Http { settings, handler });
    server::run(listener, tls, limits, stop, protocol).await;
}

struct Http {
    settings: ServerSettings,
    handler: Arc<dyn Handler>,
}

impl Speak for Http {
    async fn speak(self: Arc<Self>, connection: Connection, peer: Option<SocketAddr>, life: Life) {
        let is_http2 = connection.negotiated_h2();
        let settings = &self.settings;
        let (draining, activity) = (life.draining().clone(), Activity::new());
        let keepalive = ServerKeepalive {
            idle_max: settings.idle_max,
            ..ServerKeepalive::default()
        };
        let over = async {
            tokio::select! {
                () = draining.cancelled() => LAST_REQUEST_TIME_MAX,
                () = keepalive.ended(&activity) => Duration::ZERO,
            }
        };
        let io = TokioIo::new(Impatient::new(connection, settings.write_time_max));
        let requests = Requests {
            http: Arc::clone(&self),
            activity: settings.idle_max.map(|_| Arc::clone(&activity)),
            leaving: (!is_http2).then(|| draining.clone()),
            peer,
        };
        // Errors here are clients that went away or do not speak HTTP; hyper has answered them.
        if is_http2 {
            let connection = http2::Builder::new(life)
                .timer(TokioTimer::new())
                .serve_connection(io, requests);
            let mut connection = pin!(connection);
            tokio::select! {
                _closed = connection.as_mut() => return,
                _farewell = over => connection.as_mut().graceful_shutdown(),
            }
            let _closed = connection.await;
        } else {
            // This clock of hyper's also runs while there is no request.
            let head_time_max = settings.head_time_max.max(settings.idle_max);
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(head_time_max)
                .keep_alive(settings.keep_alive)
                .serve_connection(io, requests);
            let mut connection = pin!(connection);
            let farewell = async { time::sleep(over.await).await };
            tokio::select! {
                _closed = connection.as_mut() => return,
                () = farewell => connection.as_mut().graceful_shutdown(),
            }
            let _closed = connection.await;
        }
    }
}

/// Turns the requests of one connection into ours.
struct Requests {
    http: Arc<Http>,
    activity: Option<Arc<Activity>>,
    /// Cancelled when an answer should be the last one of its connection, where answers say so.
    leaving: Option<CancellationToken>,
    peer: Option<SocketAddr>,
}

impl Service<http::Request<Incoming>> for Requests {
    type Response = http::Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: http::Request<Incoming>) -> Self::Future {
        let (http, peer) = (Arc::clone(&self.http), self.peer);
        let open = self.activity.as_ref().map(Activity::begin);
        let leaving = self.leaving.clone();
        Box::pin(async move {
            let _open = open;
            let mut answer = http.answer(request, peer).await.map(Full::new);
            if leaving.is_some_and(|leaving| leaving.is_cancelled()) {
                let close = HeaderValue::from_static("close");
                answer.headers_mut().insert(CONNECTION, close);
            }
            Ok(answer)
        })
    }
}

impl Http {
    async fn answer(&self, request: http::Request<Incoming>, peer: Option<SocketAddr>) -> Answer {
        let (head, incoming) = request.into_parts();
        let settings = &self.settings;
        let preflight = settings.cors.as_ref().and_then(|it| it.preflight(&head));
        if let Some(mut answer) = preflight {
            answer.headers_mut().extend(settings.answer_headers.clone());
            return answer;
        }
        let origin = head.headers.get(ORIGIN).cloned();
        let body = Body {
            incoming,
            encoding: encoding(&head.headers),
            allowed: settings.encodings,
            bytes_max: settings.body_bytes_max,
            time_max: settings.body_time_max,
        };
        let request = Request { head, body, peer };
        let mut answer = self.handler.handle(request).await;
        if let Some(cors) = &settings.cors {
            cors.complete(origin.as_ref(), answer.headers_mut());
        }
        for (name, value) in &settings.answer_headers {
            answer.headers_mut().insert(name, value.clone());
        }
        answer
    }
}

fn encoding(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_ENCODING)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}
