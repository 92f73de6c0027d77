//! Limits on length and width: what does not fit a screen does not fit a head.
//!
//! Knows no wording rules and no dependencies.

use super::Problem;
use super::functions::{functions, lines_without_tests};
use super::source::{LITERAL, Language, Source};

/// Lines of a Rust file, tests excluded.
const FILE_LINES: usize = 500;
/// Lines of a function, from its `fn` to its closing brace.
const FUNCTION_LINES: usize = 60;
/// Columns of a line of Rust.
const COLUMNS: usize = 100;

pub(super) fn check(source: &Source<'_>) -> Vec<Problem> {
    let mut problems = long_functions(source);
    if source.language == Language::Rust {
        problems.extend(long_file(source));
        problems.extend(wide_lines(source));
        problems.extend(tabs(source));
    }
    problems
}

fn long_functions(source: &Source<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for function in functions(source.language, &source.code) {
        let lines = function.lines();
        if lines > FUNCTION_LINES {
            let name = &function.name;
            let text = format!("function {name} has {lines} lines, the limit is {FUNCTION_LINES}");
            problems.push(Problem::new(source.name, function.first_line, text));
        }
    }
    problems
}

fn long_file(source: &Source<'_>) -> Option<Problem> {
    let is_test = source
        .name
        .split('/')
        .any(|part| part == "tests" || part == "tests.rs");
    let lines = lines_without_tests(&source.code);
    (lines > FILE_LINES && !is_test).then(|| {
        let text = format!("{lines} lines without tests, the limit is {FILE_LINES}");
        Problem::new(source.name, FILE_LINES + 1, text)
    })
}

/// A literal or an address across the limit is exempt: neither can be broken, not even by rustfmt.
fn wide_lines(source: &Source<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for ((number, code), text) in source.code_lines().zip(source.text.lines()) {
        let columns = text.chars().count();
        let literal = code.chars().nth(COLUMNS) == Some(LITERAL);
        if columns > COLUMNS && !literal && !address_across(text) {
            let text = format!("{columns} columns, the limit is {COLUMNS}");
            problems.push(Problem::new(source.name, number, text));
        }
    }
    problems
}

/// Tells whether the word that crosses the limit is a URL.
fn address_across(line: &str) -> bool {
    let mut end = 0;
    let crossing = line.split(' ').find(|word| {
        end += word.chars().count() + 1;
        end > COLUMNS
    });
    crossing.is_some_and(|word| word.contains("://"))
}

fn tabs(source: &Source<'_>) -> Vec<Problem> {
    let lines = (1..)
        .zip(source.text.lines())
        .filter(|(_, line)| line.contains('\t'));
    lines
        .map(|(number, _)| Problem::new(source.name, number, "a tab"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(name: &str, language: Language, text: &str) -> Vec<String> {
        let source = Source::new(name, language, text);
        check(&source).iter().map(Problem::to_string).collect()
    }

    fn rust(text: &str) -> Vec<String> {
        complaints("a.rs", Language::Rust, text)
    }

    const NONE: [&str; 0] = [];

    #[test]
    fn a_file_has_500_lines_and_not_one_more() {
        let tests = "#[cfg(test)]\nmod tests {\n\n\n}\n";
        assert_eq!(rust(&("\n".repeat(500) + tests)), NONE);
        let long = "\n".repeat(501) + tests;
        assert_eq!(
            rust(&long),
            ["a.rs:501: 501 lines without tests, the limit is 500"]
        );
        assert_eq!(complaints("a/tests.rs", Language::Rust, &long), NONE);
        assert_eq!(complaints("a/tests/b.rs", Language::Rust, &long), NONE);
        assert_eq!(complaints("a/mytests.rs", Language::Rust, &long).len(), 1);
    }

    #[test]
    fn a_function_has_60_lines_and_not_one_more() {
        let body = |lines: usize| format!("{{\n{}}}\n", "\n".repeat(lines - 2));
        assert_eq!(rust(&format!("\nfn f() {}", body(60))), NONE);
        let found = rust(&format!("\nfn f() {}", body(61)));
        assert_eq!(found, ["a.rs:2: function f has 61 lines, the limit is 60"]);
        let found = complaints("a.c", Language::C, &format!("int f(void) {}", body(61)));
        assert_eq!(found, ["a.c:1: function f has 61 lines, the limit is 60"]);
    }

    #[test]
    fn a_line_has_100_columns_and_not_one_more() {
        assert_eq!(rust(&format!("// {}", "\u{e9}".repeat(97))), NONE);
        let found = rust(&format!("\n// {}", "e".repeat(98)));
        assert_eq!(found, ["a.rs:2: 101 columns, the limit is 100"]);
        assert_eq!(rust(&format!("// {} b", "e".repeat(97))).len(), 1);
    }

    #[test]
    fn a_literal_or_an_address_may_cross_the_limit() {
        assert_eq!(rust(&format!("f(\"{}\");", "a ".repeat(60))), NONE);
        assert_eq!(rust(&format!("// see https://{}", "a".repeat(100))), NONE);
        let after = format!("f(\"{}\"); // and then some words", "a".repeat(80));
        assert_eq!(rust(&after).len(), 1);
        let before = format!("// see https://a {}", "words ".repeat(20));
        assert_eq!(rust(&before).len(), 1);
    }

    #[test]
    fn tabs_are_refused_in_rust_and_not_in_c() {
        assert_eq!(rust("\n\tf();"), ["a.rs:2: a tab"]);
        assert_eq!(complaints("a.c", Language::C, "\tf();"), NONE);
    }
}
