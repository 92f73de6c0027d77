//! gRPC: unary calls of raw bytes. Servers come later.

mod client;
mod codec;
mod endpoint;
mod status;

pub use client::{Client, ClientSettings, Keepalive, Reply, SettingsError};
pub use endpoint::{Endpoint, EndpointError};
pub use status::{Code, RpcStatus, Side};
