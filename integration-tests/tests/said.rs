//! What tapline says when something is wrong: in the right form, with the place and the culprit.

use std::{net::TcpListener, path::Path, process::Command};

use tapline_integration_tests::{Scratch, tapline};

/// A gateway with something to complete: receivers at `{port}`, and `{telemetry}`.
const GATEWAY: &str = "receivers:
  otlp:
    protocols:
      http: {endpoint: '127.0.0.1:{port}'}
exporters:
  otlp_http: {endpoint: '${env:TAPLINE_TEST_UNSET}http://127.0.0.1:1'}
service:
  telemetry: {telemetry}
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp_http]}
";

fn gateway(port: u16, telemetry: &str) -> String {
    GATEWAY
        .replace("{port}", &port.to_string())
        .replace("{telemetry}", telemetry)
}

/// Runs to the end, which is a failure, and returns what was said on standard error.
fn failed(args: &[&str]) -> String {
    let ran = Command::new(tapline())
        .args(args)
        .output()
        .expect("tapline can be started");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(1), "{said}");
    said
}

fn failed_with(file: &Path) -> String {
    failed(&["--config", file.to_str().expect("our paths are plain")])
}

/// Returns a port that somebody listens on, for as long as that lives.
fn taken() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("is bound").port();
    (listener, port)
}

#[test]
fn where_logs_are_json_warnings_and_the_end_are_too() {
    let (_listener, port) = taken();
    let telemetry = "{logs: {encoding: json}, metrics: {level: none}}";
    let scratch = Scratch::new();
    let said = failed_with(&scratch.file("gateway.yaml", &gateway(port, telemetry)));
    let lines: Vec<serde_json::Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let warning = lines.iter().find(|line| line["level"] == "warn");
    let warning = warning.unwrap_or_else(|| panic!("no warning:\n{said}"));
    let message = warning["msg"].as_str().expect("a text");
    assert!(message.contains("`TAPLINE_TEST_UNSET`"), "{warning}");
    let at = warning["at"].as_str().expect("a place");
    assert!(at.ends_with("gateway.yaml:6:26"), "{warning}");
    let last = lines.last().expect("something was said");
    assert_eq!(last["level"], "error", "{said}");
    assert_eq!(last["msg"], "tapline cannot run", "{said}");
    let error = last["error"].as_str().expect("a text");
    assert!(error.contains(&format!("127.0.0.1:{port}")), "{error}");
}

#[test]
fn where_logs_are_for_people_the_end_is_said_once() {
    let (_listener, port) = taken();
    let scratch = Scratch::new();
    let text = gateway(port, "{metrics: {level: none}}");
    let said = failed_with(&scratch.file("gateway.yaml", &text));
    assert_eq!(said.matches("cannot listen").count(), 1, "{said}");
    assert!(
        said.lines()
            .last()
            .is_some_and(|line| line.starts_with("error: ")),
        "{said}"
    );
}

#[test]
fn a_reader_that_cannot_listen_names_its_setting_and_the_culprit() {
    let (_listener, port) = taken();
    let telemetry = format!(
        "{{metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, \
         port: {port}}}}}}}}}]}}}}"
    );
    let scratch = Scratch::new();
    let said = failed_with(&scratch.file("gateway.yaml", &gateway(0, &telemetry)));
    let expected = format!(
        "error: service::telemetry::metrics::readers[0]::pull::exporter::prometheus: cannot listen \
         on 127.0.0.1:{port}: address in use: another process listens there, perhaps another tapline"
    );
    assert!(said.contains(&expected), "{said}");
}

#[test]
fn what_cannot_be_built_or_opened_is_placed() {
    let scratch = Scratch::new();
    let table = [
        (
            "exporters",
            "{otlp_http: {endpoint: 'https://a:1', tls: {ca_file: /nonexistent/ca.pem}}}",
            "cannot build exporter otlp_http for traces",
            "wrong.yaml:2:13",
        ),
        (
            "extensions",
            "{file_storage: {directory: /nonexistent/x, create_directory: false}}",
            "`directory` does not exist",
            "wrong.yaml:2:40",
        ),
    ];
    for (section, written, message, place) in table {
        let others = match section {
            "exporters" => "extensions: {}",
            _ => "exporters: {otlp_http: {endpoint: 'http://a:1'}}",
        };
        let text = format!(
            "receivers: {{otlp: {{protocols: {{http: }}}}}}\n{section}: {written}\n{others}\n\
             service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_http]}}}}}}\n"
        );
        let file = scratch.file("wrong.yaml", &text);
        // What `validate` only warns of, because it may run on another machine, is placed too.
        let command: &[&str] = match section {
            "exporters" => &[],
            _ => &["validate"],
        };
        let said = failed(&[command, &["--config", file.to_str().expect("plain")]].concat());
        assert!(said.contains(message) && said.contains(place), "{said}");
    }
}
