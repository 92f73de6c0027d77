//! How a component is doing: the Collector's states, which may follow which, and a table of all.
//!
//! This module must not know what a component is, beyond its [`Node`].

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::SystemTime,
};

use tokio::time::Instant;

use crate::graph::Node;

/// The state of one component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Status {
    /// Built, not started.
    #[default]
    None,
    /// Being started.
    Starting,
    /// Working.
    Ok,
    /// Not working, expected to recover by itself.
    RecoverableError,
    /// Not working, needs a person.
    PermanentError,
    /// Not working, and the process should end.
    FatalError,
    /// Being stopped.
    Stopping,
    /// Stopped.
    Stopped,
}

impl Status {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::Starting,
        Self::Ok,
        Self::RecoverableError,
        Self::PermanentError,
        Self::FatalError,
        Self::Stopping,
        Self::Stopped,
    ];

    /// Returns the Collector's name of this state, such as `StatusRecoverableError`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "StatusNone",
            Self::Starting => "StatusStarting",
            Self::Ok => "StatusOK",
            Self::RecoverableError => "StatusRecoverableError",
            Self::PermanentError => "StatusPermanentError",
            Self::FatalError => "StatusFatalError",
            Self::Stopping => "StatusStopping",
            Self::Stopped => "StatusStopped",
        }
    }

    /// Returns whether `next` may follow this state.
    pub fn may_become(self, next: Self) -> bool {
        use Status::{
            FatalError, None, Ok, PermanentError, RecoverableError, Starting, Stopped, Stopping,
        };
        match self {
            None => next == Starting,
            Starting => {
                matches!(
                    next,
                    Ok | RecoverableError | PermanentError | FatalError | Stopping
                )
            }
            Ok => matches!(
                next,
                RecoverableError | PermanentError | FatalError | Stopping
            ),
            RecoverableError => matches!(next, Ok | PermanentError | FatalError | Stopping),
            PermanentError => next == Stopping,
            FatalError | Stopped => false,
            Stopping => matches!(
                next,
                RecoverableError | PermanentError | FatalError | Stopped
            ),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is known about one component.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Its state.
    pub status: Status,
    /// Why it is in an error state; empty otherwise.
    pub cause: String,
    /// Whether its last word on its backend was an error: stopping does not change that.
    pub is_failing: bool,
    /// Since when it is in its state; `None` before it left the first one.
    pub since: Option<Moment>,
}

/// One moment on the clock that is never set, and on the one that people read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// For telling how long ago it was.
    pub instant: Instant,
    /// For telling when it was.
    pub time: SystemTime,
}

impl Moment {
    /// Returns this moment.
    pub fn now() -> Self {
        Self {
            instant: Instant::now(),
            time: SystemTime::now(),
        }
    }
}

/// The state of every component of a graph. Cheap to clone; clones share the table.
#[derive(Clone, Debug, Default)]
pub struct StatusTable(Arc<Mutex<BTreeMap<Node, Health>>>);

impl StatusTable {
    /// Makes a table in which every one of these components is [`Status::None`].
    pub fn new(nodes: impl IntoIterator<Item = Node>) -> Self {
        let table = nodes
            .into_iter()
            .map(|node| (node, Health::default()))
            .collect();
        Self(Arc::new(Mutex::new(table)))
    }

    /// Lists another component, unless it is listed: it is [`Status::None`].
    pub(crate) fn list(&self, node: &Node) {
        self.lock().entry(node.clone()).or_default();
    }

    /// Begins a component's life anew, for a successor that takes its place.
    pub(crate) fn renew(&self, node: &Node) {
        self.lock().insert(node.clone(), Health::default());
    }

    /// Forgets a component.
    pub(crate) fn forget(&self, node: &Node) {
        self.lock().remove(node);
    }

    /// Moves a component to a state, and says whether it moved: an illegal move changes nothing.
    pub fn report(&self, node: &Node, status: Status, cause: &str) -> bool {
        move_to(&mut self.lock(), node, status, cause)
    }

    /// Moves a component, and says whether no other instance of it, for another signal, is failing:
    /// one backend that is away is one piece of news, not one per signal.
    pub(crate) fn report_alone(&self, node: &Node, status: Status, cause: &str) -> bool {
        let mut table = self.lock();
        move_to(&mut table, node, status, cause);
        let is_sibling =
            |other: &Node| other != node && other.id() == node.id() && other.role() == node.role();
        !table
            .iter()
            .any(|(other, health)| is_sibling(other) && health.is_failing)
    }

    /// Returns what is known about one component.
    pub fn get(&self, node: &Node) -> Option<Health> {
        self.lock().get(node).cloned()
    }

    /// Lists every component with its state.
    pub fn snapshot(&self) -> Vec<(Node, Health)> {
        self.lock()
            .iter()
            .map(|(node, health)| (node.clone(), health.clone()))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Node, Health>> {
        self.0
            .lock()
            .expect("nothing panics while the table is held")
    }
}

/// Says how one component is doing. Without a table it says so to nobody.
#[derive(Clone, Debug, Default)]
pub struct Reporter(Option<(StatusTable, Node)>);

impl Reporter {
    pub(crate) fn new(table: StatusTable, node: Node) -> Self {
        Self(Some((table, node)))
    }

    /// Notes a trouble that is expected to pass.
    pub fn troubled(&self, cause: &str) {
        self.report(Status::RecoverableError, cause);
    }

    /// Notes that the trouble has passed.
    pub fn recovered(&self) {
        self.report(Status::Ok, "");
    }

    fn report(&self, status: Status, cause: &str) {
        if let Some((table, node)) = &self.0 {
            table.report(node, status, cause);
        }
    }
}

fn move_to(table: &mut BTreeMap<Node, Health>, node: &Node, status: Status, cause: &str) -> bool {
    let Some(health) = table.get_mut(node) else {
        return false;
    };
    let legal = health.status.may_become(status);
    if legal {
        health.status = status;
        health.since = Some(Moment::now());
        cause.clone_into(&mut health.cause);
        health.is_failing = match status {
            Status::RecoverableError => true,
            Status::Ok => false,
            _ => health.is_failing,
        };
    }
    legal
}

#[cfg(test)]
mod tests {
    use tapline_config::ComponentId;

    use super::*;

    /// A row per state, a column per state that may follow, both in the order of [`Status::ALL`].
    const TABLE: [&str; 8] = [
        "none      -> starting",
        "starting  -> ok recoverable permanent fatal stopping",
        "ok        -> recoverable permanent fatal stopping",
        "recoverable -> ok permanent fatal stopping",
        "permanent -> stopping",
        "fatal     ->",
        "stopping  -> recoverable permanent fatal stopped",
        "stopped   ->",
    ];
    const SHORT: [&str; 8] = [
        "none",
        "starting",
        "ok",
        "recoverable",
        "permanent",
        "fatal",
        "stopping",
        "stopped",
    ];

    #[test]
    fn allows_exactly_the_moves_of_the_collector() {
        for (row, from) in TABLE.iter().zip(Status::ALL) {
            let (_, allowed) = row.split_once("->").expect("a row has an arrow");
            let allowed: Vec<&str> = allowed.split_whitespace().collect();
            for (name, to) in SHORT.iter().zip(Status::ALL) {
                assert_eq!(
                    from.may_become(to),
                    allowed.contains(name),
                    "{from} to {to}"
                );
            }
        }
    }

    #[test]
    fn keeps_the_state_on_an_illegal_move() {
        let node = Node::Receiver {
            id: ComponentId::parse("otlp").expect("valid id"),
        };
        let table = StatusTable::new([node.clone()]);
        assert!(!table.report(&node, Status::Ok, ""));
        assert!(table.report(&node, Status::Starting, ""));
        assert!(table.report(&node, Status::PermanentError, "port in use"));
        assert!(!table.report(&node, Status::Ok, ""));
        let health = table.get(&node).expect("listed");
        assert_eq!(
            (health.status, health.cause.as_str()),
            (Status::PermanentError, "port in use")
        );
    }
}
