//! A running graph: started downstream first, watched, and stopped as one.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::sync::mpsc;

use super::{
    Graph, Node,
    supervise::{Supervisor, Task, panic_text},
};
use crate::{Delivery, Outlets, Receiver, Stage, StartError, Status, StatusTable, Stop, Work};

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

/// A component could not start; whatever had been started is stopped again.
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
    pub(super) receivers: Vec<Task>,
    pub(super) receiver_stop: Stop,
    pub(super) stages: Vec<RunningStage>,
    pub(super) deliveries: Vec<Arc<Delivery>>,
    supervisor: Supervisor,
    fatal: mpsc::Receiver<Fatal>,
}

pub(super) struct RunningStage {
    pub(super) node: Node,
    pub(super) place: usize,
    pub(super) stage: Arc<dyn Stage>,
    pub(super) stop: Stop,
    pub(super) work: Option<Task>,
}

impl Graph {
    /// Returns the states of the components, which outlive the graph.
    pub fn status(&self) -> &StatusTable {
        &self.status
    }

    /// Starts deliveries, then stages, then receivers.
    ///
    /// A receiver may take as long as it needs to acquire; the host bounds that if it must.
    pub async fn start(self, settings: RunSettings) -> Result<Running, StartFailure> {
        let (tell, fatal) = mpsc::channel(self.receivers.len().max(1));
        let mut running = Running {
            settings,
            receivers: Vec::new(),
            receiver_stop: Stop::new(),
            stages: Vec::new(),
            deliveries: self.deliveries,
            supervisor: Supervisor::new(self.status.clone(), tell),
            status: self.status,
            fatal,
        };
        for delivery in running.deliveries.clone() {
            running.status.report(delivery.node(), Status::Starting, "");
            if let Err(StartError(cause)) = delivery.start().await {
                let node = delivery.node().clone();
                running.status.report(&node, Status::PermanentError, &cause);
                running.stop().await;
                return Err(StartFailure { node, cause });
            }
            running.status.report(delivery.node(), Status::Ok, "");
        }
        for (node, place, stage) in self.stages {
            running.start_stage(node, place, stage);
        }
        for (node, receiver, outlets) in self.receivers {
            if let Err(failure) = running.start_receiver(node, receiver, outlets).await {
                running.stop().await;
                return Err(failure);
            }
        }
        Ok(running)
    }
}

impl Running {
    /// Returns the states of the components.
    pub fn status(&self) -> &StatusTable {
        &self.status
    }

    /// Waits until a receiver's work ends with an error; forever if none does. Cancel-safe.
    ///
    /// A panic is not fatal: it leaves one component in [`Status::PermanentError`].
    pub async fn wait_fatal(&mut self) -> Fatal {
        // The supervisor keeps a sender, so the channel cannot close first.
        self.fatal
            .recv()
            .await
            .expect("the supervisor lives as long as the graph")
    }

    fn start_stage(&mut self, node: Node, place: usize, stage: Arc<dyn Stage>) {
        self.status.report(&node, Status::Starting, "");
        let stop = Stop::new();
        let work = Arc::clone(&stage).start(stop.clone());
        let work = work.map(|work| self.supervisor.local(node.clone(), work));
        self.status.report(&node, Status::Ok, "");
        self.stages.push(RunningStage {
            node,
            place,
            stage,
            stop,
            work,
        });
    }

    async fn start_receiver(
        &mut self,
        node: Node,
        receiver: Box<dyn Receiver>,
        outlets: Outlets,
    ) -> Result<(), StartFailure> {
        self.status.report(&node, Status::Starting, "");
        let start = receiver.start(outlets, self.receiver_stop.clone());
        let started: Result<Work, StartError> = AssertUnwindSafe(start)
            .catch_unwind()
            .await
            .unwrap_or_else(|panic| Err(StartError(format!("panicked: {}", panic_text(&*panic)))));
        match started {
            Ok(work) => {
                self.status.report(&node, Status::Ok, "");
                self.receivers.push(self.supervisor.vital(node, work));
                Ok(())
            }
            Err(StartError(cause)) => {
                self.status.report(&node, Status::PermanentError, &cause);
                Err(StartFailure { node, cause })
            }
        }
    }
}
