//! How tapline talks to the network: TLS, compression, HTTP and gRPC, both sides.
//!
//! Messages are opaque bytes. This crate must not know telemetry, pipelines or components.

mod aside;
mod chunks;
pub mod compression;
mod connection;
mod dial;
mod growth;
pub mod grpc;
pub mod http;
pub mod listen;
mod percent;
pub mod protobuf;
pub mod proxy;
mod server;
pub mod tls;

pub use dial::DialError;
pub use growth::UNASKED_BYTES;
pub use server::Limits;

/// Returns `tapline/VERSION (os/arch)`, in the words the Go Collector uses for both.
pub fn user_agent(version: &str) -> String {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("tapline/{version} ({}/{arch})", std::env::consts::OS)
}
