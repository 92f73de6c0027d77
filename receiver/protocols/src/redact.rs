//! Takes secrets out of request targets before anything else sees them.
//!
//! Every function is linear in its input. Which of them applies is the caller's policy.

use std::borrow::Cow;

/// What stands for a value that was taken out.
pub const REDACTED: &str = "REDACTED";

/// The most parameters of a query that are kept; the rest is dropped whole.
pub const QUERY_PARAMETERS: usize = 64;

/// Replaces the value of every parameter of a query, keeping the keys and their order.
///
/// A parameter without `=` may be a secret itself, so it is replaced whole.
pub fn query(query: &str) -> String {
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
            Some((key, _)) => {
                kept.push_str(key);
                kept.push('=');
                kept.push_str(REDACTED);
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
    let local = local.split_once('#').map_or(local, |(local, _)| local);
    let (path, query) = match local.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (local, None),
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
