//! From a located tree to typed settings, with every mistake in its place.
//!
//! serde stops at the first error. To report them all, decoding is repeated without the part that
//! failed, until nothing fails; unknown keys are collected on the way. The Collector's rules: no
//! weak typing except for values out of `${…}`; an empty value leaves a setting at its default.
//!
//! Settings are structs with `#[serde(default, deny_unknown_fields)]`; unknown keys are refused
//! even without the latter. Do not use `#[serde(flatten)]`: serde hides the inner names, and
//! unknown keys would pass unseen. This module must not know any component.

mod access;
mod fault;
mod value;

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

use serde::de::DeserializeOwned;

use self::{fault::Reason, value::Reader};
use crate::{Node, Problem, Problems, Validate};

/// How often decoding is repeated: the number of mistakes and empty values in one tree.
const MAX_PASSES: usize = 1000;

/// Decodes a component's settings. An empty value gives the defaults. Warnings are dropped.
pub fn decode<T: DeserializeOwned>(node: &Node) -> Result<T, Problems> {
    let mut problems = Problems::new();
    decode_into(node, &mut problems).ok_or(problems)
}

/// Decodes, adding every error and warning to a list; `None` when there was an error.
pub fn decode_into<T: DeserializeOwned>(node: &Node, problems: &mut Problems) -> Option<T> {
    let mut pass = Pass::default();
    let mut is_good = true;
    let mut decoded = None;
    let mut is_finished = false;
    for _ in 0..MAX_PASSES {
        let reader = Reader::root(node, &pass);
        let fault = match T::deserialize(reader) {
            Ok(value) => {
                decoded = Some(value);
                is_finished = true;
                break;
            }
            Err(fault) => reader.placed(fault),
        };
        let is_empty = fault.reason == Reason::Empty;
        is_good &= is_empty;
        if !is_empty && fault.reason != Reason::Follows {
            pass.found.borrow_mut().push(fault.to_problem(node));
        }
        let Some(culprit) = fault.culprit else {
            is_finished = true;
            is_good = false;
            break;
        };
        pass.skipped
            .insert(culprit, if is_empty { Skip::Empty } else { Skip::Wrong });
    }
    if !is_finished {
        let message = format!("more than {MAX_PASSES} mistakes and empty values");
        problems.push(Problem::error(node.heading(), message));
    }
    let found = pass.found.into_inner();
    is_good &= is_finished && !found.has_errors();
    problems.extend(found);
    decoded.filter(|_| is_good)
}

/// Decodes and validates, adding every problem to a list; `None` when there was an error.
pub fn decode_valid<T: DeserializeOwned + Validate>(
    node: &Node,
    problems: &mut Problems,
) -> Option<T> {
    let decoded: T = decode_into(node, problems)?;
    let invalid = decoded.validate();
    problems.extend(invalid.iter().map(|each| each.locate(node)));
    let warnings = decoded.warnings();
    problems.extend(warnings.iter().map(|each| each.locate_warning(node)));
    invalid.is_empty().then_some(decoded)
}

/// What the passes over one tree share.
#[derive(Default)]
struct Pass {
    /// Parts that are left out from now on, by the address of their node.
    skipped: HashMap<usize, Skip>,
    /// Problems that do not stop a pass.
    found: RefCell<Problems>,
    /// Structs whose unknown keys were reported.
    visited: RefCell<HashSet<usize>>,
    /// What the parts of extended blocks know, by the address of their node.
    parts: RefCell<HashMap<usize, Vec<&'static str>>>,
}

impl Pass {
    /// Begins an extended block: its parts report no unknown keys, each for itself.
    fn begin_parts(&self, node: &Node) {
        self.parts.borrow_mut().insert(identity(node), Vec::new());
    }

    /// Takes the keys that a part knows; returns whether the node is an extended block at all.
    fn takes_part(&self, node: &Node, known: &[&'static str]) -> bool {
        let mut parts = self.parts.borrow_mut();
        let taken = parts.get_mut(&identity(node));
        taken.map(|keys| keys.extend_from_slice(known)).is_some()
    }

    /// Ends an extended block; returns what its parts know together.
    fn end_parts(&self, node: &Node) -> Vec<&'static str> {
        let ended = self.parts.borrow_mut().remove(&identity(node));
        ended.unwrap_or_default()
    }

    fn is_first_visit(&self, node: &Node) -> bool {
        self.visited.borrow_mut().insert(identity(node))
    }
}

/// Why a part is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Skip {
    /// It was left empty, and its type cannot be.
    Empty,
    /// It was reported.
    Wrong,
}

/// Identifies a node: the tree does not move while it is decoded.
fn identity(node: &Node) -> usize {
    std::ptr::from_ref(node).addr()
}

#[cfg(test)]
mod tests;
