//! Files in, reports out.

use std::{env, fs, process};

use serde_json::Value;
use tapline_config::Problems;

use super::{judge::judge, show};

/// Judges a text as a file of its own.
fn told(name: &str, text: &str) -> (String, Value) {
    let path = env::temp_dir().join(format!("tapline-compat-{}-{name}.yaml", process::id()));
    fs::write(&path, text).expect("writable");
    let report = judge(path.to_str().expect("plain"), &Problems::new());
    fs::remove_file(&path).expect("is there");
    let shown = show::text(std::slice::from_ref(&report));
    let shown = shown.replace(path.to_str().expect("plain"), "FILE");
    let listed: Vec<Value> = serde_json::from_str(&show::json(&[report])).expect("JSON");
    (shown, listed.into_iter().next().expect("one"))
}

#[test]
fn what_the_helm_chart_writes_runs_unchanged() {
    let text = "
receivers:
  otlp: {protocols: {grpc: {endpoint: '${env:TAPLINE_NO_IP}:4317'}, http: }}
processors:
  memory_limiter: {check_interval: 1s, limit_percentage: 80, spike_limit_percentage: 25}
  batch:
exporters: {debug: }
extensions: {health_check: {endpoint: '${env:TAPLINE_NO_IP}:13133'}}
service:
  extensions: [health_check]
  telemetry:
    metrics:
      readers:
        - pull: {exporter: {prometheus: {host: '${env:TAPLINE_NO_IP}', port: 8888}}}
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter, batch], exporters: [debug]}
";
    let expected = "\
receivers
  otlp            full
processors
  memory_limiter  full
  batch           full
exporters
  debug           full
extensions
  health_check    full
not judged, because not set here
  TAPLINE_NO_IP
FILE: runs unchanged
";
    let (shown, listed) = told("helm", text);
    assert_eq!(shown, expected);
    assert_eq!(listed["verdict"], "runs_unchanged");
    assert_eq!(listed["unset_variables"][0], "TAPLINE_NO_IP");
}

#[test]
fn settings_without_effect_are_differences() {
    let text = "
receivers: {otlp: {protocols: {grpc: }}, kafka: {brokers: [a]}}
exporters:
  otlp_grpc:
    endpoint: ${env:TAPLINE_NO_ENDPOINT}
    tls: {ca_file: /nonexistent/ca.pem}
    write_buffer_size: 1024
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp_grpc]}
";
    let (shown, listed) = told("effects", text);
    let expected = "\
exporters
  otlp_grpc  partial
    line 7: `write_buffer_size` has no effect here: the runtime sizes its own buffers
";
    assert!(shown.contains(expected), "{shown}");
    assert!(
        shown.contains("  kafka      missing, and not used"),
        "{shown}"
    );
    assert!(
        shown.ends_with("FILE: would start, 2 differences\n"),
        "{shown}"
    );
    let exporter = &listed["components"][2];
    assert_eq!(exporter["standing"], "partial");
    assert_eq!(exporter["differences"][0]["kind"], "no_effect");
    assert_eq!(exporter["differences"][0]["key"], "write_buffer_size");
}

#[test]
fn what_is_missing_or_refused_is_said_with_what_to_use() {
    let text = "
receivers: {kafka: {brokers: [a]}}
exporters:
  logging: {}
  otlp_http: {endpoint: 'http://${env:TAPLINE_NO_HOST}', middlewares: [{id: x}], flavour: 1}
service:
  pipelines:
    logs: {receivers: [kafka], exporters: [logging, otlp_http]}
";
    let (shown, listed) = told("missing", text);
    assert!(shown.contains("  kafka      missing\n"), "{shown}");
    assert!(
        shown.contains("  logging    gone from the Collector too: use `debug`"),
        "{shown}"
    );
    assert!(shown.contains("unknown setting `flavour`"), "{shown}");
    let last = "FILE: would not start: receiver `kafka` is missing here, exporter `logging` is \
                gone from the Collector too, exporter `otlp_http` has settings that are refused\n";
    assert!(shown.ends_with(last), "{shown}");
    assert_eq!(listed["verdict"], "would_not_start");
    let refused = &listed["components"][2]["differences"];
    assert_eq!(refused[0]["kind"], "not_supported");
    assert_eq!(refused[1]["kind"], "unknown_setting");
}

#[test]
fn the_same_mistake_is_one_in_the_collector() {
    let text = "
receivers: {otlp: {protocols: {http: }}}
exporters: {otlp_http: {endpoint: '', sending_queue: {num_consumers: 0}}, debug: }
service:
  telemetry: {traces: {level: none}, logs: {development: false}}
  pipelines:
    logs: {receivers: [otlp], exporters: [otlp_http]}
";
    let (shown, _) = told("wrong", text);
    assert!(
        shown.contains("  otlp_http  full, with mistakes\n    line 3: "),
        "{shown}"
    );
    assert!(!shown.contains("development"), "{shown}");
    assert!(
        shown.ends_with("would not start: exporter `otlp_http` has mistakes\n"),
        "{shown}"
    );
}

#[test]
fn mistakes_of_the_file_are_shown_at_their_lines() {
    let (shown, _) = told("broken", "receivers: {otlp: {}}\n\tservice: {}\n");
    assert!(shown.contains("FILE:2:"), "{shown}");
    assert!(
        shown.ends_with("FILE: would not start: 1 mistake in the file\n"),
        "{shown}"
    );
}
