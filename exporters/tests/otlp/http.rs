//! `otlp_http` against the fake backend.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tapline_exporters::otlp_http::{self, Config};
use tapline_pdata::{Signal, json::from_json};
use tapline_pipeline::{Exporter, Fault, Proxies, Refusal, Verdict};
use tapline_testkit::{Answer, Backend, Protocol, RawServer, certificates, nobody_listens};

use crate::{
    authenticator::trusted,
    batches::{batch, context, settings, spans},
};

fn exporter(yaml: &str, signal: Signal) -> Arc<dyn Exporter> {
    let config: Config = settings(yaml).expect("settings are good");
    otlp_http::build(&config, &context(signal)).expect("builds")
}

fn plain(backend: &Backend) -> Arc<dyn Exporter> {
    exporter(&format!("endpoint: {}", backend.url()), Signal::Traces)
}

async fn refusal(exporter: &Arc<dyn Exporter>) -> Refusal {
    exporter.export(spans()).await.expect_err("is refused")
}

#[test]
fn builds_without_a_runtime() {
    exporter("endpoint: http://backend:4318", Signal::Traces);
}

#[tokio::test]
async fn every_signal_arrives_compressed_as_told() {
    let backend = Backend::start().await;
    let compressions = ["gzip", "zstd", "zlib", "deflate", "none"];
    for compression in compressions {
        for signal in Signal::ALL {
            let yaml = format!("endpoint: {}/\ncompression: {compression}", backend.url());
            let sent = batch(signal, "GET /orders");
            exporter(&yaml, signal)
                .export(sent.clone())
                .await
                .expect("is taken");
            let seen = backend.seen();
            let last = seen.requests.last().expect("was recorded");
            assert_eq!(last.protocol, Protocol::Http);
            assert_eq!(last.encoding.replace("identity", "none"), compression);
            if signal != Signal::Profiles {
                assert_eq!(last.wire_bytes < sent.size_bytes(), compression != "none");
            }
        }
    }
    let seen = backend.seen();
    assert_eq!(
        (seen.spans().len(), seen.logs().len(), seen.metrics().len()),
        (5, 5, 5)
    );
    assert_eq!(seen.requests[3].path, "/v1development/profiles");
}

#[tokio::test]
async fn a_signals_own_endpoint_is_used_verbatim() {
    let backend = Backend::start().await;
    let url = backend.url();
    // Everything but traces would be refused; the path of another signal shows what was used.
    let yaml =
        format!("endpoint: http://127.0.0.1:1\ntraces_endpoint: {url}/v1/traces?tenant=blue");
    exporter(&yaml, Signal::Traces)
        .export(spans())
        .await
        .expect("is taken");
    assert_eq!(backend.seen().requests[0].path, "/v1/traces");
}

#[tokio::test]
async fn gzip_is_the_default_and_the_users_headers_win() {
    let backend = Backend::start().await;
    let yaml = format!(
        "endpoint: {}\nheaders: [{{name: x-tenant, value: blue}}, {{name: Host, value: front}}]",
        backend.url()
    );
    exporter(&yaml, Signal::Traces)
        .export(spans())
        .await
        .expect("is taken");
    let request = &backend.seen().requests[0];
    assert_eq!(
        (request.encoding.as_str(), request.header("x-tenant")),
        ("gzip", "blue")
    );
    assert_eq!(request.header("content-type"), "application/x-protobuf");
    assert_eq!(request.header("host"), "front");
    let agent = request.header("user-agent");
    assert!(
        agent.starts_with("tapline/") && agent.contains(" (linux/"),
        "{agent}"
    );
}

#[tokio::test]
async fn every_status_gets_the_verdict_of_the_specification() {
    let later = Verdict::Later { after: None };
    let backend = Backend::start().await;
    let exporter = plain(&backend);
    for status in [
        301, 307, 400, 401, 403, 404, 405, 408, 413, 415, 429, 500, 501, 502, 503, 504,
    ] {
        backend.answer_next([Answer::http(status)]);
        let refused = refusal(&exporter).await;
        let verdict = if [429, 502, 503, 504].contains(&status) {
            later
        } else {
            Verdict::Never
        };
        assert_eq!(refused.verdict, verdict, "{status}");
        let fault = if status == 400 {
            Fault::Sender
        } else {
            Fault::Backend
        };
        assert_eq!(refused.fault, fault, "{status}");
        let cause = format!(
            "error exporting items, request to {}/v1/traces responded with HTTP Status Code {status}",
            backend.url()
        );
        assert_eq!(refused.cause, cause);
        let kind = match status {
            400 => "InvalidArgument",
            401 => "Unauthenticated",
            403 => "PermissionDenied",
            404 => "Unimplemented",
            429 => "ResourceExhausted",
            502..=504 => "Unavailable",
            _ => "Unknown",
        };
        assert_eq!(refused.kind, kind, "{status}");
    }
    for status in [200, 202, 204] {
        backend.answer_next([Answer::http(status)]);
        exporter.export(spans()).await.expect("is taken");
    }
}

#[tokio::test]
async fn retry_after_is_honoured_where_it_counts() {
    let backend = Backend::start().await;
    let exporter = plain(&backend);
    let seven = Verdict::Later {
        after: Some(Duration::from_secs(7)),
    };
    let later = Verdict::Later { after: None };
    for (status, header, verdict) in [
        (429, "7", seven),
        (503, "7", seven),
        (502, "7", later),
        (504, "7", later),
        (500, "7", Verdict::Never),
        (503, "soon", later),
        (503, "Sun, 06 Nov 1994 08:49:37 GMT", later),
    ] {
        backend.answer_next([Answer::http(status).header("retry-after", header)]);
        assert_eq!(
            refusal(&exporter).await.verdict,
            verdict,
            "{status} {header}"
        );
    }
    let next_century = "Sat, 06 Nov 2094 08:49:37 GMT";
    backend.answer_next([Answer::http(429).header("retry-after", next_century)]);
    let Verdict::Later { after: Some(delay) } = refusal(&exporter).await.verdict else {
        panic!("a date is a delay");
    };
    assert!(delay > Duration::from_hours(24), "{delay:?}");
}

#[tokio::test]
async fn the_backends_reason_is_shown() {
    let backend = Backend::start().await;
    let status = Answer::http(400).header("content-type", "application/x-protobuf");
    backend.answer_next([status.body(b"\x08\x03\x12\x0bbad span id")]);
    let cause = refusal(&plain(&backend)).await.cause;
    assert!(
        cause.ends_with(" HTTP Status Code 400, Message=bad span id"),
        "{cause}"
    );
}

#[tokio::test]
async fn partial_success_is_success() {
    let backend = Backend::start().await;
    backend.answer_next([Answer::partial(1, "too old")]);
    assert!(plain(&backend).export(spans()).await.is_ok());
}

#[tokio::test]
async fn lost_and_refused_connections_are_worth_a_retry() {
    let backend = Backend::start().await;
    for lost in [Answer::hang_up(), Answer::reset(2), Answer::cut()] {
        backend.answer_next([lost.clone()]);
        let refused = refusal(&plain(&backend)).await;
        assert!(refused.is_retryable(), "{lost:?}: {refused}");
    }
    let addr = nobody_listens().await;
    let refused = refusal(&exporter(
        &format!("endpoint: http://{addr}"),
        Signal::Traces,
    ))
    .await;
    assert_eq!(refused.cause, format!("connection refused by {addr}"));
    assert_eq!(refused.verdict, Verdict::Later { after: None });
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    // A status that would be for ever, if its answer were whole.
    let cut = "HTTP/1.1 400 Bad Request\r\ncontent-length: 100\r\n\r\nbad";
    let server = RawServer::start(["HTTP/1.1 400 Bad".to_owned(), cut.to_owned()]).await;
    let yaml = format!("endpoint: http://{}", server.addr());
    let exporter = exporter(&yaml, Signal::Traces);
    for _ in 0..2 {
        assert!(refusal(&exporter).await.is_retryable());
    }
    exporter.export(spans()).await.expect("is answered now");
    // Over HTTP/2 a reset ends one request and leaves the connection.
    let backend = Backend::start_tls().await;
    let yaml = format!(
        "endpoint: https://{}\ntls: {{insecure_skip_verify: true}}",
        backend.addr()
    );
    let exporter = self::exporter(&yaml, Signal::Traces);
    for (error_code, name) in [(1, "PROTOCOL_ERROR"), (2, "INTERNAL_ERROR"), (8, "CANCEL")] {
        backend.answer_next([Answer::reset(error_code), Answer::cut()]);
        for _ in 0..2 {
            let refused = refusal(&exporter).await;
            assert!(refused.is_retryable(), "{name}: {refused}");
        }
    }
}

#[tokio::test]
async fn connections_are_kept_unless_told_otherwise() {
    let backend = Backend::start().await;
    for keep in ["false", "true"] {
        let yaml = format!("endpoint: {}\ndisable_keep_alives: {keep}", backend.url());
        let exporter = exporter(&yaml, Signal::Traces);
        for _ in 0..3 {
            exporter.export(spans()).await.expect("is taken");
        }
    }
    let ports: Vec<_> = backend
        .seen()
        .requests
        .iter()
        .map(|request| request.peer.port())
        .collect();
    assert!(
        ports[0] == ports[1] && ports[1] == ports[2],
        "one connection: {ports:?}"
    );
    let apart: HashSet<_> = ports[3..].iter().collect();
    assert_eq!(apart.len(), 3, "three connections: {ports:?}");
}

#[tokio::test]
async fn https_needs_a_ca_that_signed_the_server() {
    let backend = Backend::start_tls().await;
    for (ca, good) in [
        (certificates::CA_PEM, true),
        (certificates::OTHER_CA_PEM, false),
    ] {
        let ca = ca.replace('\n', "\n    ");
        let endpoint = backend.endpoint();
        let yaml = format!("endpoint: https://{endpoint}\ntls:\n  ca_pem: |\n    {ca}\n");
        let exported = exporter(&yaml, Signal::Traces).export(spans()).await;
        if good {
            exported.expect("is taken");
        } else {
            let refused = exported.expect_err("is refused");
            assert!(refused.cause.contains("UnknownIssuer"), "{refused}");
        }
    }
}

#[tokio::test]
async fn json_is_sent_and_understood() {
    let body = r#"{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}"#;
    let answer = |status: &str, body: &str| {
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let error = r#"{"code":3,"message":"no such tenant"}"#;
    let server = RawServer::start([answer("200 OK", body), answer("400 Bad", error)]).await;
    let yaml = format!(
        "endpoint: http://{}\nencoding: json\ncompression: none",
        server.addr()
    );
    let exporter = exporter(&yaml, Signal::Traces);
    exporter.export(spans()).await.expect("partial is success");
    let request = server.requests().remove(0);
    assert!(request.contains("content-type: application/json\r\n"));
    let (_, json) = request.split_once("\r\n\r\n").expect("has a body");
    let read = from_json(Signal::Traces, json.as_bytes()).expect("is OTLP");
    assert_eq!(read.to_bytes(), spans().to_bytes());
    let refused = refusal(&exporter).await;
    assert!(
        refused.cause.ends_with("Message=no such tenant"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_level_is_obeyed() {
    let backend = Backend::start().await;
    let mut sizes = Vec::new();
    for level in [1, 9] {
        let yaml = format!(
            "endpoint: {}\ncompression_params: {{level: {level}}}",
            backend.url()
        );
        let mut many = spans();
        for number in 0..200 {
            many.append(batch(Signal::Traces, &format!("GET /orders/{number}")));
        }
        let exporter = exporter(&yaml, Signal::Traces);
        exporter.export(many).await.expect("is taken");
        sizes.push(backend.seen().requests.last().map(|last| last.wire_bytes));
    }
    assert!(sizes[0] > sizes[1], "{sizes:?}");
}

#[tokio::test]
async fn every_other_compression_of_the_collector_is_spoken() {
    for name in ["snappy", "x-snappy-framed", "lz4"] {
        let server = RawServer::start([]).await;
        let yaml = format!("endpoint: http://{}\ncompression: {name}", server.addr());
        // The body is not text, so only its head is looked at.
        let _ended = exporter(&yaml, Signal::Traces).export(spans()).await;
        let request = server.requests().remove(0);
        assert!(
            request.contains(&format!("content-encoding: {name}\r\n")),
            "{request}"
        );
    }
}

#[tokio::test]
async fn credentials_are_asked_for_and_win() {
    let backend = Backend::start().await;
    let yaml = format!(
        "endpoint: {}\nauth: {{authenticator: bearertokenauth}}\nheaders: {{authorization: old}}",
        backend.url()
    );
    let config: Config = settings(&yaml).expect("settings are good");
    let exporter = otlp_http::build(&config, &trusted(Signal::Traces)).expect("builds");
    exporter.export(spans()).await.expect("is taken");
    assert_eq!(
        backend.seen().requests[0].header("authorization"),
        "Bearer 1"
    );
    let refused = refusal(&exporter).await;
    assert_eq!(
        refused.cause,
        "cannot get credentials: the token has expired"
    );
    assert!(refused.is_retryable());
}

#[tokio::test]
async fn the_environments_proxy_is_used_unless_the_configuration_has_its_own() {
    let (environment, own) = (RawServer::start([]).await, RawServer::start([]).await);
    let mut cx = context(Signal::Traces);
    cx.shared.proxies = Arc::new(Proxies {
        http: Some(environment.addr().to_string()),
        ..Proxies::default()
    });
    for own_url in ["", &format!("http://{}", own.addr())] {
        let yaml = format!("endpoint: http://backend.test\nproxy_url: '{own_url}'");
        let config: Config = settings(&yaml).expect("settings are good");
        let exporter = otlp_http::build(&config, &cx).expect("builds");
        let _body_is_not_text = exporter.export(spans()).await;
    }
    assert_eq!((environment.requests().len(), own.requests().len()), (1, 1));
    cx.shared.proxies = Arc::new(Proxies {
        http: Some("socks5://me:secret@proxy".to_owned()),
        ..Proxies::default()
    });
    let config: Config = settings("endpoint: http://backend").expect("settings are good");
    let refused = otlp_http::build(&config, &cx).err().expect("is refused");
    assert!(
        refused.contains("socks5") && !refused.contains("secret"),
        "{refused}"
    );
}
