//! The ways of a client to its server: proxies, unix sockets, redirects, and renewed certificates.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header::HOST};
use tapline_net::{
    compression::Compression,
    grpc::{self, Balancing, Endpoint, WhenUnreachable},
    http::{Client, ClientSettings, CookiePolicy, HttpError, Response},
    proxy::ProxySettings,
    tls::{Pem, TlsSettings},
};
use tapline_testkit::{Backend, RawServer, certificates};
use tokio::{
    io::copy_bidirectional,
    net::{TcpStream, UnixListener},
    task::JoinSet,
};

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

fn grpc_settings(endpoint: &str) -> grpc::ClientSettings {
    grpc::ClientSettings {
        endpoint: Endpoint::parse(endpoint).expect("is an endpoint"),
        tls: None,
        compression: Compression::None,
        headers: HeaderMap::new(),
        user_agent: "tapline/test".to_owned(),
        authority: None,
        keepalive: None,
        balancing: Balancing::RoundRobin,
        when_unreachable: WhenUnreachable::Fail,
        proxy: ProxySettings::default(),
    }
}

async fn call(settings: grpc::ClientSettings) -> grpc::Reply {
    let client = grpc::Client::new(settings).expect("settings are good");
    client.call(TRACES, Vec::new(), HeaderMap::new()).await
}

fn through(proxy: &RawServer) -> ProxySettings {
    let url = format!("http://me:secret@{}", proxy.addr());
    ProxySettings::always(&url).expect("is a proxy")
}

fn trusting(ca: Pem) -> TlsSettings {
    TlsSettings {
        ca: Some(ca),
        ..TlsSettings::default()
    }
}

async fn post(settings: ClientSettings, url: &str) -> Result<Response, HttpError> {
    let client = Client::new(&settings).expect("settings are good");
    let url: Uri = url.parse().expect("is a URL");
    let body = vec![Bytes::from_static(b"bo"), Bytes::from_static(b"dy")];
    client.post(&url, &HeaderMap::new(), body).await
}

fn scratch(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let process = std::process::id();
    std::env::temp_dir().join(format!("tapline-{process}-{number}-{name}"))
}

#[tokio::test]
async fn grpc_goes_through_a_proxy_by_connect() {
    let (backend, proxy) = (Backend::start().await, RawServer::start([]).await);
    let mut settings = grpc_settings(&backend.endpoint());
    settings.proxy = through(&proxy);
    assert_eq!(call(settings).await, Ok(Bytes::new()));
    let head = proxy.requests().remove(0);
    assert!(head.starts_with(&format!("CONNECT {} HTTP/1.1\r\n", backend.endpoint())));
    assert!(
        head.contains("Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"),
        "{head}"
    );
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named() {
    let answer = "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n".to_owned();
    let proxy = RawServer::start([answer]).await;
    let mut settings = grpc_settings("backend.test:4317");
    settings.proxy = through(&proxy);
    let refused = call(settings).await.expect_err("is refused");
    let expected = format!(
        "proxy {} does not connect to backend.test:4317: \
         HTTP/1.1 407 Proxy Authentication Required",
        proxy.addr()
    );
    assert_eq!(refused.message, expected);
}

#[tokio::test]
async fn https_is_tunnelled_and_http_is_fetched() {
    let (backend, proxy) = (Backend::start_tls().await, RawServer::start([]).await);
    let settings = ClientSettings {
        tls: Some(trusting(Pem::Text(certificates::CA_PEM.to_owned()))),
        proxy: through(&proxy),
        ..ClientSettings::default()
    };
    let url = format!("https://127.0.0.1:{}/elsewhere", backend.addr().port());
    let response = post(settings.clone(), &url).await.expect("is answered");
    assert_eq!(response.status, StatusCode::NOT_FOUND, "by the backend");
    let response = post(settings, "http://backend.test/v1/traces").await;
    assert_eq!(response.expect("is answered").status, StatusCode::OK);
    let requests = proxy.requests();
    assert!(
        requests[0].starts_with("CONNECT 127.0.0.1:"),
        "{requests:?}"
    );
    assert!(requests[1].starts_with("POST http://backend.test/v1/traces HTTP/1.1\r\n"));
    assert!(requests[1].contains("proxy-authorization: Basic bWU6c2VjcmV0\r\n"));
    assert!(requests[1].ends_with("\r\n\r\nbody"), "{requests:?}");
}

#[tokio::test]
async fn a_unix_socket_is_an_endpoint() {
    let backend = Backend::start().await;
    let path = scratch("socket");
    let listener = UnixListener::bind(&path).expect("binds");
    let mut forwarder = JoinSet::new();
    let addr = backend.addr();
    forwarder.spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("accepts");
        let mut behind = TcpStream::connect(addr).await.expect("connects");
        let _closed = copy_bidirectional(&mut socket, &mut behind).await;
    });
    let reply = call(grpc_settings(&format!("unix://{}", path.display()))).await;
    assert_eq!(reply, Ok(Bytes::new()));
    std::fs::remove_file(&path).expect("is there");
    let refused = call(grpc_settings(&format!("unix:{}", path.display()))).await;
    let message = refused.expect_err("nobody listens").message;
    assert!(message.contains(&path.display().to_string()), "{message}");
}

#[tokio::test]
async fn a_renewed_file_is_read_by_the_next_connection() {
    let backend = Backend::start_tls().await;
    let path = scratch("ca.pem");
    std::fs::write(&path, certificates::OTHER_CA_PEM).expect("writes");
    let mut settings = grpc_settings(&backend.endpoint());
    let interval = Duration::from_nanos(1);
    settings.tls = Some(TlsSettings {
        reload_interval: Some(interval),
        ..trusting(Pem::File(path.clone()))
    });
    let client = grpc::Client::new(settings).expect("settings are good");
    let call = || client.call(TRACES, Vec::new(), HeaderMap::new());
    let refused = call().await.expect_err("is signed by somebody else");
    assert!(refused.message.contains("UnknownIssuer"), "{refused:?}");
    std::fs::write(&path, certificates::CA_PEM).expect("writes");
    assert_eq!(call().await, Ok(Bytes::new()));
    std::fs::remove_file(&path).expect("is there");
}

#[tokio::test]
async fn redirects_with_a_body_are_followed_without_the_secrets() {
    let target = RawServer::start([]).await;
    let answer = format!(
        "HTTP/1.1 307 Moved\r\nlocation: http://{}/new\r\ncontent-length: 0\r\n\
         connection: close\r\n\r\n",
        target.addr()
    );
    let first = RawServer::start([answer.clone(), answer.replace("307", "302")]).await;
    let client = Client::new(&ClientSettings::default()).expect("settings are good");
    let url: Uri = format!("http://{}/old", first.addr())
        .parse()
        .expect("is a URL");
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static("Bearer secret"));
    headers.insert("x-tenant", HeaderValue::from_static("blue"));
    let post = || client.post(&url, &headers, vec![Bytes::from_static(b"body")]);
    assert_eq!(post().await.expect("is answered").status, StatusCode::OK);
    let request = target.requests().remove(0);
    assert!(request.starts_with("POST /new ") && request.ends_with("\r\n\r\nbody"));
    assert!(
        request.contains("x-tenant: blue") && !request.contains("secret"),
        "{request}"
    );
    // This one would become a GET without a body, so it is the answer.
    assert_eq!(post().await.expect("is answered").status, StatusCode::FOUND);
}

#[tokio::test]
async fn a_circle_of_redirects_ends() {
    let answer = "HTTP/1.1 308 Moved\r\nlocation: /\r\ncontent-length: 0\r\n\
                  connection: close\r\n\r\n";
    let server = RawServer::start(vec![answer.to_owned(); 20]).await;
    let url = format!("http://{}/", server.addr());
    let error = post(ClientSettings::default(), &url)
        .await
        .expect_err("ends");
    assert!(
        error.to_string().ends_with("stopped after 10 redirects"),
        "{error}"
    );
    assert_eq!(server.requests().len(), 10);
}

#[tokio::test]
async fn the_host_header_can_be_chosen_and_cookies_come_back() {
    let answer = "HTTP/1.1 200 OK\r\nset-cookie: lb=node1\r\ncontent-length: 0\r\n\
                  connection: close\r\n\r\n";
    let server = RawServer::start([answer.to_owned()]).await;
    let settings = ClientSettings {
        cookies: CookiePolicy::Keep,
        ..ClientSettings::default()
    };
    let client = Client::new(&settings).expect("settings are good");
    let url: Uri = format!("http://{}/", server.addr())
        .parse()
        .expect("is a URL");
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static("front.test"));
    for _ in 0..2 {
        let posted = client.post(&url, &headers, Vec::new()).await;
        assert_eq!(posted.expect("is answered").status, StatusCode::OK);
    }
    let requests = server.requests();
    assert!(requests[0].contains("host: front.test\r\n"), "{requests:?}");
    assert!(!requests[0].contains("cookie") && requests[1].contains("cookie: lb=node1"));
}
