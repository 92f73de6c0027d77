//! Texts that each wording rule must accept, and texts that it must refuse.

use super::*;

fn complaints(name: &str, text: &str) -> Vec<String> {
    let language = Language::of(name.as_ref()).expect("a source file");
    check(&Source::new(name, language, text))
        .iter()
        .map(Problem::to_string)
        .collect()
}

const NONE: [&str; 0] = [];

#[test]
fn a_rust_module_opens_with_its_story() {
    assert_eq!(complaints("a.rs", "//! What it is.\n"), NONE);
    assert_eq!(
        complaints(
            "a.rs",
            "// SPDX-License-Identifier: Apache-2.0\n\n//! It is.\n"
        ),
        NONE
    );
    for text in [
        "",
        "//!\nfn f() {}",
        "// A remark.\n//! Late.",
        "/// For an item.",
        "use a;",
    ] {
        let found = complaints("a.rs", text);
        assert_eq!(
            found,
            ["a.rs:1: no opening `//!` that says what this module is"],
            "{text}"
        );
    }
}

#[test]
fn a_c_file_opens_with_a_comment() {
    assert_eq!(complaints("a.h", "/* What it is. */"), NONE);
    assert_eq!(
        complaints(
            "a.c",
            "// SPDX-License-Identifier: GPL-2.0-only\n// It is.\n"
        ),
        NONE
    );
    for text in [
        "",
        "int x;\n// Late.",
        "// SPDX-License-Identifier: GPL-2.0-only\nint x;",
    ] {
        let found = complaints("a.c", text);
        assert_eq!(
            found,
            ["a.c:1: no opening comment that says what this file is"],
            "{text}"
        );
    }
}

#[test]
fn unfinished_work_is_refused() {
    for (line, word) in [
        ("todo!()", "todo!"),
        ("unimplemented!(\"x\")", "unimplemented!"),
        ("// FIXME: later", "FIXME"),
        ("/* XXX */", "XXX"),
    ] {
        let found = complaints("a.rs", &format!("//! A.\n{line}\n"));
        assert_eq!(found, [format!("a.rs:2: {word} is unfinished work")]);
    }
    assert_eq!(
        complaints("a.c", "/* A. */\n/* FIXME */"),
        ["a.c:2: FIXME is unfinished work"]
    );
}

#[test]
fn words_that_only_look_unfinished_are_accepted() {
    let text = "//! A.\nf(\"FIXME\", \"todo!()\");\nlet todo = 1; // todo!() in a comment, XXXL\n";
    assert_eq!(complaints("a.rs", text), NONE);
}

#[test]
fn a_name_that_says_nothing_is_refused() {
    for (path, place, name) in [
        ("a/util.rs", "a/util.rs", "util"),
        ("a/common/b.rs", "a/common", "common"),
        ("types/b.rs", "types", "types"),
    ] {
        let found = complaints(path, "//! A.");
        assert_eq!(
            found,
            [format!(
                "{place}:1: `{name}` says nothing: name it for its subject"
            )]
        );
    }
    let found = complaints("a/misc.bpf.c", "// A.");
    assert_eq!(
        found,
        ["a/misc.bpf.c:1: `misc` says nothing: name it for its subject"]
    );
    let found = complaints("a.rs", "//! A.\n\npub mod helpers {}\n");
    assert_eq!(
        found,
        ["a.rs:3: `helpers` says nothing: name it for its subject"]
    );
}

#[test]
fn a_name_that_says_something_is_accepted() {
    assert_eq!(
        complaints("a/utilization.rs", "//! A.\nmod inner {}\nlet types = 1;"),
        NONE
    );
}

#[test]
fn only_ebpf_is_unsafe() {
    let text = "//! A.\nunsafe { f() }\n";
    assert_eq!(complaints("ebpf/src/a.rs", text), NONE);
    assert_eq!(complaints("receiver/src/ebpf/a.rs", text).len(), 1);
    let found = complaints(
        "a.rs",
        "//! A.\n#[unsafe(no_mangle)]\nunsafe impl A for B {}\n",
    );
    assert_eq!(
        found,
        [
            "a.rs:2: unsafe outside of ebpf",
            "a.rs:3: unsafe outside of ebpf"
        ]
    );
    assert_eq!(
        complaints(
            "a.rs",
            "//! Not unsafe.\n#![deny(unsafe_code)]\nf(\"unsafe\");"
        ),
        NONE
    );
}
