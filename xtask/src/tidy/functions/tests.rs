//! Spans of functions, written `name first-last`.

use super::super::source::Source;
use super::*;

fn spans(language: Language, text: &str) -> Vec<String> {
    let source = Source::new("x", language, text);
    let found = functions(language, &source.code);
    found
        .iter()
        .map(|f| format!("{} {}-{}", f.name, f.first_line, f.last_line))
        .collect()
}

#[test]
fn finds_rust_functions_with_bodies_only() {
    let text = "\
trait A {
    fn declared(&self) -> [u8; 4];
    fn given(&self) -> Option<fn(u8)> {
        None
    }
}
const fn short() {}
fn outer<F>(f: F) -> bool
where
    F: Fn(&str) -> bool,
{
    fn inner() {}
    f(\"}\") // }
}
";
    let expected = ["given 3-5", "short 7-7", "outer 8-14", "inner 12-12"];
    assert_eq!(spans(Language::Rust, text), expected);
}

#[test]
fn finds_c_functions_and_no_data() {
    let text = "\
struct __attribute__((packed)) event {
    u32 pid;
};
struct {
    __uint(type, 1);
} ring SEC(\".maps\");
static const u32 table[] = {
    SIZE(1),
};
#define LOOP(x) do { \\
    x; \\
    } while (0) {
SEC(\"tp_btf/x\")
int on_x(struct ctx *c)
{
    if (c) {
        return '}';
    }
    return 0;
}
int declared(void);
static __always_inline struct event *reserve(void) __attribute__((noinline)) {
    return 0;
}
int BPF_PROG(probe, int x) { return x; }
";
    let expected = ["on_x 13-20", "reserve 22-24", "BPF_PROG 25-25"];
    assert_eq!(spans(Language::C, text), expected);
}

#[test]
fn survives_braces_that_do_not_match() {
    for text in [
        "fn f() {",
        "fn f()",
        "fn",
        "}",
        "fn f() { { }",
        "fn f() {\n\u{e9}",
        "f( {",
    ] {
        spans(Language::Rust, text);
        spans(Language::C, text);
    }
}

#[test]
fn leaves_out_the_tests_at_the_bottom() {
    let module = "#[cfg(test)]\nmod tests {\n    fn a() {}\n}\n";
    assert_eq!(lines_without_tests(&format!("fn f() {{}}\n\n{module}")), 2);
}

#[test]
fn counts_test_code_that_is_not_at_the_bottom_or_no_module() {
    let above = "#[cfg(test)]\nmod tests {\n}\nfn f() {}\n";
    assert_eq!(lines_without_tests(above), 4);
    let import = "fn f() {}\n#[cfg(test)]\nuse a::{b};\nfn g() {}\n";
    assert_eq!(lines_without_tests(import), 4);
    let elsewhere = "fn f() {}\n#[cfg(test)]\nmod tests;\n";
    assert_eq!(lines_without_tests(elsewhere), 3);
}
