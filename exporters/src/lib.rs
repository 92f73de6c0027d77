//! Exporters: each sends one batch once. Queue, retry and timeout are delivery's business.
//!
//! An exporter must not know receivers, processors, other exporters, or the process around it.

pub mod debug;
mod otlp;
pub mod otlp_grpc;
pub mod otlp_http;
pub mod terminal;
mod unsupported;

pub use unsupported::Unsupported;
