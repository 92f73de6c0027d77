//! Credentials for requests, from the extension that `auth` names. It must not know what they are.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use tapline_config::AuthConfig;
use tapline_pdata::Batch;
use tapline_pipeline::{BuildContext, ClientAuth, Fault, Refusal};

/// Asks the authenticator of one exporter, if it has one.
#[derive(Clone, Default)]
pub(crate) struct Credentials(Option<Arc<dyn ClientAuth>>);

impl Credentials {
    /// Finds the extension.
    pub(crate) fn find(auth: Option<&AuthConfig>, cx: &BuildContext) -> Result<Self, String> {
        let services = &cx.shared.services;
        let found = auth.map(|auth| services.client_auth(&auth.authenticator));
        Ok(Self(found.transpose()?))
    }

    /// Returns the headers to send with a batch. A token that cannot be read now may be there
    /// later, so the batch is kept.
    pub(crate) async fn headers(&self, batch: &Batch) -> Result<HeaderMap, Refusal> {
        let mut headers = HeaderMap::new();
        let Some(auth) = &self.0 else {
            return Ok(headers);
        };
        let origin = batch.origin().map(AsRef::as_ref);
        let fields = auth.credentials(origin).await.map_err(|error| {
            let cause = format!("cannot get credentials: {error}");
            Refusal::later(Fault::Tapline, cause, None)
        })?;
        for (name, value) in fields {
            let header = name.parse::<HeaderName>().ok();
            let Some((header, mut value)) = header.zip(HeaderValue::from_str(&value).ok()) else {
                let cause = format!("cannot send credentials: \"{name}\" is not fit for a header");
                return Err(Refusal::later(Fault::Tapline, cause, None));
            };
            value.set_sensitive(true);
            headers.insert(header, value);
        }
        Ok(headers)
    }
}
