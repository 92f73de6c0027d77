//! The process: command line, component table, host. Imports everything; nothing imports it.
//!
//! Only here is the environment read, are signals handled, and is the process ended.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the daemon speaks to a person"
)]

mod cli;
mod components;
mod delivery;
mod extensions;
mod factories;
mod fingerprints;
mod host;
mod host_view;
mod last_words;
mod lint;
mod names;
mod output;
mod places;
mod planning;
mod record;
mod reference;
mod reload;
mod settings;
#[cfg(test)]
mod shapes;
mod telemetry;
mod timestamp;
mod upstream;
mod watch;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use tapline_config::{Secrets, print};

use cli::{Cli, Command, Conduct, Sources};
use settings::Settings;
use telemetry::logs::{self, LastWord};
use watch::Watch;

/// Measured: parsing with many small strings costs a tenth less than with the C library's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = tapline_ebpf::keep_for_loading() {
        eprintln!("error: cannot give up capabilities: {error}");
        return ExitCode::FAILURE;
    }
    let done = match cli.command {
        None => run(cli.sources, cli.conduct),
        Some(Command::Validate(sources)) => validate(&sources),
        Some(Command::PrintConfig(sources)) => print_config(&sources),
        Some(Command::Schema) => print_schema(),
        Some(Command::Reference { name }) => print_reference(name.as_deref()),
        Some(Command::Record { output, seconds }) => record::record(&output, seconds),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let word = logs::last_word();
            if word != LastWord::Stderr {
                last_words::log(&error);
            }
            if word != LastWord::Log {
                eprintln!("{}", last_words::shown(&error));
            }
            ExitCode::FAILURE
        }
    }
}

fn run(sources: Sources, conduct: Conduct) -> Result<()> {
    // Before they are read, so that no change goes unnoticed.
    let watch = Watch::new(host::watched(&sources, &conduct));
    let settings = settings::check(&settings::document(&sources)?)?;
    let telemetry = &settings.telemetry;
    if let Err(error) = logs::start(&telemetry.logs, &telemetry.resource) {
        // It is said in the form that was asked for, in the place that is always there.
        logs::start(&telemetry.logs.on_stderr(), &telemetry.resource)
            .map_err(anyhow::Error::msg)?;
        bail!(error);
    }
    last_words::log_problems(&settings.warnings);
    let runtime = runtime()?;
    let ran = runtime.block_on(host::run(settings, sources, conduct, watch));
    // A component that hangs in a blocking call must not keep the process.
    runtime.shutdown_background();
    ran
}

fn validate(sources: &Sources) -> Result<()> {
    let settings: Settings = settings::check(&settings::document(sources)?)?;
    if !settings.warnings.is_empty() {
        eprintln!("{}", settings.warnings);
    }
    // Components are built within a runtime, because that is where they will live.
    let runtime = runtime()?;
    let _inside = runtime.enter();
    host::check(&settings)
}

fn print_config(sources: &Sources) -> Result<()> {
    if sources.configs.is_empty() && sources.sets.is_empty() {
        print!("{}", settings::BUILTIN);
        return Ok(());
    }
    print!("{}", print(&settings::document(sources)?, Secrets::Hidden));
    Ok(())
}

fn print_schema() -> Result<()> {
    println!("{}", serde_json::to_string_pretty(&reference::schema())?);
    Ok(())
}

fn print_reference(name: Option<&str>) -> Result<()> {
    let pages = reference::about(name.unwrap_or("README"));
    anyhow::ensure!(
        !pages.is_empty(),
        "there is no component `{}`; `tapline reference` lists them",
        name.unwrap_or_default()
    );
    for page in pages {
        println!("{page}");
    }
    Ok(())
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("tapline")
        .build()
        .context("cannot start the runtime")
}
