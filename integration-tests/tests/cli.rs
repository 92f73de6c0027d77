//! The commands as a script or a stranger meets them: what they print where, and how they exit.

use std::{
    os::unix::process::CommandExt,
    process::{Command, Output},
};

use serde_json::Value;
use tapline_integration_tests::{Scratch, tapline};

/// Good, but for a component that nobody uses.
const UNUSED: &str = "receivers: {ebpf: {}}
exporters: {debug: {}, otlp_grpc: {endpoint: 'localhost:4317'}}
service: {pipelines: {traces: {receivers: [ebpf], exporters: [debug]}}}
";

/// Two mistakes of different phases.
const WRONG: &str = "receivers: {ebpf: {flush: 1s}}
exporters: {debug: {}}
service: {pipelines: {traces: {receivers: [ebpf], exporters: [debugg]}}}
";

#[test]
fn there_are_two_exit_codes_as_in_the_collector() {
    for (line, code) in [
        (&["--help"][..], 0),
        (&["-h"], 0),
        (&["--version"], 0),
        (&["-v"], 0),
        (&["validate", "--help"], 0),
        (&["components"], 0),
        (&["featuregate"], 0),
        (&["nonsense"], 1),
        (&["--nonsense"], 1),
        (&["validate", "--format", "xml"], 1),
        (&["--config"], 1),
        (&["--config", "/nonexistent.yaml"], 1),
        (&["--shutdown-timeout", "soon"], 1),
        (&["compat"], 1),
        (&["compat", "/nonexistent.yaml"], 1),
        (&["graph", "--config", "/nonexistent.yaml"], 1),
        (&["featuregate", "nonsense"], 1),
        (&["print-config", "--feature-gates", "nonsense"], 1),
    ] {
        let ran = run(line);
        assert_eq!(ran.status.code(), Some(code), "{line:?}");
        let (silent, loud) = match code {
            0 => (&ran.stderr, &ran.stdout),
            // Except that a report about a file is one.
            _ if line[0] == "compat" && line.len() > 1 => (&ran.stderr, &ran.stdout),
            _ => (&ran.stdout, &ran.stderr),
        };
        assert_eq!(text(silent), "", "{line:?}");
        assert!(!loud.is_empty(), "{line:?}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_changes_no_exit_code() {
    let scratch = Scratch::new();
    let wrong = scratch.file("wrong.yaml", WRONG);
    let unused = scratch.file("unused.yaml", UNUSED);
    let wrong = wrong.to_str().expect("a path in UTF-8");
    let unused = unused.to_str().expect("a path in UTF-8");
    for (line, code) in [
        (&["validate", "--config", wrong][..], 1),
        (&["validate", "--config", unused], 0),
        (&["print-config", "--config", unused], 0),
        (&["graph", "--config", unused], 0),
        (&["graph", "--config", wrong], 1),
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ran = Command::new(tapline()).args(line).stderr(writer).output();
        assert_eq!(ran.expect("runs").status.code(), Some(code), "{line:?}");
    }
}

#[test]
fn the_version_is_told_as_the_collector_tells_it() {
    let expected = format!("tapline version {}\n", env!("CARGO_PKG_VERSION"));
    for flag in ["-v", "--version"] {
        assert_eq!(text(&run(&[flag]).stdout), expected);
    }
}

#[test]
fn help_opens_with_what_tapline_is_for_and_two_examples() {
    let help = text(&run(&["--help"]).stdout);
    assert!(help.starts_with("tapline shows the requests"), "{help}");
    let before = help.split("Usage:").next().expect("some text");
    for example in ["  sudo tapline ", "  tapline --config otelcol.yaml "] {
        assert!(before.contains(example), "{help}");
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "a part that cannot run says why")]
fn validation_is_silent_about_what_is_good_and_needs_no_privileges() {
    let scratch = Scratch::new();
    let good = UNUSED.replace(", otlp_grpc: {endpoint: 'localhost:4317'}", "");
    let file = scratch.file("good.yaml", &good);
    let mut command = Command::new(tapline());
    command.args(["validate", "--strict"]);
    command.arg(format!("--config={}", file.display()));
    let ran = command.output().expect("tapline can be started");
    assert_eq!((text(&ran.stdout), text(&ran.stderr)), Default::default());
    assert_eq!(ran.status.code(), Some(0));
    // Nobody: only root can become that one, and everybody else is unprivileged already.
    match command.uid(65534).gid(65534).output() {
        Ok(ran) => {
            assert_eq!((text(&ran.stdout), text(&ran.stderr)), Default::default());
            assert_eq!(ran.status.code(), Some(0));
        }
        Err(error) => println!("not run as nobody: {error}"),
    }
}

#[test]
fn warnings_fail_only_when_asked_to() {
    let scratch = Scratch::new();
    let file = scratch.file("unused.yaml", UNUSED);
    let file = file.to_str().expect("plain");
    for (flags, code) in [(&[][..], 0), (&["--strict"], 1)] {
        for format in ["text", "json", "sarif"] {
            let mut line = vec!["validate", "--config", file, "--format", format];
            line.extend(flags);
            assert_eq!(run(&line).status.code(), Some(code), "{line:?}");
        }
        let mut line = vec!["validate", "--config", file];
        line.extend(flags);
        let said = text(&run(&line).stderr);
        assert!(
            said.starts_with("warning: exporter `otlp_grpc` is configured, but"),
            "{said}"
        );
    }
}

#[test]
fn programs_read_problems_as_json() {
    let scratch = Scratch::new();
    let file = scratch.file("wrong.yaml", WRONG);
    let file = file.to_str().expect("plain");
    let ran = run(&["validate", "--config", file, "--format=json"]);
    assert_eq!(ran.status.code(), Some(1));
    assert_eq!(text(&ran.stderr), "");
    let listed: Vec<Value> = serde_json::from_slice(&ran.stdout).expect("a list");
    let errors: Vec<_> = listed
        .iter()
        .filter(|one| one["severity"] == "error")
        .collect();
    let place = |at: usize| ["line", "column", "end_column"].map(|key| errors[at][key].as_u64());
    assert_eq!(errors.len(), 2, "{listed:?}");
    assert_eq!(place(0), [Some(1), Some(20), Some(25)]);
    assert_eq!(place(1), [Some(3), Some(63), Some(69)]);
    assert_eq!(errors[0]["message"], "unknown setting `flush`");
    assert_eq!(errors[1]["label"], "did you mean `debug`?");
    assert_eq!(errors[1]["file"], file);
    let unread = run(&["validate", "--config", "/nonexistent.yaml", "--format=json"]);
    let listed: Vec<Value> = serde_json::from_slice(&unread.stdout).expect("a list");
    assert!(listed[0]["file"].is_null() && listed[0]["line"].is_null());
}

#[test]
fn code_hosts_read_problems_as_sarif() {
    let scratch = Scratch::new();
    let file = scratch.file("wrong.yaml", WRONG);
    let file = file.to_str().expect("plain");
    let ran = run(&["validate", "--config", file, "--format=sarif"]);
    let log: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    assert_eq!(log["version"], "2.1.0");
    let results = log["runs"][0]["results"].as_array().expect("a list");
    let rules: Vec<_> = results.iter().map(|result| &result["ruleId"]).collect();
    assert!(
        rules.iter().any(|rule| *rule == "unknown-setting"),
        "{rules:?}"
    );
    assert!(
        rules.iter().any(|rule| *rule == "dangling-reference"),
        "{rules:?}"
    );
}

#[test]
fn the_configuration_is_printed_in_both_languages_with_and_without_secrets() {
    let scratch = Scratch::new();
    let with = "otlp_grpc: {endpoint: 'localhost:4317', headers: {authorization: hunter2}}";
    let file = UNUSED.replace("otlp_grpc: {endpoint: 'localhost:4317'}", with);
    let file = scratch.file("secret.yaml", &file);
    let file = file.to_str().expect("plain");
    for (format, mode, secret) in [
        ("yaml", "redacted", "[REDACTED]"),
        ("json", "redacted", "[REDACTED]"),
        ("yaml", "unredacted", "hunter2"),
        ("json", "unredacted", "hunter2"),
    ] {
        let flags = ["--format", format, "--mode", mode];
        let ran = run(&[&["print-initial-config", "--config", file][..], &flags].concat());
        let printed = text(&ran.stdout);
        assert_eq!(ran.status.code(), Some(0), "{format} {mode}");
        assert!(printed.contains(secret), "{format} {mode}:\n{printed}");
        assert_eq!(
            printed.contains("hunter2"),
            secret == "hunter2",
            "{format} {mode}"
        );
        if format == "json" {
            let read: Value = serde_json::from_str(&printed).expect("JSON");
            assert_eq!(
                read["exporters"]["otlp_grpc"]["headers"]["authorization"],
                secret
            );
        }
    }
}

#[test]
fn a_wrong_configuration_is_printed_only_when_asked_to() {
    let scratch = Scratch::new();
    let file = scratch.file("wrong.yaml", WRONG);
    let file = file.to_str().expect("plain");
    for flag in ["--validate", "--validate=true"] {
        let ran = run(&["print-config", "--config", file, flag]);
        assert_eq!(
            (ran.status.code(), text(&ran.stdout)),
            (Some(1), String::new())
        );
        assert!(text(&ran.stderr).contains("debugg"));
    }
    let ran = run(&["print-config", "--config", file, "--validate=false"]);
    assert_eq!(ran.status.code(), Some(0));
    assert!(text(&ran.stdout).contains("exporters: [debugg]"));
}

#[test]
fn gates_of_the_collector_are_taken_and_others_are_not() {
    let gates = "--feature-gates=service.profilesSupport,-pdata.enableRefCounting";
    for command in ["validate", "print-config", "graph"] {
        let ran = run(&[command, gates]);
        let said = text(&ran.stderr);
        assert_eq!(ran.status.code(), Some(0), "{command}: {said}");
        assert_eq!(
            said.matches("has no effect in tapline").count(),
            2,
            "{command}: {said}"
        );
    }
    let ran = run(&["validate", "--feature-gates=service.profileSupport"]);
    let said = text(&ran.stderr);
    assert_eq!(ran.status.code(), Some(1));
    let start = "error: no such feature gate \"service.profileSupport\" \
                 (did you mean \"service.profilesSupport\"? valid gates: [component.";
    assert!(said.starts_with(start), "{said}");
}

#[test]
fn one_gate_is_explained() {
    let ran = run(&["featuregate", "confmap.enableMergeAppendOption"]);
    let said = text(&ran.stdout);
    let start = "Feature:      confmap.enableMergeAppendOption\nEnabled:      false\n\
                 Stage:        Alpha\nDescription:  ";
    assert!(said.starts_with(start), "{said}");
}

/// The gate, `--set`, URIs and `--explain` in one command line, as a person would combine them.
#[test]
fn sources_are_joined_and_each_value_says_where_it_came_from() {
    let scratch = Scratch::new();
    let base = scratch.file("base.yaml", UNUSED);
    let base = base.to_str().expect("plain");
    let more = "yaml:{service: {pipelines: {traces: {exporters: [otlp_grpc]}}}}";
    let explain = [
        "print-config",
        "--explain",
        "--config",
        base,
        "--config",
        more,
    ];
    let set = "exporters.debug.verbosity=${env:TAPLINE_TEST_UNSET:-basic}";
    let lists = |gates: &[&str]| {
        let ran = run(&[&explain[..], &["--set", set], gates].concat());
        let said = text(&ran.stdout);
        assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
        let verbosity = said.lines().find(|line| line.contains("verbosity: basic"));
        let origin = "  # default of ${env:TAPLINE_TEST_UNSET:-basic}, --set";
        assert!(
            verbosity.is_some_and(|line| line.ends_with(origin)),
            "{said}"
        );
        let (_, exporters) = said.rsplit_once("exporters:\n").expect("a list");
        let value = |line: &str| {
            let (value, _) = line.trim().strip_prefix("- ")?.split_once("  # ")?;
            Some(value.to_owned())
        };
        exporters.lines().map_while(value).collect::<Vec<_>>()
    };
    assert_eq!(lists(&[]), ["otlp_grpc"]);
    let gate = "--feature-gates=confmap.enableMergeAppendOption";
    assert_eq!(lists(&[gate]), ["debug", "otlp_grpc"]);
}

#[test]
fn the_built_in_configuration_is_drawn() {
    let drawn = text(&run(&["graph"]).stdout);
    assert!(
        drawn.starts_with("flowchart LR\n  receiver0([\"ebpf\"])\n"),
        "{drawn}"
    );
    let drawn = text(&run(&["graph", "--format=dot"]).stdout);
    assert!(
        drawn.starts_with("digraph tapline {\n") && drawn.ends_with("}\n"),
        "{drawn}"
    );
}

#[test]
fn files_are_judged_each_for_itself() {
    let scratch = Scratch::new();
    let otlp = UNUSED
        .replace("ebpf: {}", "otlp: {protocols: {grpc: }}")
        .replace("ebpf", "otlp");
    let good = scratch.file("good.yaml", &otlp);
    let lacking = scratch.file("lacking.yaml", &UNUSED.replace("ebpf", "kafka"));
    let (good, lacking) = (
        good.to_str().expect("plain"),
        lacking.to_str().expect("plain"),
    );
    let ran = run(&["compat", good]);
    let said = text(&ran.stdout);
    assert_eq!(ran.status.code(), Some(0), "{said}");
    assert!(
        said.ends_with(&format!("{good}: runs unchanged\n")),
        "{said}"
    );
    let ran = run(&["compat", good, lacking]);
    let said = text(&ran.stdout);
    assert_eq!(ran.status.code(), Some(1), "{said}");
    let last = format!("{lacking}: would not start: receiver `kafka` is missing here\n");
    assert!(said.ends_with(&last), "{said}");
    let ran = run(&["compat", good, lacking, "--format=json"]);
    let told: Vec<Value> = serde_json::from_slice(&ran.stdout).expect("a list");
    assert_eq!(told[0]["verdict"], "runs_unchanged");
    assert_eq!(told[1]["verdict"], "would_not_start");
}

fn run(line: &[&str]) -> Output {
    let ran = Command::new(tapline()).args(line).output();
    ran.expect("tapline can be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
