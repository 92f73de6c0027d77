//! What is registered is listed, once, and followers learn of it.

use std::sync::{Arc, Mutex};

use tapline_pdata::Signal;

use super::{
    account::{self, Reason},
    *,
};

#[test]
fn lists_a_new_counter_at_zero_with_all_labels() {
    let meters = Meters::new();
    let view = meters.labelled(&[("receiver", "ebpf")]);
    let _lost = view.counter("tapline_ebpf_lost_events", "Events lost.", &[("cpu", "3")]);
    let listed = meters.snapshot();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].value, Value::Number(0.0));
    assert_eq!(listed[0].kind, Kind::Counter);
    let labels: Vec<_> = listed[0]
        .labels
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    assert_eq!(labels, ["cpu=3", "receiver=ebpf"]);
}

#[test]
fn returns_the_same_counter_when_registered_again() {
    let meters = Meters::new();
    meters.counter("a", "", &[("x", "1")]).add(2);
    meters.counter("a", "", &[("x", "1")]).add(3);
    meters.counter("a", "", &[("x", "2")]).add(4);
    assert_eq!(meters.total("a", &[("x", "1")]), 5);
    assert_eq!(meters.total("a", &[]), 9);
}

#[test]
fn counts_detached_beyond_the_limit_of_series() {
    let meters = Meters::new();
    for series in 0..=MAX_SERIES {
        meters
            .counter("a", "", &[("x", &series.to_string())])
            .add(1);
    }
    assert_eq!(meters.snapshot().len(), MAX_SERIES);
}

#[test]
fn sorts_values_into_buckets_by_upper_bound() {
    let meters = Meters::new();
    let sizes = meters.histogram("sizes", "", &[], &[10.0, 20.0]);
    for size in [1, 10, 11, 21] {
        sizes.record(size);
    }
    let expected = Distribution {
        bounds: vec![10.0, 20.0],
        counts: vec![2, 1, 1],
        sum: 43.0,
    };
    assert_eq!(meters.snapshot()[0].value, Value::Distribution(expected));
}

#[test]
fn measures_durations_in_seconds() {
    let meters = Meters::new();
    let times = meters.durations("times", "", &[], &[0.5, 1.0]);
    times.record_duration(std::time::Duration::from_millis(750));
    let expected = Distribution {
        bounds: vec![0.5, 1.0],
        counts: vec![0, 1, 0],
        sum: 0.75,
    };
    assert_eq!(meters.snapshot()[0].value, Value::Distribution(expected));
}

#[test]
fn lists_the_book_of_a_component_and_finds_it_again() {
    let view = Meters::new().labelled(&[("exporter", "otlp/backup")]);
    let book = || view.account(Signal::Traces, &[Reason::Shutdown]);
    book().receive(7);
    book().settle(4, account::Outcome::Sent);
    let told = |name| -> Vec<String> {
        let rows = view.read(name).into_iter();
        rows.map(|(labels, value)| format!("{labels:?} {value:?}"))
            .collect()
    };
    let row = |rest: &str, state: &str, count: &str| {
        format!(
            "{{\"component\": \"otlp/backup\", \"kind\": \"exporter\", {rest}\
             \"signal\": \"traces\"{state}}} Number({count})"
        )
    };
    assert_eq!(
        told(names::ITEMS.0),
        [
            row("", ", \"state\": \"received\"", "7.0"),
            row("", ", \"state\": \"sent\"", "4.0"),
            row(
                "\"reason\": \"shutdown\", ",
                ", \"state\": \"dropped\"",
                "0.0"
            ),
        ]
    );
    assert_eq!(told(names::ITEMS_QUEUED.0), [row("", "", "3.0")]);
    assert_eq!(
        view.total(names::ITEMS_QUEUED.0, &[("signal", "traces")]),
        3
    );
}

/// Writes down what it is told.
#[derive(Default)]
struct Scribe(Mutex<Vec<String>>);

impl Follower for Scribe {
    fn appeared(&self, name: &str, _help: &'static str, kind: Kind) {
        let line = format!("{name} {kind:?}");
        self.0.lock().expect("not poisoned").push(line);
    }

    fn histogram(
        &self,
        name: &str,
        _help: &'static str,
        labels: &Labels,
        _bounds: &[f64],
    ) -> Option<Listener> {
        let line = format!("{name} {labels:?}");
        self.0.lock().expect("not poisoned").push(line);
        None
    }
}

#[test]
fn a_follower_learns_of_what_was_and_of_what_comes() {
    let meters = Meters::new();
    meters.counter("before", "", &[]);
    let scribe = Arc::new(Scribe::default());
    meters.follow(Arc::<Scribe>::clone(&scribe));
    meters.gauge("after", "", &[]);
    meters.histogram("sizes", "", &[("x", "1")], &[1.0]);
    meters.account(Signal::Logs, &[]);
    assert_eq!(
        *scribe.0.lock().expect("not poisoned"),
        [
            "before Counter",
            "after Gauge",
            "sizes {\"x\": \"1\"}",
            "tapline_items Counter",
            "tapline_items_queued Gauge"
        ]
    );
}

#[test]
fn asks_an_observer_at_every_snapshot() {
    let meters = Meters::new();
    let level = Gauge::default();
    let seen = level.clone();
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    meters.observed("up", "", &[], Kind::Gauge, move || seen.get() as f64);
    level.add(7);
    assert_eq!(meters.snapshot()[0].value, Value::Number(7.0));
}
