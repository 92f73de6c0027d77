//! Which components the section `service` has use for.

use std::collections::HashSet;

use super::Service;
use crate::{ComponentId, Located};

/// The ids that are referred to, by the role they are referred to in.
pub(super) struct Uses {
    /// Where pipelines begin: receivers and connectors.
    pub(super) sources: HashSet<ComponentId>,
    /// What they consist of.
    pub(super) processors: HashSet<ComponentId>,
    /// Where they end: exporters and connectors.
    pub(super) sinks: HashSet<ComponentId>,
    /// What is started.
    pub(super) extensions: HashSet<ComponentId>,
}

impl Uses {
    pub(super) fn of(service: &Service) -> Self {
        let value = |id: &Located<ComponentId>| id.value.clone();
        let pipelines = || service.pipelines.iter();
        Self {
            sources: pipelines()
                .flat_map(|at| &at.receivers)
                .map(value)
                .collect(),
            processors: pipelines()
                .flat_map(|at| &at.processors)
                .map(value)
                .collect(),
            sinks: pipelines()
                .flat_map(|at| &at.exporters)
                .map(value)
                .collect(),
            extensions: service.extensions.iter().map(value).collect(),
        }
    }
}
