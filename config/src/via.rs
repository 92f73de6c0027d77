//! How a value got where it is: through which references.
//!
//! It is kept for `print-config --explain` and for what is said about mistakes. It must not know
//! what a value is.

use std::{fmt, sync::Arc};

use crate::Place;

/// The references that a value came through.
#[derive(Clone, Debug, PartialEq)]
pub struct Via {
    /// What each reference was taken from, in the order in which they were replaced.
    pub(crate) steps: Vec<Step>,
    /// Where the value stands that held them.
    pub(crate) place: Place,
    /// How that value came to stand there.
    pub(crate) outer: Option<Arc<Via>>,
    /// Why what was found is not YAML, if it is not.
    pub(crate) not_yaml: Option<String>,
}

/// One reference.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// A variable that is set.
    Variable(String),
    /// A variable that is not set and has no default.
    Unset(String),
    /// The default of a variable that is not set.
    Default(String, String),
    /// A file or page, or YAML that was given in place.
    Text(String),
    /// A reference that stood in what another one gave, and may be a part of a secret.
    Hidden,
}

impl Via {
    /// Writes the references and where they stand; a secret does not show its default.
    pub(crate) fn describe(&self, is_secret: bool) -> String {
        let steps = self.steps.iter().map(|step| step.described(is_secret));
        let is_within = |outer: &Arc<Self>| outer.place == self.place;
        let here = (!self.outer.as_ref().is_some_and(is_within)).then(|| place(&self.place));
        let outer = self.outer.iter().map(|outer| outer.describe(is_secret));
        let all = steps.chain(here).chain(outer);
        all.collect::<Vec<_>>().join(", ")
    }
}

impl Step {
    fn described(&self, is_secret: bool) -> String {
        match self {
            Self::Variable(name) => format!("${{env:{name}}} (environment)"),
            Self::Unset(name) => format!("${{env:{name}}} (not set)"),
            Self::Default(name, _) if is_secret => format!("default of ${{env:{name}:-…}}"),
            Self::Default(name, default) => format!("default of ${{env:{name}:-{default}}}"),
            Self::Text(name) => format!("${{{name}}}"),
            Self::Hidden => "a reference inside".to_owned(),
        }
    }
}

/// Writes a place; what is on the command line has no lines.
pub(crate) fn place(place: &Place) -> String {
    match place.source().name() {
        name @ ("--set" | "--config yaml") => name.to_owned(),
        _ => place.to_string(),
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe(true))
    }
}
