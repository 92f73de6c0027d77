//! What OTLP over gRPC and over HTTP share. It must not know either transport.

mod credentials;
mod delivery;
mod headers;
pub(crate) mod kind;
mod partial_success;
mod pieces;

pub(crate) use credentials::Credentials;
pub(crate) use delivery::invalid_delivery;
pub(crate) use headers::{header_map, invalid_headers};
pub(crate) use partial_success::PartialSuccesses;
pub(crate) use pieces::pieces;
use tapline_net::proxy::ProxySettings;
use tapline_pipeline::BuildContext;

/// Returns the name that tapline gives itself towards backends.
pub(crate) fn user_agent() -> String {
    tapline_net::user_agent(env!("CARGO_PKG_VERSION"))
}

/// Returns the proxies of the process environment.
pub(crate) fn proxies(cx: &BuildContext) -> Result<ProxySettings, String> {
    let told = &cx.shared.proxies;
    let (http, https, no) = (&told.http, &told.https, &told.no);
    ProxySettings::from_variables(http.as_deref(), https.as_deref(), no.as_deref())
        .map_err(|error| format!("HTTP_PROXY or HTTPS_PROXY {error}"))
}
