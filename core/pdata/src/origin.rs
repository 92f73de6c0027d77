//! Where a batch came from, as far as somebody asked: client metadata, peer, authentication.
//!
//! It travels beside the bytes and is never written into them. This module must not know how a
//! receiver found it out.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

/// What is known about the sender of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    metadata: BTreeMap<String, Vec<String>>,
    /// The address of the peer, when it has one.
    pub peer: Option<SocketAddr>,
    /// What authentication found out, such as `subject`, in the order it was told.
    pub auth: Vec<(String, String)>,
}

impl Origin {
    /// Makes an origin from request headers; names are compared without case, order of values is
    /// kept.
    pub fn with_metadata(headers: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut metadata: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in headers {
            metadata
                .entry(name.to_ascii_lowercase())
                .or_default()
                .push(value);
        }
        Self {
            metadata,
            ..Self::default()
        }
    }

    /// Returns the values of one request header, if it was sent.
    pub fn metadata(&self, name: &str) -> Option<&[String]> {
        self.metadata
            .get(name.to_ascii_lowercase().as_str())
            .map(Vec::as_slice)
    }

    /// Lists every header with its values, by lower-case name.
    pub fn all_metadata(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.metadata
            .iter()
            .map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// Keeps only these headers: what batches of several senders may have in common.
    #[must_use]
    pub fn reduced_to(&self, names: &[String]) -> Self {
        let kept = names.iter().filter_map(|name| {
            let name = name.to_ascii_lowercase();
            self.metadata
                .get(&name)
                .map(|values| (name.clone(), values.clone()))
        });
        Self {
            metadata: kept.collect(),
            ..Self::default()
        }
    }

    /// Returns what authentication found out under this name.
    pub fn auth(&self, name: &str) -> Option<&str> {
        self.auth
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns the address of the peer without its port.
    pub fn peer_ip(&self) -> Option<IpAddr> {
        self.peer.map(|peer| peer.ip())
    }
}

#[cfg(test)]
mod tests {
    use super::Origin;

    #[test]
    fn finds_headers_without_case_and_keeps_the_order_of_values() {
        let pairs = [("X-Tenant", "a"), ("other", "o"), ("x-tenant", "b")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let origin = Origin::with_metadata(pairs);
        let values = origin.metadata("x-TENANT").expect("was sent");
        assert_eq!(values, ["a", "b"]);
        let reduced = origin.reduced_to(&["X-Tenant".to_owned(), "absent".to_owned()]);
        assert_eq!(reduced.all_metadata().count(), 1);
        assert_eq!(reduced.metadata("x-tenant"), origin.metadata("x-tenant"));
    }
}
