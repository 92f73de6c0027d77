//! Where each component was written, for what turns out to be wrong when it is built.

use std::collections::{BTreeMap, BTreeSet};

use tapline_config::{ComponentId, Layout, Place, Problem, Problems, Section};
use tapline_pipeline::graph::BuildError;

use crate::named_files::NamedFiles;

/// Where components were written, and what of that matters to building them.
pub(crate) struct Places {
    /// Places of the names of components, by role.
    names: BTreeMap<&'static str, BTreeMap<ComponentId, Place>>,
    files: NamedFiles,
}

impl Places {
    /// Takes down where a configuration names its components.
    pub(crate) fn of(layout: &Layout) -> Self {
        let places = |section: &Section| {
            let ids = section.iter().map(|(id, _)| id);
            ids.map(|id| (id.value.clone(), id.place.clone())).collect()
        };
        let names = BTreeMap::from([
            ("extension", places(&layout.extensions)),
            ("receiver", places(&layout.receivers)),
            ("processor", places(&layout.processors)),
            ("connector", places(&layout.connectors)),
            ("exporter", places(&layout.exporters)),
        ]);
        let files = NamedFiles::of(layout);
        Self { names, files }
    }

    /// Returns what could not be built as problems of the configuration.
    pub(crate) fn problems(&self, errors: &[BuildError]) -> Problems {
        let mut problems = Problems::new();
        problems.extend(errors.iter().map(|error| self.problem(error)));
        problems
    }

    /// Does the same where nothing is to be started: what cannot be built for want of a file is
    /// only a warning, and what cannot be built for want of that is not said at all.
    pub(crate) fn foreseen(&self, errors: &[BuildError]) -> Problems {
        let mut problems = Problems::new();
        let mut absent = BTreeSet::new();
        let mut others = Vec::new();
        for error in errors {
            let unreadable =
                self.files
                    .unreadable(error.node.role(), error.node.id(), &error.to_string());
            if unreadable.is_empty() {
                others.push(error);
            } else {
                absent.insert(error.node.id().to_string());
                problems.extend(unreadable);
            }
        }
        for error in others {
            let message = error.to_string();
            let wants = |id: &String| message.contains(&format!("authenticator \"{id}\""));
            if !absent.iter().any(wants) {
                problems.push(self.problem(error));
            }
        }
        problems
    }

    fn problem(&self, error: &BuildError) -> Problem {
        let message = error.to_string();
        let ids = self.names.get(error.node.role());
        match ids.and_then(|ids| ids.get(error.node.id())) {
            Some(place) => Problem::error(place, message),
            None => Problem::unplaced(message),
        }
    }
}
