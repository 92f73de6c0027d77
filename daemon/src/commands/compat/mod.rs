//! `tapline compat FILE...`: what a Collector configuration would be like here, before it is tried.
//!
//! The file may come from another machine: variables need not be set, certificates and directories
//! need not be there, nothing is built. So what is judged is what was written, not what it is worth
//! on this machine.

mod differences;
mod judge;
mod show;
mod source;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use tapline_config::Problems;

use self::judge::{Report, judge};
use super::say;
use crate::gates::Gates;

pub(crate) const EXAMPLE: &str = "\
Example:
  tapline compat gateway.yaml agent.yaml --feature-gates=service.profilesSupport";

/// What to judge, and how to tell.
#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Collector YAML files; each is judged for itself.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
    /// The feature gates that the Collector is started with.
    #[arg(
        long = "feature-gates",
        value_name = "GATES",
        allow_hyphen_values = true
    )]
    feature_gates: Vec<String>,
    /// How to tell.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// A list with one report for each file.
    Json,
}

/// Judges files; succeeds if all of them would start here.
pub(super) fn compat(arguments: &Arguments) -> Result<ExitCode> {
    let mut gates = Problems::new();
    Gates::read(&arguments.feature_gates, &mut gates);
    let files = arguments.files.iter();
    let reports: Vec<Report> = files
        .map(|path| judge(path.strip_prefix("file:").unwrap_or(path), &gates))
        .collect();
    say(&match arguments.format {
        Format::Text => show::text(&reports),
        Format::Json => show::json(&reports),
    })?;
    if reports.iter().all(Report::would_start) {
        Ok(ExitCode::SUCCESS)
    } else {
        Ok(ExitCode::FAILURE)
    }
}
