//! What a configuration refers to beyond its own text, asked for within bounds.
//!
//! This crate opens no connection and never looks at the environment: the process does it, through
//! [`Retrieve`]. Each file and each page is asked for once per load.

use std::{collections::HashMap, sync::Arc};

use crate::{Source, input::MAX_INPUT_BYTES, uri::Uri};

/// How many files and pages a configuration may refer to.
const MAX_FETCHES: usize = 100;

/// Looks up what a configuration refers to. Errors say why, without naming what was asked for.
pub trait Retrieve {
    /// Returns the value of an environment variable; `None` when it is unset.
    fn variable(&self, name: &str) -> Option<String>;

    /// Returns the text of a file; see [`read_text`](crate::read_text).
    fn file(&self, path: &str) -> Result<String, String>;

    /// Returns what an `http` or `https` URL leads to.
    fn page(&self, url: &str) -> Result<String, String>;
}

/// Asks for files and pages, each once.
pub(crate) struct Fetcher<'a> {
    retrieve: &'a dyn Retrieve,
    known: HashMap<String, Arc<Source>>,
    /// The position of the next text among all texts: behind the inputs.
    next_order: usize,
}

/// What `NAME` or `NAME:-default` stands for.
pub(crate) struct Variable<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: Value<'a>,
}

/// Where the value of a variable came from.
pub(crate) enum Value<'a> {
    Set(String),
    Default(&'a str),
    Unset,
}

impl<'a> Fetcher<'a> {
    pub(crate) fn new(retrieve: &'a dyn Retrieve, next_order: usize) -> Self {
        Self {
            retrieve,
            known: HashMap::new(),
            next_order,
        }
    }

    /// Reads the file or page of a URI.
    pub(crate) fn fetch(&mut self, uri: &Uri) -> Result<Arc<Source>, String> {
        let name = uri.url();
        if let Some(source) = self.known.get(&name) {
            return Ok(Arc::clone(source));
        }
        if self.known.len() >= MAX_FETCHES {
            return Err(format!("more than {MAX_FETCHES} files and pages"));
        }
        let text = match uri.file_path() {
            Some(path) => self.retrieve.file(path)?,
            None => self.retrieve.page(&name)?,
        };
        if text.len() > MAX_INPUT_BYTES {
            return Err(too_large());
        }
        let source = Source::new(uri.shown(), text, self.next_order);
        self.next_order += 1;
        self.known.insert(name, Arc::clone(&source));
        Ok(source)
    }

    /// Looks up a variable, as `env:` names it.
    pub(crate) fn variable<'t>(&self, opaque: &'t str) -> Result<Variable<'t>, &'static str> {
        let (name, default) = match opaque.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (opaque, None),
        };
        if !is_name(name) {
            return Err("a variable's name is made of letters, digits and `_`");
        }
        let value = match (self.retrieve.variable(name), default) {
            (Some(value), _) => Value::Set(value),
            (None, Some(default)) => Value::Default(default),
            (None, None) => Value::Unset,
        };
        Ok(Variable { name, value })
    }
}

/// Returns whether a text can be the name of an environment variable.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

pub(crate) fn too_large() -> String {
    format!("larger than {} MiB", MAX_INPUT_BYTES >> 20)
}
