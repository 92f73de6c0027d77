//! What a configuration is made of: files, texts and `--set` assignments, in order.

use std::{fs::File, io::Read, path::Path, sync::Arc};

use crate::{
    Place, Problem, Problems, Source,
    retrieve::{Fetcher, Value, too_large},
    uri::{Scheme, Uri},
};

/// The largest text that is read as configuration.
pub(crate) const MAX_INPUT_BYTES: usize = 8 << 20;

/// One of the texts that make up a configuration; later ones win.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// What problems call it, usually a path.
    name: String,
    text: String,
    form: Form,
}

/// How the text of an input is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A YAML document.
    Yaml,
    /// `path.to.key=value`, where the value is YAML.
    Assignment,
    /// The name of a YAML document that has to be fetched.
    Uri,
}

impl Input {
    /// Makes an input of the text of a YAML file.
    pub fn file(path: &Path, text: impl Into<String>) -> Self {
        Self::text(path.display().to_string(), text)
    }

    /// Makes an input of YAML that is in no file, under a name that problems show.
    pub fn text(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
            form: Form::Yaml,
        }
    }

    /// Makes an input of `--set path.to.key=value`.
    pub fn set(assignment: impl Into<String>) -> Self {
        Self {
            name: "--set".to_owned(),
            text: assignment.into(),
            form: Form::Assignment,
        }
    }

    /// Makes an input of `--config uri`: a path, or a URI such as `env:NAME`.
    pub fn uri(uri: impl Into<String>) -> Self {
        Self {
            name: "--config".to_owned(),
            text: uri.into(),
            form: Form::Uri,
        }
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// Gets the text; `None` after adding an error.
    pub(crate) fn open(
        &self,
        order: usize,
        fetcher: &mut Fetcher<'_>,
        problems: &mut Problems,
    ) -> Option<Arc<Source>> {
        let named = match self.form {
            Form::Yaml | Form::Assignment => Ok((self.name.clone(), self.text.clone())),
            Form::Uri => fetched(&self.text, order, fetcher, problems),
        };
        let opened = named.and_then(|(name, text)| {
            if text.len() > MAX_INPUT_BYTES {
                return Err(Problem::unplaced(format!("{name} is {}", too_large())));
            }
            Ok(Source::new(name, text, order))
        });
        opened.map_err(|problem| problems.push(problem)).ok()
    }
}

/// Returns the name and the text of what a URI leads to.
fn fetched(
    text: &str,
    order: usize,
    fetcher: &mut Fetcher<'_>,
    problems: &mut Problems,
) -> Result<(String, String), Problem> {
    let given = Source::new("--config", text, order);
    let place = Place::new(
        &given,
        1,
        1,
        text.lines().next().unwrap_or("").chars().count(),
    );
    let uri = Uri::parse(text).map_err(|error| {
        let problem = Problem::error(&place, format!("this names no configuration: {error}"));
        match error.hint {
            Some(hint) => problem.with_label(hint),
            None => problem,
        }
    })?;
    match uri.scheme {
        Scheme::Yaml => Ok(("--config yaml".to_owned(), uri.opaque)),
        Scheme::Env => {
            let variable = fetcher
                .variable(&uri.opaque)
                .map_err(|reason| Problem::error(&place, reason))?;
            let name = format!("env:{}", variable.name);
            let text = match variable.value {
                Value::Set(text) => text,
                Value::Default(text) => text.to_owned(),
                Value::Unset => {
                    let message = format!("environment variable `{}` is not set", variable.name);
                    problems.push(Problem::warning(&place, message).with_label("taken as empty"));
                    String::new()
                }
            };
            Ok((name, text))
        }
        Scheme::File | Scheme::Http | Scheme::Https => {
            let source = fetcher.fetch(&uri).map_err(|reason| {
                Problem::unplaced(format!("cannot read {}: {reason}", uri.shown()))
            })?;
            Ok((source.name().to_owned(), source.text().to_owned()))
        }
    }
}

/// Reads a text file, at most 8 MiB of it.
pub fn read_text(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let limit = MAX_INPUT_BYTES as u64 + 1;
    let read = File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text));
    read.map_err(|error| error.to_string())?;
    if text.len() > MAX_INPUT_BYTES {
        return Err(too_large());
    }
    Ok(text)
}

/// Reads a YAML file, at most 8 MiB of it.
pub fn read_file(path: &Path) -> Result<Input, Problems> {
    read_text(path)
        .map(|text| Input::file(path, text))
        .map_err(|error| {
            Problem::unplaced(format!("cannot read {}: {error}", path.display())).into()
        })
}
