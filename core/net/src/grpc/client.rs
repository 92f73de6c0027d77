//! Unary calls over lazily made HTTP/2 connections. Messages go out without being copied.
//!
//! Deadlines are the caller's: dropping the future ends the call. A lost connection is made anew by
//! the next call.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version,
    header::{CONTENT_TYPE, TE, USER_AGENT},
    uri::PathAndQuery,
};

use super::{
    answer,
    balancer::{Balancer, Balancing},
    endpoint::Endpoint,
    status::{Code, RpcStatus, Side},
    subchannel::Shape,
};
use crate::{
    chunks::Chunks,
    compression::{Compression, CompressionError},
    dial::{Dialer, Security, Tunnel},
    proxy::ProxySettings,
    tls::{TlsError, TlsSettings},
};

/// How long to wait before connecting again when a call may wait for it.
const CONNECT_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How often a call is sent that no server has looked at.
const SENDS_MAX: u32 = 3;

/// Pings on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// After how much silence to ping.
    pub after: Duration,
    /// How long the answer to a ping may take.
    pub time_max: Duration,
    /// Whether to ping while no call is open.
    pub while_idle: bool,
}

/// What a call does while no server can be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenUnreachable {
    /// It fails.
    #[default]
    Fail,
    /// It tries to connect until its caller gives up.
    Wait,
}

/// What a client needs to know.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Where the server listens.
    pub endpoint: Endpoint,
    /// How to speak TLS; without it the connection is plain.
    pub tls: Option<TlsSettings>,
    /// How requests are compressed.
    pub compression: Compression,
    /// Sent with every call.
    pub headers: HeaderMap,
    /// Sent as `user-agent`.
    pub user_agent: String,
    /// The `:authority` to claim instead of the endpoint.
    pub authority: Option<String>,
    /// Pings, if wanted.
    pub keepalive: Option<Keepalive>,
    /// How calls are spread over the addresses of the server.
    pub balancing: Balancing,
    /// What a call does while no server can be reached.
    pub when_unreachable: WhenUnreachable,
    /// Which connections go through a proxy.
    pub proxy: ProxySettings,
}

/// Why a client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The certificates are not usable.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// gRPC has no such compression.
    #[error(transparent)]
    Compression(#[from] CompressionError),
    /// A text that goes into a header or a URI is not fit for it.
    #[error("{what} \"{text}\" is not usable: {reason}")]
    Text {
        /// What the text is.
        what: &'static str,
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// The outcome of a call: the answer's bytes, or a status.
pub type Reply = Result<Bytes, RpcStatus>;

/// A gRPC client with one connection per address of its server.
#[derive(Debug)]
pub struct Client {
    pub(super) balancer: Balancer,
    origin: Uri,
    headers: HeaderMap,
    protocol_headers: HeaderMap,
    compression: Compression,
    when_unreachable: WhenUnreachable,
}

impl Client {
    /// Makes a client. Reads certificate files, opens no connection, needs no runtime.
    pub fn new(settings: ClientSettings) -> Result<Self, SettingsError> {
        let protocol_headers = protocol_headers(&settings)?;
        let origin = origin(&settings)?;
        let security = match settings.tls {
            Some(_) => Security::Tls,
            None => Security::Plain,
        };
        let shape = Shape {
            dialer: Dialer::new(
                settings.tls.as_ref(),
                &[b"h2"],
                settings.proxy,
                Tunnel::Always,
            )?,
            security,
            keepalive: settings.keepalive,
        };
        Ok(Self {
            balancer: Balancer::new(settings.endpoint.target, settings.balancing, shape),
            origin,
            headers: settings.headers,
            protocol_headers,
            compression: settings.compression,
            when_unreachable: settings.when_unreachable,
        })
    }

    /// Refuses a compression that gRPC does not have.
    pub fn check_compression(compression: Compression) -> Result<(), CompressionError> {
        encoding(compression).map(|_| ())
    }

    /// Calls `path` once with the concatenation of `message`. Headers in `extra`, such as
    /// credentials, win over those of the settings.
    pub async fn call(&self, path: &'static str, message: Vec<Bytes>, extra: HeaderMap) -> Reply {
        let body = self.framed(message).await?;
        let mut headers = self.headers.clone();
        headers.extend(extra);
        headers.extend(self.protocol_headers.clone());
        let mut parts = self.origin.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static(path));
        let uri = Uri::from_parts(parts).expect("an origin and a path are a URI");
        let mut sends = 0;
        loop {
            let mut request = Request::new(body.clone());
            *request.method_mut() = Method::POST;
            *request.version_mut() = Version::HTTP_2;
            *request.uri_mut() = uri.clone();
            *request.headers_mut() = headers.clone();
            let mut connection = self.connected().await?;
            sends += 1;
            let mut error = match connection.try_send_request(request).await {
                Ok(response) => return answer::read(response).await,
                Err(error) => error,
            };
            let is_untouched =
                error.take_message().is_some() || answer::is_untouched(error.error());
            if !is_untouched || sends == SENDS_MAX {
                return Err(answer::broken(error.error()));
            }
        }
    }

    async fn connected(
        &self,
    ) -> Result<hyper::client::conn::http2::SendRequest<Chunks>, RpcStatus> {
        loop {
            match self.balancer.connection().await {
                Ok(connection) => return Ok(connection),
                Err(error) if self.when_unreachable == WhenUnreachable::Fail => {
                    return Err(answer::unreachable(&error));
                }
                Err(_) => tokio::time::sleep(CONNECT_AGAIN_AFTER).await,
            }
        }
    }

    /// Puts the flag and the length before a message.
    async fn framed(&self, mut message: Vec<Bytes>) -> Result<Chunks, RpcStatus> {
        let is_compressed = self.compression != Compression::None;
        if is_compressed {
            // What gRPC calls snappy is its framed form.
            let form = match self.compression {
                Compression::Snappy => Compression::SnappyFramed,
                other => other,
            };
            let packed = form.compress_aside(0, message).await;
            message = vec![packed.map_err(|error| ours(&error.to_string()))?];
        }
        let length: usize = message.iter().map(Bytes::len).sum();
        let length = u32::try_from(length)
            .map_err(|_overflow| ours("the message is larger than gRPC can frame"))?;
        let mut prefix = BytesMut::with_capacity(5);
        prefix.put_u8(u8::from(is_compressed));
        prefix.put_u32(length);
        Ok(Chunks::new(std::iter::once(prefix.freeze()).chain(message)))
    }
}

fn ours(message: &str) -> RpcStatus {
    RpcStatus {
        code: Code::Internal,
        message: message.to_owned(),
        retry_after: None,
        side: Side::Ours,
    }
}

fn encoding(compression: Compression) -> Result<Option<&'static str>, CompressionError> {
    match compression {
        Compression::None | Compression::Gzip | Compression::Zstd | Compression::Snappy => {
            Ok(compression.content_encoding())
        }
        other => Err(CompressionError::NotInGrpc(other)),
    }
}

/// Returns the headers that gRPC needs: they are not the user's to change.
fn protocol_headers(settings: &ClientSettings) -> Result<HeaderMap, SettingsError> {
    let agent = HeaderValue::from_str(&settings.user_agent);
    let agent = agent.map_err(|error| SettingsError::Text {
        what: "user_agent",
        text: settings.user_agent.clone(),
        reason: error.to_string(),
    })?;
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, agent);
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    let accepted = HeaderName::from_static("grpc-accept-encoding");
    headers.insert(accepted, HeaderValue::from_static("identity,gzip,zstd"));
    if let Some(encoding) = encoding(settings.compression)? {
        let name = HeaderName::from_static("grpc-encoding");
        headers.insert(name, HeaderValue::from_static(encoding));
    }
    Ok(headers)
}

fn origin(settings: &ClientSettings) -> Result<Uri, SettingsError> {
    let (what, authority) = match &settings.authority {
        Some(authority) => ("authority", authority.clone()),
        None => ("endpoint", settings.endpoint.authority()),
    };
    let scheme = if settings.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let built = Uri::builder()
        .scheme(scheme)
        .authority(authority.as_str())
        .path_and_query("/")
        .build();
    built.map_err(|error| SettingsError::Text {
        what,
        text: authority,
        reason: error.to_string(),
    })
}
