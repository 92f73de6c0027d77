//! The shapes of errors that people and scripts know from the Collector: what is meant is the same,
//! and here each is shown at its line.

use crate::settings::said_about;

/// Everything a configuration needs, with other values for the first of these keys.
fn file(changes: &[(&str, &str)]) -> String {
    const GOOD: &str = "\
receivers: {otlp: {protocols: {grpc: }}}
processors: {batch: }
exporters: {debug: }
connectors: {forward: }
extensions: {zpages: }
service:
  extensions: [zpages]
  telemetry: {}
  pipelines:
    traces: {receivers: [otlp], processors: [batch], exporters: [debug, forward]}
    traces/2: {receivers: [forward], exporters: [debug]}
";
    let mut changed = GOOD.to_owned();
    for (key, value) in changes {
        let keyed = |line: &&str| line.trim_start().starts_with(&format!("{key}: "));
        if let Some(line) = GOOD.lines().find(keyed) {
            let (indent, _) = line.split_once(key).expect("it has the key");
            changed = changed.replacen(line, &format!("{indent}{key}: {value}"), 1);
        }
    }
    changed
}

/// Asserts that each change is refused, with these words at this place.
#[track_caller]
fn refused(changes: &[(&str, &str)], place: &str, words: &[&str]) {
    let said = said_about(&file(changes));
    assert!(
        said.contains(&format!("--> test.yaml:{place}\n")),
        "{place}:\n{said}"
    );
    let errors = said
        .split("\n\n")
        .filter(|problem| problem.starts_with("error"));
    let errors = errors.collect::<Vec<_>>().join("\n");
    for word in words {
        assert!(errors.contains(word), "{word}:\n{said}");
    }
}

#[test]
fn the_file_itself_is_good() {
    assert_eq!(said_about(&file(&[])), "");
}

#[test]
fn types() {
    refused(
        &[("exporters", "{debug: , foo/1: }")],
        "3:22",
        &["unknown exporter type `foo`", "known: `debug`"],
    );
    refused(
        &[("receivers", "{otlp: {protocols: {grpc: }}, otpl: }")],
        "1:42",
        &["unknown receiver type `otpl`", "did you mean `otlp`?"],
    );
    refused(
        &[
            ("exporters", "{debug: , logging: }"),
            ("traces/2", "{receivers: [forward], exporters: [logging]}"),
        ],
        "3:22",
        &[
            "exporter `logging` was removed from the Collector",
            "use `debug`",
        ],
    );
    refused(
        &[
            ("receivers", "{otlp: {protocols: {grpc: }}, kafka: }"),
            ("traces", "{receivers: [otlp, kafka], exporters: [forward]}"),
        ],
        "1:42",
        &["receiver `kafka` is not supported by tapline"],
    );
}

#[test]
fn a_component_that_is_missing_here_and_used_by_nobody_is_left_out() {
    let said = said_about(&file(&[(
        "receivers",
        "{otlp: {protocols: {grpc: }}, kafka: }",
    )]));
    assert!(
        said.starts_with("warning: receiver `kafka` is not supported by tapline"),
        "{said}"
    );
    assert_eq!(said.matches("warning").count(), 1, "{said}");
    assert!(!said.contains("error"), "{said}");
}

#[test]
fn an_unknown_type_that_is_used_by_nobody_is_one_error_and_nothing_else() {
    let said = said_about(&file(&[("processors", "{batch: , bach/x: }")]));
    assert_eq!(said.matches("error").count(), 1, "{said}");
    assert_eq!(said.matches("warning").count(), 0, "{said}");
}

#[test]
fn an_older_name_is_one_warning_and_its_id_stays_what_was_written() {
    let said = said_about(&file(&[
        (
            "exporters",
            "{debug: , otlp: {endpoint: a:1}, otlp_grpc: {endpoint: b:1}}",
        ),
        (
            "traces/2",
            "{receivers: [forward], exporters: [otlp, otlp_grpc]}",
        ),
    ]));
    assert!(
        said.starts_with("warning: `otlp` is the older name; use `otlp_grpc`"),
        "{said}"
    );
    assert!(said.contains("--> test.yaml:3:22\n"), "{said}");
    assert_eq!(said.matches("warning").count(), 1, "{said}");
}

#[test]
fn sections_and_service() {
    refused(
        &[("extensions", "{zpages: }\nrecievers: {}")],
        "6:1",
        &["recievers"],
    );
    refused(
        &[("telemetry", "{unknown: 1}")],
        "8:15",
        &["unknown setting `unknown`"],
    );
    refused(
        &[("telemetry", "{}\n  pipeline: {}")],
        "9:3",
        &["`pipeline` in `service`"],
    );
    refused(&[("receivers", "")], "1:1", &["no receiver is configured"]);
    refused(
        &[("exporters", "{}")],
        "3:1",
        &["no exporter is configured"],
    );
    refused(
        &[("receivers", "{otlp: {}}")],
        "1:13",
        &["must have at least one of `grpc` and `http`"],
    );
}

#[test]
fn pipelines() {
    let none = file(&[]);
    let (before, _) = none.split_once("    traces").expect("it has one");
    let said = said_about(before);
    assert!(
        said.contains("service must have at least one pipeline"),
        "{said}"
    );
    assert!(said.contains("--> test.yaml:9:3\n"), "{said}");
    refused(
        &[("traces/2", "{receivers: [], exporters: [debug]}")],
        "11:16",
        &["pipeline `traces/2` must have at least one receiver"],
    );
    refused(
        &[("traces/2", "{receivers: [forward]}")],
        "11:5",
        &["pipeline `traces/2` must have at least one exporter"],
    );
    refused(
        &[("traces/2", "{receivers: [forward], exporters: [debugg]}")],
        "11:50",
        &[
            "references exporter `debugg` which is not configured",
            "did you mean `debug`?",
        ],
    );
    refused(
        &[(
            "traces/2",
            "{receivers: [forward], processors: [batch, batch], exporters: [debug]}",
        )],
        "11:58",
        &["references processor `batch` multiple times"],
    );
    refused(
        &[("extensions", "{}")],
        "7:16",
        &["references extension `zpages` which is not configured"],
    );
}

#[test]
fn telemetry_of_older_files_is_taken_with_a_warning() {
    let table = [
        (
            "{metrics: {address: 'localhost:8888'}}",
            "`address` was removed from the Collector",
        ),
        ("{resource: {service.name: edge}}", "older form"),
        (
            "{resource: {attributes: {service.name: edge}}}",
            "older form",
        ),
    ];
    for (written, expected) in table {
        let said = said_about(&file(&[("telemetry", written)]));
        assert!(
            said.starts_with("warning") && said.contains(expected),
            "{written}:\n{said}"
        );
        assert!(said.contains("--> test.yaml:8:"), "{said}");
        assert_eq!(said.matches("warning").count(), 1, "{said}");
    }
    let headers = "{metrics: {readers: [{periodic: {exporter: {otlp: {protocol: grpc, endpoint: \
                   'http://a:4317', headers: {x-tenant: t}}}}}]}}";
    assert_eq!(said_about(&file(&[("telemetry", headers)])), "");
}

#[test]
fn signals() {
    let said = said_about(&file(&[(
        "traces/2",
        "{receivers: [forward], exporters: [debug]}\n    \
         profiles: {receivers: [otlp], exporters: [debug]}",
    )]));
    assert_eq!(said, "", "profiles need no feature gate here");
    refused(
        &[(
            "traces/2",
            "{receivers: [forward], exporters: [debug]}\n    trace: {}",
        )],
        "12:5",
        &["unknown pipeline signal `trace`", "did you mean `traces`?"],
    );
    refused(
        &[
            ("receivers", "{otlp: {protocols: {grpc: }}, ebpf: }"),
            (
                "traces/2",
                "{receivers: [forward], exporters: [debug]}\n    \
              profiles: {receivers: [ebpf], exporters: [debug]}",
            ),
        ],
        "12:28",
        &[
            "receiver `ebpf` in pipeline `profiles`: telemetry type is not supported",
            "it takes traces, metrics, logs",
        ],
    );
}

#[test]
fn connectors() {
    refused(
        &[("connectors", "{forward: , debug: }")],
        "4:25",
        &["ambiguous id: connector `debug` has the id of the exporter on line 3"],
    );
    refused(
        &[("traces/2", "{receivers: [otlp], exporters: [debug]}")],
        "10:73",
        &[
            "connector \"forward\" used as exporter in [traces] pipeline but not used in any supported",
        ],
    );
    refused(
        &[("traces", "{receivers: [otlp], exporters: [debug]}")],
        "11:28",
        &["connector \"forward\" used as receiver in [traces/2] pipeline but not used in any"],
    );
    refused(
        &[(
            "traces/2",
            "{receivers: [forward], processors: [batch], exporters: [forward]}",
        )],
        "4:14",
        &[
            "cycle detected: connector forward (traces to traces) -> processor batch in traces/2 \
             -> connector forward (traces to traces)",
        ],
    );
    refused(
        &[("forward", ""), ("connectors", "{forward: {key: 1}}")],
        "4:24",
        &["unknown setting `key`"],
    );
}
