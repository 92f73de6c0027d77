//! Cipher suites and curves by the names that users know, as far as ring has them.

use rustls::{
    NamedGroup,
    crypto::{CryptoProvider, ring},
    version::TLS13,
};

use super::TlsError;

/// Makes a provider with these cipher suites and curves; all there are where none is named.
///
/// As in Go, cipher suites of TLS 1.3 cannot be chosen: naming one is no mistake and changes
/// nothing.
pub(crate) fn provider(suites: &[String], curves: &[String]) -> Result<CryptoProvider, TlsError> {
    let mut provider = ring::default_provider();
    if !suites.is_empty() {
        let every = &provider.cipher_suites;
        let mut chosen: Vec<_> = every
            .iter()
            .filter(|suite| suite.version() == &TLS13)
            .copied()
            .collect();
        for name in suites {
            let is_named = |suite: &&rustls::SupportedCipherSuite| {
                let known = suite.suite().as_str().unwrap_or_default();
                known == name || known.strip_prefix("TLS13_") == name.strip_prefix("TLS_")
            };
            let found = every.iter().find(is_named);
            let found = found.ok_or_else(|| TlsError::Unknown {
                what: "cipher suite",
                name: name.clone(),
            })?;
            if !chosen.contains(found) {
                chosen.push(*found);
            }
        }
        provider.cipher_suites = chosen;
    }
    if !curves.is_empty() {
        let every = provider.kx_groups;
        provider.kx_groups = curves
            .iter()
            .map(|name| {
                let wanted = curve(name);
                let found = every.iter().find(|known| Some(known.name()) == wanted);
                found.copied().ok_or_else(|| TlsError::Unknown {
                    what: "curve",
                    name: name.clone(),
                })
            })
            .collect::<Result<_, _>>()?;
    }
    Ok(provider)
}

/// Go's names.
fn curve(name: &str) -> Option<NamedGroup> {
    match name {
        "X25519" => Some(NamedGroup::X25519),
        "P256" => Some(NamedGroup::secp256r1),
        "P384" => Some(NamedGroup::secp384r1),
        "P521" => Some(NamedGroup::secp521r1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::provider;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn suites_and_curves_are_chosen_by_the_names_of_go() {
        let suites = names(&[
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_AES_128_GCM_SHA256",
        ]);
        let made = provider(&suites, &names(&["P256", "X25519"])).expect("ring has them");
        // The three of TLS 1.3, and the one that was named.
        assert_eq!(made.cipher_suites.len(), 4);
        assert_eq!(made.kx_groups.len(), 2);
    }

    #[test]
    fn what_ring_lacks_is_named() {
        let suite = names(&["TLS_RSA_WITH_AES_128_CBC_SHA"]);
        let message = provider(&suite, &[]).expect_err("is insecure").to_string();
        assert_eq!(
            message,
            "cipher suite \"TLS_RSA_WITH_AES_128_CBC_SHA\" is not supported by tapline"
        );
        let message = provider(&[], &names(&["P521"])).expect_err("is absent");
        assert_eq!(
            message.to_string(),
            "curve \"P521\" is not supported by tapline"
        );
    }
}
