//! What a configuration is made of: files, texts and `--set` assignments, in order.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use crate::{Problem, Problems};

/// The largest text that is read as configuration.
pub(crate) const MAX_INPUT_BYTES: usize = 8 << 20;

/// One of the texts that make up a configuration; later ones win.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// What problems call it, usually a path.
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) form: Form,
}

/// How the text of an input is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A YAML document.
    Yaml,
    /// `path.to.key=value`, where the value is YAML.
    Assignment,
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
}

/// Reads a YAML file, at most 8 MiB of it.
pub fn read_file(path: &Path) -> Result<Input, Problems> {
    read_text(path)
        .map(|text| Input::file(path, text))
        .map_err(|error| {
            Problem::unplaced(format!("cannot read {}: {error}", path.display())).into()
        })
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(MAX_INPUT_BYTES as u64 + 1)
        .read_to_string(&mut text)?;
    if text.len() > MAX_INPUT_BYTES {
        return Err(io::Error::other(format!(
            "larger than {} MiB",
            MAX_INPUT_BYTES >> 20
        )));
    }
    Ok(text)
}
