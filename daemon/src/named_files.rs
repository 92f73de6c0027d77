//! Files that components are told to read: certificates, keys, tokens, passwords.
//!
//! They may not be where a configuration is validated: in a build of somebody's CI, or for a user
//! who may not read keys. The Collector's `validate` opens none of them, so to ours they are worth
//! a warning; who starts without them gets the error.

use std::{collections::BTreeMap, fs::File};

use tapline_config::{ComponentId, Kind, Layout, Node, Place, Problem, Section};

/// Names of files and where they are written, by the role and id of the component.
pub(crate) struct NamedFiles(BTreeMap<(&'static str, ComponentId), Vec<(String, Place)>>);

impl NamedFiles {
    /// Takes down which files a configuration names.
    pub(crate) fn of(layout: &Layout) -> Self {
        let mut files = BTreeMap::new();
        let mut take = |role, section: &Section| {
            for (id, node) in section {
                let mut named = Vec::new();
                collect(node, "", &mut named);
                files.insert((role, id.value.clone()), named);
            }
        };
        take("extension", &layout.extensions);
        take("receiver", &layout.receivers);
        take("exporter", &layout.exporters);
        Self(files)
    }

    /// Returns a warning for each file of a component that cannot be opened here, if one of them
    /// is why it could not be built.
    pub(crate) fn unreadable(
        &self,
        role: &'static str,
        id: &ComponentId,
        why: &str,
    ) -> Vec<Problem> {
        let Some(named) = self.0.get(&(role, id.clone())) else {
            return Vec::new();
        };
        let is_cause =
            |(path, _): &(String, Place)| why.contains(path) && File::open(path).is_err();
        if !named.iter().any(is_cause) {
            return Vec::new();
        }
        let warning = |(path, place): &(String, Place)| {
            let error = File::open(path).err()?;
            let message = format!("{path} cannot be read here: {error}");
            let label = "tapline does not start without it";
            Some(Problem::warning(place, message).with_label(label))
        };
        named.iter().filter_map(warning).collect()
    }
}

/// Collects the files that are named below a key; how deep that is has been bounded.
fn collect(node: &Node, under: &str, named: &mut Vec<(String, Place)>) {
    for (key, value) in node.entries() {
        let is_file = key.ends_with("_file") || key == "filename";
        let is_of_users = under == "htpasswd" && key == "file";
        match &value.kind {
            Kind::String(path) if (is_file || is_of_users) && !path.is_empty() => {
                named.push((path.clone(), value.blamed().clone()));
            }
            _ => collect(value, key, named),
        }
    }
}
