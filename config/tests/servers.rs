//! The blocks of servers: keys, defaults and mistakes, as a component that has them would see it.

use serde::Deserialize;
use tapline_config::{
    Environment, Extended, GrpcServerConfig, HttpServerConfig, Input, Invalid, Node, Optional,
    Problems, Transport, Validate, decode_valid, load,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    grpc: Optional<GrpcServerConfig>,
    http: Optional<Extended<HttpServerConfig, Paths>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Paths {
    traces_url_path: String,
}

impl Validate for Paths {
    fn validate(&self) -> Vec<Invalid> {
        Vec::new()
    }
}

impl Validate for Config {
    fn validate(&self) -> Vec<Invalid> {
        let grpc = self.grpc.as_ref().map(Validate::validate);
        let http = self.http.as_ref().map(Validate::validate);
        let under = |key, found: Option<Vec<Invalid>>| {
            let found = found.unwrap_or_default().into_iter();
            found.map(move |each| each.under(key))
        };
        under("grpc", grpc).chain(under("http", http)).collect()
    }
}

fn read(yaml: &str) -> Result<Config, Vec<String>> {
    let indented = yaml.replace('\n', "\n  ");
    let text = format!("receivers:\n  {indented}\n");
    let document = load(&[Input::text("a.yaml", text)], &Environment::default());
    let document = document.map_err(|problems| messages(&problems))?;
    let node: &Node = document.root().get("receivers").expect("is there");
    let mut problems = Problems::new();
    decode_valid(node, &mut problems).ok_or_else(|| messages(&problems))
}

fn messages(problems: &Problems) -> Vec<String> {
    problems.iter().map(|each| each.message.clone()).collect()
}

#[test]
fn every_key_of_the_collector_is_read() {
    let config = read(
        "grpc:
  endpoint: /run/otlp.sock
  transport: unix
  dialer: {timeout: 1s}
  tls: {cert_file: c.pem, key_file: k.pem, client_ca_file: ca.pem, reload_interval: 1h}
  max_recv_msg_size_mib: 8
  max_concurrent_streams: 100
  read_buffer_size: 1024
  write_buffer_size: 1024
  keepalive:
    server_parameters: {max_connection_idle: 1m, max_connection_age: 2m, time: 10s, timeout: 1s}
    enforcement_policy: {min_time: 10s, permit_without_stream: true}
  auth: {authenticator: oidc}
  include_metadata: true
http:
  cors: {allowed_origins: ['https://*.example'], allowed_headers: [x], exposed_headers: [y], max_age: 7}
  auth: {authenticator: oidc, request_params: [token]}
  max_request_body_size: -1
  response_headers: {x-served-by: tapline}
  compression_algorithms: ['', gzip]
  read_timeout: 1s
  read_header_timeout: 2s
  write_timeout: 3s
  idle_timeout: 4s
  keep_alives_enabled: false
  traces_url_path: /spans",
    );
    let config = config.expect("is valid");
    let grpc = config.grpc.as_ref().expect("is on");
    assert_eq!(grpc.transport, Transport::Unix);
    assert_eq!(grpc.message_bytes_max(), 8 << 20);
    assert!(grpc.tls.is_on());
    let http = config.http.as_ref().expect("is on");
    assert_eq!(http.base.body_bytes_max(), 20 << 20);
    assert_eq!(http.extra.traces_url_path, "/spans");
    assert!(!http.base.keep_alives_enabled);
}

#[test]
fn a_block_left_empty_is_on_with_its_defaults() {
    let config = read("grpc:\nhttp:").expect("is valid");
    assert_eq!(config.grpc.as_ref(), Some(&GrpcServerConfig::default()));
    let http = config.http.as_ref().expect("is on");
    assert_eq!(http.base, HttpServerConfig::default());
}

#[test]
fn what_has_no_effect_is_said_at_its_line() {
    let text = "receivers:
  endpoint: localhost:4317
  read_buffer_size: 524288
  write_buffer_size: 0
  keepalive:
    server_parameters: {time: 1m}
    enforcement_policy: {min_time: 10s}
";
    let document = load(&[Input::text("a.yaml", text)], &Environment::default());
    let document = document.expect("is YAML");
    let node: &Node = document.root().get("receivers").expect("is there");
    let mut problems = Problems::new();
    let config: Option<GrpcServerConfig> = decode_valid(node, &mut problems);
    assert!(config.is_some() && !problems.has_errors(), "{problems}");
    let said = problems.to_string();
    for part in [
        "warning: `read_buffer_size` is accepted and has no effect",
        "a.yaml:3:",
        "warning: `keepalive::enforcement_policy` is accepted and has no effect",
        "a.yaml:7:",
    ] {
        assert!(said.contains(part), "{part} not in {said}");
    }
    assert_eq!(problems.len(), 2, "{said}");
}

#[test]
fn every_mistake_is_reported() {
    let said = read(
        "grpc:
  transport: udp
  tls: {key_file: k.pem, max_version: '1.1', min_version: '1.0', tpm: {enabled: true}}
  middlewares: [{id: limiter}]
http:
  cors: {allowed_origins: ['*.*']}
  compression_algorithms: [gzip, br]
  traces_url_pth: /spans",
    );
    let said = said.expect_err("is wrong").join("\n");
    for part in ["`udp`", "unknown setting `traces_url_pth`"] {
        assert!(said.contains(part), "{part} not in {said}");
    }
    let said = read(
        "grpc:
  endpoint: localhost
  tls: {key_file: k.pem, max_version: '1.1', min_version: '1.0', tpm: {enabled: true}}
  middlewares: [{id: limiter}]
http:
  endpoint: ':http'
  cors: {allowed_origins: ['*.*']}
  compression_algorithms: [gzip, br]",
    );
    let said = said.expect_err("is wrong").join("\n");
    for part in [
        "`grpc::endpoint` is not usable: missing port in address",
        "`http::endpoint` is not usable: \"http\" is not a port",
        "`grpc::tls::cert_file` is needed",
        "`grpc::tls::max_version` below 1.2 is not supported",
        "`grpc::tls::tpm::enabled` is not supported",
        "`grpc::middlewares` is not supported",
        "`http::cors::allowed_origins::0` must have at most one `*`",
        "`http::compression_algorithms::1` is not a known encoding",
    ] {
        assert!(said.contains(part), "{part} not in {said}");
    }
}
