//! Unary calls over one lazily connected HTTP/2 connection.
//!
//! Deadlines are the caller's: dropping the future ends the call. A lost connection is made anew by
//! the next call, which resolves the name again.

use std::{
    error::Error,
    future::Future,
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Uri, uri::PathAndQuery};
use hyper_util::rt::TokioIo;
use tonic::{
    Request, Status, client,
    codec::CompressionEncoding,
    metadata::MetadataMap,
    transport::{self, Channel},
};
use tower_service::Service;

use super::{
    codec::RawCodec,
    endpoint::Endpoint,
    status::{Code, RpcStatus, Side, retry_delay},
};
use crate::{
    compression::{Compression, CompressionError},
    dial::{Connection, DialError, Dialer, Security},
    tls::{TlsError, TlsSettings},
};

/// How large an answer may be.
const RESPONSE_BYTES_MAX: usize = 4 << 20;
/// How many calls may wait for the connection to take them.
const CALLS_WAITING_MAX: usize = 128;

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
    /// Sent as `user-agent`; gRPC appends its own.
    pub user_agent: String,
    /// The `:authority` to claim instead of the endpoint.
    pub authority: Option<String>,
    /// Pings, if wanted.
    pub keepalive: Option<Keepalive>,
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

/// A gRPC client with one connection.
#[derive(Debug)]
pub struct Client {
    endpoint: transport::Endpoint,
    connector: Connector,
    encoding: Option<CompressionEncoding>,
    headers: MetadataMap,
    /// Made by the first call, because a channel needs a runtime and building must not.
    grpc: OnceLock<client::Grpc<Channel>>,
}

impl Client {
    /// Makes a client. Reads certificate files, opens no connection, needs no runtime.
    pub fn new(settings: ClientSettings) -> Result<Self, SettingsError> {
        let encoding = encoding(settings.compression)?;
        let dialer = Dialer::new(settings.tls.as_ref(), &[b"h2"])?;
        Ok(Self {
            endpoint: endpoint(&settings)?,
            connector: Connector {
                dialer,
                endpoint: settings.endpoint,
            },
            encoding,
            headers: MetadataMap::from_headers(settings.headers),
            grpc: OnceLock::new(),
        })
    }

    /// Refuses a compression that gRPC does not have.
    pub fn check_compression(compression: Compression) -> Result<(), CompressionError> {
        encoding(compression).map(|_| ())
    }

    /// Calls `path` once with the concatenation of `message`.
    pub async fn call(&self, path: &'static str, message: Vec<Bytes>) -> Reply {
        let mut grpc = self.grpc.get_or_init(|| self.connect_lazily()).clone();
        grpc.ready()
            .await
            .map_err(|error| described(&Status::from_error(error.into())))?;
        let mut request = Request::new(message);
        *request.metadata_mut() = self.headers.clone();
        let path = PathAndQuery::from_static(path);
        match grpc.unary(request, path, RawCodec).await {
            Ok(response) => Ok(response.into_inner()),
            Err(status) => Err(described(&status)),
        }
    }

    /// Returns a channel of its own for generated clients. It needs a runtime, and sends none of
    /// the headers of this client.
    pub fn channel(&self) -> Channel {
        self.endpoint
            .connect_with_connector_lazy(self.connector.clone())
    }

    fn connect_lazily(&self) -> client::Grpc<Channel> {
        let grpc = client::Grpc::new(self.channel())
            .max_decoding_message_size(RESPONSE_BYTES_MAX)
            .accept_compressed(CompressionEncoding::Gzip);
        match self.encoding {
            Some(encoding) => grpc.send_compressed(encoding),
            None => grpc,
        }
    }
}

fn encoding(compression: Compression) -> Result<Option<CompressionEncoding>, CompressionError> {
    match compression {
        Compression::None => Ok(None),
        Compression::Gzip => Ok(Some(CompressionEncoding::Gzip)),
        Compression::Zstd => Ok(Some(CompressionEncoding::Zstd)),
        other => Err(CompressionError::NotInGrpc(other)),
    }
}

fn endpoint(settings: &ClientSettings) -> Result<transport::Endpoint, SettingsError> {
    let scheme = if settings.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let uri = |what, authority: &str| {
        let text = format!("{scheme}://{authority}");
        text.parse::<Uri>().map_err(|error| SettingsError::Text {
            what,
            text: authority.to_owned(),
            reason: error.to_string(),
        })
    };
    let target = uri("endpoint", &settings.endpoint.to_string())?;
    let mut endpoint = transport::Endpoint::from(target)
        .buffer_size(CALLS_WAITING_MAX)
        .user_agent(settings.user_agent.as_str())
        .map_err(|error| SettingsError::Text {
            what: "user_agent",
            text: settings.user_agent.clone(),
            reason: error.to_string(),
        })?;
    if let Some(authority) = &settings.authority {
        endpoint = endpoint.origin(uri("authority", authority)?);
    }
    if let Some(keepalive) = settings.keepalive {
        endpoint = endpoint
            .http2_keep_alive_interval(keepalive.after)
            .keep_alive_timeout(keepalive.time_max)
            .keep_alive_while_idle(keepalive.while_idle);
    }
    Ok(endpoint)
}

/// Turns tonic's status into ours. A status with a source was made on this side of the wire.
fn described(status: &Status) -> RpcStatus {
    let mut deepest: Option<&(dyn Error + 'static)> = None;
    let mut source = status.source();
    while let Some(error) = source {
        if let Some(dial) = error.downcast_ref::<DialError>() {
            let message = dial.to_string();
            return RpcStatus {
                code: Code::Unavailable,
                message,
                retry_after: None,
                side: Side::Ours,
            };
        }
        deepest = Some(error);
        source = error.source();
    }
    let retry_after = retry_delay(status.details());
    let Some(cause) = deepest else {
        let message = status.message().to_owned();
        return RpcStatus {
            code: status.code(),
            message,
            retry_after,
            side: Side::Theirs,
        };
    };
    // gRPC wants a lost connection to be UNAVAILABLE; tonic does not know what it was.
    let lost = status.code() == Code::Unknown;
    let code = if lost {
        Code::Unavailable
    } else {
        status.code()
    };
    RpcStatus {
        code,
        message: cause.to_string(),
        retry_after,
        side: Side::Ours,
    }
}

/// Connects for tonic, always to the configured endpoint.
#[derive(Clone, Debug)]
struct Connector {
    dialer: Dialer,
    endpoint: Endpoint,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Connection>;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, DialError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let (dialer, endpoint) = (self.dialer.clone(), self.endpoint.clone());
        Box::pin(async move {
            let security = match target.scheme_str() {
                Some("https") => Security::Tls,
                _ => Security::Plain,
            };
            Ok(TokioIo::new(
                dialer.dial(&endpoint.host, endpoint.port, security).await?,
            ))
        })
    }
}
