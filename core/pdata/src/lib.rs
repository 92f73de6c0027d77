//! Telemetry in flight, as the OTLP bytes it arrived in.
//!
//! This crate knows the wire form of traces, metrics, logs and profiles: how to *check* it, *view*
//! it, *write* it and show it as *text*. It must not know about tokio, sockets, clocks or
//! configuration: bytes in, bytes out.

mod batch;
mod check;
mod join;
pub mod json;
mod number;
mod origin;
mod profile;
pub mod rewrite;
mod shape;
mod signal;
mod split;
pub mod text;
pub mod view;
mod wire;
pub mod write;

pub use batch::{Batch, Hold};
pub use check::{Flaw, MAX_VALUE_DEPTH, MAX_WIRE_BYTES, Malformed};
pub use json::{JsonError, JsonFlaw};
pub use origin::Origin;
pub use signal::Signal;
pub use split::MAX_REPEATED_BYTES;
pub use text::TextError;
pub use wire::read::Broken;
