//! Marks: comments in a file of the corpus that say what a person would want to be told about it.
//!
//! ```text
//! #! 12:5 unknown setting     an error at line 12, column 5, that says so
//! #? 12:5 older name          a warning there
//! #! other.yaml:3:1 text      in another file
//! #! - text                   an error without a place
//! #? * text                   warnings with this text, wherever they are
//! ```
//!
//! They are the judge that blessing cannot bribe: each must be told, and no error may be told
//! without one. Neither may a warning, except about broken files.

use super::{
    case::Case,
    said::{Problem, Said},
};

/// What is to be told.
struct Mark<'a> {
    is_error: bool,
    place: Where<'a>,
    /// What it must say, somewhere.
    text: &'a str,
    line: &'a str,
}

/// Where it is to be told.
enum Where<'a> {
    At(&'a str),
    Nowhere,
    Anywhere,
}

/// Returns what was not said and should have been, and what was and should not.
pub(crate) fn compare(case: &Case, said: &Said) -> Vec<String> {
    let marks: Vec<Mark<'_>> = case.text.lines().filter_map(Mark::read).collect();
    let is_told = |mark: &&Mark<'_>| {
        let mut problems = said.problems.iter();
        problems.any(|problem| mark.fits(problem, &case.name))
    };
    let is_marked = |problem: &&Problem| {
        let mut marks = marks.iter();
        marks.any(|mark| mark.fits(problem, &case.name))
    };
    let may_be_unmarked = |problem: &&Problem| case.kind() == "broken" && !problem.is_error;
    let missing = marks.iter().filter(|mark| !is_told(mark));
    let problems = said.problems.iter();
    let surplus = problems.filter(|problem| !is_marked(problem) && !may_be_unmarked(problem));
    missing
        .map(|mark| format!("not said: {}", mark.line))
        .chain(surplus.map(|problem| format!("not marked:\n{}", problem.text)))
        .collect()
}

impl<'a> Mark<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (is_error, rest) = match line.strip_prefix("#! ") {
            Some(rest) => (true, rest),
            None => (false, line.strip_prefix("#? ")?),
        };
        let (place, text) = rest.split_once(' ').unwrap_or((rest, ""));
        assert!(!text.trim().is_empty(), "a mark must say something: {line}");
        let place = match place {
            "-" => Where::Nowhere,
            "*" => Where::Anywhere,
            place => Where::At(place),
        };
        Some(Self {
            is_error,
            place,
            text: text.trim(),
            line,
        })
    }

    /// Returns whether a problem is what is to be told; a place without a file is in `file`.
    fn fits(&self, problem: &Problem, file: &str) -> bool {
        let is_there = match (&self.place, problem.place.as_deref()) {
            (Where::Anywhere, _) | (Where::Nowhere, None) => true,
            (Where::At(wanted), Some(place)) => {
                place == *wanted || place.strip_prefix(file) == Some(&format!(":{wanted}"))
            }
            (Where::Nowhere, Some(_)) | (Where::At(_), None) => false,
        };
        is_there && problem.is_error == self.is_error && problem.text.contains(self.text)
    }
}
