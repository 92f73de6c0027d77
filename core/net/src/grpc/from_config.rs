//! From what the user wrote about a gRPC server to settings. Reads certificates, opens nothing.

use std::sync::Arc;

use tapline_config::{Duration, GrpcServerConfig};

use super::server::ServerSettings;
use crate::{
    server::{Limits, ServerKeepalive},
    tls::{TlsError, TlsServer, TlsServerSettings},
};

impl ServerSettings {
    /// Takes over what the user wrote.
    pub fn from_config(config: &GrpcServerConfig) -> Result<Self, TlsError> {
        let parameters = config.keepalive.server_parameters.clone();
        let parameters = parameters.unwrap_or_default();
        let given = |written: Duration| (!written.is_zero()).then(|| written.get());
        let default = ServerKeepalive::default();
        let tls = config.tls.as_ref().map(|tls| {
            let settings = TlsServerSettings::from_config(tls)?;
            TlsServer::new(settings, &[b"h2"]).map(Arc::new)
        });
        Ok(Self {
            tls: tls.transpose()?,
            limits: Limits::default(),
            message_bytes_max: config.message_bytes_max(),
            streams_max: Some(config.max_concurrent_streams).filter(|max| *max > 0),
            keepalive: ServerKeepalive {
                ping_after: given(parameters.time).unwrap_or(default.ping_after),
                ping_time_max: given(parameters.timeout).unwrap_or(default.ping_time_max),
                idle_max: given(parameters.max_connection_idle),
                age_max: given(parameters.max_connection_age),
                age_grace: given(parameters.max_connection_age_grace),
            },
        })
    }
}
