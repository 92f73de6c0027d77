//! What can be asked of tapline, one file for each command.
//!
//! A command reads, checks and prints; whatever it needs to know stands elsewhere.

pub(crate) mod compat;
pub(crate) mod components;
pub(crate) mod doctor;
pub(crate) mod featuregate;
pub(crate) mod graph;
pub(crate) mod print_config;
mod record;
pub(crate) mod reference;
mod report;
mod run;
mod table;
pub(crate) mod validate;

use std::{
    io::{ErrorKind, Write, stdout},
    process::ExitCode,
};

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};

use crate::cli::{Cli, Command};

/// Does what the command line says.
pub(crate) fn obey(cli: Cli) -> Result<ExitCode> {
    let done = match cli.command {
        None => run::run(cli.sources, cli.conduct),
        Some(Command::Validate(arguments)) => return validate::validate(&arguments),
        Some(Command::Compat(arguments)) => return compat::compat(&arguments),
        Some(Command::Doctor(arguments)) => return doctor::doctor(&arguments),
        Some(Command::PrintConfig(arguments)) => print_config::print_config(&arguments),
        Some(Command::Graph(arguments)) => graph::graph(&arguments),
        Some(Command::Components) => components::components(),
        Some(Command::Featuregate(arguments)) => featuregate::featuregate(&arguments),
        Some(Command::Schema) => reference::schema(),
        Some(Command::Reference { name }) => reference::reference(name.as_deref()),
        Some(Command::Record { output, seconds }) => record::record(&output, seconds),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// Writes to standard output. A reader that has seen enough, as `head` does, is no mistake.
fn say(text: &str) -> Result<()> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

fn runtime() -> Result<Runtime> {
    Builder::new_multi_thread()
        .enable_all()
        .thread_name("tapline")
        .build()
        .context("cannot start the runtime")
}
