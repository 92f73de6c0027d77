//! The graph: which component feeds which, made from a plan, run as one.
//!
//! *plan* is pure: pipelines in, nodes and edges out. *build* turns nodes into components without
//! side effects. *run* starts, watches and stops them; *take over* puts a new graph in place of a
//! running one. None of the three knows a
//! concrete component or where its settings came from.

mod branches;
mod build;
mod edge;
mod fan_out;
mod flow;
mod fused;
mod joint;
mod losses;
mod node;
mod plan;
mod retire;
mod run;
mod slot;
mod stop_order;
mod supervise;
mod take_over;
#[cfg(test)]
mod tests;
mod wire;

pub use branches::Branches;
pub use build::{
    BuildError, Factories, Graph, Keep, MakeConnector, MakeStage, Processor, Ship, build,
};
pub use losses::Loss;
pub use node::{Node, PipelineId};
pub use plan::{Connectors, Pipeline, Plan, PlanError};
pub use run::{Fatal, RunSettings, Running, StartFailure};
pub use stop_order::Stopped;
pub(crate) use supervise::panic_text;
