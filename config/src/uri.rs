//! `scheme:opaque`, as `--config` and `${…}` name what is to be read.
//!
//! This module must not know how anything is fetched.

use crate::suggest;

/// The schemes that configurations in the wild name and tapline does not have.
const FOREIGN_SCHEMES: &[&str] = &[
    "aes",
    "googlesecretmanager",
    "s3",
    "secretsmanager",
    "vault",
];

/// The schemes that there are, in the order in which they are listed.
const SCHEMES: &[(&str, Scheme)] = &[
    ("file", Scheme::File),
    ("env", Scheme::Env),
    ("yaml", Scheme::Yaml),
    ("http", Scheme::Http),
    ("https", Scheme::Https),
];

/// Who is asked for the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// A file, by its path.
    File,
    /// An environment variable, by its name.
    Env,
    /// Nobody: the text follows.
    Yaml,
    /// A server, in plain text.
    Http,
    /// A server, over TLS.
    Https,
}

/// What is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uri {
    /// Who is asked.
    pub scheme: Scheme,
    /// For what.
    pub opaque: String,
}

/// Why a text names nothing that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UriError {
    message: String,
    /// What to write instead.
    pub(crate) hint: Option<String>,
}

impl Uri {
    /// Reads what `--config` is given: a path, unless it begins with a scheme.
    ///
    /// One letter before the colon is a Windows drive, not a scheme.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        let is_drive = text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
            && text.as_bytes().get(1) == Some(&b':');
        if is_drive || !text.contains(':') {
            return Ok(Self {
                scheme: Scheme::File,
                opaque: text.to_owned(),
            });
        }
        Self::with_scheme(text)
    }

    /// Reads a text that must begin with a scheme.
    pub(crate) fn with_scheme(text: &str) -> Result<Self, UriError> {
        let (scheme, opaque) = text.split_once(':').unwrap_or_default();
        if !is_scheme(scheme) {
            return Err(UriError {
                message: "it begins with no scheme such as `file:`".to_owned(),
                hint: Some(format!("write `file:{}` for a file", without_secrets(text))),
            });
        }
        if let Some((_, scheme)) = SCHEMES.iter().find(|(name, _)| *name == scheme) {
            return Ok(Self {
                scheme: *scheme,
                opaque: opaque.to_owned(),
            });
        }
        let names = SCHEMES.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        let hint = match suggest::nearest(scheme, names.iter().copied()) {
            Some(name) => format!("did you mean `{name}:`?"),
            None => format!("known: {}", suggest::listed(&names)),
        };
        let message = if FOREIGN_SCHEMES.contains(&scheme) {
            format!("scheme `{scheme}` is not supported by tapline")
        } else {
            format!("scheme `{scheme}` is not known")
        };
        Err(UriError {
            message,
            hint: Some(hint),
        })
    }

    /// Returns the path, if this is a file.
    pub fn file_path(&self) -> Option<&str> {
        (self.scheme == Scheme::File).then_some(self.opaque.as_str())
    }

    /// Returns the URI for a server, whole.
    pub(crate) fn url(&self) -> String {
        format!("{}:{}", self.scheme.name(), self.opaque)
    }

    /// Returns the URI as it may be shown: without user, password and query.
    pub(crate) fn shown(&self) -> String {
        match self.scheme {
            Scheme::File => self.opaque.clone(),
            _ => without_secrets(&self.url()),
        }
    }
}

impl Scheme {
    /// Returns the scheme as it is written.
    pub fn name(self) -> &'static str {
        let found = SCHEMES.iter().find(|(_, scheme)| *scheme == self);
        found.map_or("", |(name, _)| name)
    }
}

fn is_scheme(text: &str) -> bool {
    let mut letters = text.chars();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && text.len() >= 2
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-'))
}

/// Cuts out of a URL what may be a secret: what stands before `@`, and what follows `?`.
fn without_secrets(url: &str) -> String {
    let (address, query) = match url.split_once('?') {
        Some((address, _)) if address.contains("://") => (address, "?…"),
        _ => (url, ""),
    };
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned() + query;
    };
    let host = rest.find('/').unwrap_or(rest.len());
    let start = rest[..host].rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}{query}", &rest[start..])
}

#[cfg(test)]
mod tests {
    use super::{Scheme, Uri};

    #[test]
    fn a_path_needs_no_scheme_and_a_drive_is_none() {
        let table = [
            ("a.yaml", Scheme::File, "a.yaml"),
            ("/etc/a.yaml", Scheme::File, "/etc/a.yaml"),
            (r"C:\a.yaml", Scheme::File, r"C:\a.yaml"),
            ("c:/a.yaml", Scheme::File, "c:/a.yaml"),
            ("file:a.yaml", Scheme::File, "a.yaml"),
            ("file:/a:b.yaml", Scheme::File, "/a:b.yaml"),
            ("env:NAME", Scheme::Env, "NAME"),
            (
                "yaml:exporters::debug::verbosity: detailed",
                Scheme::Yaml,
                "exporters::debug::verbosity: detailed",
            ),
            ("yaml:a:\n b: 1", Scheme::Yaml, "a:\n b: 1"),
            ("http://h/x.yaml", Scheme::Http, "//h/x.yaml"),
            ("https://h/x.yaml", Scheme::Https, "//h/x.yaml"),
        ];
        for (text, scheme, opaque) in table {
            let uri = Uri::parse(text).expect(text);
            assert_eq!(
                (uri.scheme, uri.opaque.as_str()),
                (scheme, opaque),
                "{text}"
            );
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_scheme() {
        let table = [
            ("fil:/a", "scheme `fil` is not known", "known: `file`, "),
            (
                "htps://a",
                "scheme `htps` is not known",
                "did you mean `http",
            ),
            (
                "s3://b/c",
                "scheme `s3` is not supported by tapline",
                "known: ",
            ),
            (
                "/a:b.yaml",
                "it begins with no scheme",
                "write `file:/a:b.yaml`",
            ),
            (":x", "it begins with no scheme", "write `file::x`"),
        ];
        for (text, message, hint) in table {
            let error = Uri::parse(text).expect_err(text);
            assert!(error.to_string().contains(message), "{text}: {error}");
            let said = error.hint.unwrap_or_default();
            assert!(said.contains(hint), "{text}: {said}");
        }
    }

    #[test]
    fn shows_no_credentials() {
        let shown = |text| Uri::parse(text).expect("a URI").shown();
        assert_eq!(shown("http://u:p@h:1/a@b?token=c"), "http://h:1/a@b?…");
        assert_eq!(shown("https://h/a"), "https://h/a");
    }
}
