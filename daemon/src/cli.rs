//! The command line: what may be asked of tapline.
//!
//! Each command's own flags stand beside the command. This module must not know what they do.

use std::{path::PathBuf, process::ExitCode};

use clap::{ArgAction, Args, Parser, Subcommand};
use tapline_config::{Duration, Uri};

use crate::commands::{
    compat, components, doctor, featuregate, graph, print_config, reference, validate,
};

/// What `--help` opens with: for somebody who has just got the program.
const ABOUT: &str = "\
tapline shows the requests of this Linux machine without touching its programs, and moves
OpenTelemetry data: it runs the pipelines of the Collector's YAML, unchanged.

  sudo tapline                     watch every HTTP request of this machine, here and now
  tapline --config otelcol.yaml    run the Collector configuration you already have";

const RUN_HELP: &str = "\
`tapline compat FILE` tells beforehand what would be different; `tapline validate` finds mistakes.";

/// What is asked.
#[derive(Debug, Parser)]
#[command(
    name = "tapline",
    about = ABOUT,
    after_help = RUN_HELP,
    version = concat!("version ", env!("CARGO_PKG_VERSION")),
    disable_version_flag = true,
    args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true
)]
pub(crate) struct Cli {
    /// What to do; without a command, tapline runs.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Which configuration to run.
    #[command(flatten)]
    pub(crate) sources: Sources,
    /// How to run it.
    #[command(flatten)]
    pub(crate) conduct: Conduct,
    /// Prints the version.
    #[arg(short = 'v', long, action = ArgAction::Version)]
    version: Option<bool>,
}

/// How a configuration is run.
#[derive(Clone, Debug, Args)]
pub(crate) struct Conduct {
    /// How long stopping may take: requests finish, queues drain, the rest is counted as lost.
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    pub(crate) shutdown_timeout: Duration,
    /// Reloads when a configuration file changes, as SIGHUP does.
    #[arg(long)]
    pub(crate) watch: bool,
}

/// Where the configuration comes from.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Sources {
    /// A Collector YAML file, or a URI: `file:`, `env:`, `yaml:`, `http:` or `https:`; may be given
    /// several times, later ones are laid over earlier ones. Without any, a built-in configuration
    /// is used.
    #[arg(long = "config", value_name = "FILE|URI")]
    pub(crate) configs: Vec<String>,
    /// One setting, such as `exporters.debug.verbosity=detailed`; laid over all files.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) sets: Vec<String>,
    /// Feature gates to turn on (`id`, `+id`) or off (`-id`), joined by commas.
    #[arg(
        long = "feature-gates",
        value_name = "GATES",
        allow_hyphen_values = true
    )]
    pub(crate) feature_gates: Vec<String>,
}

impl Sources {
    /// Lists the files among the sources.
    pub(crate) fn files(&self) -> impl Iterator<Item = String> {
        let uris = self.configs.iter().filter_map(|uri| Uri::parse(uri).ok());
        uris.filter_map(|uri| uri.file_path().map(str::to_owned))
    }

    /// Returns whether nothing was given, so that the built-in configuration is meant as it is.
    pub(crate) fn are_none(&self) -> bool {
        self.configs.is_empty() && self.sets.is_empty()
    }
}

/// Everything but running.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Finds every mistake in a configuration, with its line; needs no privileges, starts nothing.
    #[command(after_help = validate::EXAMPLE)]
    Validate(validate::Arguments),
    /// Prints the configuration as it is understood: files joined, variables filled in, secrets
    /// hidden.
    #[command(visible_alias = "print-initial-config", after_help = print_config::EXAMPLE)]
    PrintConfig(print_config::Arguments),
    /// Tells what keeps a Collector configuration from running here as it does there.
    #[command(after_help = compat::EXAMPLE)]
    Compat(compat::Arguments),
    /// Tells what this kernel and these privileges allow, and what the rest would need. Fails if
    /// requests cannot be captured.
    #[command(after_help = doctor::EXAMPLE)]
    Doctor(doctor::Arguments),
    /// Draws the pipelines, for Mermaid or Graphviz.
    #[command(after_help = graph::EXAMPLE)]
    Graph(graph::Arguments),
    /// Lists the components there are, with their signals.
    #[command(after_help = components::EXAMPLE)]
    Components,
    /// Lists the feature gates, or explains one.
    #[command(after_help = featuregate::EXAMPLE)]
    Featuregate(featuregate::Arguments),
    /// Prints a JSON Schema of configurations, for editors.
    #[command(after_help = "Example:\n  tapline schema > tapline.schema.json")]
    Schema,
    /// Prints what may be written for a component; without a name, which components there are.
    #[command(after_help = reference::EXAMPLE)]
    Reference {
        /// A component, such as `otlp` or `receivers/otlp`; or `service`.
        name: Option<String>,
    },
    /// Records what the kernel tells into a new file that only its owner may read, to be replayed
    /// in a test. It holds what processes sent and received, unredacted.
    #[command(
        after_help = "Example:\n  sudo tapline record --output /tmp/tap.cassette --seconds 5"
    )]
    Record {
        /// The file to write.
        #[arg(long)]
        output: PathBuf,
        /// How long to record.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
}

/// Reads the command line; what cannot be understood, and what was only asked for help, is
/// answered here. The Collector's exit codes are 0 and 1, so scripts expect no other.
pub(crate) fn read() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|answer| {
        // Nobody is left to be told that this cannot be printed.
        let _told = answer.print();
        if answer.use_stderr() {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::Cli;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example_of_itself() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().expect("an example").to_string();
            let call = format!("tapline {}", command.get_name());
            assert!(help.starts_with("Example:\n"), "{help}");
            assert!(help.contains(&call), "{call}: {help}");
        }
    }

    #[test]
    fn gates_may_begin_with_a_minus_and_come_several_times() {
        let line = ["tapline", "--feature-gates=-a,+b", "--feature-gates", "-c"];
        let cli = Cli::try_parse_from(line).expect("is understood");
        assert_eq!(cli.sources.feature_gates, ["-a,+b", "-c"]);
    }
}
