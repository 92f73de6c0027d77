//! Where texts come from, how they are laid over each other, and what is said of missing ones.

use std::collections::BTreeMap;

use super::{Document, Lists, LoadOptions, gather};
use crate::{Input, Retrieve, Secrets, print};

/// A small world: variables, files and pages by name.
#[derive(Default)]
struct World(BTreeMap<&'static str, &'static str>);

impl Retrieve for World {
    fn variable(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|&text| text.to_owned())
    }

    fn file(&self, path: &str) -> Result<String, String> {
        self.variable(path).ok_or_else(|| "no such file".to_owned())
    }

    fn page(&self, url: &str) -> Result<String, String> {
        self.variable(url).ok_or_else(|| "404 Not Found".to_owned())
    }
}

fn world() -> World {
    World(BTreeMap::from([
        ("DOC", "a: {b: 1}"),
        ("/a.yaml", "a: {c: '${file:/inner.yaml}'}"),
        ("/inner.yaml", "x: [1, '${DOC}']\ny::z: 2\n"),
        ("/bad.yaml", "a:\n\tb: 1\n"),
        ("/empty.yaml", "# nothing\n"),
        ("/list.yaml", "- a\n"),
        ("/token", "abc\n"),
        ("/number", "0123"),
        ("http://h/a.yaml", "a: {d: 4}"),
        ("https://u:p@h/b.yaml?token=s3cr3t", "a: {d: 5}"),
    ]))
}

fn loaded(inputs: &[Input], lists: Lists) -> Document {
    let retrieve = &world();
    gather(inputs, &LoadOptions { retrieve, lists })
}

fn uris(uris: &[&str]) -> Result<String, String> {
    let inputs: Vec<Input> = uris.iter().map(|&uri| Input::uri(uri)).collect();
    let document = loaded(&inputs, Lists::Replace).sound();
    match document {
        Ok(document) => Ok(print(&document, Secrets::Shown)),
        Err(problems) => Err(problems.to_string()),
    }
}

#[test]
fn every_scheme_gives_a_document() {
    let table: &[(&[&str], &str)] = &[
        (&["env:DOC"], "a:\n  b: 1\n"),
        (&["env:NONE:-{q: 1}"], "q: 1\n"),
        (&["yaml:a::b: c"], "a:\n  b: c\n"),
        (&["yaml:a:\n  b: c"], "a:\n  b: c\n"),
        (&["http://h/a.yaml"], "a:\n  d: 4\n"),
        (&["https://u:p@h/b.yaml?token=s3cr3t"], "a:\n  d: 5\n"),
        (
            &["env:DOC", "http://h/a.yaml", "yaml:a::b: 2"],
            "a:\n  b: 2\n  d: 4\n",
        ),
        (
            &["file:/a.yaml"],
            "a:\n  c:\n    x:\n      - 1\n      - a:\n          b: 1\n    y:\n      z: 2\n",
        ),
        (&["yaml:a: '${file:/token}'"], "a: \"abc\\n\"\n"),
        (&["yaml:a: '${file:/number}'"], "a: 83\n"),
        (&["yaml:a: '${http://h/a.yaml}'"], "a:\n  a:\n    d: 4\n"),
        (&["yaml:a: '${yaml:[1, x]}'"], "a: [1, x]\n"),
        (&["yaml:a: '${yaml:b::c: 1}'"], "a:\n  b:\n    c: 1\n"),
        (&["yaml:a: 'x${yaml:0123}'"], "a: x0123\n"),
    ];
    for (given, expected) in table {
        assert_eq!(uris(given).as_deref(), Ok(*expected), "{given:?}");
    }
}

#[test]
fn says_which_source_cannot_be_had() {
    let table: &[(&[&str], &[&str])] = &[
        (&["/none.yaml"], &["cannot read /none.yaml: no such file"]),
        (
            &["http://h/x?key=s3cr3t"],
            &["cannot read http://h/x?…: 404 Not Found"],
        ),
        (&["https://u:s3cr3t@h/x"], &["cannot read https://h/x: 404"]),
        (
            &["fille:/a.yaml"],
            &["scheme `fille` is not known", "did you mean `file:`?"],
        ),
        (&["env:1X"], &["a variable's name is made of"]),
        (
            &["/empty.yaml"],
            &["the configuration is empty: /empty.yaml holds nothing"],
        ),
        (
            &["env:NONE"],
            &["`NONE` is not set", "env:NONE holds nothing"],
        ),
        (
            &["/list.yaml"],
            &["a configuration is a map", "/list.yaml:1:1"],
        ),
        // All of them at once: a file that is not there, one that is broken, one with a mistake.
        (
            &["/none.yaml", "/bad.yaml", "yaml:a: '${file:/gone}'"],
            &[
                "/none.yaml",
                "not with tabs",
                "cannot expand `${file:/gone}`: no such file",
            ],
        ),
        (
            &["yaml:a: '${https://u:s3cr3t@h/x}'"],
            &[
                "cannot expand `${https://h/x}`: 404",
                "${https://********@h/x}",
            ],
        ),
    ];
    for (given, expected) in table {
        let refusal = uris(given).expect_err(given[0]);
        for part in *expected {
            assert!(refusal.contains(part), "{given:?}: {part}\n{refusal}");
        }
        assert!(!refusal.contains("s3cr3t"), "{refusal}");
    }
}

#[test]
fn a_mistake_in_an_included_file_is_shown_there() {
    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "decoded only for its mistakes")]
    struct Inner {
        x: String,
        y: u8,
    }
    let document = loaded(&[Input::uri("file:/a.yaml")], Lists::Replace);
    let c = document.root().get("a").and_then(|a| a.get("c"));
    let problems = crate::decode::<Inner>(c.expect("it is written")).expect_err("both are wrong");
    let said = problems.to_string();
    assert!(said.contains("--> /inner.yaml:1:1"), "{said}");
    assert!(said.contains("--> /inner.yaml:2:1"), "{said}");
}

#[test]
fn an_empty_file_beside_others_is_a_warning() {
    let inputs = [Input::uri("/empty.yaml"), Input::uri("env:DOC")];
    let document = loaded(&inputs, Lists::Replace)
        .sound()
        .expect("only a warning");
    let said = document.problems().to_string();
    assert!(
        said.starts_with("warning: /empty.yaml holds nothing"),
        "{said}"
    );
    let meant = [
        Input::uri("yaml:{}"),
        Input::uri("env:DOC"),
        Input::set("a="),
    ];
    assert!(loaded(&meant, Lists::Replace).problems().is_empty());
}

#[test]
fn the_gate_appends_lists_whose_order_means_nothing() {
    let one = "service: {extensions: [a], pipelines: {traces: {receivers: [a, b], processors: [p], \
        exporters: [x]}}}\nreceivers: {r: {exporters: [1]}}";
    let two = "service: {extensions: [b, a], pipelines: {traces: {receivers: [b, c], \
        processors: [q], exporters: [y]}}}\nreceivers: {r: {exporters: [2]}}";
    let three = "service: {pipelines: {traces: {receivers: , exporters: [z]}}}";
    let inputs = [one, two, three].map(|text| Input::text("a.yaml", text));
    let printed = |lists| print(&loaded(&inputs, lists), Secrets::Shown);
    let expected = "service:\n  extensions: [a, b]\n  pipelines:\n    traces:\n      receivers:\n      \
        processors: [q]\n      exporters: [x, y, z]\nreceivers:\n  r:\n    exporters: [2]\n";
    assert_eq!(printed(Lists::Append), expected);
    let replaced = printed(Lists::Replace);
    assert!(replaced.contains("extensions: [b, a]"), "{replaced}");
    assert!(replaced.contains("exporters: [z]"), "{replaced}");
}

#[test]
fn too_many_files_are_refused() {
    let many: Vec<String> = (0..101).map(|n| format!("'${{file:/{n}}}'")).collect();
    let text = format!("a: [{}]", many.join(", "));
    let refusal = uris(&[&format!("yaml:{text}")]).expect_err("none of them exists");
    // What does not exist is not remembered, so this is the other bound: problems.
    assert!(refusal.contains("cannot expand `${file:/0}`"), "{refusal}");
}
