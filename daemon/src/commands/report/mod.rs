//! Problems for programs: a JSON list, and SARIF, which code hosts show beside the lines.

mod rules;
mod sarif;
#[cfg(test)]
mod tests;

use clap::ValueEnum;
use serde::Serialize;
use tapline_config::{Problem, Problems, Severity};

pub(super) use self::sarif::sarif;

/// How to tell problems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people: the line itself, with a mark below what is meant.
    #[default]
    Text,
    /// A list of problems with file, line, columns, severity, message and label.
    Json,
    /// SARIF 2.1.0.
    Sarif,
}

/// One problem; what has no place has no file either.
#[derive(Serialize)]
pub(super) struct Entry<'p> {
    file: Option<&'p str>,
    line: Option<usize>,
    column: Option<usize>,
    /// Behind the last character that is meant.
    end_column: Option<usize>,
    severity: &'static str,
    message: &'p str,
    label: Option<&'p str>,
}

/// Writes problems as a JSON list.
pub(super) fn json(problems: &Problems) -> String {
    let rest = rest(problems);
    let mut entries = entries(problems);
    entries.extend(rest.as_ref().map(Entry::of));
    let text = serde_json::to_string_pretty(&entries).expect("plain data");
    text + "\n"
}

/// Lists the problems that are kept.
pub(super) fn entries(problems: &Problems) -> Vec<Entry<'_>> {
    problems.iter().map(Entry::of).collect()
}

impl<'p> Entry<'p> {
    fn of(problem: &'p Problem) -> Self {
        let place = problem.place.as_ref();
        Self {
            file: place.map(|place| place.source().name()),
            line: place.map(tapline_config::Place::line),
            column: place.map(tapline_config::Place::column),
            end_column: place.map(|place| place.column() + place.width()),
            severity: severity(problem),
            message: &problem.message,
            label: problem.label.as_deref(),
        }
    }
}

/// Returns the word for how bad a problem is; SARIF has the same words.
fn severity(problem: &Problem) -> &'static str {
    match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// Says what the list leaves off, so that nobody takes it for everything.
fn rest(problems: &Problems) -> Option<Problem> {
    let count = problems.left_off();
    (count > 0).then(|| Problem::unplaced(format!("{count} more problems are not listed")))
}
