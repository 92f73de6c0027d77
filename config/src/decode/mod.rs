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
mod doubts;
mod fault;
mod value;

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

use serde::de::DeserializeOwned;

use self::{doubts::Doubts, fault::Reason, value::Reader};
use crate::{Invalid, Node, Problem, Problems, Validate};

/// How often decoding is repeated: the number of mistakes and empty values in one tree.
const MAX_PASSES: usize = 1000;

/// Decodes a component's settings. An empty value gives the defaults. Warnings are dropped.
pub fn decode<T: DeserializeOwned>(node: &Node) -> Result<T, Problems> {
    let mut problems = Problems::new();
    decode_into(node, &mut problems).ok_or(problems)
}

/// Decodes, adding every error and warning to a list; `None` when there was an error.
pub fn decode_into<T: DeserializeOwned>(node: &Node, problems: &mut Problems) -> Option<T> {
    let Decoded { value, doubts } = decode_most(node, problems);
    value.filter(|_| doubts.is_none())
}

/// Decodes and validates, adding every problem to a list; `None` when there was an error.
///
/// What could be decoded is validated even if a part could not, as far as that part has no say.
pub fn decode_valid<T: DeserializeOwned + Validate>(
    node: &Node,
    problems: &mut Problems,
) -> Option<T> {
    let Decoded { value, doubts } = decode_most::<T>(node, problems);
    let value = value?;
    let invalid = value.validate();
    let is_sure = |each: &&Invalid| {
        doubts
            .as_ref()
            .is_none_or(|doubts| !doubts.touch(each, node))
    };
    problems.extend(invalid.iter().filter(is_sure).map(|each| each.locate(node)));
    let warnings = value.warnings();
    let warnings = warnings.iter().filter(is_sure);
    problems.extend(warnings.map(|each| each.locate_warning(node)));
    (doubts.is_none() && invalid.is_empty()).then_some(value)
}

/// What could be decoded.
struct Decoded<T> {
    /// The settings, with their defaults for what could not; `None` if there are none at all.
    value: Option<T>,
    /// What could not; `None` if all could.
    doubts: Option<Doubts>,
}

fn decode_most<T: DeserializeOwned>(node: &Node, problems: &mut Problems) -> Decoded<T> {
    let mut pass = Pass::default();
    leave_out_broken(node, &mut pass.skipped);
    let is_broken = !pass.skipped.is_empty();
    if node.is_broken {
        let doubts = Some(Doubts::of(pass));
        return Decoded {
            value: None,
            doubts,
        };
    }
    let mut value = None;
    let mut is_finished = false;
    for _ in 0..MAX_PASSES {
        let reader = Reader::root(node, &pass);
        let fault = match T::deserialize(reader) {
            Ok(decoded) => {
                value = Some(decoded);
                is_finished = true;
                break;
            }
            Err(fault) => reader.placed(fault),
        };
        let is_empty = fault.reason == Reason::Empty;
        if !is_empty && fault.reason != Reason::Follows {
            pass.found.borrow_mut().push(fault.to_problem(node));
        }
        pass.is_bad |= !is_empty;
        let Some(culprit) = fault.culprit else {
            is_finished = true;
            pass.is_bad = true;
            break;
        };
        pass.skipped
            .insert(culprit, if is_empty { Skip::Empty } else { Skip::Wrong });
    }
    if !is_finished {
        let message = format!("more than {MAX_PASSES} mistakes and empty values");
        problems.push(Problem::error(node.heading(), message));
    }
    let found = std::mem::take(&mut *pass.found.borrow_mut());
    let is_good = is_finished && !is_broken && !pass.is_bad && !found.has_errors();
    problems.extend(found);
    Decoded {
        value,
        doubts: (!is_good).then(|| Doubts::of(pass)),
    }
}

/// Leaves out what could not be had: it was reported where it is written.
fn leave_out_broken(node: &Node, skipped: &mut HashMap<usize, Skip>) {
    if node.is_broken {
        skipped.insert(identity(node), Skip::Wrong);
    }
    let below = node.entries().iter().map(|(_, value)| value);
    for below in below.chain(node.items()) {
        leave_out_broken(below, skipped);
    }
}

/// What the passes over one tree share.
#[derive(Default)]
struct Pass {
    /// Parts that are left out from now on, by the address of their node.
    skipped: HashMap<usize, Skip>,
    /// Whether something could not be decoded.
    is_bad: bool,
    /// Settings that no struct knows, by the address of their node.
    unknown: RefCell<HashSet<usize>>,
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
