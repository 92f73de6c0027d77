//! Holds this crate to `prost` and `opentelemetry-proto`, which read and write OTLP independently.

mod growth;
mod hostile;
mod json;
mod mirror;
mod mutation;
mod parse;
mod profiles;
mod rewrite;
mod samples;
mod split;
mod telemetry;
mod text;
mod views;
mod writer;
