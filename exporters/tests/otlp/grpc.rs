//! `otlp_grpc` against the fake backend.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tapline_exporters::otlp_grpc::{self, Config};
use tapline_pdata::{Batch, Signal};
use tapline_pipeline::{Exporter, Fault, Refusal, Verdict};
use tapline_testkit::{Answer, Backend, Payload, Protocol, certificates, nobody_listens};

use crate::{
    authenticator::trusted,
    batches::{batch, context, settings, spans},
};

fn exporter(yaml: &str, signal: Signal) -> Arc<dyn Exporter> {
    let config: Config = settings(yaml).expect("settings are good");
    otlp_grpc::build(&config, &context(signal)).expect("builds")
}

fn plain(backend: &Backend) -> Arc<dyn Exporter> {
    let yaml = format!(
        "endpoint: '{}'\ntls: {{insecure: true}}",
        backend.endpoint()
    );
    exporter(&yaml, Signal::Traces)
}

async fn refusal(exporter: &Arc<dyn Exporter>) -> Refusal {
    exporter.export(spans()).await.expect_err("is refused")
}

#[test]
fn builds_without_a_runtime() {
    exporter("endpoint: backend:4317", Signal::Traces);
}

#[tokio::test]
async fn every_signal_arrives_compressed_as_told() {
    let backend = Backend::start().await;
    for (compression, encoding) in [("gzip", "gzip"), ("zstd", "zstd"), ("none", "identity")] {
        for signal in Signal::ALL {
            let yaml = format!(
                "endpoint: http://{}\ntls: {{insecure: true}}\ncompression: {compression}",
                backend.endpoint()
            );
            let sent = batch(signal, "GET /orders");
            exporter(&yaml, signal)
                .export(sent.clone())
                .await
                .expect("is taken");
            let seen = backend.seen();
            let last = seen.requests.last().expect("was recorded");
            assert_eq!(
                (last.protocol, last.encoding.as_str()),
                (Protocol::Grpc, encoding)
            );
            if signal != Signal::Profiles {
                assert_eq!(last.wire_bytes < sent.size_bytes(), encoding != "identity");
            }
        }
    }
    let seen = backend.seen();
    assert_eq!(
        (seen.spans().len(), seen.logs().len(), seen.metrics().len()),
        (3, 3, 3)
    );
    assert_eq!(seen.spans()[0].record.name, "GET /orders");
    assert_eq!(seen.metrics()[0].record.name, "GET /orders");
    assert_eq!(seen.logs()[0].resource_str("service.name"), Some("shop"));
    assert!(matches!(seen.requests[3].payload, Payload::Profiles(_)));
}

#[tokio::test]
async fn gzip_is_the_default_and_headers_are_sent() {
    let backend = Backend::start().await;
    let yaml = format!(
        "endpoint: {}\ntls: {{insecure: true}}\nheaders: {{x-tenant: blue}}\nauthority: front.test",
        backend.endpoint()
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
    let agent = request.header("user-agent");
    assert!(
        agent.starts_with("tapline/") && agent.contains(" (linux/"),
        "{agent}"
    );
}

#[tokio::test]
async fn a_batch_of_several_chunks_is_one_request() {
    let backend = Backend::start().await;
    let mut joined = batch(Signal::Traces, "one");
    joined.append(batch(Signal::Traces, "two"));
    plain(&backend).export(joined).await.expect("is taken");
    let seen = backend.seen();
    assert_eq!((seen.requests.len(), seen.spans().len()), (1, 2));
}

#[tokio::test]
async fn every_code_gets_the_verdict_of_the_specification() {
    let later = Verdict::Later { after: None };
    let verdicts = [
        (1, "Cancelled", later),
        (2, "Unknown", Verdict::Never),
        (3, "InvalidArgument", Verdict::Never),
        (4, "DeadlineExceeded", later),
        (5, "NotFound", Verdict::Never),
        (6, "AlreadyExists", Verdict::Never),
        (7, "PermissionDenied", Verdict::Never),
        (8, "ResourceExhausted", Verdict::Never),
        (9, "FailedPrecondition", Verdict::Never),
        (10, "Aborted", later),
        (11, "OutOfRange", later),
        (12, "Unimplemented", Verdict::Never),
        (13, "Internal", Verdict::Never),
        (14, "Unavailable", later),
        (15, "DataLoss", later),
        (16, "Unauthenticated", Verdict::Never),
    ];
    let backend = Backend::start().await;
    let exporter = plain(&backend);
    for (code, name, verdict) in verdicts {
        backend.answer_next([Answer::grpc(code, "because")]);
        let refused = refusal(&exporter).await;
        assert_eq!(refused.verdict, verdict, "{name}");
        assert_eq!(
            refused.cause,
            format!("{} answered {name}: because", backend.endpoint())
        );
        assert_eq!(refused.kind, name.replace("Cancelled", "Canceled"));
        let bad_data = code == 3;
        assert_eq!(
            refused.fault,
            if bad_data {
                Fault::Sender
            } else {
                Fault::Backend
            },
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_stream_without_a_status_is_a_broken_connection_and_no_answer() {
    /// What `RST_STREAM` may say, and whether that is worth a retry.
    const REASONS: [(u32, &str, bool); 8] = [
        (0x0, "NO_ERROR", true),
        (0x1, "PROTOCOL_ERROR", true),
        (0x2, "INTERNAL_ERROR", true),
        (0x7, "REFUSED_STREAM", true),
        (0x8, "CANCEL", true),
        (0xb, "ENHANCE_YOUR_CALM", true),
        (0xc, "INADEQUATE_SECURITY", false),
        (0xd, "HTTP_1_1_REQUIRED", true),
    ];
    let backend = Backend::start().await;
    let exporter = plain(&backend);
    for (error_code, name, is_retryable) in REASONS {
        // One that no server has looked at is sent again at once, a few times.
        backend.answer_next(std::iter::repeat_n(Answer::reset(error_code), 3));
        let refused = refusal(&exporter).await;
        assert_eq!(refused.is_retryable(), is_retryable, "{name}: {refused}");
        assert_eq!(refused.fault, Fault::Backend, "{name}");
        backend.answer_next([]);
        while exporter.export(spans()).await.is_err() {}
    }
    backend.answer_next([Answer::cut()]);
    let refused = refusal(&exporter).await;
    assert!(
        refused.is_retryable(),
        "an answer without an end: {refused}"
    );
    backend.answer_next([Answer::grpc(13, "a status of the server")]);
    assert_eq!(refusal(&exporter).await.verdict, Verdict::Never);
}

#[tokio::test]
async fn retry_info_throttles_and_makes_exhaustion_retryable() {
    let backend = Backend::start().await;
    let delay = Duration::from_millis(2_500);
    backend.answer_next([
        Answer::grpc(8, "slow down").retry_after(delay),
        Answer::grpc(14, "slow down").retry_after(delay),
        Answer::grpc(8, "now").retry_after(Duration::ZERO),
        Answer::grpc(3, "bad").retry_after(delay),
    ]);
    let exporter = plain(&backend);
    assert_eq!(
        refusal(&exporter).await.verdict,
        Verdict::Later { after: Some(delay) }
    );
    assert_eq!(
        refusal(&exporter).await.verdict,
        Verdict::Later { after: Some(delay) }
    );
    assert_eq!(
        refusal(&exporter).await.verdict,
        Verdict::Later { after: None }
    );
    assert_eq!(refusal(&exporter).await.verdict, Verdict::Never);
}

#[tokio::test]
async fn partial_success_is_success() {
    let backend = Backend::start().await;
    backend.answer_next([Answer::partial(1, "too old")]);
    assert!(plain(&backend).export(spans()).await.is_ok());
}

#[tokio::test]
async fn http_errors_of_a_proxy_are_understood() {
    let backend = Backend::start().await;
    backend.answer_next([Answer::http(503), Answer::http(404)]);
    let exporter = plain(&backend);
    assert_eq!(
        refusal(&exporter).await.verdict,
        Verdict::Later { after: None }
    );
    assert_eq!(refusal(&exporter).await.verdict, Verdict::Never);
}

#[tokio::test]
async fn a_refused_connection_is_worth_a_retry_and_names_the_endpoint() {
    let addr = nobody_listens().await;
    let exporter = exporter(
        &format!("endpoint: {addr}\ntls: {{insecure: true}}"),
        Signal::Traces,
    );
    let refused = refusal(&exporter).await;
    assert_eq!(refused.cause, format!("connection refused by {addr}"));
    assert_eq!(refused.verdict, Verdict::Later { after: None });
    let _backend = Backend::start_on(addr).await;
    exporter
        .export(spans())
        .await
        .expect("connects by itself once somebody listens");
}

#[tokio::test]
async fn tls_is_on_unless_insecure_and_https_insists() {
    let backend = Backend::start_tls().await;
    let endpoint = backend.endpoint();
    let ca = certificates::CA_PEM.replace('\n', "\n    ");
    let trusting = format!("endpoint: {endpoint}\ntls:\n  ca_pem: |\n    {ca}\n");
    exporter(&trusting, Signal::Traces)
        .export(spans())
        .await
        .expect("TLS is on");
    // A CA outweighs `insecure`.
    let contradictory = format!("{trusting}  insecure: true\n");
    exporter(&contradictory, Signal::Traces)
        .export(spans())
        .await
        .expect("TLS is on");
    let forced = format!(
        "endpoint: https://{endpoint}\ntls: {{insecure: true, insecure_skip_verify: true}}"
    );
    exporter(&forced, Signal::Traces)
        .export(spans())
        .await
        .expect("TLS is on");
    let stranger = certificates::OTHER_CA_PEM.replace('\n', "\n    ");
    let suspicious = format!("endpoint: {endpoint}\ntls:\n  ca_pem: |\n    {stranger}\n");
    let refused = refusal(&exporter(&suspicious, Signal::Traces)).await;
    let expected = format!("TLS handshake with {endpoint} failed: invalid peer certificate");
    assert!(refused.cause.starts_with(&expected), "{refused}");
    assert!(refused.is_retryable());
}

#[tokio::test]
async fn what_no_backend_takes_is_not_sent() {
    let backend = Backend::start().await;
    let huge = Batch::written(Signal::Traces, Bytes::from(vec![0; (64 << 20) + 1]), 1);
    let refused = plain(&backend).export(huge).await.expect_err("is refused");
    assert_eq!(refused.verdict, Verdict::Never);
    assert!(backend.seen().requests.is_empty());
}

#[tokio::test]
async fn credentials_are_asked_for_with_every_call() {
    let backend = Backend::start().await;
    let yaml = format!(
        "endpoint: {}\ntls: {{insecure: true}}\nauth: {{authenticator: bearertokenauth}}",
        backend.endpoint()
    );
    let config: Config = settings(&yaml).expect("settings are good");
    let exporter = otlp_grpc::build(&config, &trusted(Signal::Traces)).expect("builds");
    exporter.export(spans()).await.expect("is taken");
    assert_eq!(
        backend.seen().requests[0].header("authorization"),
        "Bearer 1"
    );
    assert!(refusal(&exporter).await.is_retryable());
}

#[test]
fn an_authenticator_has_to_exist() {
    let yaml = "endpoint: backend:4317\nauth: {authenticator: nobody}";
    let config: Config = settings(yaml).expect("settings are good");
    let refused = otlp_grpc::build(&config, &context(Signal::Traces)).err();
    assert_eq!(
        refused.expect("is refused"),
        "failed to resolve authenticator \"nobody\": authenticator not found"
    );
}
