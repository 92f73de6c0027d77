//! A tonic channel for generated clients, over our own connections. Ours is the faster client; this
//! one is for crates that bring their own calls.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::Uri;
use hyper_util::rt::TokioIo;
use tonic::transport;
/// What generated clients make calls on.
pub use tonic::transport::Channel;
use tower_service::Service;

use super::{
    client::{ClientSettings, SettingsError},
    endpoint::Target,
};
use crate::{
    connection::Connection,
    dial::{DialError, Dialer, Place, Security, Tunnel},
};

/// Makes a channel that connects when it is first used. Of the settings it follows endpoint, TLS,
/// proxy and user agent. It needs a runtime.
pub fn channel(settings: &ClientSettings) -> Result<Channel, SettingsError> {
    let tls = settings.tls.as_ref();
    let (security, scheme) = match tls {
        Some(_) => (Security::Tls, "https"),
        None => (Security::Plain, "http"),
    };
    let (place, authority) = match &settings.endpoint.target {
        Target::Name { host, port } => {
            let (host, port) = (host.clone(), *port);
            let authority = format!("{host}:{port}");
            (Place::Name { host, port }, authority)
        }
        Target::Unix(path) => (Place::Unix(path.clone()), "localhost".to_owned()),
    };
    let unusable = |what, text: &str, reason: String| SettingsError::Text {
        what,
        text: text.to_owned(),
        reason,
    };
    let uri: Uri =
        format!("{scheme}://{authority}")
            .parse()
            .map_err(|error: http::uri::InvalidUri| {
                unusable("endpoint", &authority, error.to_string())
            })?;
    let agent = settings.user_agent.as_str();
    let endpoint = transport::Endpoint::from(uri)
        .user_agent(agent)
        .map_err(|error| unusable("user_agent", agent, error.to_string()))?;
    let connector = Connector {
        dialer: Dialer::new(tls, &[b"h2"], settings.proxy.clone(), Tunnel::Always)?,
        place,
        security,
    };
    Ok(endpoint.connect_with_connector_lazy(connector))
}

/// Connects for tonic, always to the configured endpoint.
#[derive(Clone, Debug)]
struct Connector {
    dialer: Dialer,
    place: Place,
    security: Security,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Connection>;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, DialError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _target: Uri) -> Self::Future {
        let Self {
            dialer,
            place,
            security,
        } = self.clone();
        Box::pin(async move { Ok(TokioIo::new(dialer.dial(&place, security).await?)) })
    }
}
