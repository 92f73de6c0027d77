//! gRPC: unary calls of raw bytes, both sides.

mod answer;
mod balancer;
mod channel;
mod client;
mod endpoint;
mod from_config;
mod message;
mod refused;
mod reply;
mod server;
mod status;
mod subchannel;
#[cfg(test)]
mod tests;
mod timeout;

pub use crate::server::ServerKeepalive;
pub use balancer::Balancing;
pub use channel::{Channel, channel};
pub use client::{Client, ClientSettings, Keepalive, Reply, SettingsError, WhenUnreachable};
pub use endpoint::{Endpoint, EndpointError, Target};
pub use message::Message;
pub use refused::Refused;
pub use server::{Call, ServerSettings, Service, serve};
pub use status::{Code, RpcStatus, Side};
