//! What the command line says about configurations. No privileges, nothing is started.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tapline_integration_tests::{Scratch, tapline};

#[test]
fn examples_of_the_readme_are_valid() {
    let readme = here().join("../README.md");
    let text = fs::read_to_string(&readme).expect("the project has a README");
    let scratch = Scratch::new();
    let examples = yaml_blocks(&text);
    let whole: Vec<_> = examples
        .iter()
        .filter(|example| example.contains("service:"))
        .collect();
    assert!(
        !whole.is_empty(),
        "the README shows how to configure tapline"
    );
    for (number, example) in whole.into_iter().enumerate() {
        assert_valid(&scratch.file(&format!("readme-{number}.yaml"), example));
    }
}

#[test]
fn our_own_examples_are_valid() {
    let files = fs::read_dir(here().join("testdata")).expect("there are some");
    let files: Vec<PathBuf> = files.map(|file| file.expect("readable").path()).collect();
    let files: Vec<_> = files
        .iter()
        .filter(|file| file.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert_valid(file);
    }
}

#[test]
fn mistakes_are_shown_at_their_place() {
    for (mistake, wrong, place, message) in [
        ("an unknown key", "ebpf: {flush: 1s}", "3:10", "flush"),
        (
            "a wrong type",
            "ebpf: {ring_buffer_mib: many}",
            "3:27",
            "many",
        ),
        (
            "a value out of range",
            "ebpf: {ring_buffer_mib: 4096}",
            "3:27",
            "ring_buffer_mib",
        ),
        (
            "an empty target",
            "ebpf: {targets: {include: [{}]}}",
            "3:30",
            "names nothing",
        ),
        ("an unknown component", "kafka: {}", "3:3", "kafka"),
        (
            "an endpoint without a port",
            "otlp: {protocols: {grpc: {endpoint: localhost}}}",
            "3:39",
            "missing port in address",
        ),
        (
            "a path that is none",
            "otlp: {protocols: {http: {traces_url_path: '%zz'}}}",
            "3:46",
            "is not the path of a URL",
        ),
    ] {
        let text = format!("# Wrong.\nreceivers:\n  {wrong}\n{REST}");
        assert_rejected(mistake, &text, place, message);
    }
    let dangling =
        format!("# Wrong.\nreceivers:\n  ebpf: {{}}\n{REST}").replace("[debug]", "[debugg]");
    assert_rejected("a dangling reference", &dangling, "8:45", "debugg");
}

#[test]
fn endpoints_of_exporters_that_cannot_be_are_shown_at_their_place() {
    for (exporter, place, message) in [
        (
            "otlp_grpc: {endpoint: 'backend:70000'}",
            "3:25",
            "invalid port",
        ),
        (
            "otlp_http: {endpoint: 'backend:4318'}",
            "3:25",
            "must begin with",
        ),
        (
            "otlp_http: {endpoint: 'http://backend:x1'}",
            "3:25",
            "endpoint",
        ),
    ] {
        let text = format!("# Wrong.\nexporters:\n  {exporter}\nreceivers: {{}}\n");
        assert_rejected("an endpoint that cannot be", &text, place, message);
    }
}

#[test]
fn every_mistake_is_shown_at_once() {
    let text = format!("receivers:\n  ebpf: {{flush: 1s, capture_bytes: lots}}\n{REST}")
        .replace("[debug]", "[debug, nowhere]");
    let scratch = Scratch::new();
    let said = validate(&scratch.file("wrong.yaml", &text)).stderr;
    for wanted in ["flush", "lots", "nowhere"] {
        assert!(
            text_of(&said).contains(wanted),
            "no {wanted} in:\n{}",
            text_of(&said)
        );
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let ran = validate(Path::new("/nonexistent/tapline.yaml"));
    assert_eq!(ran.status.code(), Some(1));
    assert!(text_of(&ran.stderr).contains("/nonexistent/tapline.yaml"));
}

#[test]
fn a_key_that_is_not_here_is_a_warning_until_somebody_starts() {
    let text = "receivers: {ebpf: {}}
exporters:
  otlp_grpc:
    endpoint: localhost:4317
    tls: {ca_file: /nonexistent/ca.pem}
service: {pipelines: {traces: {receivers: [ebpf], exporters: [otlp_grpc]}}}
";
    let scratch = Scratch::new();
    let file = scratch.file("absent.yaml", text);
    let ran = validate(&file);
    let said = text_of(&ran.stderr);
    assert_eq!(ran.status.code(), Some(0), "{said}");
    let wanted = "warning: /nonexistent/ca.pem cannot be read here";
    assert!(
        said.starts_with(wanted) && said.contains("absent.yaml:5:20"),
        "{said}"
    );
    let ran = run(&["--config", file.to_str().expect("plain")]);
    let said = text_of(&ran.stderr);
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert!(
        said.contains("error") && said.contains("/nonexistent/ca.pem"),
        "{said}"
    );
}

#[test]
fn built_in_configuration_is_printed_and_valid() {
    let ran = run(&["print-config"]);
    assert_eq!(ran.status.code(), Some(0), "{}", text_of(&ran.stderr));
    let text = text_of(&ran.stdout);
    for wanted in ["ebpf", "terminal", "http://localhost:4318"] {
        assert!(text.contains(wanted), "no {wanted} in:\n{text}");
    }
    let scratch = Scratch::new();
    assert_valid(&scratch.file("built-in.yaml", &text));
}

#[test]
fn settings_are_laid_over_files_and_printed() {
    let scratch = Scratch::new();
    let file = scratch.file("one.yaml", &format!("receivers: {{ebpf: {{}}}}\n{REST}"));
    let file = file.to_str().expect("plain");
    let set = "exporters.debug.verbosity=detailed";
    let ran = run(&["print-config", "--config", file, "--set", set]);
    assert!(
        text_of(&ran.stdout).contains("verbosity: detailed"),
        "{}",
        text_of(&ran.stdout)
    );
}

#[test]
fn secrets_are_not_printed() {
    const SECRET: &str = "hunter2hunter2";
    let text = format!(
        "receivers: {{ebpf: {{}}}}
exporters:
  otlp_http:
    endpoint: http://localhost:4318
    headers: {{authorization: Bearer {SECRET}}}
service:
  pipelines:
    traces: {{receivers: [ebpf], exporters: [otlp_http]}}
"
    );
    let scratch = Scratch::new();
    let file = scratch.file("secret.yaml", &text);
    let printed = run(&["print-config", "--config", file.to_str().expect("plain")]);
    let shown = text_of(&printed.stdout);
    assert!(
        shown.contains("authorization") && shown.contains("REDACTED"),
        "{shown}"
    );
    assert!(!shown.contains(SECRET));
    // A mistake on the same line is shown with the line, but not with what is secret in it.
    let wrong = text.replace("headers: {", "headers: {1: [], ");
    let ran = validate(&scratch.file("wrong.yaml", &wrong));
    assert_eq!(ran.status.code(), Some(1));
    assert!(
        !text_of(&ran.stderr).contains(SECRET),
        "{}",
        text_of(&ran.stderr)
    );
}

/// What follows the receivers, beginning at the fourth line.
const REST: &str = "exporters:
  debug: {}
service:
  pipelines:
    traces: {receivers: [ebpf], exporters: [debug]}
";

fn assert_valid(file: &Path) {
    let ran = validate(file);
    let said = text_of(&ran.stderr);
    assert_eq!(ran.status.code(), Some(0), "{}:\n{said}", file.display());
    assert!(!said.contains("error"), "{}:\n{said}", file.display());
}

fn assert_rejected(mistake: &str, text: &str, place: &str, message: &str) {
    let scratch = Scratch::new();
    let ran = validate(&scratch.file("wrong.yaml", text));
    let said = text_of(&ran.stderr);
    assert_eq!(ran.status.code(), Some(1), "{mistake}:\n{said}");
    let place = format!("wrong.yaml:{place}");
    assert!(
        said.contains(&place) && said.contains(message),
        "{mistake}, {place}:\n{said}"
    );
}

fn validate(file: &Path) -> Output {
    run(&[
        "validate",
        "--config",
        file.to_str().expect("our paths are plain"),
    ])
}

fn run(args: &[&str]) -> Output {
    Command::new(tapline())
        .args(args)
        .output()
        .expect("tapline can be started")
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Returns what stands between "```yaml" and "```".
fn yaml_blocks(markdown: &str) -> Vec<String> {
    let blocks = markdown.split("```yaml\n").skip(1);
    blocks
        .filter_map(|rest| rest.split_once("```"))
        .map(|(block, _)| block.to_owned())
        .collect()
}

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
