//! TLS of servers: who comes in, what is negotiated, and certificates that change.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use rustls::{ProtocolVersion, pki_types::ServerName};
use tapline_config::Transport;
use tapline_net::{
    http::{Answer, Handler, Request, ServerSettings, serve},
    listen::Listener,
    tls::{Pem, TlsServer, TlsServerSettings, TlsSettings, TlsVersion, Verify, client_config},
};
use tapline_testkit::certificates::{
    CA_PEM, CLIENT_KEY, CLIENT_PEM, OTHER_CA_PEM, SERVER_KEY, SERVER_PEM,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Answers everything with nothing.
struct Nothing;

#[async_trait]
impl Handler for Nothing {
    async fn handle(&self, _request: Request) -> Answer {
        Answer::default()
    }
}

fn settings() -> TlsServerSettings {
    TlsServerSettings {
        certificate: Pem::Text(SERVER_PEM.to_owned()),
        key: Pem::Text(SERVER_KEY.to_owned()),
        client_ca: None,
        client_ca_reload: false,
        min_version: None,
        max_version: None,
        cipher_suites: Vec::new(),
        curves: Vec::new(),
        reload_interval: None,
    }
}

/// Serves until the set is dropped.
async fn start(settings: TlsServerSettings) -> (String, JoinSet<()>) {
    let listener = Listener::bind(Transport::Tcp, "127.0.0.1:0").await;
    let listener = listener.expect("the kernel has a port");
    let endpoint = listener.endpoint().to_owned();
    let tls = TlsServer::new(settings, &[b"h2", b"http/1.1"]).expect("is usable");
    let settings = ServerSettings {
        tls: Some(Arc::new(tls)),
        ..ServerSettings::default()
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(serve(
        listener,
        settings,
        Arc::new(Nothing),
        std::future::pending(),
    ));
    (endpoint, tasks)
}

fn trusting() -> TlsSettings {
    TlsSettings {
        ca: Some(Pem::Text(CA_PEM.to_owned())),
        ..TlsSettings::default()
    }
}

/// Completes the handshake and one request: TLS 1.3 refuses a client only after its handshake.
async fn connect(endpoint: &str, settings: &TlsSettings) -> Option<TlsStream<TcpStream>> {
    let config = client_config(settings, &[b"http/1.1"]).expect("is usable");
    let socket = TcpStream::connect(endpoint).await.expect("listens");
    let name = ServerName::try_from("localhost").expect("is a name");
    let stream = TlsConnector::from(config).connect(name, socket).await;
    let mut stream = stream.ok()?;
    let request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(request).await.ok()?;
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).await.ok()?;
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    Some(stream)
}

#[tokio::test]
async fn only_clients_with_a_signed_certificate_come_in() {
    let (endpoint, _server) = start(TlsServerSettings {
        client_ca: Some(Pem::Text(CA_PEM.to_owned())),
        ..settings()
    })
    .await;
    assert!(
        connect(&endpoint, &trusting()).await.is_none(),
        "shows nothing"
    );
    let known = TlsSettings {
        certificate: Some(Pem::Text(CLIENT_PEM.to_owned())),
        key: Some(Pem::Text(CLIENT_KEY.to_owned())),
        ..trusting()
    };
    assert!(connect(&endpoint, &known).await.is_some());
}

#[tokio::test]
async fn versions_are_those_that_were_asked_for() {
    let (endpoint, _server) = start(TlsServerSettings {
        max_version: Some(TlsVersion::Tls12),
        cipher_suites: vec![
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256".to_owned(),
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".to_owned(),
        ],
        ..settings()
    })
    .await;
    let stream = connect(&endpoint, &trusting())
        .await
        .expect("agrees on 1.2");
    let (_, session) = stream.get_ref();
    assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    let suite = session.negotiated_cipher_suite().expect("is negotiated");
    let suite = format!("{:?}", suite.suite());
    assert!(suite.ends_with("WITH_AES_128_GCM_SHA256"), "{suite}");
    let newer = TlsSettings {
        min_version: Some(TlsVersion::Tls13),
        ..trusting()
    };
    assert!(connect(&endpoint, &newer).await.is_none());
}

/// A directory of certificates that is removed in the end.
struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Self {
        let directory = format!("tapline-tls-{name}-{}", std::process::id());
        let directory = std::env::temp_dir().join(directory);
        std::fs::create_dir_all(&directory).expect("temporary files can be made");
        Self(directory)
    }

    fn write(&self, name: &str, text: &str) -> Pem {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("is writable");
        Pem::File(path)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_and_a_broken_one_is_not() {
    let files = Files::new("renewed");
    let (endpoint, _server) = start(TlsServerSettings {
        certificate: files.write("cert.pem", SERVER_PEM),
        key: files.write("key.pem", SERVER_KEY),
        reload_interval: Some(Duration::from_nanos(1)),
        ..settings()
    })
    .await;
    let anybody = TlsSettings {
        verify: Verify::Skip,
        ..TlsSettings::default()
    };
    let shown = async || {
        let stream = connect(&endpoint, &anybody).await.expect("comes in");
        let certificates = stream.get_ref().1.peer_certificates();
        certificates.expect("was shown")[0].to_vec()
    };
    let first = shown().await;
    files.write("cert.pem", "broken");
    assert_eq!(shown().await, first, "the old one is kept");
    files.write("cert.pem", CLIENT_PEM);
    files.write("key.pem", CLIENT_KEY);
    assert_ne!(shown().await, first);
}

#[tokio::test]
async fn a_changed_client_ca_is_read_again() {
    let files = Files::new("client-ca");
    let (endpoint, _server) = start(TlsServerSettings {
        client_ca: Some(files.write("ca.pem", OTHER_CA_PEM)),
        client_ca_reload: true,
        ..settings()
    })
    .await;
    let known = TlsSettings {
        certificate: Some(Pem::Text(CLIENT_PEM.to_owned())),
        key: Some(Pem::Text(CLIENT_KEY.to_owned())),
        ..trusting()
    };
    assert!(
        connect(&endpoint, &known).await.is_none(),
        "another CA signed it"
    );
    let path = files.0.join("ca.pem");
    files.write("ca.pem", CA_PEM);
    // Two writes may share a tick of the file system's clock; a certificate is not renewed so fast.
    let file = std::fs::File::options()
        .write(true)
        .open(path)
        .expect("is there");
    let later = std::time::SystemTime::now() + Duration::from_secs(5);
    file.set_modified(later).expect("is ours");
    assert!(connect(&endpoint, &known).await.is_some());
}

#[tokio::test]
async fn a_client_that_says_nothing_does_not_hold_up_the_end() {
    let listener = Listener::bind(Transport::Tcp, "127.0.0.1:0").await;
    let listener = listener.expect("the kernel has a port");
    let endpoint = listener.endpoint().to_owned();
    let tls = TlsServer::new(settings(), &[b"h2"]).expect("is usable");
    let settings = ServerSettings {
        tls: Some(Arc::new(tls)),
        ..ServerSettings::default()
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut server = JoinSet::new();
    server.spawn(serve(listener, settings, Arc::new(Nothing), async {
        let _ = stopped.await;
    }));
    let mut silent = TcpStream::connect(&endpoint).await.expect("listens");
    stop.send(()).expect("is running");
    server.join_next().await;
    assert_eq!(silent.read(&mut [0]).await.unwrap_or(0), 0, "is closed");
}
