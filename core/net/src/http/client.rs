//! Posts bytes over kept-alive connections; HTTP/2 when TLS negotiates it.
//!
//! Deadlines are the caller's: dropping the future ends the request.

mod get;

use std::{error::Error, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode, Uri,
    header::{CONNECTION, CONTENT_ENCODING, PROXY_AUTHORIZATION},
};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::sync::Semaphore;

use super::{
    connector::{Connector, destination},
    cookies::Cookies,
    redirect,
};
use crate::{
    chunks::Chunks,
    compression,
    dial::{DialError, Dialer, Tunnel},
    proxy::ProxySettings,
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
    /// Which connections go through a proxy.
    pub proxy: ProxySettings,
    /// How many requests, and so connections, may be under way; `None` for no bound of ours.
    pub requests_max: Option<usize>,
    /// What is done with cookies.
    pub cookies: CookiePolicy,
}

/// What is done with cookies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CookiePolicy {
    /// They are not looked at.
    #[default]
    Ignore,
    /// They are sent back to the host that set them.
    Keep,
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
            proxy: ProxySettings::default(),
            requests_max: None,
            cookies: CookiePolicy::Ignore,
        }
    }
}

/// An HTTP client with its pool of connections. Clones share the pool.
#[derive(Clone, Debug)]
pub struct Client {
    inner: legacy::Client<Connector, Chunks>,
    dialer: Dialer,
    room: Option<Arc<Semaphore>>,
    cookies: Option<Arc<Cookies>>,
    closes: bool,
}

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, decompressed; of a post, the beginning, at most 64 KiB.
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
        let dialer = Dialer::new(
            settings.tls.as_ref(),
            alpn,
            settings.proxy.clone(),
            Tunnel::ForTls,
        )?;
        let inner = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(settings.idle_per_host_max)
            .pool_idle_timeout(settings.idle_time_max)
            .http2_keep_alive_interval(settings.ping_after)
            .http2_keep_alive_timeout(settings.ping_time_max)
            .build(Connector(dialer.clone()));
        let keeps = settings.cookies == CookiePolicy::Keep;
        Ok(Self {
            inner,
            dialer,
            room: settings.requests_max.map(|it| Arc::new(Semaphore::new(it))),
            cookies: keeps.then(Arc::default),
            closes: settings.idle_per_host_max == 0,
        })
    }

    /// Posts `body` once. A request on a kept connection that the server had just closed is
    /// repeated on a new one, because nothing of it was processed.
    ///
    /// Redirects that keep the method, 307 and 308, are followed. The others would turn the request
    /// into a GET without its body, so they are answers like any other.
    pub async fn post(
        &self,
        url: &Uri,
        headers: &HeaderMap,
        body: Vec<Bytes>,
    ) -> Result<Response, HttpError> {
        let _room = match &self.room {
            Some(room) => Some(room.acquire().await.expect("nobody closes it")),
            None => None,
        };
        let body = Chunks::new(body);
        let (mut url, mut headers) = (url.clone(), headers.clone());
        if self.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        for _ in 0..redirect::HOPS_MAX {
            let response = self.once(&url, headers.clone(), body.clone()).await?;
            let Some(next) = redirect::target(&url, response.status, &response.headers) else {
                return Ok(response);
            };
            redirect::strip_secrets(&mut headers, &url, &next);
            url = next;
        }
        Err(HttpError::Broken {
            endpoint: endpoint(&url),
            cause: format!("stopped after {} redirects", redirect::HOPS_MAX),
        })
    }

    async fn once(
        &self,
        url: &Uri,
        headers: HeaderMap,
        body: Chunks,
    ) -> Result<Response, HttpError> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = url.clone();
        *request.headers_mut() = headers;
        let (host, port, security) = destination(url);
        if let Some(value) = self.dialer.proxy_authorization(host, port, security) {
            request.headers_mut().insert(PROXY_AUTHORIZATION, value);
        }
        if let Some(cookies) = &self.cookies {
            cookies.add_to(request.headers_mut(), url);
        }
        let answered = self.inner.request(request).await;
        let (head, body) = answered.map_err(|error| failure(url, &error))?.into_parts();
        if let Some(cookies) = &self.cookies {
            cookies.learn_from(&head.headers, url);
        }
        let body = read(body).await.map_err(|error| failure(url, &error))?;
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
    HttpError::Broken {
        endpoint: endpoint(url),
        cause: cause.to_string(),
    }
}

fn endpoint(url: &Uri) -> String {
    url.authority().map(ToString::to_string).unwrap_or_default()
}
