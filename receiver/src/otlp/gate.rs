//! Who may come in, and what is remembered of them.

use std::{borrow::Cow, net::SocketAddr, sync::Arc};

use http::{HeaderMap, request::Parts};
use tapline_config::{GrpcServerConfig, HttpServerConfig};
use tapline_net::grpc::{Code, Refused};
use tapline_pdata::Origin;
use tapline_pipeline::{ServerAuth, ServiceTable};

/// Checks credentials and makes the origin of a request, as far as somebody asked for it.
pub(super) struct Gate {
    auth: Option<Arc<dyn ServerAuth>>,
    /// Query parameters that count as headers for authentication.
    request_params: Vec<String>,
    include_metadata: bool,
}

impl Gate {
    pub(super) fn grpc(config: &GrpcServerConfig, services: &ServiceTable) -> Result<Self, String> {
        let auth = config.auth.as_ref().map(|auth| &auth.authenticator);
        Ok(Self {
            auth: auth.map(|id| services.server_auth(id)).transpose()?,
            request_params: Vec::new(),
            include_metadata: config.include_metadata,
        })
    }

    pub(super) fn http(config: &HttpServerConfig, services: &ServiceTable) -> Result<Self, String> {
        let auth = config.auth.as_ref();
        let found = auth.map(|auth| services.server_auth(&auth.authenticator));
        Ok(Self {
            auth: found.transpose()?,
            request_params: auth.map_or_else(Vec::new, |auth| auth.request_params.clone()),
            include_metadata: config.include_metadata,
        })
    }

    /// Lets a request in, or says why not. Its origin has what somebody asked for.
    pub(super) async fn pass(
        &self,
        head: &Parts,
        peer: Option<SocketAddr>,
    ) -> Result<Option<Arc<Origin>>, Refused> {
        if self.auth.is_none() && !self.include_metadata {
            return Ok(None);
        }
        let auth = match &self.auth {
            None => Vec::new(),
            Some(auth) => {
                let known = auth.authenticate(&|name| self.credential(head, name)).await;
                known.map_err(|why| Refused::new(Code::Unauthenticated, why))?
            }
        };
        let mut origin = if self.include_metadata {
            Origin::with_metadata(metadata(head))
        } else {
            Origin::default()
        };
        origin.peer = peer;
        origin.auth = auth;
        Ok(Some(Arc::new(origin)))
    }

    fn credential(&self, head: &Parts, name: &str) -> Option<String> {
        let text = |headers: &HeaderMap| {
            let value = headers.get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        text(&head.headers).or_else(|| {
            let is_asked = |it: &&String| it.eq_ignore_ascii_case(name);
            let param = self.request_params.iter().find(is_asked)?;
            query_parameter(head.uri.query()?, param)
        })
    }
}

/// The headers, and as `host` what the client called us.
fn metadata(head: &Parts) -> impl Iterator<Item = (String, String)> {
    let host = head.uri.authority().map(|it| it.as_str().to_owned());
    let host = host.map(|host| ("host".to_owned(), host));
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    headers.chain(host)
}

/// Finds a parameter in a query such as `token=a%20b&x=y`.
fn query_parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let found = pairs.map(|(key, value)| (percent_decoded(key), value));
    let (_, value) = found.into_iter().find(|(key, _)| key == name)?;
    Some(percent_decoded(value).into_owned())
}

/// Undoes the encoding of a query; what is not encoded well stays as it is.
fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let hex = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    let mut bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some((first, rest)) = bytes.split_first() {
        bytes = rest;
        let escaped = match (first, rest) {
            (b'%', [high, low, ..]) => hex(high).zip(hex(low)),
            _ => None,
        };
        match (escaped, first) {
            (Some((high, low)), _) => {
                decoded.push(high << 4 | low);
                bytes = &rest[2..];
            }
            (None, b'+') => decoded.push(b' '),
            (None, other) => decoded.push(*other),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

#[cfg(test)]
mod tests {
    use super::query_parameter;

    #[test]
    fn query_parameters_are_decoded() {
        let query = "x=1&token=a%20b+c%zz&empty";
        assert_eq!(query_parameter(query, "token").as_deref(), Some("a b c%zz"));
        assert_eq!(query_parameter(query, "empty").as_deref(), Some(""));
        assert_eq!(query_parameter(query, "absent"), None);
    }
}
