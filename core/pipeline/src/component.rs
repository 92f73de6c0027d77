//! The traits every component is one of. `build` has no side effects; `start` acquires.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use tapline_config::ComponentId;
use tapline_pdata::{Batch, Signal};

use crate::{Memory, Meters, Proxies, Refusal, Reporter, ServiceTable, Stop};

/// Somewhere a batch can go. `Ok` means that responsibility has moved downstream.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// Takes a batch, or says why not. Awaiting is the backpressure.
    async fn consume(&self, batch: Batch) -> Result<(), Refusal>;

    /// Says whether a payload of this size would be refused for lack of memory, so that a receiver
    /// can turn it away before reading it. A receiver that does not ask is refused by `consume`.
    fn admit(&self, _bytes: usize) -> Result<(), Refusal> {
        Ok(())
    }
}

/// A component could not start; the message names what it could not acquire.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);

/// The running half of a component: resolves when it has stopped, or failed for good.
pub type Work = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Where a receiver's batches go, by signal. A signal without a pipeline has no entry.
#[derive(Clone)]
pub struct Outlets {
    signals: Vec<Signal>,
    lead: Lead,
}

/// Returns the way of one signal's batches, counted under a transport such as `grpc` if told.
type Lead = Arc<dyn Fn(Signal, Option<&'static str>) -> Arc<dyn Consumer> + Send + Sync>;

impl Outlets {
    /// Makes outlets that lead straight to these consumers.
    pub fn new(consumers: BTreeMap<Signal, Arc<dyn Consumer>>) -> Self {
        let signals = consumers.keys().copied().collect();
        let lead = move |signal, _: Option<&'static str>| Arc::clone(&consumers[&signal]);
        Self::leading(signals, Arc::new(lead))
    }

    pub(crate) fn leading(signals: Vec<Signal>, lead: Lead) -> Self {
        Self { signals, lead }
    }

    /// Returns the consumer for one signal, if a pipeline wants it. Ask once and keep it.
    pub fn get(&self, signal: Signal) -> Option<Arc<dyn Consumer>> {
        let wanted = self.signals.contains(&signal);
        wanted.then(|| (self.lead)(signal, None))
    }

    /// Does the same for what comes by a transport, such as `grpc` or `http`: it is counted apart.
    pub fn get_via(&self, signal: Signal, transport: &'static str) -> Option<Arc<dyn Consumer>> {
        let wanted = self.signals.contains(&signal);
        wanted.then(|| (self.lead)(signal, Some(transport)))
    }
}

/// What a component may know about itself and its surroundings while it is built.
#[derive(Clone, Debug)]
pub struct BuildContext {
    /// Its id in the configuration, such as `otlp/backup`.
    pub id: ComponentId,
    /// The signal this instance serves; the first one for a component that serves several.
    pub signal: Signal,
    /// Its own metrics, labelled with its id.
    pub meters: Meters,
    /// What this process has in common.
    pub shared: Shared,
    /// Says how this component is doing, where that is not for the graph to find out.
    pub health: Reporter,
}

impl BuildContext {
    /// Makes a context without surroundings, for tests.
    pub fn alone(id: ComponentId, signal: Signal) -> Self {
        Self {
            id,
            signal,
            meters: Meters::new(),
            shared: Shared::default(),
            health: Reporter::default(),
        }
    }
}

/// What the components of one process share. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Shared {
    /// What extensions offer.
    pub services: ServiceTable,
    /// The account of payload bytes.
    pub memory: Memory,
    /// What the process environment says about proxies.
    pub proxies: Arc<Proxies>,
}

/// Makes telemetry. One instance serves all its signals.
#[async_trait]
pub trait Receiver: Send {
    /// Acquires what can fail, then returns the work that runs until `stop`.
    async fn start(self: Box<Self>, out: Outlets, stop: Stop) -> Result<Work, StartError>;
}

/// A processor with time or memory. It keeps the book of its items, with `Meters::account`: nobody
/// else knows what it holds, and why it refuses.
#[async_trait]
pub trait Stage: Consumer {
    /// Returns the background work of this stage, running until `stop`, if it has any.
    fn start(self: Arc<Self>, stop: Stop) -> Option<Work>;

    /// Flushes what is held, within the deadline. Called after everything upstream has stopped.
    async fn drain(&self, deadline: Duration);
}

/// Ships telemetry. Queueing, retry and timeout are not its business: `delivery` wraps it.
#[async_trait]
pub trait Exporter: Send + Sync {
    /// Sends one batch once.
    async fn export(&self, batch: Batch) -> Result<(), Refusal>;

    /// Releases what is held, after the last export. Prints summaries, flushes files.
    async fn close(&self) {}
}
