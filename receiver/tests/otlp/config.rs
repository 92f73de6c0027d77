//! Settings of `otlp`: what is accepted, and what is said about the rest.

use tapline_config::Transport;

use crate::harness::settings;

#[test]
fn a_protocol_is_on_when_its_key_is_there() {
    let config = settings("protocols:\n  grpc:").expect("is valid");
    assert!(config.protocols.grpc.is_on());
    assert!(!config.protocols.http.is_on());
    let said = settings("protocols:").expect_err("speaks nothing");
    assert_eq!(
        said,
        ["`protocols` must have at least one of `grpc` and `http`"]
    );
}

#[test]
fn settings_of_both_protocols_are_read() {
    let config = settings(
        "protocols:\n  grpc: {endpoint: /run/otlp.sock, transport: unix, read_buffer_size: 524288}\n  \
         http: {logs_url_path: /logs%2f, include_metadata: true}",
    );
    let protocols = config.expect("is valid").protocols;
    let grpc = protocols.grpc.as_ref().expect("is on");
    assert_eq!(grpc.transport, Transport::Unix);
    let http = protocols.http.as_ref().expect("is on");
    assert_eq!(http.extra.logs_url_path, "/logs%2f");
    assert!(http.base.include_metadata);
}

#[test]
fn mistakes_are_found() {
    let cases = [
        ("protocols:\n  htttp:", "unknown setting `htttp`"),
        (
            "protocols:\n  http: {traces_url_path: 'a b'}",
            "`protocols::http::traces_url_path` is not",
        ),
        (
            "protocols:\n  http: {logs_url_path: '%zz'}",
            "`protocols::http::logs_url_path` is not",
        ),
        (
            "protocols:\n  http: {logs_url_path: /a%2}",
            "`protocols::http::logs_url_path` is not",
        ),
        (
            "protocols:\n  http: {endpoint: localhost}",
            "`protocols::http::endpoint` is not usable: missing port in address",
        ),
        (
            "protocols:\n  grpc: {endpoint: '0.0.0.0:99999'}",
            "`protocols::grpc::endpoint` is not usable: \"99999\" is not a port",
        ),
        (
            "protocols:\n  grpc: {tls: {cert_file: x}}",
            "`protocols::grpc::tls::key_file` is needed",
        ),
        (
            "protocols:\n  http: {middlewares: [{id: x}]}",
            "`protocols::http::middlewares` is not",
        ),
    ];
    for (yaml, start) in cases {
        let said = settings(yaml).expect_err("is wrong");
        assert!(
            said.iter().any(|line| line.starts_with(start)),
            "{start}: {said:?}"
        );
    }
}
