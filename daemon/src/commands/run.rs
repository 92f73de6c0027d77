//! No command: tapline runs.

use anyhow::{Result, bail};

use super::runtime;
use crate::{
    cli::{Conduct, Sources},
    host, last_words, settings,
    telemetry::logs,
    watch::Watch,
};

/// Runs until it is asked to stop.
pub(super) fn run(sources: Sources, conduct: Conduct) -> Result<()> {
    // Before they are read, so that no change goes unnoticed.
    let watch = Watch::new(host::watched(&sources, &conduct));
    let settings = settings::read(&sources)?;
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
