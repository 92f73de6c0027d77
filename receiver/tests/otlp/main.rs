//! `otlp` over real sockets: what clients send, what pipelines get, what clients are told.

mod config;
mod grpc;
mod harness;
mod http;
mod life;
mod samples;
