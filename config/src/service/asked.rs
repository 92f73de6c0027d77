//! Extensions that components ask for by name: authenticators and storages.
//!
//! Only what `service::extensions` lists is there when components are built. That is found out here
//! too, where the place of the name is known and all other mistakes are told.

use std::collections::HashSet;

use super::{Layout, Section, Uses};
use crate::{ComponentId, Kind, Node, Problem, Problems};

/// Reports names of extensions that will not be there, in the settings of components in use.
pub(super) fn check(layout: &Layout, uses: &Uses, problems: &mut Problems) {
    let configured = layout.extensions.iter().map(|(id, _)| &id.value).collect();
    let search = Search {
        started: &uses.extensions,
        configured,
    };
    search.look_in(&layout.receivers, &uses.sources, problems);
    search.look_in(&layout.exporters, &uses.sinks, problems);
    search.look_in(&layout.extensions, &uses.extensions, problems);
}

struct Search<'a> {
    started: &'a HashSet<ComponentId>,
    configured: HashSet<&'a ComponentId>,
}

impl Search<'_> {
    fn look_in(&self, section: &Section, used: &HashSet<ComponentId>, problems: &mut Problems) {
        for (_, node) in section.iter().filter(|(id, _)| used.contains(&id.value)) {
            self.look_at(node, problems);
        }
    }

    /// Looks at all blocks below a node; how deep they are is bounded by the reader.
    fn look_at(&self, node: &Node, problems: &mut Problems) {
        for (key, block) in node.entries() {
            let is_off = block
                .get("enabled")
                .is_some_and(|on| on.kind == Kind::Bool(false));
            let asked = match key.as_str() {
                "auth" => block.get("authenticator"),
                "sending_queue" => block.get("storage"),
                _ => None,
            };
            if let Some(name) = asked.filter(|_| !is_off) {
                problems.extend(self.missing(key, name));
            }
            self.look_at(block, problems);
        }
    }

    /// Returns what is wrong with the name of an extension that a block asks for.
    fn missing(&self, block: &str, name: &Node) -> Option<Problem> {
        let Kind::String(text) = &name.kind else {
            return None;
        };
        // A name that is none is reported by whoever decodes it.
        let id = ComponentId::parse(text).ok()?;
        if self.started.contains(&id) {
            return None;
        }
        let message = if block == "auth" {
            format!("failed to resolve authenticator \"{id}\": authenticator not found")
        } else {
            format!("storage client extension '{id}' not found")
        };
        let label = if self.configured.contains(&id) {
            "list it in `service::extensions`"
        } else {
            "no extension has this id"
        };
        Some(Problem::error(&name.place, message).with_label(label))
    }
}
