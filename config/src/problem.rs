//! What is wrong with a configuration, where, and what was probably meant.
//!
//! This module must not know who found the problem. How one is drawn is in `excerpt`.

use std::fmt;

use crate::{Place, excerpt, secret::without_credentials};

/// How many problems are kept; the rest is counted.
const MAX_PROBLEMS: usize = 500;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// The configuration can be used, but probably does not do what was meant.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where, unless it has no place, such as a file that cannot be read.
    pub place: Option<Place>,
    /// How bad.
    pub severity: Severity,
    /// What, without the passwords of URLs.
    /// Lower case, naming the thing: ``unknown setting `max_sise_mib` ``.
    pub message: String,
    /// What to say beside the marked text: ``did you mean `max_size_mib`?``.
    pub label: Option<String>,
    /// Whether it is about something that is not there, and so perhaps only could not be read.
    pub(crate) is_absence: bool,
}

impl Problem {
    /// Makes an error about what is written at a place.
    pub fn error(place: &Place, message: impl Into<String>) -> Self {
        let message = without_credentials(message.into());
        Self {
            place: Some(place.clone()),
            severity: Severity::Error,
            message,
            label: None,
            is_absence: false,
        }
    }

    /// Makes a warning about what is written at a place.
    pub fn warning(place: &Place, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(place, message)
        }
    }

    /// Makes an error about the configuration as a whole.
    pub fn unplaced(message: impl Into<String>) -> Self {
        let message = without_credentials(message.into());
        Self {
            place: None,
            severity: Severity::Error,
            message,
            label: None,
            is_absence: false,
        }
    }

    /// Says that it is about something that is not there.
    #[must_use]
    pub fn about_absence(self) -> Self {
        Self {
            is_absence: true,
            ..self
        }
    }

    /// Returns whether it makes the configuration unusable.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Adds what to say beside the marked text.
    #[must_use]
    pub fn with_label(self, label: impl Into<String>) -> Self {
        Self {
            label: Some(without_credentials(label.into())),
            ..self
        }
    }

    /// Adds the name that was probably meant, if there is one.
    #[must_use]
    pub fn suggesting(self, name: Option<&str>) -> Self {
        match name {
            Some(name) => self.with_label(format!("did you mean `{name}`?")),
            None => self,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}", self.message)?;
        match &self.place {
            Some(place) => write!(f, "\n{}", excerpt::draw(place, self.label.as_deref())),
            None => self
                .label
                .iter()
                .try_for_each(|label| write!(f, " ({label})")),
        }
    }
}

/// Everything that is wrong, sorted by place, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    kept: Vec<Problem>,
    left_off: usize,
}

impl Problems {
    /// Makes an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a problem at its place, unless it is already known.
    pub fn push(&mut self, problem: Problem) {
        let Err(at) = self.kept.binary_search(&problem) else {
            return;
        };
        self.kept.insert(at, problem);
        if self.kept.len() > MAX_PROBLEMS {
            // Warnings give way first: what is left off must never turn a refusal into a success.
            let is_warning = |known: &Problem| known.severity == Severity::Warning;
            let victim = self
                .kept
                .iter()
                .rposition(is_warning)
                .unwrap_or(MAX_PROBLEMS);
            self.kept.remove(victim);
            self.left_off += 1;
        }
    }

    /// Returns whether at least one of them makes the configuration unusable.
    pub fn has_errors(&self) -> bool {
        self.kept.iter().any(Problem::is_error)
    }

    /// Drops what was said about things that are not there: for a configuration of which a part
    /// could not be read.
    pub fn forget_absences(&mut self) {
        self.kept.retain(|problem| !problem.is_absence);
    }

    /// Returns whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Returns how many are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Returns whether more would only be counted: time to stop looking for suggestions.
    pub(crate) fn is_full(&self) -> bool {
        self.kept.len() >= MAX_PROBLEMS
    }

    /// Returns how many were only counted.
    pub fn left_off(&self) -> usize {
        self.left_off
    }

    /// Counts problems that were left off elsewhere.
    pub(crate) fn leave_off(&mut self, count: usize) {
        self.left_off += count;
    }

    /// Returns the problems in the order of their places.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.kept.iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self {
            kept: vec![problem],
            left_off: 0,
        }
    }
}

impl Extend<Problem> for Problems {
    fn extend<T: IntoIterator<Item = Problem>>(&mut self, problems: T) {
        problems.into_iter().for_each(|problem| self.push(problem));
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.kept.into_iter()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.kept.iter().enumerate() {
            let gap = if position == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{problem}")?;
        }
        if self.left_off > 0 {
            write!(f, "\n\n… and {} more", self.left_off)
        } else {
            Ok(())
        }
    }
}

impl std::error::Error for Problems {}
