//! The graph: which component feeds which, made from a plan, run as one.
//!
//! *plan* is pure: pipelines in, nodes and edges out. *build* turns nodes into components and wires
//! them, without side effects. *run* starts, watches and stops them. None of the three knows a
//! concrete component or where its settings came from.

mod build;
mod edge;
mod fan_out;
mod plan;
mod run;
mod stop_order;
mod supervise;
#[cfg(test)]
mod tests;

pub use build::{BuildError, Factories, Graph, Ship, build};
pub use plan::{Node, Pipeline, PipelineId, Plan, PlanError};
pub use run::{Fatal, RunSettings, Running, StartFailure};
pub use stop_order::Stopped;
pub(crate) use supervise::panic_text;
