//! The parity of `$`, the double nature of values, and what is refused.

use crate::{Environment, Input, Kind, Node, load};

fn environment() -> Environment {
    let doubling = |level: u32| {
        (
            format!("D{level}"),
            format!("${{D{0}}}${{D{0}}}x", level + 1),
        )
    };
    let fixed = [
        ("V", "value"),
        ("EMPTY", ""),
        ("INT", "0123"),
        ("HEX", "0xdeadbeef"),
        ("BOOL", "true # comment"),
        ("QUOTED", "\"0123\""),
        ("TAGGED", "!!str 1"),
        ("LIST", "[a, 0123]"),
        ("MAP", "a: ${V}\nb: [1]"),
        ("NAME", "V"),
        ("TWICE", "${V}"),
        ("DOLLAR", "a$$b"),
        ("BROKEN", "a: b: c"),
        ("LOOP", "${LOOP}"),
        ("GROWS", "x${GROWS}"),
        ("NEST", "['${NEST}']"),
        ("BADREF", "true # ${env:BAD!}"),
        ("LEAK", "${s3cr3t!}"),
    ];
    let fixed = fixed.map(|(name, value)| (name.to_owned(), value.to_owned()));
    fixed.into_iter().chain((0..100).map(doubling)).collect()
}

/// Loads `v: '…'` and returns the value.
fn value(written: &str) -> Node {
    let text = format!("v: '{written}'\n");
    let document = load(&[Input::text("a.yaml", text)], &environment()).expect(written);
    document.root().get("v").expect("it was written").clone()
}

fn refusal(written: &str) -> String {
    let text = format!("v: '{written}'\n");
    load(&[Input::text("a.yaml", text)], &environment())
        .expect_err(written)
        .to_string()
}

#[test]
fn dollars_pair_up_before_a_reference() {
    let table = [
        ("${V}", "value"),
        ("${env:V}", "value"),
        ("$V", "$V"),
        ("$$V", "$V"),
        ("$${V}", "${V}"),
        ("$$${V}", "$value"),
        ("$$$${V}", "$${V}"),
        ("$$$$V", "$$V"),
        ("a ${V} b ${env:V}", "a value b value"),
        ("${env:${NAME}}", "value"),
        ("$${env:${NAME}}", "${env:V}"),
        ("${env:U:-$${env:U}}", "${env:U:-${env:U}}"),
        ("${env:U:-d}", "d"),
        ("${env:V:-d}", "value"),
        ("x${env:EMPTY:-d}", "x"),
        ("${env:U:-a:-b}", "a:-b"),
        ("$${A} ${V}", "${A} value"),
        ("${TWICE}", "value"),
        ("${DOLLAR}", "a$b"),
        ("}${V}", "}value"),
        ("${V", "${V"),
        ("{V}", "{V}"),
        ("${QUOTED}", "\"0123\""),
        ("${TAGGED}", "!!str 1"),
        ("${BROKEN}", "a: b: c"),
        ("${INT}!", "0123!"),
        ("$", "$"),
        ("$$", "$"),
        ("${env:U:-${V}}", "value"),
    ];
    for (written, expected) in table {
        assert_eq!(
            value(written).kind,
            Kind::String(expected.to_owned()),
            "{written}"
        );
    }
}

#[test]
fn a_lone_reference_has_a_type_and_a_text() {
    let table = [
        ("${INT}", Kind::Int(83), Some("0123")),
        ("${HEX}", Kind::Int(0xdead_beef), Some("0xdeadbeef")),
        ("${BOOL}", Kind::Bool(true), Some("true # comment")),
        ("${EMPTY}", Kind::Null, Some("")),
        ("${env:U:-5}", Kind::Int(5), Some("5")),
        ("${env:U:-}", Kind::Null, Some("")),
        ("${BADREF}", Kind::Bool(true), None),
    ];
    for (written, kind, original) in table {
        let value = value(written);
        assert_eq!(
            (&value.kind, value.original.as_deref()),
            (&kind, original),
            "{written}"
        );
    }
    let map = value("${MAP}");
    assert_eq!(
        map.get("a").expect("a").kind,
        Kind::String("value".to_owned())
    );
    assert_eq!(map.original.as_deref(), Some("a: value\nb: [1]"));
    assert_eq!(
        value("${LIST}").items()[1].original.as_deref(),
        Some("0123")
    );
}

#[test]
fn an_unset_variable_is_empty_and_said() {
    let input = Input::text("a.yaml", "v: x ${env:U}\n");
    let document = load(&[input], &Environment::default()).expect("only a warning");
    let expected = "warning: environment variable `U` is not set\n  --> a.yaml:1:6\n   |\n \
        1 | v: x ${env:U}\n   |      ^^^^^^^^ taken as empty; \
        `${env:NAME:-default}` gives it a default";
    assert_eq!(document.problems().to_string(), expected);
}

#[test]
fn says_what_cannot_be_expanded() {
    let table = [
        (
            "${file:x}",
            "cannot expand `${file:x}`: files are out of reach here",
        ),
        ("${s3:x}", "scheme `s3` is not supported by tapline"),
        ("${envv:x}", "did you mean `env:`?"),
        ("${V:-d}", "did you mean `${env:V:-d}`?"),
        ("${env:1}", "a variable's name is made of"),
        ("${}", "a variable's name is made of"),
        ("${env:A$B}", "it holds a `$`"),
        ("${LOOP}", "too many recursive expansions"),
        ("${GROWS}", "too many recursive expansions"),
        ("${NEST}", "nest too deep"),
        ("${D0}", "all values together become too large"),
    ];
    for (written, expected) in table {
        let refusal = refusal(written);
        assert!(refusal.contains(expected), "{written}: {refusal}");
    }
    let leak = refusal("${LEAK}");
    assert!(!leak.contains("s3cr3t"), "{leak}");
}
