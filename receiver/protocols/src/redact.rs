//! Takes secrets out of request targets before anything else sees them.
//!
//! Every function is linear in its input. Which of them applies is the caller's policy.

use std::borrow::Cow;

/// What stands for a value that was taken out.
pub const REDACTED: &str = "REDACTED";

/// The most parameters of a query that are kept; the rest is dropped whole.
pub const QUERY_PARAMETERS: usize = 64;

/// What is kept of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Query<'a> {
    /// Nothing: not even that there was one.
    None,
    /// Keys, in their order.
    Keys,
    /// Keys and values, but for the values of names that sound like secrets, or have one of these
    /// words in them, in lower case.
    Scrubbed(&'a [String]),
    /// All of it.
    Full,
}

/// Parts of names whose values are secrets more often than not, in lower case. `sig` and `code`
/// stand for themselves only, because they are parts of harmless names.
const SECRET_PARTS: [&str; 19] = [
    "token",
    "secret",
    "passw",
    "pwd",
    "auth",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "accesskey",
    "private_key",
    "signature",
    "session",
    "jwt",
    "credential",
    "cookie",
    "csrf",
    "xsrf",
    "email",
];
const SECRET_NAMES: [&str; 9] = [
    "sig", "code", "key", "sid", "pin", "otp", "pass", "nonce", "state",
];

impl Query<'_> {
    /// Returns what is kept of a query.
    pub fn of(self, query: &str) -> Option<String> {
        match self {
            Self::None => None,
            Self::Keys => Some(replace(query, |_| true)),
            Self::Scrubbed(words) => Some(replace(query, |key| is_secret(key, words))),
            Self::Full => Some(query.to_owned()),
        }
    }
}

fn is_secret(key: &str, words: &[String]) -> bool {
    // An escaped name could be any.
    if key.contains('%') {
        return true;
    }
    let key = key.to_ascii_lowercase();
    SECRET_NAMES.contains(&key.as_str())
        || SECRET_PARTS.iter().any(|part| key.contains(part))
        || words.iter().any(|word| key.contains(word.as_str()))
}

/// Replaces the value of every parameter of a query, keeping the keys and their order.
///
/// A parameter without `=` may be a secret itself, so it is replaced whole.
pub fn query(query: &str) -> String {
    replace(query, |_| true)
}

fn replace(query: &str, is_secret: impl Fn(&str) -> bool) -> String {
    let mut kept = String::with_capacity(query.len().min(256));
    for (index, parameter) in query.split('&').take(QUERY_PARAMETERS).enumerate() {
        if index > 0 {
            kept.push('&');
        }
        match parameter.split_once('=') {
            Some((key, "")) => {
                kept.push_str(key);
                kept.push('=');
            }
            Some((key, value)) => {
                kept.push_str(key);
                kept.push('=');
                kept.push_str(if is_secret(key) { REDACTED } else { value });
            }
            None if parameter.is_empty() => {}
            None => kept.push_str(REDACTED),
        }
    }
    kept
}

/// Splits a request target into path and query, both without scheme, authority and fragment.
///
/// `*` and authority-form targets have no path; they come back whole.
pub fn split_target(target: &str) -> (&str, Option<&str>) {
    let local = match authority(target) {
        Some((_, end)) => &target[end..],
        None => target,
    };
    let (path, query) = match memchr::memchr2(b'?', b'#', local.as_bytes()) {
        None => (local, None),
        Some(end) if local.as_bytes()[end] == b'#' => (&local[..end], None),
        Some(end) => {
            let query = &local[end + 1..];
            let end_of_query = memchr::memchr(b'#', query.as_bytes()).unwrap_or(query.len());
            (&local[..end], Some(&query[..end_of_query]))
        }
    };
    let path = if path.is_empty() { "/" } else { path };
    (path, query)
}

/// Removes `user:password@` from an absolute URL.
pub fn strip_userinfo(target: &str) -> Cow<'_, str> {
    let Some((start, end)) = authority(target) else {
        return Cow::Borrowed(target);
    };
    match target[start..end].rfind('@') {
        Some(at) => Cow::Owned([&target[..start], &target[start + at + 1..]].concat()),
        None => Cow::Borrowed(target),
    }
}

/// Returns scheme and authority of an absolute URL, the authority without userinfo.
pub fn split_authority(target: &str) -> Option<(&str, &str)> {
    let (start, end) = authority(target)?;
    let whole = &target[start..end];
    let host = whole.rsplit_once('@').map_or(whole, |(_, host)| host);
    Some((&target[..start - "://".len()], host))
}

/// Finds the authority in `scheme://authority/...`: where it starts and where it ends.
fn authority(target: &str) -> Option<(usize, usize)> {
    if !target.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return None;
    }
    let scheme = target
        .bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        .count();
    if !target[scheme..].starts_with("://") {
        return None;
    }
    let start = scheme + "://".len();
    let end = target[start..]
        .find(['/', '?', '#'])
        .map_or(target.len(), |length| start + length);
    Some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_keys_and_replaces_values() {
        assert_eq!(query("a=1&b=two&b=3"), "a=REDACTED&b=REDACTED&b=REDACTED");
        assert_eq!(query("a=x=y"), "a=REDACTED");
        assert_eq!(query("a=&b=1"), "a=&b=REDACTED");
    }

    #[test]
    fn keeps_as_much_of_a_query_as_it_is_told() {
        let words = ["tenant".to_owned()];
        let given = "q=shoes&API_KEY=k1&X-Amz-Signature=s&code=c&tenant_id=7&tok%65n=t&page=2&bare";
        for (mode, kept) in [
            (Query::None, None),
            (
                Query::Keys,
                Some(
                    "q=REDACTED&API_KEY=REDACTED&X-Amz-Signature=REDACTED&code=REDACTED\
                     &tenant_id=REDACTED&tok%65n=REDACTED&page=REDACTED&REDACTED",
                ),
            ),
            (
                Query::Scrubbed(&words),
                Some(
                    "q=shoes&API_KEY=REDACTED&X-Amz-Signature=REDACTED&code=REDACTED\
                     &tenant_id=REDACTED&tok%65n=REDACTED&page=2&REDACTED",
                ),
            ),
            (Query::Full, Some(given)),
        ] {
            assert_eq!(mode.of(given).as_deref(), kept, "{mode:?}");
        }
    }

    #[test]
    fn replaces_parameters_without_a_key() {
        assert_eq!(query("s3cr3t"), "REDACTED");
        assert_eq!(query("a=1&s3cr3t&&"), "a=REDACTED&REDACTED&&");
        assert_eq!(query(""), "");
    }

    #[test]
    fn drops_parameters_beyond_the_bound() {
        let long = "k=v&".repeat(QUERY_PARAMETERS + 10);
        assert_eq!(query(&long).matches("k=REDACTED").count(), QUERY_PARAMETERS);
    }

    #[test]
    fn splits_every_form_of_target() {
        assert_eq!(split_target("/a/b?c=d?e#f"), ("/a/b", Some("c=d?e")));
        assert_eq!(split_target("/a#b?c"), ("/a", None));
        assert_eq!(split_target("http://u:p@h:80/a?b"), ("/a", Some("b")));
        assert_eq!(split_target("http://h?b"), ("/", Some("b")));
        assert_eq!(split_target("*"), ("*", None));
        assert_eq!(split_target("h:443"), ("h:443", None));
        assert_eq!(
            split_target("/go?to=http://u:p@h/"),
            ("/go", Some("to=http://u:p@h/"))
        );
    }

    #[test]
    fn strips_userinfo_of_absolute_urls_only() {
        assert_eq!(strip_userinfo("http://u:p@h/a@b"), "http://h/a@b");
        assert_eq!(strip_userinfo("http://u@p@h"), "http://h");
        assert_eq!(strip_userinfo("http://h/a@b?c@d"), "http://h/a@b?c@d");
        assert_eq!(strip_userinfo("/a@b"), "/a@b");
    }

    #[test]
    fn names_scheme_and_authority() {
        assert_eq!(
            split_authority("HTTPS://u:p@[::1]:8/x"),
            Some(("HTTPS", "[::1]:8"))
        );
        assert_eq!(split_authority("h:443"), None);
        assert_eq!(split_authority("//h/x"), None);
    }
}
