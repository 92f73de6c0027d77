//! Which trees paths make, and what is said twice.

use crate::{Problems, Secrets, Source, print_node, yaml};

fn read(text: &str) -> Result<String, String> {
    let mut problems = Problems::new();
    let source = Source::new("a.yaml", text, 0);
    let root = yaml::read(&source, &mut problems).expect("YAML");
    let root = super::split(root, &mut problems);
    if problems.is_empty() {
        Ok(print_node(&root, Secrets::Shown))
    } else {
        Err(problems.to_string())
    }
}

#[test]
fn a_path_is_a_map_of_maps_at_every_level() {
    let table = [
        ("a::b::c: 1", "a:\n  b:\n    c: 1\n"),
        ("a:\n  b::c: 1", "a:\n  b:\n    c: 1\n"),
        ("a: [{b::c: 1}]", "a:\n  - b:\n      c: 1\n"),
        ("a::b: 1\na: {c: 2}", "a:\n  b: 1\n  c: 2\n"),
        ("a: {c: 2}\nz: 3\na::b: 1", "a:\n  c: 2\n  b: 1\nz: 3\n"),
        (
            "a::b: {c: 1}\na: {b: {d: 2}}\na::b::e: 3",
            "a:\n  b:\n    c: 1\n    d: 2\n    e: 3\n",
        ),
        ("a:\na::b: 1", "a:\n  b: 1\n"),
        ("a::b:", "a:\n  b:\n"),
        ("a:b: 1\nc: d::e", "a:b: 1\nc: d::e\n"),
    ];
    for (text, expected) in table {
        assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_said_twice_is_a_mistake_in_its_place() {
    let table = [
        ("a: {b: 1}\na::b: 2", "a.yaml:2:4"),
        ("a: 1\na::b: 2", "a.yaml:1:1"),
        ("a::b: 2\na: [1]", "a.yaml:2:1"),
        ("a::: 1", "a key is missing beside `::`"),
        ("a::::b: 1", "a key is missing beside `::`"),
        ("::a: 1", "a key is missing beside `::`"),
    ];
    for (text, expected) in table {
        let refusal = read(text).expect_err(text);
        assert!(refusal.contains(expected), "{text}: {refusal}");
    }
}

#[test]
fn each_key_of_a_path_has_its_own_place() {
    let mut problems = Problems::new();
    let source = Source::new("a.yaml", "x:\n  \"aa::b::aa\": 1\n", 0);
    let root = yaml::read(&source, &mut problems).expect("YAML");
    let root = super::split(root, &mut problems);
    let mut node = root.get("x").expect("x");
    let mut columns = Vec::new();
    for key in ["aa", "b", "aa"] {
        node = node.get(key).expect(key);
        columns.push((node.heading().column(), node.heading().width()));
    }
    assert_eq!(columns, [(4, 2), (8, 1), (11, 2)]);
}

#[test]
fn a_long_path_is_refused() {
    let refusal = read(&format!("{}a: 1", "a::".repeat(300))).expect_err("too deep");
    assert!(
        refusal.contains("nested more than 100 levels deep"),
        "{refusal}"
    );
}
