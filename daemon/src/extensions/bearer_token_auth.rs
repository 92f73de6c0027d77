//! `bearertokenauth`: a token in a header, sent with requests and asked of clients.

use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{Invalid, Opaque, Validate};
use tapline_pdata::Origin;
use tapline_pipeline::{
    ClientAuth, Extension, HeaderFields, ServerAuth, Services, StartError, Stop, Work,
};

use super::{followed_file::FollowedFile, secrecy::are_equal};

/// How many tokens a server may take.
const TOKENS_MAX: usize = 1_000;

/// What the user wrote under `bearertokenauth`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The word before the token; none if empty.
    pub(crate) scheme: String,
    /// The token.
    pub(crate) token: Opaque,
    /// Several tokens: a server takes each of them, a client sends the first.
    pub(crate) tokens: Vec<Opaque>,
    /// A file with tokens, one per line. It wins, and is read again when it changes.
    pub(crate) filename: String,
    /// The header.
    pub(crate) header: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            scheme: "Bearer".to_owned(),
            token: Opaque::default(),
            tokens: Vec::new(),
            filename: String::new(),
            header: "Authorization".to_owned(),
        }
    }
}

impl Validate for Config {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        let has_several = !self.tokens.is_empty();
        if self.token.is_empty() && !has_several && self.filename.is_empty() {
            invalid.push(Invalid::at("", "needs `token`, `tokens` or `filename`"));
        }
        if !self.token.is_empty() && has_several {
            let message = "must not be given together with `token`";
            invalid.push(Invalid::at("tokens", message));
        }
        if self.tokens.len() > TOKENS_MAX {
            let message = format!("must not be more than {TOKENS_MAX}");
            invalid.push(Invalid::at("tokens", message));
        }
        if self.header.parse::<http::HeaderName>().is_err() {
            invalid.push(Invalid::at("header", "is not the name of a header"));
        }
        invalid
    }
}

/// Builds the extension. Reads the file with the tokens, if there is one.
pub(crate) fn build(config: &Config) -> Result<Arc<dyn Extension>, String> {
    let tokens = if config.filename.is_empty() {
        let all = std::iter::once(&config.token).chain(&config.tokens);
        let given = all.filter(|token| !token.is_empty());
        Tokens::Fixed(given.map(|token| token.reveal().to_owned()).collect())
    } else {
        Tokens::Followed(FollowedFile::open(&config.filename, lines)?)
    };
    Ok(Arc::new(BearerTokenAuth(Arc::new(Bearer {
        header: config.header.to_lowercase(),
        scheme: config.scheme.clone(),
        tokens,
    }))))
}

struct BearerTokenAuth(Arc<Bearer>);

struct Bearer {
    header: String,
    scheme: String,
    tokens: Tokens,
}

enum Tokens {
    Fixed(Arc<[String]>),
    Followed(FollowedFile<Arc<[String]>>),
}

fn lines(text: &str) -> Result<Arc<[String]>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let tokens: Arc<[String]> = lines.take(TOKENS_MAX).map(str::to_owned).collect();
    if tokens.is_empty() {
        return Err("there is no token in it".to_owned());
    }
    Ok(tokens)
}

// === impl BearerTokenAuth ===

#[async_trait]
impl Extension for BearerTokenAuth {
    fn offers(&self) -> Services {
        let (client, server) = (Arc::clone(&self.0), Arc::clone(&self.0));
        Services {
            client_auth: Some(client),
            server_auth: Some(server),
            ..Services::default()
        }
    }

    async fn start(self: Arc<Self>, _stop: Stop) -> Result<Option<Work>, StartError> {
        Ok(None)
    }
}

// === impl Bearer ===

impl Bearer {
    fn tokens(&self) -> Arc<[String]> {
        match &self.tokens {
            Tokens::Fixed(tokens) => Arc::clone(tokens),
            Tokens::Followed(file) => Arc::clone(&file.current()),
        }
    }

    fn value(&self, token: &str) -> String {
        if self.scheme.is_empty() {
            return token.to_owned();
        }
        format!("{} {token}", self.scheme)
    }
}

#[async_trait]
impl ClientAuth for Bearer {
    async fn credentials(&self, _origin: Option<&Origin>) -> Result<HeaderFields, String> {
        let tokens = self.tokens();
        let first = tokens.first().ok_or("there is no token")?;
        Ok(vec![(self.header.clone(), self.value(first))])
    }
}

#[async_trait]
impl ServerAuth for Bearer {
    async fn authenticate(
        &self,
        header: &(dyn for<'h> Fn(&'h str) -> Option<String> + Sync),
    ) -> Result<Vec<(String, String)>, String> {
        let shown = header(&self.header).filter(|value| !value.is_empty());
        let shown = shown.ok_or_else(|| format!("missing or empty header: {}", self.header))?;
        // Every token is compared, so that the time does not tell which one came close.
        let fits = self.tokens().iter().fold(false, |fits, token| {
            fits | are_equal(self.value(token).as_bytes(), shown.as_bytes())
        });
        if !fits {
            return Err(
                "provided authorization does not match expected scheme or token".to_owned(),
            );
        }
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(config: &Config) -> Services {
        build(config).expect("builds").offers()
    }

    async fn admits(services: &Services, value: &str) -> bool {
        let server = services.server_auth.as_ref().expect("is a server's");
        let header = |name: &str| (name == "authorization").then(|| value.to_owned());
        server.authenticate(&header).await.is_ok()
    }

    #[tokio::test]
    async fn a_client_sends_what_a_server_takes() {
        let config = Config {
            token: "secret".into(),
            ..Config::default()
        };
        let services = services(&config);
        let client = services.client_auth.as_ref().expect("is a client's");
        let sent = client.credentials(None).await.expect("has a token");
        let expected = ("authorization".to_owned(), "Bearer secret".to_owned());
        assert_eq!(sent, [expected]);
        assert!(admits(&services, "Bearer secret").await);
        for wrong in ["Bearer secreT", "Basic secret", "secret", ""] {
            assert!(!admits(&services, wrong).await, "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_file_of_tokens_wins_over_the_token() {
        let name = format!("tapline-tokens-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, "one\n\n two \n").expect("writes");
        let config = Config {
            token: "other".into(),
            filename: path.to_string_lossy().into_owned(),
            ..Config::default()
        };
        let services = services(&config);
        std::fs::remove_file(&path).expect("is there");
        assert!(admits(&services, "Bearer one").await && admits(&services, "Bearer two").await);
        assert!(!admits(&services, "Bearer other").await);
    }

    #[test]
    fn contradictions_are_refused() {
        assert_eq!(Config::default().validate().len(), 1);
        let both = Config {
            token: "a".into(),
            tokens: vec!["b".into()],
            header: "no header".to_owned(),
            ..Config::default()
        };
        assert_eq!(both.validate().len(), 2);
    }
}
