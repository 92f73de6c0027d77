//! Traps, each at its line, and what is none.

use crate::settings::said_about;

/// Returns the warnings about an otlp receiver with these settings for gRPC.
fn about_grpc(settings: &str) -> String {
    said_about(&format!(
        "receivers:
  otlp:
    protocols:
      grpc: {settings}
      http:
exporters: {{debug: }}
service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [debug]}}}}}}
"
    ))
}

/// Returns the warnings about a pipeline with these processors, without those about unused ones.
fn about_order(processors: &str) -> String {
    let said = said_about(&format!(
        "receivers: {{otlp: {{protocols: {{grpc: }}}}}}
processors:
  batch:
  memory_limiter: {{check_interval: 1s, limit_mib: 100}}
  attributes: {{actions: [{{key: a, action: delete}}]}}
exporters: {{debug: }}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [{processors}], exporters: [debug]}}
"
    ));
    let told = said
        .split("\n\n")
        .filter(|problem| !problem.contains("no pipeline uses it"));
    told.collect::<Vec<_>>().join("\n\n")
}

#[test]
fn a_server_that_anybody_can_reach_is_told_with_its_line() {
    assert_eq!(
        about_grpc("{endpoint: 0.0.0.0:4317}"),
        "\
warning: receiver `otlp` listens on every interface, without TLS or authentication
  --> test.yaml:4:24
   |
 4 |       grpc: {endpoint: 0.0.0.0:4317}
   |                        ^^^^^^^^^^^^ use `localhost:4317` or an inner address, or add `tls` or `auth`"
    );
}

#[test]
fn a_server_that_is_guarded_or_inside_is_none() {
    for settings in [
        "",
        "{endpoint: localhost:4317}",
        "{endpoint: 10.0.0.7:4317}",
        "{endpoint: gateway:4317}",
        "{endpoint: /run/otlp.sock, transport: unix}",
    ] {
        assert_eq!(about_grpc(settings), "", "{settings}");
    }
    let guarded = "{endpoint: 0.0.0.0:4317, tls: {cert_file: a, key_file: b}}";
    assert!(!about_grpc(guarded).contains("listens"));
    let off = "{endpoint: 0.0.0.0:4317, enabled: false}";
    assert!(!about_grpc(off).contains("listens"));
    let switched_off = "{endpoint: 0.0.0.0:4317, tls: {enabled: false}}";
    assert!(about_grpc(switched_off).contains("listens on every interface"));
}

#[test]
fn an_open_extension_is_told_unless_it_is_for_probes() {
    let said = said_about(
        "receivers: {otlp: {protocols: {grpc: }}}
exporters: {debug: }
extensions:
  zpages: {endpoint: ':55679'}
  health_check: {endpoint: 0.0.0.0:13133}
service:
  extensions: [zpages, health_check]
  pipelines: {traces: {receivers: [otlp], exporters: [debug]}}
",
    );
    assert!(
        said.contains("extension `zpages` listens on every interface"),
        "{said}"
    );
    assert!(said.contains("test.yaml:4:22"), "{said}");
    assert_eq!(said.matches("warning").count(), 1, "{said}");
}

#[test]
fn a_memory_limiter_that_is_not_first_is_told_once() {
    assert_eq!(about_order("memory_limiter, attributes, batch"), "");
    let said = about_order("batch, memory_limiter");
    assert!(said.contains("`memory_limiter` is not the first processor of pipeline `traces`"));
    assert!(said.contains("test.yaml:9:53"), "{said}");
    assert!(said.contains("put it first"), "{said}");
    assert_eq!(said.matches("warning").count(), 1, "{said}");
}

#[test]
fn a_pipeline_without_memory_limiter_is_no_trap() {
    assert_eq!(about_order("attributes, batch"), "");
}

#[test]
fn an_exporter_without_queue_beside_another_is_told() {
    let said = said_about(
        "receivers: {otlp: {protocols: {grpc: }}}
exporters:
  debug:
  otlp_http:
    endpoint: http://localhost:4318
    sending_queue: {enabled: false}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp_http]}
    traces/2: {receivers: [otlp], exporters: [debug]}
",
    );
    let expected = "exporter `otlp_http` has no queue and shares the receiver `otlp` with `debug`";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains("test.yaml:6:30"), "{said}");
    assert!(said.contains("waits and `debug` gets nothing"), "{said}");
}
