//! The house rules that no compiler checks: who imports whom, how long, how wide, how named.
//!
//! Every rule is a pure function from a text to problems, so each is tested on a few lines,
//! including lines that must fail. Only this file reads the disk. Which rules exist is in the
//! files beside it; knows nothing about what the code does.

mod edges;
mod functions;
mod size;
mod source;
mod wording;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use source::{Language, Source};

/// One broken rule, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    file: String,
    line: usize,
    text: String,
}

impl Problem {
    fn new(file: &str, line: usize, text: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            text: text.into(),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.text)
    }
}

/// Runs `cargo xtask tidy`.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<()> {
    ensure!(
        arguments.is_empty(),
        "tidy takes no arguments, not {arguments:?}"
    );
    // A set: two files in one badly named folder are one problem.
    let mut problems = BTreeSet::from_iter(edges::check(root)?);
    let files = sources(root)?;
    for path in &files {
        let name = relative(root, path)?;
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
        problems.extend(check(&name, &text));
    }
    if problems.is_empty() {
        println!("tidy: {} files", files.len());
        return Ok(());
    }
    for problem in &problems {
        eprintln!("{problem}");
    }
    bail!("{} problems", problems.len())
}

/// Checks one file against every rule that looks at files.
fn check(name: &str, text: &str) -> Vec<Problem> {
    let Some(language) = Language::of(Path::new(name)) else {
        return Vec::new();
    };
    let source = Source::new(name, language, text);
    [size::check(&source), wording::check(&source)].concat()
}

/// Finds every source file below `root`, in a stable order.
fn sources(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder)
            .with_context(|| format!("cannot read the folder {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            // The entry's own type: a symbolic link is not followed.
            let kind = entry.file_type()?;
            if kind.is_dir() && !is_foreign(&path) {
                folders.push(path);
            } else if kind.is_file() && Language::of(&path).is_some() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Tells folders that hold nothing of ours: hidden ones, and build output wherever it was put.
fn is_foreign(folder: &Path) -> bool {
    let hidden = folder
        .file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    hidden || folder.join("CACHEDIR.TAG").exists()
}

fn relative(root: &Path, path: &Path) -> Result<String> {
    let inside = path.strip_prefix(root).context("a path below the root")?;
    Ok(inside
        .to_str()
        .context("source paths are UTF-8")?
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_like_a_compiler_message() {
        assert_eq!(
            Problem::new("a/b.rs", 7, "too long").to_string(),
            "a/b.rs:7: too long"
        );
    }

    #[test]
    fn every_file_rule_is_asked() {
        let text = "\tfn f() { todo!() }\n";
        let lines: Vec<String> = check("a/util.rs", text)
            .iter()
            .map(Problem::to_string)
            .collect();
        assert_eq!(
            lines,
            [
                "a/util.rs:1: a tab",
                "a/util.rs:1: no opening `//!` that says what this module is",
                "a/util.rs:1: todo! is unfinished work",
                "a/util.rs:1: `util` says nothing: name it for its subject",
            ],
        );
    }

    #[test]
    fn leaves_other_languages_alone() {
        assert_eq!(check("a/util.md", "\tFIXME"), []);
    }
}
