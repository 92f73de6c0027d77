//! Headers to send, from the configuration. Their values are secrets: no message shows one.

use http::{HeaderMap, HeaderName, HeaderValue};
use tapline_config::{Headers, Invalid};

/// Returns the headers as HTTP wants them. Call [`invalid_headers`] first: what is bad is left out.
pub(crate) fn header_map(headers: &Headers) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers.iter() {
        if let (Ok(name), Some(value)) = (name.parse::<HeaderName>(), secret(value.reveal())) {
            map.insert(name, value);
        }
    }
    map
}

/// Complains about names and values that no header can have.
pub(crate) fn invalid_headers(headers: &Headers) -> Vec<Invalid> {
    let complaint = |name: &str, message: &str| Some(Invalid::at(name, message).under("headers"));
    let check = |(name, value): (&str, &tapline_config::Opaque)| {
        if name.parse::<HeaderName>().is_err() {
            return complaint(name, "is not the name of a header");
        }
        if secret(value.reveal()).is_none() {
            return complaint(name, "has a value with characters that no header may have");
        }
        None
    };
    headers.iter().filter_map(check).collect()
}

/// Marks the value sensitive, so that HTTP/2 does not index it and `Debug` does not show it.
fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
