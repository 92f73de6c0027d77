//! The Collector's tables, row by row: `${…}`, the two natures of a value, merging.
//!
//! Each row is named by its text in the table.

use serde::Deserialize;
use tapline_config::{
    Environment, Input, Kind, Node, Secrets, decode, decode_into, load, print_node,
};

fn environment() -> Environment {
    Environment::from_iter([
        ("NAME", "value"),
        ("EMPTY", ""),
        ("INNER", "NAME"),
        ("V", "v"),
        ("DOLLARS", "a$$b"),
        ("OUTER", "${NAME}"),
        ("OCTAL", "0123"),
        ("HEX", "0xdeadbeef"),
        ("COMMENT", "true # comment"),
        ("QUOTED", "\"0123\""),
        ("TRUE", "true"),
        ("T", "t"),
        ("TWENTY_THREE", "23"),
        ("LIST", "[a, b]"),
        ("NUMBERS", "[0123, true]"),
        ("MAP", "{a: b}"),
        ("LINES", "a: b\nc:\n  d: e\n"),
        ("COMMAS", "a,b"),
        ("BAD_COMMENT", "true # ${env:BAD!}"),
        ("TAGGED", "!!str 5"),
    ])
}

/// Returns the value of `v`, which is written in single quotes.
fn value(written: &str) -> Result<Node, String> {
    let text = format!("v: '{written}'\n");
    let document = load(&[Input::text("a.yaml", text)], &environment());
    let document = document.map_err(|problems| problems.to_string())?;
    Ok(document.root().get("v").expect("it is written").clone())
}

#[test]
fn expansion() {
    // Row of the table, what is written, what it becomes.
    let table = [
        ("${env:NAME}", "${env:NAME}", "value"),
        ("${NAME}", "${NAME}", "value"),
        (
            "${env:NAME:-default}, unset",
            "${env:UNSET:-default}",
            "default",
        ),
        ("${env:NAME:-default}, set", "${env:NAME:-default}", "value"),
        (
            "set but empty does not trigger it",
            "x${env:EMPTY:-default}",
            "x",
        ),
        ("empty default is an empty string", "x${env:UNSET:-}", "x"),
        ("$NAME", "$NAME", "$NAME"),
        ("$$", "a$$b", "a$b"),
        ("$${NAME}", "$${NAME}", "${NAME}"),
        ("$$${NAME}", "$$${NAME}", "$value"),
        ("$$$${NAME}", "$$$${NAME}", "$${NAME}"),
        ("$$$$X", "$$$$X", "$$X"),
        ("${env:${INNER}}", "${env:${INNER}}", "value"),
        ("$${env:${V}}", "$${env:${V}}", "${env:v}"),
        (
            "${env:U:-$${env:U}}",
            "${env:U:-$${env:U}}",
            "${env:U:-${env:U}}",
        ),
        ("a value that itself contains ${…}", "${OUTER}", "value"),
        ("$$ also in values of variables", "${DOLLARS}", "a$b"),
        ("${yaml:…} inline", "x ${yaml:0x10} y", "x 0x10 y"),
    ];
    for (row, written, expected) in table {
        let value = value(written).expect(row);
        assert_eq!(value.kind, Kind::String(expected.to_owned()), "{row}");
    }
    let keys = load(&[Input::text("a.yaml", "'${NAME}': 1")], &environment()).expect("good");
    assert!(keys.root().get("${NAME}").is_some(), "not to map keys");
    let items = load(&[Input::text("a.yaml", "v: ['${NAME}']")], &environment()).expect("good");
    let items = items.root().get("v").expect("v").items();
    assert_eq!(
        items[0].kind,
        Kind::String("value".to_owned()),
        "list items"
    );
}

#[test]
fn expansion_that_is_refused_or_warned_of() {
    let table = [
        (
            "a name must match",
            "${env:1X}",
            "a variable's name is made of letters",
        ),
        (
            "a URI that still contains $",
            "${env:A$B}",
            "it holds a `$`",
        ),
        (
            "an unknown scheme",
            "${what:x}",
            "scheme `what` is not known",
        ),
        (
            "a shell's default",
            "${NAME:-x}",
            "did you mean `${env:NAME:-x}`?",
        ),
    ];
    for (row, written, expected) in table {
        let refusal = value(written).expect_err(row);
        assert!(refusal.contains(expected), "{row}: {refusal}");
    }
    let warnings = |written: &str| {
        let text = format!("v: {written}\n");
        let document = load(&[Input::text("a.yaml", text)], &environment()).expect(written);
        document.problems().to_string()
    };
    let unset = warnings("${UNSET}");
    assert!(
        unset.contains("environment variable `UNSET` is not set"),
        "{unset}"
    );
    assert_eq!(warnings("${EMPTY}"), "");
    let bare = warnings("x $HOME/y");
    assert!(
        bare.contains("warning: `$HOME` is not expanded\n  --> a.yaml:1:6"),
        "{bare}"
    );
    assert!(
        bare.contains("write `${env:HOME}` for the variable"),
        "{bare}"
    );
    assert_eq!(warnings("$$HOME $1 ^a$"), "");
}

#[test]
fn a_secret_with_a_dollar_is_not_quoted() {
    let text = "password: hun$ter2\n";
    let document = load(&[Input::text("a.yaml", text)], &environment()).expect("good");
    let said = document.problems().to_string();
    assert!(said.contains("a `$` in this value"), "{said}");
    assert!(!said.contains("ter2"), "{said}");
}

/// One setting of each type, each with a default that is not the zero of its type.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Fields {
    string: String,
    int: i64,
    boolean: bool,
    pointer: Option<String>,
    list: Vec<String>,
    map: std::collections::BTreeMap<String, String>,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            string: "default".to_owned(),
            int: 7,
            boolean: true,
            pointer: Some("default".to_owned()),
            list: vec!["default".to_owned()],
            map: [("default".to_owned(), "7".to_owned())].into(),
        }
    }
}

/// Decodes one setting and returns it as JSON would show it, or what is said about it.
fn decoded(field: &str, written: &str) -> Result<String, String> {
    let text = format!("{field}: {written}\n");
    let document = load(&[Input::text("a.yaml", text)], &environment()).expect(written);
    let fields: Fields = decode(document.root()).map_err(|problems| problems.to_string())?;
    Ok(match field {
        "string" => format!("{:?}", fields.string),
        "int" => fields.int.to_string(),
        "boolean" => fields.boolean.to_string(),
        "pointer" => format!("{:?}", fields.pointer),
        "list" => format!("{:?}", fields.list),
        _ => format!("{:?}", fields.map),
    })
}

#[test]
fn both_natures_of_a_value() {
    // Type of the field, value of the variable, result.
    let table = [
        ("string", "${OCTAL}", "\"0123\""),
        ("string", "${HEX}", "\"0xdeadbeef\""),
        ("string", "${COMMENT}", "\"true # comment\""),
        ("string", "${QUOTED}", "\"\\\"0123\\\"\""),
        ("string", "${TAGGED}", "\"!!str 5\""),
        ("string", "${EMPTY}", "\"\""),
        ("string", "${UNSET}", "\"\""),
        ("int", "${OCTAL}", "83"),
        ("int", "${HEX}", "3735928559"),
        ("boolean", "${TRUE}", "true"),
        ("int", "${EMPTY}", "0"),
        ("int", "${UNSET}", "0"),
        ("boolean", "${EMPTY}", "false"),
        ("boolean", "${UNSET}", "false"),
        ("pointer", "${EMPTY}", "None"),
        ("pointer", "${UNSET}", "None"),
        ("pointer", "${OCTAL}", "Some(\"0123\")"),
        ("list", "${LIST}", "[\"a\", \"b\"]"),
        ("list", "${NUMBERS}", "[\"0123\", \"true\"]"),
        ("map", "${MAP}", "{\"a\": \"b\"}"),
        ("list", "${COMMAS}", "[\"a\", \"b\"]"),
        ("list", "a,b", "[\"a\", \"b\"]"),
        ("string", "x ${OCTAL} y", "\"x 0123 y\""),
        ("string", "${env:UNSET:-0123}", "\"0123\""),
        ("int", "${env:UNSET:-0123}", "83"),
        // A quoted reference is the same as one without quotes.
        ("int", "\"${OCTAL}\"", "83"),
        ("int", "'${OCTAL}'", "83"),
    ];
    for (kind, written, expected) in table {
        let result = decoded(kind, written);
        assert_eq!(result.as_deref(), Ok(expected), "{kind} from {written}");
    }
    let lines = value("${LINES}").expect("a map");
    assert_eq!(
        print_node(&lines, Secrets::Shown),
        "a: b\nc:\n  d: e\n",
        "multi-line YAML"
    );
}

#[test]
fn natures_that_do_not_fit() {
    let table = [
        (
            "int",
            "${QUOTED}",
            "expected a whole number, found a string",
        ),
        ("boolean", "${T}", "expected a boolean, found a string"),
        (
            "boolean",
            "${TWENTY_THREE}",
            "expected a boolean, found an integer",
        ),
        (
            "string",
            "${BAD_COMMENT}",
            "expected a string, found a boolean",
        ),
        // Without a variable there is no weak typing.
        (
            "string",
            "123",
            "expected a string, found the integer `123`",
        ),
        ("string", "true", "put quotes around it to make it a string"),
        ("string", "1.5", "expected a string, found the number `1.5`"),
        (
            "int",
            "'5'",
            "expected a whole number, found the string `5`",
        ),
        (
            "boolean",
            "yes",
            "expected a boolean, found the string `yes`",
        ),
        ("boolean", "1", "expected a boolean, found the integer `1`"),
        ("string", "[a]", "expected a string, found a list"),
        ("map", "[a]", "expected a map, found a list"),
        ("map", "{a: 1}", "expected a string, found the integer `1`"),
        ("list", "[a, 1]", "expected a string, found the integer `1`"),
        ("pointer", "5", "expected a string, found the integer `5`"),
    ];
    for (kind, written, expected) in table {
        let refusal = decoded(kind, written).expect_err(written);
        assert!(refusal.contains(expected), "{written}: {refusal}");
    }
}

#[test]
fn null_keeps_the_default_of_a_setting() {
    for field in ["string", "int", "boolean", "list", "map"] {
        let text = format!("{field}:\n");
        let document = load(&[Input::text("a.yaml", text)], &environment()).expect("good");
        assert_eq!(
            decode::<Fields>(document.root()),
            Ok(Fields::default()),
            "{field}"
        );
    }
    assert_eq!(decoded("list", "[]").as_deref(), Ok("[]"));
}

/// Returns what several inputs make together; the last ones may be `--set`.
fn merged(texts: &[&str], sets: &[&str]) -> String {
    let files = texts.iter().map(|text| Input::text("a.yaml", *text));
    let inputs: Vec<Input> = files
        .chain(sets.iter().map(|&set| Input::set(set)))
        .collect();
    let document = load(&inputs, &environment()).expect("good");
    print_node(document.root(), Secrets::Shown)
}

/// What the row says, the files, the `--set`s, and what they make together.
const MERGES: &[(&str, &[&str], &[&str], &str)] = &[
    (
        "maps merge recursively",
        &["a: {b: {c: 1}}", "a: {b: {d: 2}}"],
        &[],
        "a:\n  b:\n    c: 1\n    d: 2\n",
    ),
    (
        "scalars are replaced",
        &["a: {b: 1}", "a: {b: 2}"],
        &[],
        "a:\n  b: 2\n",
    ),
    (
        "lists are replaced",
        &["a: {b: [1, 2]}", "a: {b: [3]}"],
        &[],
        "a:\n  b: [3]\n",
    ),
    ("later wins", &["a: 1", "a: 2", "a: 3"], &[], "a: 3\n"),
    (
        "null wipes the earlier subtree",
        &["p: {a: 1, b: {c: 2}}\nq: 1", "p:"],
        &[],
        "p:\nq: 1\n",
    ),
    (
        "`{}` adds nothing",
        &["p: {a: 1}", "p: {}"],
        &[],
        "p:\n  a: 1\n",
    ),
    (
        "every --set after all --config",
        &["a: {b: 1}", "a: {b: 2}"],
        &["a.b=3"],
        "a:\n  b: 3\n",
    ),
    (
        "right side parsed as YAML",
        &["a: {b: 1}"],
        &["a.b=[x, {y: 2}]"],
        "a:\n  b:\n    - x\n    - y: 2\n",
    ),
    (
        "a.b.c=v is yaml:a::b::c: v",
        &["z: 1"],
        &["a.b.c=v", "a::b.d=w"],
        "z: 1\na:\n  b:\n    c: v\n    d: w\n",
    ),
    (
        "`::` merges with what another file nests",
        &["a: {b: {c: 1}}", "a::b::d: 2"],
        &[],
        "a:\n  b:\n    c: 1\n    d: 2\n",
    ),
    (
        "an unset variable wipes nothing that is beside it",
        &["a: {b: 1, c: 2}", "a: {b: '${UNSET}'}"],
        &[],
        "a:\n  b:\n  c: 2\n",
    ),
];

#[test]
fn merge_of_several_sources() {
    for (row, texts, sets, expected) in MERGES {
        assert_eq!(merged(texts, sets), *expected, "{row}");
    }
    let missing = load(
        &[Input::text("a.yaml", "a: 1"), Input::set("a.b")],
        &environment(),
    );
    let missing = missing.expect_err("no equal sign").to_string();
    assert!(missing.contains("missing equal sign"), "{missing}");
}

#[test]
fn a_wrong_value_does_not_hide_a_broken_rule_elsewhere() {
    use tapline_config::{Problems, RetryConfig, decode_valid};
    let said = |text: &str| {
        let document = load(&[Input::text("a.yaml", text)], &environment()).expect("good");
        let mut problems = Problems::new();
        let decoded = decode_valid::<RetryConfig>(document.root(), &mut problems);
        assert!(decoded.is_none());
        problems.to_string()
    };
    let both = said("enabled: maybe\nrandomization_factor: 1.5\n");
    assert!(both.contains("expected a boolean"), "{both}");
    assert!(both.contains("must be between 0 and 1"), "{both}");
    // This rule compares with a setting that is wrong: nobody knows whether it is broken.
    let one = said("initial_interval: x\nmax_elapsed_time: 1s\nmax_interval: 1s\n");
    assert!(!one.contains("initial_interval`"), "{one}");
    assert!(
        decode_into::<RetryConfig>(
            load(&[Input::text("a.yaml", "{}")], &environment())
                .expect("good")
                .root(),
            &mut Problems::new()
        )
        .is_some()
    );
}
