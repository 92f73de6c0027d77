//! Receivers: where telemetry comes from. One folder each; they never know processors or exporters.

pub mod ebpf;
pub mod otlp;
