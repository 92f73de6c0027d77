//! What the process knows about itself, for those who show it: health_check and zpages.
//!
//! A handle that is cheap to clone. The host fills it in when it starts, reloads and stops; whoever
//! reads it sees the values of that moment. This module must not know who shows what.

use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tapline_config::ComponentId;
use tapline_pipeline::{Meters, Moment, StatusTable, graph::Pipeline};

/// Where the process is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not everything is started.
    #[default]
    Starting,
    /// Everything was started at this moment.
    Running(Moment),
    /// It was asked to stop.
    Stopping,
}

/// A switch by which the Collector turns behaviour on and off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gate {
    /// Its name, such as `service.profilesSupport`.
    pub(crate) id: String,
    /// Whether it is on.
    pub(crate) enabled: bool,
    /// `Alpha`, `Beta`, `Stable` or `Deprecated`.
    pub(crate) stage: &'static str,
    /// What it switches.
    pub(crate) description: &'static str,
    /// Why it switches nothing here; `None` if it does.
    pub(crate) effect: Option<&'static str>,
}

impl Gate {
    /// Says what it switches, and why it does not here.
    pub(crate) fn described(&self) -> String {
        match self.effect {
            Some(why) => format!("{} No effect in tapline: {why}.", self.description),
            None => self.description.to_owned(),
        }
    }
}

/// What runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    /// Where the process is in its life.
    pub(crate) phase: Phase,
    /// How every component is.
    pub(crate) status: StatusTable,
    /// Which components feed which.
    pub(crate) pipelines: Vec<Pipeline>,
    /// The extensions that run, in the order they were started.
    pub(crate) extensions: Vec<ComponentId>,
    /// The switches there are.
    pub(crate) gates: Vec<Gate>,
}

/// A view on the process. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct HostView(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    started: Moment,
    meters: Meters,
    scene: RwLock<Scene>,
}

impl HostView {
    /// Makes the view of a process that starts now and counts in these meters.
    pub(crate) fn new(meters: Meters) -> Self {
        Self(Arc::new(Shared {
            started: Moment::now(),
            meters,
            scene: RwLock::default(),
        }))
    }

    /// Returns when the process started.
    pub(crate) fn started(&self) -> Moment {
        self.0.started
    }

    /// Returns the meters of the process.
    pub(crate) fn meters(&self) -> &Meters {
        &self.0.meters
    }

    /// Returns what runs now.
    pub(crate) fn scene(&self) -> Scene {
        self.read().clone()
    }

    /// Notes what runs from now on: at start, and again after a reload.
    pub(crate) fn set_graph(
        &self,
        status: &StatusTable,
        pipelines: &[Pipeline],
        extensions: &[ComponentId],
    ) {
        let mut scene = self.write();
        scene.status = status.clone();
        scene.pipelines = pipelines.to_vec();
        scene.extensions = extensions.to_vec();
    }

    /// Notes the switches there are.
    pub(crate) fn set_gates(&self, gates: Vec<Gate>) {
        self.write().gates = gates;
    }

    /// Notes that everything has been started.
    pub(crate) fn is_running(&self) {
        self.write().phase = Phase::Running(Moment::now());
    }

    /// Notes that the process was asked to stop.
    pub(crate) fn is_stopping(&self) {
        self.write().phase = Phase::Stopping;
    }

    fn read(&self) -> RwLockReadGuard<'_, Scene> {
        self.0.scene.read().expect("nothing panics over the scene")
    }

    fn write(&self) -> RwLockWriteGuard<'_, Scene> {
        self.0.scene.write().expect("nothing panics over the scene")
    }
}
