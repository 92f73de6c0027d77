//! What the process environment says about proxies. Only the daemon reads it and hands it down.

use std::fmt;

/// The values of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, or of their lower-case forms.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `http://` URLs. May hold a password.
    pub http: Option<String>,
    /// For `https://` URLs and gRPC. May hold a password.
    pub https: Option<String>,
    /// What is reached directly.
    pub no: Option<String>,
}

impl Proxies {
    /// Takes the variables by their names: upper case first, as in Go.
    pub fn from_variables(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| {
            let set = lookup(name).filter(|value| !value.is_empty());
            set.or_else(|| lookup(&name.to_lowercase()))
        };
        Self {
            http: either("HTTP_PROXY"),
            https: either("HTTPS_PROXY"),
            no: either("NO_PROXY"),
        }
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies")
            .field("http", &self.http.is_some())
            .field("https", &self.https.is_some())
            .field("no", &self.no)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Proxies;

    #[test]
    fn upper_case_wins_and_passwords_are_not_shown() {
        let proxies = Proxies::from_variables(|name| match name {
            "HTTP_PROXY" => Some("http://me:secret@proxy".to_owned()),
            "http_proxy" => Some("http://other".to_owned()),
            "https_proxy" => Some("http://lower".to_owned()),
            _ => None,
        });
        assert_eq!(proxies.http.as_deref(), Some("http://me:secret@proxy"));
        assert_eq!(proxies.https.as_deref(), Some("http://lower"));
        assert!(!format!("{proxies:?}").contains("secret"));
    }
}
