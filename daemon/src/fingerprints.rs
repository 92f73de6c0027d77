//! What was written for each component, to be compared with what is written at the next reload.

use std::{borrow::Cow, collections::BTreeMap};

use tapline_config::{ComponentId, Kind, Layout, Node, Secrets, Section, print_node};
use tapline_receiver::ebpf;

/// Texts by role and id. They hold secrets: they are compared, never shown.
pub(crate) struct Fingerprints(BTreeMap<(&'static str, ComponentId), String>);

impl Fingerprints {
    /// Takes down what a configuration says. What says the name of an extension has that
    /// extension's settings behind its own, because it uses it.
    pub(crate) fn of(layout: &Layout) -> Self {
        let mut texts = BTreeMap::new();
        for (id, node) in &layout.extensions {
            texts.insert(
                ("extension", id.value.clone()),
                print_node(node, Secrets::Shown),
            );
        }
        let sections: [(&'static str, &Section); 4] = [
            ("receiver", &layout.receivers),
            ("processor", &layout.processors),
            ("connector", &layout.connectors),
            ("exporter", &layout.exporters),
        ];
        for (role, section) in sections {
            for (id, node) in section {
                let fixed = if role == "receiver" && id.value.kind == "ebpf" {
                    without_live(node)
                } else {
                    Cow::Borrowed(node)
                };
                let mut text = print_node(&fixed, Secrets::Shown);
                for (extension, settings) in &layout.extensions {
                    if mentions(node, &extension.value.to_string()) {
                        text.push_str(&print_node(settings, Secrets::Shown));
                    }
                }
                texts.insert((role, id.value.clone()), text);
            }
        }
        Self(texts)
    }

    /// Returns the text of one component.
    pub(crate) fn get(&self, role: &str, id: &ComponentId) -> Option<&str> {
        let found = self
            .0
            .iter()
            .find(|((its, other), _)| *its == role && other == id);
        found.map(|(_, text)| text.as_str())
    }
}

/// The tap takes some of its settings while it runs: they do not make it another one.
fn without_live(node: &Node) -> Cow<'_, Node> {
    let Kind::Map(entries) = &node.kind else {
        return Cow::Borrowed(node);
    };
    let is_fixed = |(key, _): &&(String, Node)| !ebpf::LIVE_SETTINGS.contains(&key.as_str());
    let mut fixed = node.clone();
    fixed.kind = Kind::Map(entries.iter().filter(is_fixed).cloned().collect());
    Cow::Owned(fixed)
}

/// Says whether a name stands anywhere in a value. Recurses as deep as configurations may nest.
fn mentions(node: &Node, name: &str) -> bool {
    match &node.kind {
        Kind::String(text) => text == name,
        Kind::List(items) => items.iter().any(|item| mentions(item, name)),
        Kind::Map(entries) => entries.iter().any(|(_, value)| mentions(value, name)),
        _ => false,
    }
}
