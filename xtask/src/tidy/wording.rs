//! Rules about words: how a file opens, what it is called, and what it must not say.
//!
//! Knows no limits and no dependencies.

use super::Problem;
use super::source::{Language, Source, words};

/// The only folder that may write `unsafe`.
const UNSAFE_HOME: &str = "ebpf/";
/// Names that say nothing. What fits no other name has no home yet.
const FORBIDDEN_NAMES: &[&str] = &[
    "util", "utils", "common", "helpers", "misc", "types", "manager",
];
const UNFINISHED_MACROS: &[&str] = &["todo", "unimplemented"];
const UNFINISHED_MARKS: &[&str] = &["FIXME", "XXX"];

pub(super) fn check(source: &Source<'_>) -> Vec<Problem> {
    let mut problems = Vec::from_iter(opening(source));
    problems.extend(unfinished(source));
    problems.extend(path_names(source.name));
    if source.language == Language::Rust {
        problems.extend(module_names(source));
        if !source.name.starts_with(UNSAFE_HOME) {
            problems.extend(unsafe_code(source));
        }
    }
    problems
}

fn opening(source: &Source<'_>) -> Option<Problem> {
    // A licence line is owed to lawyers and tells a reader nothing.
    let story = |line: &&str| !line.trim().is_empty() && !line.contains("SPDX-License-Identifier");
    let first = source.text.lines().find(story).unwrap_or_default();
    let (opened, text) = match source.language {
        Language::Rust => {
            let rest = first.strip_prefix("//!").unwrap_or_default();
            (
                !rest.trim().is_empty(),
                "no opening `//!` that says what this module is",
            )
        }
        Language::C => {
            let opened = first.starts_with("//") || first.starts_with("/*");
            (opened, "no opening comment that says what this file is")
        }
    };
    (!opened).then(|| Problem::new(source.name, 1, text))
}

fn unfinished(source: &Source<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, line) in source.code_lines() {
        for (at, word) in words(line) {
            if UNFINISHED_MACROS.contains(&word) && line[at + word.len()..].starts_with('!') {
                let text = format!("{word}! is unfinished work");
                problems.push(Problem::new(source.name, number, text));
            }
        }
    }
    for (number, line) in source.comment_lines().chain(source.code_lines()) {
        for (_, word) in words(line).filter(|(_, word)| UNFINISHED_MARKS.contains(word)) {
            let text = format!("{word} is unfinished work");
            problems.push(Problem::new(source.name, number, text));
        }
    }
    problems
}

/// Looks at every folder on the way and at the file itself, without its endings.
fn path_names(path: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut end = 0;
    for part in path.split('/') {
        end += part.len();
        let name = part.split('.').next().unwrap_or_default();
        if FORBIDDEN_NAMES.contains(&name) {
            problems.push(Problem::new(&path[..end], 1, says_nothing(name)));
        }
        end += 1;
    }
    problems
}

/// Looks at modules with a body of their own; the others are files, and found as such.
fn module_names(source: &Source<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, line) in source.code_lines() {
        let mut before = "";
        for (at, word) in words(line) {
            let inline = line[at + word.len()..].trim_start().starts_with('{');
            if before == "mod" && inline && FORBIDDEN_NAMES.contains(&word) {
                problems.push(Problem::new(source.name, number, says_nothing(word)));
            }
            before = word;
        }
    }
    problems
}

fn says_nothing(name: &str) -> String {
    format!("`{name}` says nothing: name it for its subject")
}

fn unsafe_code(source: &Source<'_>) -> Vec<Problem> {
    let is_unsafe = |line: &str| words(line).any(|(_, word)| word == "unsafe");
    let lines = source.code_lines().filter(|(_, line)| is_unsafe(line));
    lines
        .map(|(number, _)| Problem::new(source.name, number, "unsafe outside of ebpf"))
        .collect()
}

#[cfg(test)]
mod tests;
