//! Exchanging one configuration for the next while data flows.
//!
//! Whatever cannot be used changes nothing: it is said, and what runs keeps running.

use anyhow::{Context, Result};
use tapline_pipeline::graph::Node;
use tapline_receiver::ebpf;
use tracing::info;

use crate::{
    host::{Host, build},
    settings::Settings,
    telemetry::{TelemetryConfig, logs, metrics},
};

impl Host {
    /// Puts a checked configuration in place of the one that runs. The inner error says why it
    /// cannot be used; the outer one, why not even the former one could be returned to.
    pub(crate) async fn exchange(&mut self, next: Settings) -> Result<Result<(), String>> {
        if let Some(tap) = self.changed_tap(&next) {
            return Ok(Err(format!(
                "{tap} cannot change while tapline runs, but for its {}, because the right to load \
                 kernel programs is given up after the start: restart it",
                ebpf::LIVE_SETTINGS.join(", "),
            )));
        }
        if !next.warnings.is_empty() {
            tracing::warn!(problem = %next.warnings, "configuration has warnings");
        }
        let (view, meters, shared) = (&self.view, &self.meters, &self.shared);
        let graph = match build(&next, view, meters, shared, self.running.keep()) {
            Ok(graph) => graph,
            Err(error) => return Ok(Err(error.to_string())),
        };
        if let Err(failure) = self.running.take_over(graph).await {
            self.turn_back().await?;
            return Ok(Err(failure.to_string()));
        }
        if let Err(problem) = self.speak_as(&next).await {
            self.turn_back().await?;
            return Ok(Err(problem));
        }
        let plan = &next.plan;
        self.view
            .set_graph(self.running.status(), plan.pipelines(), plan.extensions());
        self.settings = next;
        if let Some(tap) = self.settings.tap() {
            ebpf::adjust(&tap);
        }
        Ok(Ok(()))
    }

    /// Returns whether a configuration says what runs already.
    pub(crate) fn runs(&self, next: &Settings) -> bool {
        // What could not be told last time is tried again.
        self.settings.say_the_same_as(next) && self.telling.is_some()
    }

    /// Returns to the configuration that ran before one whose components did not start.
    async fn turn_back(&mut self) -> Result<()> {
        let (view, meters, shared) = (&self.view, &self.meters, &self.shared);
        let former = build(&self.settings, view, meters, shared, self.running.keep())?;
        let returned = self.running.take_over(former).await;
        returned.context("cannot return to the former configuration")?;
        info!("the former configuration runs again");
        Ok(())
    }

    /// Finds a tap that would have to be loaded again, now or when returning to this configuration.
    fn changed_tap(&self, next: &Settings) -> Option<Node> {
        let taps = |settings: &Settings| {
            let receivers = settings.plan.receivers().into_iter();
            let taps = receivers.filter(|(id, _)| id.kind == "ebpf");
            taps.map(|(id, signals)| {
                let written = settings.fingerprint("receiver", id).unwrap_or_default();
                let signals: Vec<_> = signals.into_keys().collect();
                (id.clone(), written.to_owned(), signals)
            })
            .collect::<Vec<_>>()
        };
        let (before, after) = (taps(&self.settings), taps(next));
        let lacks = |others: &[_], tap: &_| !others.contains(tap);
        let changed = after.iter().find(|tap| lacks(&before, tap));
        let changed = changed.or_else(|| before.iter().find(|tap| lacks(&after, tap)));
        changed.map(|(id, ..)| Node::Receiver { id: id.clone() })
    }

    /// Exchanges what tapline tells about itself, where that has changed. Tells it as before if
    /// that cannot be.
    async fn speak_as(&mut self, next: &Settings) -> Result<(), String> {
        let (before, after) = (&self.settings.telemetry, &next.telemetry);
        if before.written == after.written && self.telling.is_some() {
            return Ok(());
        }
        let before = before.clone();
        let spoken = self.speak(after).await;
        if spoken.is_err()
            && let Err(error) = self.speak(&before).await
        {
            tracing::warn!(error, "own telemetry cannot be told as before");
        }
        spoken
    }

    /// Tells what there is to tell in this way. What is left to say in the former way is said, or
    /// kept to be said when everything stops.
    async fn speak(&mut self, telemetry: &TelemetryConfig) -> Result<(), String> {
        logs::start(&telemetry.logs, &telemetry.resource)?;
        let former = std::mem::replace(&mut self.shipping, logs::start_shipping());
        self.former_shipping.insert(former).stop().await;
        self.former_shipping = None;
        if let Some(telling) = &mut self.telling {
            telling.stop().await;
        }
        self.telling = None;
        let (metrics, resource) = (&telemetry.metrics, &telemetry.resource);
        let telling = metrics::start(metrics, resource, &self.meters, self.started).await?;
        self.telling = Some(telling);
        Ok(())
    }
}
