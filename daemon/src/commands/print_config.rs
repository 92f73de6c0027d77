//! `tapline print-config`: the configuration as it is understood.

use anyhow::Result;
use clap::{ArgAction, Args, ValueEnum};
use serde::{Serialize, Serializer, ser::SerializeMap};
use tapline_config::{
    Document, Environment, Input, Kind, Node, Problems, Secrets, explain, load, print,
};

use super::say;
use crate::{
    cli::Sources,
    last_words,
    settings::{self, BUILTIN},
};

pub(crate) const EXAMPLE: &str = "\
Example:
  tapline print-config --config base.yaml --config site.yaml --set exporters.debug.verbosity=basic";

/// What to print, and how.
#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    sources: Sources,
    /// The language to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Whether secrets are hidden.
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    /// Says behind each value where it came from: a file and its line, a variable, a default.
    #[arg(long, conflicts_with = "format")]
    explain: bool,
    /// Whether to print nothing but mistakes, if there are any.
    #[arg(
        long,
        value_name = "BOOL",
        default_value_t = true,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        action = ArgAction::Set
    )]
    validate: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Yaml,
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Mode {
    #[default]
    Redacted,
    Unredacted,
}

/// Prints the configuration. The built-in one is printed as it was written, with its comments.
pub(super) fn print_config(arguments: &Arguments) -> Result<()> {
    let written = settings::written(&arguments.sources);
    let warnings = if arguments.validate {
        written.check()?.warnings
    } else {
        written.read()?
    };
    let document = &written.document;
    if !warnings.is_empty() {
        last_words::tell(&warnings);
    }
    let secrets = match arguments.mode {
        Mode::Redacted => Secrets::Hidden,
        Mode::Unredacted => Secrets::Shown,
    };
    match arguments.format {
        Format::Yaml if arguments.explain => say(&explain(document, secrets)),
        Format::Yaml if arguments.sources.are_none() => say(BUILTIN),
        Format::Yaml => say(&print(document, secrets)),
        Format::Json => say(&json(document, secrets)?),
    }
}

fn json(document: &Document, secrets: Secrets) -> Result<String> {
    // What is hidden is decided in one place, and what that prints reads back as itself.
    let yaml = print(document, secrets);
    let shown = load(&[Input::text("printed", yaml)], &Environment::default());
    let shown: Document = shown.map_err(|problems: Problems| anyhow::anyhow!(problems))?;
    let text = serde_json::to_string_pretty(&Json(shown.root()))?;
    Ok(text + "\n")
}

/// A value in the order it was written.
struct Json<'n>(&'n Node);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0.kind {
            Kind::Null => serializer.serialize_unit(),
            Kind::Bool(value) => serializer.serialize_bool(*value),
            Kind::Int(number) => match (i64::try_from(*number), u64::try_from(*number)) {
                (Ok(small), _) => serializer.serialize_i64(small),
                (_, Ok(large)) => serializer.serialize_u64(large),
                _ => serializer.collect_str(number),
            },
            Kind::Float(number) if number.is_finite() => serializer.serialize_f64(*number),
            // JSON has no word for these.
            Kind::Float(number) => serializer.collect_str(number),
            Kind::String(text) => serializer.serialize_str(text),
            Kind::List(items) => serializer.collect_seq(items.iter().map(Json)),
            Kind::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, &Json(value))?;
                }
                map.end()
            }
        }
    }
}
