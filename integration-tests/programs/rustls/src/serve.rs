//! Answers every path with itself.

use std::{convert::Infallible, fs, sync::Arc};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::Outcome;

/// Listens, says where, and answers until it is ended.
pub(crate) async fn serve(pem: &str) -> Outcome {
    let pem = fs::read(pem)?;
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(&pem)?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on port {}", listener.local_addr()?.port());
    loop {
        let (socket, _) = listener.accept().await?;
        // A client that goes away is no reason to end.
        tokio::spawn(answer(acceptor.clone(), socket));
    }
}

async fn answer(acceptor: TlsAcceptor, socket: TcpStream) -> Outcome {
    socket.set_nodelay(true)?;
    let stream = acceptor.accept(socket).await?;
    let service = service_fn(async |request: Request<Incoming>| {
        let path = request.uri().path().to_owned();
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(path))))
    });
    Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await
}
