//! Users and passwords as Apache's `htpasswd` writes them, as far as that is cheap to check.

use std::collections::HashMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::secrecy::are_equal;

/// How many users there may be.
const USERS_MAX: usize = 10_000;
/// Compared with when nobody has the name, so that the time does not tell.
const NOBODY: Password = Password::Plain(String::new());

/// Users by name.
#[derive(Default)]
pub(super) struct Users(HashMap<String, Password>);

#[derive(PartialEq, Eq)]
enum Password {
    Plain(String),
    /// The base64 of a SHA-1, without salt.
    Sha1(String),
}

/// Reads `name:password` lines.
pub(super) fn parse(text: &str) -> Result<Users, String> {
    let mut users = HashMap::new();
    let lines = text.lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let Some((name, password)) = line.split_once(':') else {
            return Err("a line of it is not `name:password`".to_owned());
        };
        if users.len() == USERS_MAX {
            return Err(format!("it has more than {USERS_MAX} users"));
        }
        users.insert(name.to_owned(), password_of(name, password)?);
    }
    Ok(Users(users))
}

fn password_of(name: &str, text: &str) -> Result<Password, String> {
    let kinds = [
        ("$2", "bcrypt"),
        ("$apr1$", "apr1"),
        ("$1$", "MD5 crypt"),
        ("$5$", "SHA-256 crypt"),
        ("$6$", "SHA-512 crypt"),
        ("{SSHA}", "{SSHA}"),
    ];
    if let Some((_, kind)) = kinds.iter().find(|(start, _)| text.starts_with(start)) {
        return Err(format!(
            "the password of user \"{name}\" is hashed with {kind}, which is not supported by \
             tapline yet; {{SHA}} and plain passwords are"
        ));
    }
    Ok(match text.strip_prefix("{SHA}") {
        Some(hash) => Password::Sha1(hash.to_owned()),
        None => Password::Plain(text.to_owned()),
    })
}

impl Users {
    /// Returns whether somebody has this name.
    pub(super) fn know(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Returns whether somebody has this name and password.
    pub(super) fn have(&self, name: &str, password: &str) -> bool {
        let known = self.0.get(name);
        let fits = match known.unwrap_or(&NOBODY) {
            Password::Plain(plain) => are_equal(plain.as_bytes(), password.as_bytes()),
            Password::Sha1(hash) => {
                let shown = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
                are_equal(hash.as_bytes(), BASE64_STANDARD.encode(shown).as_bytes())
            }
        };
        fits && known.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn plain_and_sha1_passwords_are_checked() {
        let users = parse("# ours\nann:apple\nbob:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n");
        let users = users.unwrap_or_else(|error| panic!("{error}"));
        assert!(users.have("ann", "apple") && users.have("bob", "test"));
        for (name, password) in [("ann", "test"), ("bob", "apple"), ("eve", ""), ("eve", "x")] {
            assert!(!users.have(name, password), "{name}:{password}");
        }
    }

    #[test]
    fn other_hashes_are_refused_by_name() {
        let refusal = |text| parse(text).err().expect("is refused");
        assert!(refusal("ann:$2y$05$abc").contains("user \"ann\" is hashed with bcrypt"));
        assert!(refusal("ann:$apr1$abc").contains("apr1"));
        assert!(!refusal("secret").contains("secret"));
    }
}
