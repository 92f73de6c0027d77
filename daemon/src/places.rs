//! Where each component was written, for what turns out to be wrong when it is built.

use std::collections::BTreeMap;

use tapline_config::{ComponentId, Layout, Place, Problem, Problems, Section};
use tapline_pipeline::graph::BuildError;

/// Places of the names of components, by role.
pub(crate) struct Places(BTreeMap<&'static str, BTreeMap<ComponentId, Place>>);

impl Places {
    /// Takes down where a configuration names its components.
    pub(crate) fn of(layout: &Layout) -> Self {
        let places = |section: &Section| {
            let ids = section.iter().map(|(id, _)| id);
            ids.map(|id| (id.value.clone(), id.place.clone())).collect()
        };
        Self(BTreeMap::from([
            ("extension", places(&layout.extensions)),
            ("receiver", places(&layout.receivers)),
            ("processor", places(&layout.processors)),
            ("connector", places(&layout.connectors)),
            ("exporter", places(&layout.exporters)),
        ]))
    }

    /// Returns what could not be built as problems of the configuration.
    pub(crate) fn problems(&self, errors: &[BuildError]) -> Problems {
        let mut problems = Problems::new();
        for error in errors {
            let message = error.to_string();
            let ids = self.0.get(error.node.role());
            problems.push(match ids.and_then(|ids| ids.get(error.node.id())) {
                Some(place) => Problem::error(place, message),
                None => Problem::unplaced(message),
            });
        }
        problems
    }
}
