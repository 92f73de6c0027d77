//! The HTTP client against the fake backend: keep-alive, TLS, and what failures are called.

use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use tapline_net::{
    http::{AskHttp2, Client, ClientSettings},
    tls::{Pem, TlsSettings, Verify},
};
use tapline_testkit::{Answer, Backend, certificates, nobody_listens};

fn url(text: &str) -> Uri {
    text.parse().expect("is a URL")
}

fn trusting(ca: &str) -> TlsSettings {
    TlsSettings {
        ca: Some(Pem::Text(ca.to_owned())),
        ..TlsSettings::default()
    }
}

fn client(tls: Option<TlsSettings>) -> Client {
    Client::new(&ClientSettings {
        tls,
        ..ClientSettings::default()
    })
    .expect("settings are good")
}

async fn post(client: &Client, url: &Uri) -> Result<StatusCode, String> {
    let posted = client.post(url, &HeaderMap::new(), Vec::new()).await;
    posted
        .map(|response| response.status)
        .map_err(|error| error.to_string())
}

async fn post_tls(backend: &Backend, tls: TlsSettings) -> Result<StatusCode, String> {
    let url = url(&format!(
        "https://127.0.0.1:{}/v1/traces",
        backend.addr().port()
    ));
    post(&client(Some(tls)), &url).await
}

#[tokio::test]
async fn a_refused_connection_names_the_endpoint() {
    let addr = nobody_listens().await;
    let error = post(&client(None), &url(&format!("http://{addr}/v1/traces"))).await;
    assert_eq!(error, Err(format!("connection refused by {addr}")));
}

#[tokio::test]
async fn a_dropped_connection_names_the_endpoint() {
    let backend = Backend::start().await;
    backend.answer_next([Answer::hang_up()]);
    let target = url(&format!("{}/v1/traces", backend.url()));
    let error = post(&client(None), &target).await.expect_err("no answer");
    let expected = format!(
        "request to {} failed: connection closed",
        backend.endpoint()
    );
    assert!(error.starts_with(&expected), "{error}");
    assert_eq!(post(&client(None), &target).await, Ok(StatusCode::OK));
}

#[tokio::test]
async fn an_answer_is_read_up_to_64_kib() {
    let backend = Backend::start().await;
    backend.answer_next([Answer::http(400)
        .body(&vec![b'x'; 100_000])
        .header("x-why", "size")]);
    let target = url(&format!("{}/v1/traces", backend.url()));
    let response = client(None)
        .post(&target, &HeaderMap::new(), Vec::new())
        .await;
    let response = response.expect("is answered");
    assert_eq!(
        (response.status, response.body.len()),
        (StatusCode::BAD_REQUEST, 64 << 10)
    );
    assert_eq!(
        response.headers.get("x-why"),
        Some(&HeaderValue::from_static("size"))
    );
}

#[tokio::test]
async fn tls_trusts_the_ca_it_was_given_and_no_other() {
    let backend = Backend::start_tls().await;
    assert_eq!(
        post_tls(&backend, trusting(certificates::CA_PEM)).await,
        Ok(StatusCode::OK)
    );
    let error = post_tls(&backend, trusting(certificates::OTHER_CA_PEM)).await;
    let expected = format!(
        "TLS handshake with {} failed: invalid peer certificate: UnknownIssuer",
        backend.endpoint()
    );
    assert_eq!(error, Err(expected));
    let careless = TlsSettings {
        verify: Verify::Skip,
        ..trusting(certificates::OTHER_CA_PEM)
    };
    assert_eq!(post_tls(&backend, careless).await, Ok(StatusCode::OK));
}

#[tokio::test]
async fn tls_verifies_the_name_it_was_told() {
    let backend = Backend::start_tls().await;
    let named = |name: &str| TlsSettings {
        server_name: Some(name.to_owned()),
        ..trusting(certificates::CA_PEM)
    };
    assert_eq!(
        post_tls(&backend, named("backend.test")).await,
        Ok(StatusCode::OK)
    );
    let error = post_tls(&backend, named("elsewhere.test"))
        .await
        .expect_err("is refused");
    assert!(
        error.contains("not valid for name \"elsewhere.test\""),
        "{error}"
    );
}

#[tokio::test]
async fn tls_shows_a_client_certificate_when_it_has_one() {
    let backend = Backend::start_mutual_tls().await;
    let known = TlsSettings {
        certificate: Some(Pem::Text(certificates::CLIENT_PEM.to_owned())),
        key: Some(Pem::Text(certificates::CLIENT_KEY.to_owned())),
        ..trusting(certificates::CA_PEM)
    };
    assert_eq!(post_tls(&backend, known).await, Ok(StatusCode::OK));
    let error = post_tls(&backend, trusting(certificates::CA_PEM))
        .await
        .expect_err("is refused");
    assert!(error.contains(&backend.endpoint()), "{error}");
}

#[tokio::test]
async fn http2_is_spoken_when_offered_and_only_then() {
    let backend = Backend::start_tls().await;
    for (http2, expected) in [(AskHttp2::Yes, ""), (AskHttp2::No, "127.0.0.1")] {
        let tls = Some(trusting(certificates::CA_PEM));
        let settings = ClientSettings {
            tls,
            http2,
            ..ClientSettings::default()
        };
        let client = Client::new(&settings).expect("settings are good");
        let target = url(&format!("https://{}/v1/traces", backend.addr()));
        assert_eq!(post(&client, &target).await, Ok(StatusCode::OK));
        let seen = backend.seen();
        let last = seen.requests.last().expect("was recorded");
        // HTTP/2 has `:authority` in the place of the header `host`.
        assert_eq!(
            last.header("host").split(':').next(),
            Some(expected),
            "{http2:?}"
        );
    }
}
