//! `basicauth`: a name and a password, sent with requests or asked of clients.

use std::sync::Arc;

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{Invalid, Opaque, Validate};
use tapline_pdata::Origin;
use tapline_pipeline::{
    ClientAuth, Extension, HeaderFields, ServerAuth, Services, StartError, Stop, Work,
};

use super::{
    followed_file::FollowedFile,
    htpasswd::{self, Users},
};

/// What the user wrote under `basicauth`: one of the two.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Whom a server lets in.
    pub(crate) htpasswd: Option<Htpasswd>,
    /// Who a client is.
    pub(crate) client_auth: Option<ClientCredentials>,
}

/// Whom a server lets in.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Htpasswd {
    /// A file, read again when it changes.
    pub(crate) file: String,
    /// The text itself; its users win over those of the file.
    pub(crate) inline: Opaque,
}

/// Who a client is. Files win and are read again when they change.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClientCredentials {
    /// The name.
    pub(crate) username: String,
    /// A file with the name.
    pub(crate) username_file: String,
    /// The password.
    pub(crate) password: Opaque,
    /// A file with the password.
    pub(crate) password_file: String,
}

impl Validate for Config {
    fn validate(&self) -> Vec<Invalid> {
        match (&self.htpasswd, &self.client_auth) {
            (None, None) => vec![Invalid::at("", "needs `htpasswd` or `client_auth`")],
            (Some(_), Some(_)) => {
                let message = "must not be given together with `htpasswd`";
                vec![Invalid::at("client_auth", message)]
            }
            (Some(htpasswd), None) => htpasswd.invalid(),
            (None, Some(client)) => client.invalid(),
        }
    }
}

impl Htpasswd {
    fn invalid(&self) -> Vec<Invalid> {
        if self.file.is_empty() && self.inline.is_empty() {
            return vec![Invalid::at("htpasswd", "needs `file` or `inline`")];
        }
        let wrong = htpasswd::parse(self.inline.reveal()).err();
        let wrong =
            wrong.map(|error| Invalid::at("htpasswd::inline", format!("is not usable: {error}")));
        wrong.into_iter().collect()
    }
}

impl ClientCredentials {
    fn invalid(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        if self.username.is_empty() && self.username_file.is_empty() {
            invalid.push(Invalid::at(
                "client_auth",
                "needs `username` or `username_file`",
            ));
        }
        if self.username.contains(':') {
            let message = "must not contain a colon: it ends the name";
            invalid.push(Invalid::at("client_auth::username", message));
        }
        invalid
    }
}

/// Builds the extension. Reads the files that it names.
pub(crate) fn build(config: &Config) -> Result<Arc<dyn Extension>, String> {
    let mut services = Services::default();
    if let Some(htpasswd) = &config.htpasswd {
        let file = (!htpasswd.file.is_empty())
            .then(|| FollowedFile::open(&htpasswd.file, htpasswd::parse));
        services.server_auth = Some(Arc::new(Server {
            inline: htpasswd::parse(htpasswd.inline.reveal())?,
            file: file.transpose()?,
        }));
    }
    if let Some(client) = &config.client_auth {
        services.client_auth = Some(Arc::new(Client {
            name: Word::new(&client.username, &client.username_file)?,
            password: Word::new(client.password.reveal(), &client.password_file)?,
        }));
    }
    Ok(Arc::new(BasicAuth(services)))
}

struct BasicAuth(Services);

struct Server {
    inline: Users,
    file: Option<FollowedFile<Users>>,
}

struct Client {
    name: Word,
    password: Word,
}

/// A text, or where to read it.
enum Word {
    Fixed(String),
    Followed(FollowedFile<String>),
}

impl Word {
    fn new(text: &str, file: &str) -> Result<Self, String> {
        if file.is_empty() {
            return Ok(Self::Fixed(text.to_owned()));
        }
        let followed = FollowedFile::open(file, |text| Ok(text.trim().to_owned()))?;
        Ok(Self::Followed(followed))
    }

    fn current(&self) -> String {
        match self {
            Self::Fixed(text) => text.clone(),
            Self::Followed(file) => file.current().as_str().to_owned(),
        }
    }
}

#[async_trait]
impl Extension for BasicAuth {
    fn offers(&self) -> Services {
        self.0.clone()
    }

    async fn start(self: Arc<Self>, _stop: Stop) -> Result<Option<Work>, StartError> {
        Ok(None)
    }
}

#[async_trait]
impl ClientAuth for Client {
    async fn credentials(&self, _origin: Option<&Origin>) -> Result<HeaderFields, String> {
        let pair = format!("{}:{}", self.name.current(), self.password.current());
        let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
        Ok(vec![("authorization".to_owned(), value)])
    }
}

#[async_trait]
impl ServerAuth for Server {
    async fn authenticate(
        &self,
        header: &(dyn for<'h> Fn(&'h str) -> Option<String> + Sync),
    ) -> Result<Vec<(String, String)>, String> {
        let value = header("authorization").ok_or("no basic auth provided")?;
        let (scheme, raw) = value
            .split_once(' ')
            .ok_or("invalid authorization format")?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err("invalid authorization scheme".to_owned());
        }
        let pair = BASE64_STANDARD.decode(raw).ok();
        let pair = pair.and_then(|pair| String::from_utf8(pair).ok());
        let pair = pair.ok_or("invalid authorization format")?;
        let (name, password) = pair.split_once(':').ok_or("invalid authorization format")?;
        // What the file said last is shared, not copied: it may have thousands of users.
        let file = self.file.as_ref().map(FollowedFile::current);
        let users = match &file {
            Some(file) if !self.inline.know(name) => file,
            _ => &self.inline,
        };
        if !users.have(name, password) {
            return Err("invalid credentials".to_owned());
        }
        Ok(vec![
            ("username".to_owned(), name.to_owned()),
            ("raw".to_owned(), raw.to_owned()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Services {
        let htpasswd = Htpasswd {
            inline: "ann:apple".into(),
            ..Htpasswd::default()
        };
        let config = Config {
            htpasswd: Some(htpasswd),
            client_auth: None,
        };
        build(&config).expect("builds").offers()
    }

    fn client(password: &str) -> Services {
        let client = ClientCredentials {
            username: "ann".to_owned(),
            password: password.into(),
            ..ClientCredentials::default()
        };
        let config = Config {
            htpasswd: None,
            client_auth: Some(client),
        };
        build(&config).expect("builds").offers()
    }

    async fn answer(value: Option<String>) -> Result<Vec<(String, String)>, String> {
        let server = server().server_auth.expect("is a server's");
        server.authenticate(&move |_| value.clone()).await
    }

    #[tokio::test]
    async fn a_client_sends_what_a_server_takes() {
        let shown = async |password| {
            let client = client(password).client_auth.expect("is a client's");
            let mut sent = client.credentials(None).await.expect("never fails");
            Some(sent.remove(0).1)
        };
        let known = answer(shown("apple").await).await.expect("is let in");
        let expected = [("username", "ann"), ("raw", "YW5uOmFwcGxl")];
        assert_eq!(
            known,
            expected.map(|(key, text)| (key.to_owned(), text.to_owned()))
        );
        let refused = answer(shown("pear").await).await;
        assert_eq!(refused, Err("invalid credentials".to_owned()));
    }

    /// Returns a server that knows so many users from a file, with `ann` changed inline.
    fn server_with_file(name: &str, users: usize) -> Services {
        let name = format!("tapline-users-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let lines = (0..users).map(|at| format!("user-{at}:word-{at}\n"));
        let text = lines.chain(["ann:pear\n".to_owned()]).collect::<String>();
        std::fs::write(&path, text).expect("writes");
        let htpasswd = Htpasswd {
            file: path.display().to_string(),
            inline: "ann:apple".into(),
        };
        let config = Config {
            htpasswd: Some(htpasswd),
            client_auth: None,
        };
        let services = build(&config).expect("builds").offers();
        std::fs::remove_file(&path).expect("is there");
        services
    }

    async fn knows(server: &Services, pair: &str) -> bool {
        let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
        let server = server.server_auth.as_ref().expect("is a server's");
        server
            .authenticate(&move |_| Some(value.clone()))
            .await
            .is_ok()
    }

    #[tokio::test]
    async fn inline_users_win_over_those_of_the_file() {
        let server = server_with_file("both", 2);
        assert!(knows(&server, "user-1:word-1").await && knows(&server, "ann:apple").await);
        assert!(!knows(&server, "ann:pear").await && !knows(&server, "user-2:word-2").await);
    }

    #[tokio::test]
    async fn a_request_costs_the_same_however_many_users_there_are() {
        let mut costs = Vec::new();
        for users in [1, 9_000] {
            let server = server_with_file(&users.to_string(), users);
            let before = std::time::Instant::now();
            for _ in 0..200 {
                assert!(knows(&server, "user-0:word-0").await);
            }
            costs.push(before.elapsed());
        }
        // Copying the users costs a thousand times as much.
        assert!(costs[1] < costs[0] * 50, "{costs:?}");
    }

    #[tokio::test]
    async fn nonsense_is_refused() {
        for value in [
            None,
            Some("Basic"),
            Some("Bearer x"),
            Some("Basic %%"),
            Some("Basic YQ=="),
        ] {
            assert!(answer(value.map(str::to_owned)).await.is_err(), "{value:?}");
        }
    }

    #[test]
    fn exactly_one_side_is_configured() {
        assert_eq!(Config::default().validate().len(), 1);
        let both = Config {
            htpasswd: Some(Htpasswd::default()),
            client_auth: Some(ClientCredentials::default()),
        };
        assert_eq!(both.validate().len(), 1);
    }
}
