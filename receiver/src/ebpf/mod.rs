//! The `ebpf` receiver: what processes ask and answer on sockets, as OTLP.
//!
//! Records come from the kernel half, are parsed as they come, and become spans, metrics and log
//! records in the engine. It emits pids, addresses and `container.id`; naming pods is a
//! processor's job.

mod capture;
pub mod cassette;
mod clock;
mod config;
mod container;
mod correlate;
mod datagrams;
mod emit;
mod engine;
mod glob;
mod governor;
mod ids;
mod live;
mod own;
mod privacy;
mod process;
mod propagators;
mod receiver;
mod routes;
mod service_name;
mod shed_log;
mod targets;
mod threads;
mod tls;
mod tracker;
mod weight;

pub use config::Config;
pub use live::{LIVE_SETTINGS, adjust};
pub use receiver::Ebpf;
pub use tls::TlsConfig;
