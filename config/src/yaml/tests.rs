//! What plain text means, and what is refused.

use std::fmt::Write;

use super::{Kind, Node, Problems, read};
use crate::Source;

fn read_text(text: &str) -> Result<Node, String> {
    let mut problems = Problems::new();
    let root = read(&Source::new("a.yaml", text, 0), &mut problems);
    root.filter(|_| problems.is_empty())
        .ok_or_else(|| problems.to_string())
}

fn value(text: &str) -> Kind {
    read_text(&format!("v: {text}\n"))
        .expect(text)
        .get("v")
        .expect("it was written")
        .kind
        .clone()
}

fn check(table: &[(&str, Kind)]) {
    for (written, meant) in table {
        assert_eq!(value(written), *meant, "{written}");
    }
}

fn text(text: &str) -> Kind {
    Kind::String(text.to_owned())
}

#[test]
fn plain_text_means_what_go_yaml_says() {
    for written in ["", "~", "null", "Null", "NULL", "!!null ''"] {
        assert_eq!(value(written), Kind::Null, "{written}");
    }
    let itself = "nULL tRUE yes no on off y 5s 1.2.3 2001-12-14 12:30 inf nan +inf . + --5 0x 0x+5 \
        1e999 _1 host:1";
    for written in itself.split_whitespace() {
        assert_eq!(value(written), text(written), "{written}");
    }
    check(&[
        ("true", Kind::Bool(true)),
        ("FALSE", Kind::Bool(false)),
        ("\"5\"", text("5")),
        ("'true'", text("true")),
        ("\"\"", text("")),
        ("|\n  5\n", text("5\n")),
        ("a b # c", text("a b")),
        ("!!str 5", text("5")),
        ("!mine 5", text("5")),
    ]);
}

#[test]
fn numbers_are_what_go_yaml_says() {
    let (int, float) = (Kind::Int, Kind::Float);
    check(&[
        ("0", int(0)),
        ("-0", int(0)),
        ("+5", int(5)),
        ("0123", int(83)),
        ("0o17", int(15)),
        ("0b101", int(5)),
        ("-0b101", int(-5)),
        ("0xdeadbeef", int(0xdead_beef)),
        ("0XF", int(15)),
        ("-0x10", int(-16)),
        ("1_000", int(1000)),
        ("18446744073709551615", int(u64::MAX.into())),
        ("-9223372036854775808", int(i64::MIN.into())),
        ("!!int 5", int(5)),
    ]);
    check(&[
        ("089", float(89.0)),
        ("18446744073709551616", float(18_446_744_073_709_551_616.0)),
        ("1.5", float(1.5)),
        (".5", float(0.5)),
        ("1.", float(1.0)),
        ("1e3", float(1000.0)),
        ("-1.5E-2", float(-0.015)),
        (".inf", float(f64::INFINITY)),
        ("-.Inf", float(f64::NEG_INFINITY)),
        ("!!float 5", float(5.0)),
    ]);
    assert!(matches!(value(".nan"), Kind::Float(number) if number.is_nan()));
}

#[test]
fn every_key_and_value_knows_its_place() {
    let root = read_text("a:\n  b: [1, 'xy']\n").expect("good YAML");
    let b = root
        .get("a")
        .and_then(|a| a.get("b"))
        .expect("it was written");
    assert_eq!(
        format!("{:?} {:?}", b.key, b.place),
        "Some(a.yaml:2:3) a.yaml:2:6"
    );
    assert_eq!(
        (b.items()[1].place.column(), b.items()[1].place.width()),
        (10, 4)
    );
}

#[test]
fn aliases_and_merge_keys_copy() {
    let text = "base: &base {a: 1, b: &b [2]}\nc:\n  <<: [*base, {a: 9, z: 3}]\n  b: 5\nd: *b\n";
    let root = read_text(text).expect("good YAML");
    let c: Vec<_> = root
        .get("c")
        .expect("c")
        .entries()
        .iter()
        .map(|(k, v)| (k.as_str(), &v.kind))
        .collect();
    assert_eq!(
        c,
        [
            ("b", &Kind::Int(5)),
            ("a", &Kind::Int(1)),
            ("z", &Kind::Int(3))
        ]
    );
    assert_eq!(root.get("d").expect("d").items()[0].kind, Kind::Int(2));
}

#[test]
fn refuses_alias_bombs() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let alias = format!("*a{}, ", level - 1).repeat(9);
        let _ = writeln!(bomb, "a{level}: &a{level} [{alias}]");
    }
    let refused = read_text(&bomb).expect_err("a bomb");
    assert!(
        refused.contains("too large once aliases are replaced"),
        "{refused}"
    );
    let mut tower = "a0: &a0 [x]\n".to_owned();
    for level in 1..200 {
        let _ = writeln!(tower, "a{level}: &a{level} [*a{}]", level - 1);
    }
    assert!(
        read_text(&tower)
            .expect_err("a tower")
            .contains("nested more than 100 levels deep")
    );
    assert!(
        read_text(&"- ".repeat(200))
            .expect_err("a tower")
            .contains("nested more than")
    );
    assert!(read_text(&"[".repeat(100_000)).is_err());
    assert!(
        read_text("a: &a [*a]")
            .expect_err("a loop")
            .contains("inside of what it names")
    );
}

#[test]
fn a_bounded_tree_is_read() {
    let wide: Vec<String> = (0..20_000).map(|key| format!("k{key}: v")).collect();
    assert_eq!(
        read_text(&wide.join("\n"))
            .expect("wide but fine")
            .entries()
            .len(),
        20_000
    );
}
