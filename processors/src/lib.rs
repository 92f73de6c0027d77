//! What happens to telemetry between a receiver and an exporter.
//!
//! One module per processor, named as in the configuration; each has a `Config` and a `build`. They
//! must not know receivers or exporters.

pub mod actions;
pub mod attributes;
pub mod batch;
pub mod forward;
pub mod memory_limiter;
mod names;
pub mod resource;
