//! gRPC: unary calls of raw bytes, both sides.

mod client;
mod codec;
mod endpoint;
mod message;
mod refused;
mod reply;
mod server;
mod status;
mod timeout;

pub use crate::server::ServerKeepalive;
pub use client::{Client, ClientSettings, Keepalive, Reply, SettingsError};
pub use endpoint::{Endpoint, EndpointError};
pub use message::Message;
pub use refused::Refused;
pub use server::{Call, ServerSettings, Service, serve};
pub use status::{Code, RpcStatus, Side};
