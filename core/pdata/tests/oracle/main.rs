//! Holds this crate to `prost` and `opentelemetry-proto`, which read and write OTLP independently.

mod hostile;
mod json;
mod mirror;
mod parse;
mod profiles;
mod samples;
mod split;
mod telemetry;
mod text;
mod views;
mod writer;
