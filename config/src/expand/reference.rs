//! One `${…}`: where it stands, what it refers to, and what is said when it cannot be had.

use std::{ops::Range, sync::Arc};

use crate::{
    Place, Problem, Problems, Source,
    retrieve::{Fetcher, Value, is_name},
    uri::{Scheme, Uri},
    via::Step,
};

/// A reference about which something may have to be said.
#[derive(Clone, Copy)]
pub(super) struct Reference<'a> {
    pub(super) text: &'a str,
    /// Where the whole value stands.
    pub(super) place: &'a Place,
    /// The value as it stands there, unless it is not to be shown.
    pub(super) written: Option<&'a str>,
}

/// What a reference stands for.
pub(super) struct Found {
    pub(super) text: String,
    /// The file or page it is the text of.
    pub(super) source: Option<Arc<Source>>,
    pub(super) step: Step,
}

impl Found {
    /// Returns whether what it holds is not to be shown.
    pub(super) fn is_hidden(&self, is_secret: bool) -> bool {
        matches!(self.step, Step::Variable(_) | Step::Hidden) || is_secret
    }
}

/// Returns where the first reference stands whose inside holds no other, unless it is escaped.
pub(super) fn find(text: &str) -> Option<Range<usize>> {
    let mut start = 0;
    while let Some(close) = text[start..].find('}').map(|at| start + at) {
        if let Some(open) = text[start..close].rfind("${").map(|at| start + at) {
            let before = &text[start..open];
            let dollars = before.len() - before.trim_end_matches('$').len();
            if dollars.is_multiple_of(2) {
                return Some(open..close + 1);
            }
        }
        start = close + 1;
    }
    None
}

// === impl Reference ===

impl Reference<'_> {
    /// Returns what a reference such as `${env:NAME:-default}` stands for.
    pub(super) fn look_up(
        self,
        fetcher: &mut Fetcher<'_>,
        problems: &mut Problems,
    ) -> Result<Found, Problem> {
        let inner = &self.text[2..self.text.len() - 1];
        if inner.contains('$') {
            let problem = self.refused("it holds a `$`");
            return Err(problem.with_label("names and paths hold no `$`; write `$$` for a `$`"));
        }
        let uri = if inner.contains(':') {
            Uri::with_scheme(inner).map_err(|error| {
                let problem = self.refused(&error.to_string());
                match hint(inner).or(error.hint) {
                    Some(hint) if self.is_written() => problem.with_label(hint),
                    _ => problem,
                }
            })?
        } else {
            Uri {
                scheme: Scheme::Env,
                opaque: inner.to_owned(),
            }
        };
        match uri.scheme {
            Scheme::Env => self.variable(&uri.opaque, fetcher, problems),
            Scheme::Yaml => Ok(Found {
                step: self.seen(Step::Text(inner.to_owned())),
                text: uri.opaque,
                source: None,
            }),
            Scheme::File | Scheme::Http | Scheme::Https => {
                let source = fetcher
                    .fetch(&uri)
                    .map_err(|reason| self.refused(&reason))?;
                let shown = match uri.scheme {
                    Scheme::File => format!("file:{}", uri.opaque),
                    _ => uri.shown(),
                };
                Ok(Found {
                    text: source.text().to_owned(),
                    source: Some(source),
                    step: self.seen(Step::Text(shown)),
                })
            }
        }
    }

    fn variable(
        self,
        opaque: &str,
        fetcher: &Fetcher<'_>,
        problems: &mut Problems,
    ) -> Result<Found, Problem> {
        let variable = fetcher.variable(opaque).map_err(|reason| {
            let problem = self.refused(reason);
            match hint(opaque) {
                Some(hint) if self.is_written() => problem.with_label(hint),
                _ => problem,
            }
        })?;
        let name = variable.name.to_owned();
        let (text, step) = match variable.value {
            Value::Set(text) => (text, Step::Variable(name)),
            Value::Default(text) => (text.to_owned(), Step::Default(name, text.to_owned())),
            Value::Unset => {
                let message = format!("environment variable `{name}` is not set");
                let warning = Problem::warning(&self.narrowed(), message);
                let label = "taken as empty; `${env:NAME:-default}` gives it a default";
                problems.push(warning.with_label(label));
                (String::new(), Step::Unset(name))
            }
        };
        Ok(Found {
            text,
            source: None,
            step: self.seen(step),
        })
    }

    /// Returns the place of the reference itself, if it stands in the value as written.
    fn narrowed(self) -> Place {
        self.place.narrowed_to(self.text)
    }

    /// Returns whether it stands in the file. What a variable holds may be a secret.
    fn is_written(self) -> bool {
        self.written
            .is_some_and(|written| written.contains(self.text))
    }

    fn seen(self, step: Step) -> Step {
        if self.is_written() {
            step
        } else {
            Step::Hidden
        }
    }

    pub(super) fn refused(self, reason: &str) -> Problem {
        let inner = &self.text[2..self.text.len() - 1];
        let named = match Uri::with_scheme(inner) {
            _ if !self.is_written() => "a reference in what another stands for".to_owned(),
            Ok(uri) if matches!(uri.scheme, Scheme::Http | Scheme::Https) => {
                format!("`${{{}}}`", uri.shown())
            }
            _ => format!("`{}`", self.text),
        };
        Problem::error(&self.narrowed(), format!("cannot expand {named}: {reason}"))
    }
}

/// Guesses what was meant by what a shell would understand.
fn hint(inner: &str) -> Option<String> {
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let (name, rest) = inner.split_at(end.unwrap_or(inner.len()));
    if !is_name(name) {
        return None;
    }
    let default = rest.strip_prefix(":-").or(rest.strip_prefix('-'))?;
    Some(format!("did you mean `${{env:{name}:-{default}}}`?"))
}
