//! `otlp_grpc` and `otlp_http` against the fake backend, and their settings from YAML.

mod authenticator;
mod batches;
mod config;
mod grpc;
mod http;
