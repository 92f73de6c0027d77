//! Runs a configuration from start to stop.

use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use tapline_pipeline::{
    Meters, Shared,
    graph::{self, Graph, RunSettings},
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use crate::{
    settings::Settings,
    telemetry::{logs, metrics},
};

/// Builds every component without starting any.
pub(crate) fn build(settings: &Settings, meters: &Meters) -> Result<Graph> {
    graph::build(&settings.plan, settings, meters, &Shared::default()).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow!(lines.join("\n"))
    })
}

/// Runs until a signal asks to stop, or a receiver fails for good.
pub(crate) async fn run(settings: &Settings) -> Result<()> {
    let started = Instant::now();
    let meters = Meters::new();
    let telemetry = &settings.telemetry;
    let shipping = logs::start_shipping();
    let telling = metrics::start(&telemetry.metrics, &telemetry.resource, &meters, started)
        .await
        .map_err(|error| anyhow!(error))?;
    let graph = build(settings, &meters)?;
    // Listened to from here on, so that a signal during the start is not lost.
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut running = graph.start(RunSettings::default()).await?;
    tapline_ebpf::give_up_loading();
    info!("everything is ready");
    let failure = tokio::select! {
        name = either(&mut terminate, &mut interrupt) => {
            info!(signal = name, "stopping");
            None
        }
        fatal = running.wait_fatal() => {
            error!(error = %fatal, "stopping");
            Some(fatal)
        }
    };
    tokio::select! {
        // What could not be delivered is in the log by now.
        _ = running.stop() => {}
        name = either(&mut terminate, &mut interrupt) => {
            warn!(signal = name, "asked twice: not waiting for what is still queued");
        }
    }
    telling.stop().await;
    shipping.stop().await;
    failure.map_or(Ok(()), |fatal| Err(fatal.into()))
}

/// Cancel-safe: a signal that was not received yet is received next time.
async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
