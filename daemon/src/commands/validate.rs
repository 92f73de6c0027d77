//! `tapline validate`: every mistake at once. Needs no privileges and starts nothing.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use tapline_config::Problems;

use super::{
    report::{self, Format},
    runtime, say,
};
use crate::{cli::Sources, host, last_words, settings};

pub(crate) const EXAMPLE: &str = "\
Example:
  tapline validate --config otelcol.yaml --strict";

/// What to check, and how to tell.
#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    sources: Sources,
    /// How to tell: for a person, on standard error; for a program, on standard output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Fails for warnings too.
    #[arg(long)]
    strict: bool,
}

/// Checks a configuration; silent when all is well.
pub(super) fn validate(arguments: &Arguments) -> Result<ExitCode> {
    let problems = problems(&arguments.sources)?;
    match arguments.format {
        Format::Text if problems.is_empty() => (),
        Format::Text => last_words::tell(&problems),
        Format::Json => say(&report::json(&problems))?,
        Format::Sarif => say(&report::sarif(&problems))?,
    }
    if problems.has_errors() {
        return Ok(ExitCode::FAILURE);
    }
    if arguments.strict && !problems.is_empty() {
        if arguments.format == Format::Text {
            last_words::tell("\nerror: --strict lets no warning pass");
        }
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Finds everything that is wrong, up to building components.
fn problems(sources: &Sources) -> Result<Problems> {
    let settings = match settings::read(sources) {
        Ok(settings) => settings,
        Err(problems) => return Ok(problems),
    };
    // Components are built within a runtime, because that is where they will live.
    let runtime = runtime()?;
    let _inside = runtime.enter();
    let built = host::check(&settings);
    let mut problems = settings.warnings;
    if let Err(found) = built {
        problems.extend(found);
    }
    Ok(problems)
}
