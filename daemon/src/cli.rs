//! The command line: what may be asked of tapline.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use tapline_config::Duration;

const ABOUT: &str = "\
Shows every request that programs on this machine serve and make, without touching them,
and receives, processes and sends OpenTelemetry data, configured like the Collector.

Examples:
  sudo tapline                            tap this machine, show every request
  tapline --config gateway.yaml --watch   run a gateway, reload it when the file changes";

/// Taps this machine's requests and moves OpenTelemetry data.
#[derive(Debug, Parser)]
#[command(version, about = ABOUT, args_conflicts_with_subcommands = true)]
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
    /// A Collector YAML file; later ones are laid over earlier ones. Without any, a built-in
    /// configuration runs.
    #[arg(long = "config", value_name = "FILE")]
    pub(crate) configs: Vec<String>,
    /// One setting, such as `exporters.debug.verbosity=detailed`; laid over all files.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) sets: Vec<String>,
}

impl Sources {
    /// Lists the files among the sources.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        let paths = self.configs.iter();
        paths.map(|config| config.strip_prefix("file:").unwrap_or(config))
    }
}

/// Everything but running.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Checks a configuration, with every mistake and its line, without starting anything.
    Validate(Sources),
    /// Prints the configuration that would run; secrets are not shown.
    PrintConfig(Sources),
    /// Prints a JSON Schema of configurations, for editors.
    Schema,
    /// Prints what may be written for a component; without a name, which components there are.
    Reference {
        /// A component, such as `otlp` or `receivers/otlp`; or `service`.
        name: Option<String>,
    },
    /// Records what the kernel tells into a new file that only its owner may read, to be replayed
    /// in a test. It holds what processes sent and received, unredacted.
    Record {
        /// The file to write.
        #[arg(long)]
        output: PathBuf,
        /// How long to record.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
}
