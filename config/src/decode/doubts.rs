//! Which rules may only seem broken because something they look at could not be decoded.
//!
//! A setting that could not be decoded has its default, which nobody asked for.

use std::collections::HashSet;

use super::{Pass, Skip, identity};
use crate::{Invalid, Node};

/// What could not be decoded.
pub(super) struct Doubts {
    /// Nodes whose value is wrong.
    wrong: HashSet<usize>,
    /// Nodes whose key nobody knows: the key that was meant is missing.
    unknown: HashSet<usize>,
}

// === impl Doubts ===

impl Doubts {
    pub(super) fn of(pass: Pass) -> Self {
        let is_wrong = |(node, skip): (usize, Skip)| (skip == Skip::Wrong).then_some(node);
        Self {
            wrong: pass.skipped.into_iter().filter_map(is_wrong).collect(),
            unknown: pass.unknown.into_inner(),
        }
    }

    /// Returns whether a rule looks at something that could not be decoded.
    pub(super) fn touch(&self, rule: &Invalid, root: &Node) -> bool {
        let (nearest, is_written) = rule.find(root);
        let is_unknown = |(_, node): &(String, Node)| self.unknown.contains(&identity(node));
        let touches = if is_written {
            self.is_within(nearest)
        } else {
            // Perhaps it is written, under a name that nobody knows.
            self.holds(nearest) || nearest.entries().iter().any(is_unknown)
        };
        touches || self.is_named(root, &rule.message)
    }

    fn holds(&self, node: &Node) -> bool {
        let node = identity(node);
        self.wrong.contains(&node) || self.unknown.contains(&node)
    }

    /// Returns whether something at or below a node is wrong.
    fn is_within(&self, node: &Node) -> bool {
        let mut below = node.entries().iter().map(|(_, value)| value);
        self.holds(node)
            || node.items().iter().any(|item| self.is_within(item))
            || below.any(|value| self.is_within(value))
    }

    /// Returns whether a message names a setting that is wrong: rules compare settings.
    fn is_named(&self, node: &Node, message: &str) -> bool {
        let names = |(key, value): &(String, Node)| {
            (self.holds(value) && message.contains(key.as_str())) || self.is_named(value, message)
        };
        node.entries().iter().any(names)
            || node.items().iter().any(|item| self.is_named(item, message))
    }
}
