//! A running graph: started downstream first, watched, and stopped as one.
//!
//! Starting is taking over from a graph of nothing; a reload takes over from the one that runs.
//! Both go through [`Running::take_over`](super::take_over).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tapline_config::ComponentId;
use tapline_pdata::Signal;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::task::TaskTracker;

use super::{
    Graph, Keep, Node, Plan, Stopped,
    fused::Member,
    retire::Retired,
    slot::{Slot, Ways},
    supervise::{Supervisor, Task},
};
use crate::{Consumer, Delivery, Extension, Meters, Services, Stage, StatusTable, Stop};

/// How many receivers may report that they failed before the host looks.
const FATAL_WAITING: usize = 16;

/// How a graph runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunSettings {
    /// How long stopping everything may take, all phases together.
    pub shutdown_deadline: Duration,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            shutdown_deadline: Duration::from_secs(30),
        }
    }
}

/// A component could not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot start {node}: {cause}")]
pub struct StartFailure {
    /// Which component.
    pub node: Node,
    /// What it could not acquire.
    pub cause: String,
}

/// A receiver's work ended with an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{node} failed: {cause}")]
pub struct Fatal {
    /// Which receiver.
    pub node: Node,
    /// Why.
    pub cause: String,
}

/// A graph at work. Dropping it ends all work at once, without draining.
pub struct Running {
    pub(super) settings: RunSettings,
    pub(super) status: StatusTable,
    pub(super) meters: Meters,
    pub(super) plan: Plan,
    pub(super) fingerprints: BTreeMap<Node, String>,
    pub(super) extensions: Vec<RunningExtension>,
    pub(super) receivers: BTreeMap<Node, RunningReceiver>,
    pub(super) stages: BTreeMap<Node, RunningStage>,
    pub(super) transforms: BTreeMap<Node, Arc<Member>>,
    pub(super) deliveries: BTreeMap<Node, Arc<Delivery>>,
    /// What the reload that is under way has left over so far.
    pub(super) leaving: Retired,
    /// Components that a reload has replaced and that still finish what they hold.
    pub(super) retiring: JoinSet<Stopped>,
    /// Those of them with stages that still may pass something to a stage of now.
    pub(super) leaving_stages: TaskTracker,
    pub(super) supervisor: Supervisor,
    fatal: mpsc::Receiver<Fatal>,
}

pub(super) struct RunningExtension {
    pub(super) node: Node,
    pub(super) extension: Arc<dyn Extension>,
    pub(super) stop: Stop,
    pub(super) work: Option<Task>,
}

pub(super) struct RunningReceiver {
    pub(super) ways: BTreeMap<Signal, Arc<Slot>>,
    pub(super) stop: Stop,
    pub(super) work: Task,
}

/// A stage or a connector.
pub(super) struct RunningStage {
    pub(super) node: Node,
    /// Its place in the flow, which is the order of draining.
    pub(super) place: usize,
    pub(super) stage: Arc<dyn Stage>,
    pub(super) entrance: Arc<dyn Consumer>,
    pub(super) ways: Ways,
    pub(super) stop: Stop,
    pub(super) work: Option<Task>,
}

impl Graph {
    /// Returns the states of the components, which outlive the graph.
    pub fn status(&self) -> &StatusTable {
        &self.status
    }

    /// Starts extensions, deliveries, stages, then receivers. If one cannot start, whatever had
    /// been started is stopped again.
    ///
    /// A receiver may take as long as it needs to acquire; the host bounds that if it must.
    pub async fn start(self, settings: RunSettings) -> Result<Running, StartFailure> {
        let mut running = Running::idle(settings, self.status.clone(), self.meters.clone());
        match running.take_over(self).await {
            Ok(()) => Ok(running),
            Err(failure) => {
                running.stop().await;
                Err(failure)
            }
        }
    }
}

impl Running {
    fn idle(settings: RunSettings, status: StatusTable, meters: Meters) -> Self {
        let (tell, fatal) = mpsc::channel(FATAL_WAITING);
        Self {
            settings,
            supervisor: Supervisor::new(status.clone(), tell),
            status,
            meters,
            plan: Plan::empty(),
            fingerprints: BTreeMap::new(),
            extensions: Vec::new(),
            receivers: BTreeMap::new(),
            stages: BTreeMap::new(),
            transforms: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            leaving: Retired::default(),
            retiring: JoinSet::new(),
            leaving_stages: TaskTracker::new(),
            fatal,
        }
    }

    /// Returns the states of the components.
    pub fn status(&self) -> &StatusTable {
        &self.status
    }

    /// Returns what runs.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns what a successor may keep, for [`build`](super::build).
    pub fn keep(&self) -> Keep {
        let services = |running: &RunningExtension| -> (ComponentId, Services) {
            (running.node.id().clone(), running.extension.offers())
        };
        Keep {
            fingerprints: self.fingerprints.clone(),
            services: self.extensions.iter().map(services).collect(),
            status: self.status.clone(),
        }
    }

    /// Takes time off what stopping may take, because it has passed since somebody asked to stop.
    pub fn shorten_stop(&mut self, passed: Duration) {
        let deadline = &mut self.settings.shutdown_deadline;
        *deadline = deadline.saturating_sub(passed);
    }

    /// Waits until a receiver's work ends with an error; forever if none does. Cancel-safe.
    ///
    /// A panic is not fatal: it leaves one component in
    /// [`Status::PermanentError`](crate::Status::PermanentError).
    pub async fn wait_fatal(&mut self) -> Fatal {
        // The supervisor keeps a sender, so the channel cannot close first.
        self.fatal
            .recv()
            .await
            .expect("the supervisor lives as long as the graph")
    }
}
