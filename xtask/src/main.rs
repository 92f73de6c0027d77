//! The workshop: what maintainers and CI run and users never need.
//!
//! One row per subcommand, parsed by hand. Imports no crate of ours, so that it builds in seconds
//! and still runs when everything else is broken.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks on its streams"
)]

mod bench;
mod bpf;
mod tidy;
mod vm;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

/// A subcommand: its name, its arguments as shown in the usage, and what runs it.
struct Command {
    name: &'static str,
    usage: &'static str,
    run: fn(root: &Path, arguments: &[String]) -> Result<()>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "bench",
        usage: "SUBJECT     measures what the tap costs (capture), or OTLP in and out (gateway)",
        run: bench::run,
    },
    Command {
        name: "bpf",
        usage: "[--check]   builds the kernel objects, or proves that they are up to date",
        run: bpf::run,
    },
    Command {
        name: "tidy",
        usage: "            checks the house rules that no compiler checks",
        run: tidy::run,
    },
    Command {
        name: "vm",
        usage: "[KERNEL…] [-- TEST…]  runs the kernel tests on stock kernels, under QEMU",
        run: vm::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(if error.is::<bpf::ToolMissing>() {
                bpf::EXIT_TOOL_MISSING
            } else {
                1
            })
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let name = arguments.first().map_or("", String::as_str);
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        bail!("no such command {name:?}\n{}", usage());
    };
    (command.run)(&repository()?, &arguments[1..])
}

fn usage() -> String {
    let rows = COMMANDS
        .iter()
        .map(|row| format!("\n  cargo xtask {} {}", row.name, row.usage));
    String::from("usage:") + &rows.collect::<String>()
}

/// Finds the repository that cargo runs us in, which need not be the one we were compiled in.
fn repository() -> Result<PathBuf> {
    let package = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package
        .parent()
        .map(Path::to_path_buf)
        .context("xtask lies inside the repository")
}
