//! `tapline graph`: the pipelines as a picture.
//!
//! What one component id is, is one box, except for processors: each pipeline has its own. The
//! picture is made first and written down in a language afterwards; the order is that of the file.

mod dot;
mod mermaid;
mod picture;
#[cfg(test)]
mod tests;

use anyhow::Result;
use clap::{Args, ValueEnum};

use self::picture::Picture;
use super::say;
use crate::{cli::Sources, last_words, settings};

pub(crate) const EXAMPLE: &str = "\
Example:
  tapline graph --config otelcol.yaml --format dot | dot -Tsvg > pipelines.svg";

/// What to draw, and in which language.
#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    sources: Sources,
    /// The language of the picture.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For Markdown pages and <https://mermaid.live>.
    #[default]
    Mermaid,
    /// For Graphviz.
    Dot,
}

/// Draws the pipelines of a configuration that can run.
pub(super) fn graph(arguments: &Arguments) -> Result<()> {
    let settings = settings::read(&arguments.sources)?;
    if !settings.warnings.is_empty() {
        last_words::tell(&settings.warnings);
    }
    let picture = Picture::of(&settings.layout);
    say(&match arguments.format {
        Format::Mermaid => mermaid::write(&picture),
        Format::Dot => dot::write(&picture),
    })
}
