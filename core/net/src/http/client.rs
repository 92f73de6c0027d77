//! Posts bytes over kept-alive connections; HTTP/2 when TLS negotiates it.
//!
//! Redirects are not followed and proxies not used. Deadlines are the caller's: dropping the future
//! ends the request.

use std::{
    error::Error,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, StatusCode, Uri, header::CONTENT_ENCODING, uri::Scheme};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, rt};
use hyper_util::{
    client::legacy::{
        self,
        connect::{Connected, Connection as Describe},
    },
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tower_service::Service;

use crate::{
    compression,
    dial::{Connection, DialError, Dialer, Security},
    tls::{TlsError, TlsSettings},
};

/// How much of an answer is read, before and after decompression.
const RESPONSE_BYTES_MAX: usize = 64 << 10;

/// Whether HTTP/2 is offered to servers that speak TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AskHttp2 {
    /// Offered first; HTTP/1.1 if the server prefers it.
    #[default]
    Yes,
    /// HTTP/1.1 only.
    No,
}

/// What a client needs to know.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// How to speak TLS; without it `https` URLs fail.
    pub tls: Option<TlsSettings>,
    /// Whether HTTP/2 is offered.
    pub http2: AskHttp2,
    /// How many idle connections are kept per host; 0 closes each after one request.
    pub idle_per_host_max: usize,
    /// How long an idle connection is kept; `None` for as long as the server does.
    pub idle_time_max: Option<Duration>,
    /// After how much silence an HTTP/2 connection is pinged, if ever.
    pub ping_after: Option<Duration>,
    /// How long the answer to a ping may take.
    pub ping_time_max: Duration,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            tls: None,
            http2: AskHttp2::Yes,
            idle_per_host_max: 2,
            idle_time_max: Some(Duration::from_secs(90)),
            ping_after: None,
            ping_time_max: Duration::from_secs(15),
        }
    }
}

/// An HTTP client with its pool of connections. Clones share the pool.
#[derive(Clone, Debug)]
pub struct Client {
    inner: legacy::Client<Connector, Full<Bytes>>,
}

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The beginning of the body, decompressed; at most 64 KiB.
    pub body: Bytes,
}

/// Why there is no answer. All of these may go away by themselves.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// There was no connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The connection broke.
    #[error("request to {endpoint} failed: {cause}")]
    Broken {
        /// Host and port.
        endpoint: String,
        /// What happened.
        cause: String,
    },
}

impl Client {
    /// Makes a client. Reads certificate files, opens no connection.
    pub fn new(settings: &ClientSettings) -> Result<Self, TlsError> {
        let alpn: &[&[u8]] = if settings.http2 == AskHttp2::Yes {
            &[b"h2", b"http/1.1"]
        } else {
            &[b"http/1.1"]
        };
        let dialer = Dialer::new(settings.tls.as_ref(), alpn)?;
        let inner = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(settings.idle_per_host_max)
            .pool_idle_timeout(settings.idle_time_max)
            .http2_keep_alive_interval(settings.ping_after)
            .http2_keep_alive_timeout(settings.ping_time_max)
            .build(Connector(dialer));
        Ok(Self { inner })
    }

    /// Posts `body` once. A request on a kept connection that the server had just closed is
    /// repeated on a new one, because nothing of it was processed.
    pub async fn post(
        &self,
        url: &Uri,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response, HttpError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = url.clone();
        *request.headers_mut() = headers.clone();
        let broken = |error: &(dyn Error + 'static)| failure(url, error);
        let response = self
            .inner
            .request(request)
            .await
            .map_err(|error| broken(&error))?;
        let (head, body) = response.into_parts();
        let body = read(body).await.map_err(|error| broken(&error))?;
        let body = decoded(&head.headers, body);
        Ok(Response {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
}

/// Reads the beginning of a body. What is longer loses its connection, not our memory.
async fn read(mut body: Incoming) -> Result<Bytes, hyper::Error> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        let room = RESPONSE_BYTES_MAX - whole.len();
        whole.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() >= room {
            break;
        }
    }
    Ok(whole.freeze())
}

/// Decompresses an answer. One that cannot be is as good as empty: the status still counts.
fn decoded(headers: &HeaderMap, body: Bytes) -> Bytes {
    let Some(encoding) = headers.get(CONTENT_ENCODING) else {
        return body;
    };
    let encoding = encoding.to_str().unwrap_or("not text");
    compression::decompress(encoding, &body, RESPONSE_BYTES_MAX).unwrap_or_default()
}

fn failure(url: &Uri, error: &(dyn Error + 'static)) -> HttpError {
    let mut cause = error;
    loop {
        if let Some(dial) = cause.downcast_ref::<DialError>() {
            return HttpError::Dial(dial.clone());
        }
        let Some(source) = cause.source() else { break };
        cause = source;
    }
    let endpoint = url.authority().map(ToString::to_string).unwrap_or_default();
    HttpError::Broken {
        endpoint,
        cause: cause.to_string(),
    }
}

/// Connects for the pool: `https` means TLS.
#[derive(Clone, Debug)]
struct Connector(Dialer);

impl Service<Uri> for Connector {
    type Response = Pooled;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Pooled, DialError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let dialer = self.0.clone();
        Box::pin(async move {
            let security = match url.scheme() {
                Some(scheme) if *scheme == Scheme::HTTPS => Security::Tls,
                _ => Security::Plain,
            };
            let usual_port = if security == Security::Tls { 443 } else { 80 };
            let port = url.port_u16().unwrap_or(usual_port);
            let connection = dialer
                .dial(url.host().unwrap_or_default(), port, security)
                .await?;
            Ok(Pooled(TokioIo::new(connection)))
        })
    }
}

/// A connection that tells the pool what it speaks.
struct Pooled(TokioIo<Connection>);

impl Describe for Pooled {
    fn connected(&self) -> Connected {
        let connected = Connected::new();
        if self.0.inner().negotiated_h2() {
            connected.negotiated_h2()
        } else {
            connected
        }
    }
}

impl rt::Read for Pooled {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: rt::ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(cx, buf)
    }
}

impl rt::Write for Pooled {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}
