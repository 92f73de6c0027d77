//! The server side of gRPC, as every receiver that speaks it is configured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AuthConfig, Duration, Invalid, MiddlewareConfig, Optional, TlsServerConfig, Transport,
    Validate, endpoint::invalid_endpoint, off_when_null,
};

/// A gRPC server. Zero means "the default" where the Collector says so.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct GrpcServerConfig {
    /// `host:port`, or a path when `transport` is `unix`; the component's own when empty.
    pub endpoint: String,
    /// Over what it listens.
    pub transport: Transport,
    /// Accepted; it means something for clients only.
    pub dialer: DialerConfig,
    /// TLS; plain when absent.
    #[serde(deserialize_with = "off_when_null")]
    pub tls: Optional<TlsServerConfig>,
    /// The largest message, in MiB; zero means 64.
    pub max_recv_msg_size_mib: u64,
    /// How many calls a connection may have open; zero leaves it to tapline.
    pub max_concurrent_streams: u32,
    /// Accepted; buffers follow the size of messages.
    pub read_buffer_size: u64,
    /// Accepted; buffers follow the size of messages.
    pub write_buffer_size: u64,
    /// How long connections live, and how they are kept alive.
    pub keepalive: KeepaliveServerConfig,
    /// Who finds out who a client is.
    pub auth: Option<AuthConfig>,
    /// Whether request headers travel with the data.
    pub include_metadata: bool,
    /// Not supported yet.
    pub middlewares: Vec<MiddlewareConfig>,
}

/// `dialer` of a server, which has none.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DialerConfig {
    /// How long connecting may take.
    pub timeout: Duration,
}

/// How connections are kept alive and ended.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeepaliveServerConfig {
    /// What the server does.
    pub server_parameters: Option<KeepaliveServerParameters>,
    /// What clients may do.
    pub enforcement_policy: Option<KeepaliveEnforcementPolicy>,
}

/// What a server does to keep connections alive and to end them. Zero means "never".
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeepaliveServerParameters {
    /// How long a connection may be without a call.
    pub max_connection_idle: Duration,
    /// How long a connection may live, to spread clients over servers.
    pub max_connection_age: Duration,
    /// How long its calls may take after that.
    pub max_connection_age_grace: Duration,
    /// After how much silence a client is pinged; zero means two hours.
    pub time: Duration,
    /// How long its answer may take; zero means 20 seconds.
    pub timeout: Duration,
}

/// What clients may do. Accepted; tapline answers every ping, as the library it uses does.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeepaliveEnforcementPolicy {
    /// The least time between two pings; zero means five minutes.
    pub min_time: Duration,
    /// Whether pings are fine while no call is open.
    pub permit_without_stream: bool,
}

impl GrpcServerConfig {
    /// Returns the largest message in bytes.
    pub fn message_bytes_max(&self) -> usize {
        const DEFAULT_MIB: u64 = 64;
        let mib = match self.max_recv_msg_size_mib {
            0 => DEFAULT_MIB,
            mib => mib,
        };
        usize::try_from(mib.saturating_mul(1 << 20)).unwrap_or(usize::MAX)
    }
}

impl Validate for GrpcServerConfig {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        invalid.extend(invalid_endpoint(self.transport, &self.endpoint));
        if let Some(tls) = self.tls.as_ref() {
            invalid.extend(tls.validate().into_iter().map(|each| each.under("tls")));
        }
        if !self.middlewares.is_empty() {
            let message = "is not supported by tapline yet";
            invalid.push(Invalid::at("middlewares", message));
        }
        invalid
    }

    fn warnings(&self) -> Vec<Invalid> {
        const BUFFERS: &str = "is accepted and has no effect: buffers follow the messages";
        const PINGS: &str = "is accepted and has no effect: tapline answers every ping";
        let ignored = [
            (self.read_buffer_size > 0, "read_buffer_size", BUFFERS),
            (self.write_buffer_size > 0, "write_buffer_size", BUFFERS),
            (
                self.keepalive.enforcement_policy.is_some(),
                "keepalive::enforcement_policy",
                PINGS,
            ),
        ];
        let written = ignored.into_iter().filter(|(is_written, ..)| *is_written);
        written
            .map(|(_, key, message)| Invalid::at(key, message))
            .collect()
    }
}
