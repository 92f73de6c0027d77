//! What is shown for a batch in each form, and what happens when nothing can be shown.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use tapline_pdata::{
    Batch, Signal,
    write::{self, LogHead, Scope},
};
use tapline_pipeline::Verdict;

use super::{Config, Verbosity, build};

/// A writer that the test can read.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("one test").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer whose reader has gone.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn one_log() -> Batch {
    log_of("ready")
}

fn log_of(body: &str) -> Batch {
    let head = LogHead {
        time_ns: 0,
        observed_ns: 0,
        severity_number: 9,
        severity_text: "INFO",
        body,
        event_name: "",
        trace: None,
        flags: 0,
    };
    let (mut records, mut wire) = (Vec::new(), Vec::new());
    write::log_record(&mut records, &head, |attributes| {
        attributes.str("color", "blue");
    });
    let scope = Scope {
        name: "",
        version: "",
    };
    write::resource_block(&mut wire, Signal::Logs, &[], &scope, &records);
    Batch::written(Signal::Logs, wire.into(), 1)
}

async fn shown(config: &Config, batches: usize) -> String {
    let paper = Paper::default();
    let exporter = build(config, Box::new(paper.clone())).expect("builds");
    for _ in 0..batches {
        exporter.export(one_log()).await.expect("is shown");
    }
    let bytes = paper.0.lock().expect("one test").clone();
    String::from_utf8(bytes).expect("is text")
}

#[tokio::test]
async fn each_form_is_longer_than_the_one_before() {
    let mut forms = Vec::new();
    for verbosity in [Verbosity::Basic, Verbosity::Normal, Verbosity::Detailed] {
        let config = Config {
            verbosity,
            ..Config::default()
        };
        let text = shown(&config, 1).await;
        assert!(text.starts_with("Logs") && text.ends_with('\n'), "{text}");
        forms.push(text);
    }
    let [basic, normal, detailed] = forms.try_into().expect("three forms");
    assert_eq!(basic.lines().count(), 1, "{basic}");
    assert!(
        normal.starts_with(&basic) && normal.contains("ready color=blue"),
        "{normal}"
    );
    assert!(
        detailed.starts_with(&basic) && detailed.contains("Body: Str(ready)"),
        "{detailed}"
    );
}

#[tokio::test]
async fn what_a_stranger_wrote_does_not_reach_the_terminal() {
    for verbosity in [Verbosity::Normal, Verbosity::Detailed] {
        let config = Config {
            verbosity,
            ..Config::default()
        };
        let paper = Paper::default();
        let exporter = build(&config, Box::new(paper.clone())).expect("builds");
        let hostile = log_of("\x1b]0;owned\x07\u{9b}2J");
        exporter.export(hostile).await.expect("is shown");
        let text = String::from_utf8(paper.0.lock().expect("one test").clone()).expect("text");
        assert!(text.contains("\\x1b]0;owned\\x07\\x9b2J"), "{text:?}");
        let controls = text.chars().filter(|c| c.is_control());
        assert!(controls.clone().all(|c| c == '\n' || c == '\t'), "{text:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn batches_are_sampled_by_the_second() {
    let config = Config {
        sampling_initial: 2,
        sampling_thereafter: 3,
        ..Config::default()
    };
    assert_eq!(shown(&config, 8).await.lines().count(), 4);
}

#[tokio::test]
async fn a_closed_output_is_no_reason_to_try_again() {
    let exporter = build(&Config::default(), Box::new(Closed)).expect("builds");
    let refused = exporter.export(one_log()).await.expect_err("nobody reads");
    assert_eq!(refused.verdict, Verdict::Never);
    assert_eq!(refused.cause, "cannot write debug output: broken pipe");
}
