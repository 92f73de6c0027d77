//! What the compact form shows is read back as it was.

use proptest::{collection::vec, prelude::*};
use tapline_pdata::{Batch, Signal, TextError, json, text};

use crate::{samples, telemetry, views::checked};

/// Shows, reads and shows again.
fn assert_comes_back(batch: &Batch) {
    let shown = text::compact(batch);
    let read =
        text::parse(batch.signal(), &shown).unwrap_or_else(|error| panic!("{error}\n{shown}"));
    assert_eq!(read.items(), batch.items(), "{shown}");
    assert_eq!(text::compact(&read), shown);
    let again = Batch::checked(read.signal(), read.to_bytes()).expect("we write valid OTLP");
    assert_eq!(again.items(), read.items());
}

proptest! {
    #[test]
    fn traces_come_back_from_text(request in telemetry::traces()) {
        assert_comes_back(&checked(Signal::Traces, &request));
    }

    #[test]
    fn metrics_come_back_from_text(request in telemetry::metrics()) {
        assert_comes_back(&checked(Signal::Metrics, &request));
    }

    #[test]
    fn logs_come_back_from_text(request in telemetry::logs()) {
        assert_comes_back(&checked(Signal::Logs, &request));
    }

    #[test]
    fn profiles_come_back_from_text(request in telemetry::profiles()) {
        assert_comes_back(&checked(Signal::Profiles, &request));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}", lines in vec(line(), 0..8)) {
        for signal in Signal::ALL {
            let _ = text::parse(signal, &text);
            if let Ok(batch) = text::parse(signal, &lines.join("\n")) {
                assert_comes_back(&batch);
            }
        }
    }
}

/// A line that may be in place, with anything behind it.
fn line() -> impl Strategy<Value = String> {
    let head = prop_oneof![
        Just("resource"),
        Just("  scope"),
        Just("    span server \"n\""),
        Just("    log"),
        Just("    gauge \"g\""),
        Just("    histogram \"h\""),
        Just("    exponential \"e\""),
        Just("    profile \"cpu\" \"ns\""),
        Just("      "),
        Just("      sample"),
        Just("        frame 0x1"),
    ];
    let tail = "( [a-z]{1,5}=| [0-9.]{1,4}|\\[|\\]|\\{|\\}|\"|:|-|@|\\| | le1:| true| empty){0,6}";
    (head, tail).prop_map(|(head, tail)| format!("{head}{tail}"))
}

#[test]
fn samples_come_back_from_text() {
    for batch in [samples::traces(), samples::logs(), samples::metrics()] {
        assert_comes_back(&batch);
    }
}

const PROFILES: &str = r#"resource service.name="checkout"
  scope ebpf-profiler
    profile "cpu" "nanoseconds" 1s period=50000000 "cpu" "nanoseconds" id=5b8efff798038103d269b633813fc60c
      thread.name="worker"
      sample 5 -1 trace=5b8efff798038103d269b633813fc60c span=eee19b7ec3c1b174 | thread.name="worker"
        frame 0x401000 "pay"@"pay.c":10:4 "main" in "/bin/shop"
        frame 0x401064 in "/bin/shop"
      sample 7
        frame 0x401064 in "/bin/shop"
"#;

#[test]
fn profiles_show_what_their_indexes_point_at() {
    let sample = include_str!("../testdata/profiles.json");
    let batch = json::from_json(Signal::Profiles, sample.as_bytes()).expect("it is OTLP/JSON");
    assert_eq!(text::compact(&batch), PROFILES);
    assert_comes_back(&batch);
}

#[test]
fn normal_shows_a_line_a_profile() {
    let sample = include_str!("../testdata/profiles.json");
    let batch = json::from_json(Signal::Profiles, sample.as_bytes()).expect("it is OTLP/JSON");
    let expected = "\
ResourceProfiles #0 service.name=checkout
ScopeProfiles #0 ebpf-profiler
5b8efff798038103d269b633813fc60c samples=2 thread.name=worker
";
    assert_eq!(text::normal(&batch), expected);
}

#[test]
fn text_by_hand_may_be_short_and_indented() {
    let batch = text::parse(
        Signal::Traces,
        r#"
            resource service.name="cart" "odd key"=[1 2.5 {a=empty}]

              scope
                span client "GET" trace=0a id=0b
                  event="no event" link=0xff
                  event "retry"
        "#,
    )
    .expect("it is in the compact form");
    let expected = r#"resource service.name="cart" "odd key"=[1 2.5 {a=empty}]
  scope
    span client "GET" 0ns trace=0a id=0b parent=-
      event="no event" link=0xff
      event "retry" +0ns
"#;
    assert_eq!(text::compact(&batch), expected);
}

#[test]
fn names_that_would_be_mistaken_are_quoted() {
    for line in [
        "  scope",
        "  scope name=1",
        "  scope \"a name=1\"",
        "  scope \"a@b\"@\"1 2\" \"\"=1",
        "  scope @1.2",
        "  scope name@1.2 name=1",
        "  scope \"a key\"=1",
        "  scope a/b.c:d-e_f",
    ] {
        let text = format!("resource\n{line}\n");
        let batch = text::parse(Signal::Logs, &text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(text::compact(&batch), text);
    }
}

#[test]
fn points_with_empty_buckets_between_are_filled_in() {
    let text = r#"resource
  scope
    histogram "h" unit="s" delta
      count=4 sum=2.5 min=0.0 le0.5:3 | sum=1.5 "a b"=2
      count=1 le0.5:3 inf:1 inf:2
    exponential "e" unspecified
      count=5 scale=-2 zero=1 negative[-2]:1 negative[3]:1 positive[2147483648]:9
"#;
    let batch = text::parse(Signal::Metrics, text).expect("it is in the compact form");
    assert_eq!(text::compact(&batch), text);
    assert_eq!(batch.items(), 3);
    let json = String::from_utf8(json::to_json(&batch)).expect("JSON is UTF-8");
    assert!(
        json.contains(r#""bucketCounts":["3","0"],"explicitBounds":[0.5]"#),
        "{json}"
    );
    let negative = r#""negative":{"offset":-2,"bucketCounts":["1","0","0","0","0","1"]}"#;
    assert!(json.contains(negative), "{json}");
}

#[test]
fn says_what_is_expected_and_where() {
    let refused = |signal, text: &str| {
        let error: TextError = text::parse(signal, text).expect_err("not the compact form");
        error.to_string()
    };
    let cases = [
        ("scope", "line 1, column 1: expected a resource"),
        ("resource a=", "line 1, column 12: expected a value"),
        ("resource a=1x", "line 1, column 12: expected a value"),
        (
            "resource a=99999999999999999999",
            "line 1, column 12: expected a value",
        ),
        (
            "resource a=\"x",
            "line 1, column 13: expected a quote at the end",
        ),
        ("resource a=0x1", "line 1, column 12: expected a value"),
        (
            "resource\n    span",
            "line 2, column 5: expected a resource and a scope around it",
        ),
        (
            "resource\n  scope\n      a=1",
            "line 3, column 7: expected a record around it",
        ),
        (
            "resource\n  scope\n    log",
            "line 3, column 5: expected a span",
        ),
        (
            "resource\n  scope\n    span server \"a\" 1.5 id=-",
            "line 3, column 21: expected a duration such as 1.5ms",
        ),
        (
            "resource\nresource x",
            "line 2, column 11: expected = behind a key",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(Signal::Traces, text), expected, "{text}");
    }
    let deep = format!("resource a={}", "[".repeat(65));
    let expected = "values that are nested less deep";
    assert!(refused(Signal::Logs, &deep).ends_with(expected));
    let far = "resource\n  scope\n    exponential \"e\"\n      positive[0]:1 positive[99999999]:1";
    let expected = "line 4, column 41: expected indexes that rise and are close together";
    assert_eq!(refused(Signal::Metrics, far), expected);
}
