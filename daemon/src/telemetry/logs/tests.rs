//! Whole lines, as they would be written.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use serde_json::json;
use tapline_config::{Environment, Input, Problems, decode_valid, load};
use tapline_testkit::Backend;
use tracing::Level;

use super::*;

/// Reads a configuration of logs, or says what is wrong with it.
fn config(text: &str) -> Result<LogsConfig, String> {
    let text = if text.is_empty() { "{}" } else { text };
    let input = Input::text("c.yaml", text);
    let document = load(&[input], &Environment::default()).expect("the text is YAML");
    let mut problems = Problems::new();
    let decoded = decode_valid(document.root(), &mut problems);
    let messages: Vec<_> = problems.iter().map(|each| each.message.clone()).collect();
    decoded.ok_or_else(|| messages.join("; "))
}

fn written(config_text: &str, line: &Line) -> String {
    let config = config(config_text).expect("is valid");
    let mut form = Form::new(&config, &Resource::default());
    form.set_color(false);
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_787_392_800_042);
    form.write(line, now)
}

fn sample() -> Line {
    let fields = [
        ("existing_sockets", json!(3)),
        ("exporter", json!("otlp/backup")),
        ("error", json!("a \"b\"")),
    ];
    Line::new(Level::WARN, "daemon/src/host.rs:30", "tap loaded", &fields)
}

#[test]
fn console_lines_are_the_collectors() {
    assert_eq!(
        written("disable_zap_resource: true", &sample()),
        "2026-08-22T10:00:00.042Z\twarn\tdaemon/src/host.rs:30\ttap loaded\t\
         {\"existing_sockets\": 3, \"otelcol.component.id\": \"otlp/backup\", \
         \"otelcol.component.kind\": \"exporter\", \"error\": \"a \\\"b\\\"\"}\n"
    );
}

#[test]
fn json_lines_are_the_collectors() {
    let text = "encoding: json\ndisable_zap_resource: true\ninitial_fields: {site: x}";
    assert_eq!(
        written(text, &sample()),
        "{\"level\":\"warn\",\"ts\":\"2026-08-22T10:00:00.042Z\",\
         \"caller\":\"daemon/src/host.rs:30\",\"msg\":\"tap loaded\",\"site\":\"x\",\
         \"existing_sockets\":3,\"otelcol.component.id\":\"otlp/backup\",\
         \"otelcol.component.kind\":\"exporter\",\"error\":\"a \\\"b\\\"\"}\n"
    );
}

#[test]
fn says_who_it_is_unless_told_not_to() {
    let line = written("disable_caller: true", &sample());
    let start = "2026-08-22T10:00:00.042Z\twarn\ttap loaded\t\
                 {\"resource\": {\"service.instance.id\": \"";
    assert!(line.starts_with(start), "{line}");
    assert!(line.contains("\"service.name\": \"tapline\""), "{line}");
}

#[test]
fn nothing_in_a_line_can_steer_a_terminal_or_forge_a_line() {
    let path = json!("\u{1b}[2J\n\u{9b}2J\u{7f}");
    let fields = [("path", path), ("level", json!("forged"))];
    let line = Line::new(Level::INFO, "a:1", "got\n\u{1b}]0;x\u{7}\t\u{9b}", &fields);
    for text in [
        "disable_zap_resource: true",
        "encoding: json\ndisable_zap_resource: true",
    ] {
        let text = written(text, &line);
        let controls = |c: &char| c.is_control() && !"\t\n".contains(*c);
        assert_eq!(text.chars().find(controls), None, "{text:?}");
        assert_eq!(text.matches('\n').count(), 1, "{text:?}");
    }
    let json = written("encoding: json", &line);
    assert!(json.starts_with("{\"level\":\"info\",\"ts\""), "{json}");
    assert_eq!(json.matches("\"level\"").count(), 1, "{json}");
}

#[test]
fn a_node_is_told_apart_into_id_kind_and_place() {
    let line = |node: &str| {
        let line = Line::new(Level::INFO, "a:1", "m", &[("component", json!(node))]);
        written("disable_zap_resource: true\ndisable_caller: true", &line)
    };
    let table = [
        (
            "exporter otlp for traces",
            r#"{"otelcol.component.id": "otlp", "otelcol.component.kind": "exporter", "otelcol.signal": "traces"}"#,
        ),
        (
            "processor batch in logs/2",
            r#"{"otelcol.component.id": "batch", "otelcol.component.kind": "processor", "otelcol.pipeline.id": "logs/2"}"#,
        ),
        (
            "receiver ebpf",
            r#"{"otelcol.component.id": "ebpf", "otelcol.component.kind": "receiver"}"#,
        ),
        ("something else", r#"{"component": "something else"}"#),
    ];
    for (node, expected) in table {
        let line = line(node);
        assert!(line.ends_with(&format!("{expected}\n")), "{line}");
    }
}

/// Runs `say` with a log of this configuration, and returns what it wrote.
fn logged(text: &str, say: impl FnOnce()) -> String {
    let (sinks, written): (Sinks, Arc<Mutex<String>>) = Sinks::memory();
    let mut config = config(text).expect("is valid");
    config.disable_zap_resource = true;
    let log = Log::onto(sinks, &config, &Resource::default()).expect("can start");
    let subscriber = Registry::default().with(log);
    tracing::subscriber::with_default(subscriber, say);
    let text = written.lock().expect("tests do not panic").clone();
    // Without the time, which is now.
    let lines = text
        .lines()
        .map(|line| line.split_once('\t').map_or("", |(_, rest)| rest));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn events_become_lines() {
    let text = logged("level: info\ndisable_caller: true", || {
        tracing::info!(answer = 42, is_good = true, ratio = 0.5, "found");
        tracing::debug!("not told");
        tracing::error!(error = %"broken", "failed");
    });
    assert_eq!(
        text,
        "info\tfound\t{\"answer\": 42, \"is_good\": true, \"ratio\": 0.5}\n\
         error\tfailed\t{\"error\": \"broken\"}"
    );
    let caller = logged("", || tracing::info!("here"));
    assert!(
        caller.starts_with("info\tdaemon/src/telemetry/logs/tests.rs:"),
        "{caller}"
    );
}

#[test]
fn repetitions_are_left_out() {
    let say = || (0..25).for_each(|round| tracing::warn!(round, "again"));
    let lines = |text: &str| logged(text, say).lines().count();
    assert_eq!(lines(""), 10);
    assert_eq!(lines("sampling: {initial: 2, thereafter: 10}"), 4);
    assert_eq!(lines("sampling: {enabled: false}"), 25);
}

#[test]
fn levels_above_error_write_nothing_of_ours() {
    for level in ["dpanic", "panic", "fatal"] {
        let text = logged(&format!("level: {level}"), || tracing::error!("failed"));
        assert_eq!(text, "");
    }
}

#[test]
fn files_are_appended_to_and_must_open() {
    let directory = std::env::temp_dir().join(format!("tapline-log-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("the temporary directory is there");
    let path = directory.join("own.log");
    let paths = [path.display().to_string()];
    for _ in 0..2 {
        Sinks::open(&paths, &[])
            .expect("can be opened")
            .write("line\n");
    }
    let text = std::fs::read_to_string(&path).expect("was written");
    std::fs::remove_dir_all(&directory).expect("is ours");
    assert_eq!(text, "line\nline\n");
    let error = Sinks::open(&["/no/such/place".to_owned()], &[]).expect_err("cannot be opened");
    assert!(
        error.starts_with("cannot open the log file /no/such/place: "),
        "{error}"
    );
}

#[test]
fn says_what_it_does_not_support() {
    let table = [
        ("processors: [{}]", "must have one of `batch` and `simple`"),
        (
            "processors: [{simple: {exporter: {console: {}}}}]",
            "has the lines already",
        ),
        (
            "processors: [{batch: {exporter: {otlp: {protocol: x}}}}]",
            "must be one of",
        ),
    ];
    for (text, expected) in table {
        let error = config(text).expect_err("is refused");
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert!(config("level: loud").is_err());
    assert!(config("encoding: console\nlevel: INFO\ndevelopment: true").is_ok());
}

#[tokio::test]
async fn records_are_sent_to_a_backend_over_both_protocols() {
    for (protocol, kind) in [("grpc", "batch"), ("http/protobuf", "simple")] {
        let backend = Backend::start().await;
        let path = if protocol == "grpc" { "" } else { "/v1/logs" };
        let text = format!(
            "processors: [{{{kind}: {{exporter: {{otlp: {{protocol: {protocol}, endpoint: \
             '{}{path}', compression: gzip, headers: [{{name: x-tenant, value: t}}]}}}}}}}}]",
            backend.url()
        );
        let (sinks, _written) = Sinks::memory();
        let config = config(&text).expect("is valid");
        let log = Log::onto(sinks, &config, &Resource::default()).expect("can start");
        let log = Arc::new(log);
        let mut shipping = log.start_shipping(Shipping {
            stop: Stop::new(),
            tasks: JoinSet::new(),
        });
        let subscriber = Registry::default().with(Shared(Arc::clone(&log)));
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(answer = 42, exporter = "otlp", "sent \n raw");
        });
        // Stopping sends what is left, however long records wait for others.
        shipping.stop().await;
        let seen = backend.seen();
        let logs = seen.logs();
        assert_eq!(logs.len(), 1, "{seen}");
        assert_eq!(logs[0].resource_str("service.name"), Some("tapline"));
        assert_eq!(logs[0].attr_int("answer"), Some(42));
        assert_eq!(logs[0].attr_str("otelcol.component.kind"), Some("exporter"));
        assert_eq!(logs[0].record.severity_text, "warn");
        assert_eq!(seen.requests[0].header("x-tenant"), "t");
    }
}

/// A log that a test holds too.
struct Shared(Arc<Log>);

impl<S: Subscriber> Layer<S> for Shared {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        self.0.write(event);
    }
}

#[tokio::test]
async fn what_finds_no_place_is_counted_and_not_waited_for() {
    let text = "processors: [{batch: {max_queue_size: 2, exporter: {otlp: {protocol: grpc}}}}]";
    let config = config(text).expect("is valid");
    let batch = config.processors[0].as_batch();
    let sender = batch.exporter.otlp.as_ref().expect("is there").log_sender();
    let (ship, _shipment) = ship(&batch, sender.expect("can be made"), &Resource::default());
    for _ in 0..5 {
        ship.put(&sample(), SystemTime::now());
    }
    assert_eq!(ship.lost(), 3);
}

/// The only test that may start the log of the process: all tests of this binary share it.
#[test]
fn a_later_start_replaces_the_log_of_the_process() {
    let directory = std::env::temp_dir().join(format!("tapline-relay-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("the temporary directory is there");
    let say = |name: &str, level: &str| {
        let path = directory.join(name);
        let text = format!("output_paths: ['{}']\nlevel: {level}", path.display());
        let config = config(&text).expect("is valid");
        start(&config, &Resource::default()).expect("can start");
        tracing::info!(target: "tapline", "to {name}");
        tracing::debug!(target: "tapline", "details");
        std::fs::read_to_string(&path).expect("was opened")
    };
    let count = |text: &str, words: &str| text.matches(words).count();
    let first = say("first", "info");
    assert_eq!(
        (count(&first, "to first"), count(&first, "details")),
        (1, 0)
    );
    let second = say("second", "debug");
    assert_eq!(
        (count(&second, "to second"), count(&second, "details")),
        (1, 1)
    );
    *CURRENT.write().expect(UNBROKEN) = None;
    std::fs::remove_dir_all(&directory).expect("is ours");
}

#[test]
fn paths_that_cannot_be_opened_are_found_when_they_are_read() {
    let table = [
        (
            "output_paths: [stderr, /nonexistent/x.log]",
            "`output_paths::1` cannot be opened: the directory /nonexistent does not exist",
        ),
        (
            "error_output_paths: ['file:///nonexistent/a/x.log']",
            "`error_output_paths::0` cannot be opened: the directory /nonexistent/a does not exist",
        ),
        (
            "output_paths: [/]",
            "`output_paths::0` cannot be opened: / is a directory",
        ),
        (
            "output_paths: [/proc/version/x.log]",
            "`output_paths::0` cannot be opened: /proc/version/x.log is below a file",
        ),
    ];
    for (text, message) in table {
        assert_eq!(config(text).expect_err("is refused"), message, "{text}");
    }
    config("output_paths: [stdout, /dev/stderr, not_there_yet.log]").expect("can be opened");
    let there_yet = std::path::Path::new("not_there_yet.log").exists();
    assert!(!there_yet, "looking creates nothing");
}

#[test]
fn what_the_debug_exporter_shows_is_a_line_where_lines_are_json() {
    let id = tapline_config::ComponentId::parse("debug/x").expect("an id");
    let sheet = Sheet::of_exporter(&id, tapline_pdata::Signal::Traces);
    let shown = |text: &str| {
        let (sinks, memory) = Sinks::memory();
        let config = config(text).expect("is valid");
        let log = Log::onto(sinks, &config, &Resource::default()).expect("can be made");
        sheet.write_into(&log, "Traces\n\tspan \"a\"\n");
        memory.lock().expect("not poisoned").clone()
    };
    assert_eq!(shown("{}"), "Traces\n\tspan \"a\"\n");
    assert_eq!(shown("level: warn"), "");
    let line = shown("encoding: json\ndisable_zap_resource: true");
    let line: serde_json::Value = serde_json::from_str(&line).expect("one line of JSON");
    assert_eq!(line["level"], "info");
    assert_eq!(line["msg"], "Traces\n\tspan \"a\"");
    assert_eq!(line["otelcol.component.id"], "debug/x");
    assert_eq!(line["otelcol.signal"], "traces");
}

#[test]
fn the_last_word_is_where_somebody_looks_and_breaks_no_lines() {
    let scratch = std::env::temp_dir().join(format!("tapline-last-word-{}", std::process::id()));
    let file = format!("output_paths: ['{}']", scratch.display());
    let table = [
        ("{}".to_owned(), LastWord::Stderr),
        ("output_paths: [stdout]".to_owned(), LastWord::Both),
        ("encoding: json".to_owned(), LastWord::Log),
        (
            "{encoding: json, output_paths: [stdout]}".to_owned(),
            LastWord::Log,
        ),
        (
            "{encoding: json, level: fatal}".to_owned(),
            LastWord::Stderr,
        ),
        (file.clone(), LastWord::Both),
        (format!("{file}\nencoding: json"), LastWord::Both),
    ];
    for (text, expected) in table {
        let config = config(&text).expect("is valid");
        let log = Log::new(&config, &Resource::default()).expect("can be made");
        assert_eq!(log.last_word(), expected, "{text}");
    }
    std::fs::remove_file(&scratch).expect("was made");
}
