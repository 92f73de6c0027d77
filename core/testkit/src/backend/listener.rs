//! Accepts connections, with or without TLS, and hands requests to HTTP or gRPC.

use std::{error::Error, fmt, io, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rustls::{RootCertStore, ServerConfig, crypto::ring, server::WebPkiClientVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::{Shared, grpc, http::answer as answer_http};
use crate::certificates::{CA_PEM, SERVER_KEY, SERVER_PEM};

pub(super) type Body = UnsyncBoxBody<Bytes, Failure>;

/// Why a request has no answer, or an answer no end. hyper looks among its sources for what
/// `RST_STREAM` should say.
#[derive(Debug)]
pub(super) enum Failure {
    Broken(io::Error),
    Reset(h2::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no answer")
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Broken(error) => Some(error),
            Self::Reset(error) => Some(error),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// Accepts until aborted. Connections are tasks of its own set, so aborting ends them too.
pub(super) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        // Both arms are cancel-safe: `accept` and `join_next` lose nothing when dropped.
        let (socket, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(_) => continue,
            },
            Some(_) = connections.join_next() => continue,
        };
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            match tls {
                None => connection(socket, peer, shared).await,
                Some(tls) => {
                    // A failed handshake is what some tests want; the client reports it.
                    if let Ok(socket) = tls.accept(socket).await {
                        connection(socket, peer, shared).await;
                    }
                }
            }
        });
    }
}

async fn connection<S>(socket: S, peer: SocketAddr, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { answer(&shared, peer, request).await }
    });
    // An error here is a client that went away, or a scripted hang-up.
    let _closed = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(socket), service)
        .await;
}

async fn answer(
    shared: &Shared,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, Failure> {
    let is_grpc = request
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    if is_grpc {
        grpc::answer(shared, peer, request).await
    } else {
        answer_http(shared, peer, request).await
    }
}

/// A body with an end.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    let never = |never| match never {};
    Full::new(bytes.into()).map_err(never).boxed_unsync()
}

/// A body that breaks off after its beginning.
pub(super) fn cut() -> Body {
    let beginning = Ok(Frame::data(Bytes::from_static(&[0])));
    let frames = [beginning, Err(io::Error::other("scripted end").into())];
    StreamBody::new(stream::iter(frames)).boxed_unsync()
}

/// Why there is no answer: what hyper makes an `RST_STREAM` of.
pub(super) fn reset(error_code: u32) -> Failure {
    Failure::Reset(h2::Reason::from(error_code).into())
}

/// Whom a TLS backend lets in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Clients {
    Anyone,
    Signed,
}

pub(super) fn acceptor(clients: Clients) -> TlsAcceptor {
    let provider = Arc::new(ring::default_provider());
    let certificates = CertificateDer::pem_slice_iter(SERVER_PEM.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .expect("the test certificate is PEM");
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY.as_bytes()).expect("the test key is PEM");
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("ring has the default versions");
    let builder = if clients == Clients::Anyone {
        builder.with_no_client_auth()
    } else {
        let mut roots = RootCertStore::empty();
        for authority in CertificateDer::pem_slice_iter(CA_PEM.as_bytes()) {
            roots
                .add(authority.expect("the test CA is PEM"))
                .expect("the test CA is a CA");
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .expect("there is a root");
        builder.with_client_cert_verifier(verifier)
    };
    let mut config = builder
        .with_single_cert(certificates, key)
        .expect("the test key fits its certificate");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}
