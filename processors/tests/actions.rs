//! `attributes` and `resource`: settings as YAML and telemetry as text in, telemetry as text out.

use std::sync::Arc;

use tapline_config::{Environment, Input, Problems, Validate, decode_valid, load};
use tapline_pdata::{
    Origin, Signal,
    rewrite::{Pass, Transform},
    text,
};
use tapline_processors::{attributes, resource};

fn read<T: serde::de::DeserializeOwned + Validate>(yaml: &str) -> Result<T, String> {
    let environment: Environment = std::iter::empty::<(String, String)>().collect();
    let document = load(&[Input::text("test", yaml)], &environment).expect("valid YAML");
    let mut problems = Problems::new();
    decode_valid(document.root(), &mut problems).ok_or_else(|| problems.to_string())
}

fn run(transform: Arc<dyn Transform>, signal: Signal, input: &str) -> String {
    let headers = [("X-Tenant", "acme"), ("x-tenant", "beta")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut origin = Origin::with_metadata(headers);
    origin.peer = Some("192.0.2.7:4000".parse().expect("an address"));
    origin.auth = vec![("subject".to_owned(), "ann".to_owned())];
    let batch = text::parse(signal, input).expect("the compact form");
    let batch = batch.with_origin(Some(Arc::new(origin)));
    text::compact(&Pass::new(vec![transform]).run(&batch).batch)
}

/// Applies one action, written in YAML's flow style, to the attributes of a resource.
fn act(action: &str, before: &str) -> String {
    let config: resource::Config =
        read(&format!("attributes: [{{{action}}}]")).unwrap_or_else(|error| panic!("{error}"));
    let transform = resource::build(&config).expect("validated");
    let after = run(transform, Signal::Logs, &format!("resource {before}"));
    let after = after
        .trim_end()
        .strip_prefix("resource")
        .expect("a resource");
    after.trim_start().to_owned()
}

/// An action, attributes before, and after it. `HASH` is what hashing `foo` gives.
const ACTIONS: &[(&str, &str, &str)] = &[
    ("key: b, action: insert, value: 1", "a=1", "a=1 b=1"),
    ("key: a, action: insert, value: 2", "a=1", "a=1"),
    ("key: b, action: update, value: 1", "a=1", "a=1"),
    ("key: a, action: update, value: x", "a=1 b=2", "a=\"x\" b=2"),
    ("key: a, action: upsert, value: 1.5", "b=2", "b=2 a=1.5"),
    ("key: a, action: upsert, value: true", "a=0", "a=true"),
    (
        "key: a, action: upsert, value: [1, x]",
        "a=0",
        "a=[1 \"x\"]",
    ),
    ("key: a, action: upsert, value: {k: 1}", "a=0", "a={k=1}"),
    (
        "key: a, action: insert, from_attribute: b",
        "b=[1 2]",
        "b=[1 2] a=[1 2]",
    ),
    ("key: a, action: insert, from_attribute: no", "b=1", "b=1"),
    (
        "key: a, action: upsert, from_attribute: no, default_value: 7",
        "b=1",
        "b=1 a=7",
    ),
    (
        "key: a, action: upsert, from_context: metadata.x-tenant",
        "",
        "a=\"acme;beta\"",
    ),
    (
        "key: a, action: upsert, from_context: metadata.none",
        "b=1",
        "b=1",
    ),
    (
        "key: a, action: upsert, from_context: auth.subject",
        "",
        "a=\"ann\"",
    ),
    (
        "key: a, action: upsert, from_context: client.address",
        "",
        "a=\"192.0.2.7\"",
    ),
    ("key: a, action: delete", "a=1 b=2 a=3", "b=2"),
    (
        "pattern: ^x\\., action: delete",
        "x.a=1 ax.=2 x.b=3",
        "ax.=2",
    ),
    ("key: b, pattern: ^x, action: delete", "x=1 b=2 c=3", "c=3"),
    (
        "key: a, action: hash",
        "a=\"foo\" b=1 a=\"foo\"",
        "a=HASH b=1 a=HASH",
    ),
    ("key: no, action: hash", "a=1", "a=1"),
    ("key: a, action: hash", "a=\"\"", "a=\"\""),
    (
        "key: a, action: extract, pattern: '^(?P<x>\\w+)/(?P<y>\\d+)$'",
        "a=\"b/7\" y=0",
        "a=\"b/7\" y=\"7\" x=\"b\"",
    ),
    (
        "key: a, action: extract, pattern: '(?P<x>z)'",
        "a=\"b\"",
        "a=\"b\"",
    ),
    ("key: a, action: extract, pattern: '(?P<x>1)'", "a=1", "a=1"),
    (
        "key: a, action: convert, converted_type: int",
        "a=\"-7\"",
        "a=-7",
    ),
    (
        "key: a, action: convert, converted_type: int",
        "a=\"7x\"",
        "a=\"7x\"",
    ),
    (
        "key: a, action: convert, converted_type: int",
        "a=2.9",
        "a=2",
    ),
    (
        "key: a, action: convert, converted_type: int",
        "a=true",
        "a=1",
    ),
    (
        "key: a, action: convert, converted_type: double",
        "a=\"2.5\"",
        "a=2.5",
    ),
    (
        "key: a, action: convert, converted_type: double",
        "a=2",
        "a=2.0",
    ),
    (
        "key: a, action: convert, converted_type: string",
        "a=2.5",
        "a=\"2.5\"",
    ),
    (
        "key: a, action: convert, converted_type: string",
        "a=false",
        "a=\"false\"",
    ),
    (
        "key: a, action: convert, converted_type: string",
        "a=[1]",
        "a=[1]",
    ),
    (
        "key: no, action: convert, converted_type: int",
        "a=1",
        "a=1",
    ),
];

#[test]
fn each_action_does_what_the_collector_does() {
    const FOO: &str = "\"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae\"";
    for (action, before, after) in ACTIONS {
        let after = after.replace("HASH", FOO);
        assert_eq!(act(action, before), after, "{action} on {before}");
    }
}

#[test]
fn says_what_is_wrong_with_actions_and_matches() {
    let table = [
        ("actions: []", "`actions` needs at least one action"),
        (
            "actions: [{key: a, action: set}]",
            "`actions::0::action` `set` is none of insert,",
        ),
        (
            "actions: [{key: a, action: insert}]",
            "needs exactly one of `value`,",
        ),
        (
            "actions: [{action: delete}]",
            "`actions::0::key` is required",
        ),
        (
            "actions: [{key: a, action: delete, value: 1}]",
            "`delete` takes no value",
        ),
        (
            "actions: [{key: a, action: extract, pattern: '(x)'}]",
            "must name each of its groups",
        ),
        (
            "actions: [{key: a, action: extract, pattern: x}]",
            "needs a named group",
        ),
        (
            "actions: [{key: a, action: hash, pattern: '('}]",
            "is no regular expression",
        ),
        (
            "actions: [{key: a, action: convert, converted_type: no}]",
            "must be int, double or",
        ),
        (
            "actions: [{key: a, action: insert, from_context: x}]",
            "must be `metadata.<header>`",
        ),
        (
            "{actions: [{key: a, action: delete}], include: {services: [a]}}",
            "`include::match_type` must be strict or regexp",
        ),
        (
            "{actions: [{key: a, action: delete}], exclude: {match_type: strict}}",
            "names no property to match",
        ),
    ];
    for (yaml, message) in table {
        let refused = read::<attributes::Config>(yaml).expect_err(yaml);
        assert!(refused.contains(message), "{yaml}: {refused}");
    }
}

/// Says whether records that match are edited, with one of each kind of match.
fn matches(signal: Signal, matching: &str, input: &str) -> bool {
    let yaml =
        format!("{{actions: [{{key: hit, action: insert, value: 1}}], include: {{{matching}}}}}");
    let config: attributes::Config = read(&yaml).unwrap_or_else(|error| panic!("{error}"));
    let transform = attributes::build(&config).expect("validated");
    let included = run(transform, signal, input).contains("hit=1");
    let mut reversed = config;
    reversed.exclude = reversed.include.take();
    let transform = attributes::build(&reversed).expect("validated");
    assert_ne!(
        run(transform, signal, input).contains("hit=1"),
        included,
        "{matching}"
    );
    included
}

const SPAN: &str =
    "resource service.name=\"cart\" zone=7\n  scope\n    span server \"GET\"\n      a=1";
const LOG: &str = "resource\n  scope\n    log severity=9 text=\"INFO\" body=\"hello\"";
const POINT: &str = "resource\n  scope\n    gauge \"cpu\"\n      1 a=1";

/// Something of a signal, how it is matched, and whether it does.
const MATCHES: &[(Signal, &str, &str, bool)] = &[
    (
        Signal::Traces,
        SPAN,
        "match_type: strict, services: [x, cart]",
        true,
    ),
    (
        Signal::Traces,
        SPAN,
        "match_type: strict, services: [car]",
        false,
    ),
    (
        Signal::Traces,
        SPAN,
        "match_type: regexp, services: [^car]",
        true,
    ),
    (
        Signal::Traces,
        SPAN,
        "match_type: strict, span_names: [GET]",
        true,
    ),
    (
        Signal::Traces,
        SPAN,
        "match_type: strict, span_kinds: [SPAN_KIND_SERVER]",
        true,
    ),
    (
        Signal::Traces,
        SPAN,
        "match_type: strict, span_names: [GET], services: [x]",
        false,
    ),
    (
        Signal::Traces,
        SPAN,
        "match_type: strict, attributes: [{key: a, value: 1}]",
        true,
    ),
    (
        Signal::Traces,
        SPAN,
        "match_type: strict, attributes: [{key: a}, {key: b}]",
        false,
    ),
    (
        Signal::Traces,
        SPAN,
        "match_type: strict, resources: [{key: zone, value: 7}]",
        true,
    ),
    (
        Signal::Traces,
        SPAN,
        "match_type: strict, libraries: [{name: x}]",
        false,
    ),
    (
        Signal::Traces,
        SPAN,
        "match_type: strict, log_bodies: [hello]",
        false,
    ),
    (
        Signal::Logs,
        LOG,
        "match_type: regexp, log_bodies: [^hel+o$]",
        true,
    ),
    (
        Signal::Logs,
        LOG,
        "match_type: strict, log_severity_texts: [INFO]",
        true,
    ),
    (
        Signal::Logs,
        LOG,
        "match_type: strict, log_severity_number: {min: 9}",
        true,
    ),
    (
        Signal::Logs,
        LOG,
        "match_type: strict, log_severity_number: {min: 10}",
        false,
    ),
    (
        Signal::Metrics,
        POINT,
        "match_type: strict, metric_names: [cpu]",
        true,
    ),
    (
        Signal::Metrics,
        POINT,
        "match_type: regexp, metric_names: [x]",
        false,
    ),
];

#[test]
fn edits_what_is_included_and_not_excluded() {
    for (signal, input, matching, expected) in MATCHES {
        assert_eq!(matches(*signal, matching, input), *expected, "{matching}");
    }
}
