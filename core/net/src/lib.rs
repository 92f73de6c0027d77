//! How tapline talks to the network: TLS, compression, HTTP and gRPC. Clients only, so far.
//!
//! Messages are opaque bytes. This crate must not know telemetry, pipelines or components.

pub mod compression;
mod dial;
pub mod grpc;
pub mod http;
pub mod protobuf;
pub mod tls;

pub use dial::DialError;

/// Returns `tapline/VERSION (os/arch)`, in the words the Go Collector uses for both.
pub fn user_agent(version: &str) -> String {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("tapline/{version} ({}/{arch})", std::env::consts::OS)
}
