//! A jar for the cookies of load balancers: name and value, per host.
//!
//! Domains wider than the host and paths are ignored: a cookie goes back exactly to where it came
//! from. Nothing is written to disk.

use std::sync::Mutex;

use http::{
    HeaderMap, HeaderValue, Uri,
    header::{COOKIE, SET_COOKIE},
};

/// How many cookies are kept.
const COOKIES_MAX: usize = 64;
/// How long a cookie may be.
const COOKIE_BYTES_MAX: usize = 4 << 10;

#[derive(Debug, Default)]
pub(super) struct Cookies {
    jar: Mutex<Vec<Cookie>>,
}

#[derive(Debug)]
struct Cookie {
    host: String,
    name: String,
    value: String,
    only_tls: bool,
}

impl Cookies {
    /// Remembers what an answer set, and forgets what it took back.
    pub(super) fn learn_from(&self, headers: &HeaderMap, url: &Uri) {
        let host = url.host().unwrap_or_default();
        let mut jar = self.jar.lock().expect("no holder panics");
        for value in headers.get_all(SET_COOKIE) {
            let Some((cookie, lives)) = value.to_str().ok().and_then(|it| parse(host, it)) else {
                continue;
            };
            jar.retain(|old| (&old.host, &old.name) != (&cookie.host, &cookie.name));
            if lives && jar.len() < COOKIES_MAX {
                jar.push(cookie);
            }
        }
    }

    /// Adds the cookies of a host to a request for it.
    pub(super) fn add_to(&self, headers: &mut HeaderMap, url: &Uri) {
        let host = url.host().unwrap_or_default();
        let is_tls = url.scheme_str() == Some("https");
        let jar = self.jar.lock().expect("no holder panics");
        let fitting = jar
            .iter()
            .filter(|cookie| cookie.host == host && (is_tls || !cookie.only_tls));
        let pairs: Vec<_> = fitting
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        if pairs.is_empty() {
            return;
        }
        if let Ok(mut value) = HeaderValue::from_str(&pairs.join("; ")) {
            value.set_sensitive(true);
            headers.append(COOKIE, value);
        }
    }
}

/// Reads one `Set-Cookie`; returns also whether it sets, or takes back.
fn parse(host: &str, text: &str) -> Option<(Cookie, bool)> {
    if text.len() > COOKIE_BYTES_MAX {
        return None;
    }
    let mut parts = text.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let (mut only_tls, mut lives) = (false, true);
    for attribute in parts {
        let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        match key.to_ascii_lowercase().as_str() {
            "secure" => only_tls = true,
            "max-age" => lives = !value.starts_with('-') && value != "0",
            _ => {}
        }
    }
    let cookie = Cookie {
        host: host.to_owned(),
        name: name.to_owned(),
        value: value.to_owned(),
        only_tls,
    };
    (!name.is_empty()).then_some((cookie, lives))
}

#[cfg(test)]
mod tests {
    use http::{
        HeaderMap, Uri,
        header::{COOKIE, SET_COOKIE},
    };

    use super::Cookies;

    fn sent(cookies: &Cookies, url: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        cookies.add_to(&mut headers, &url.parse().expect("is a URL"));
        Some(headers.get(COOKIE)?.to_str().expect("is text").to_owned())
    }

    #[test]
    fn cookies_go_back_to_their_host_only() {
        let cookies = Cookies::default();
        let url: Uri = "https://a/v1".parse().expect("is a URL");
        let learn = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(SET_COOKIE, text.parse().expect("is a value"));
            cookies.learn_from(&headers, &url);
        };
        learn("lb=node1; Path=/; HttpOnly");
        learn("key=x; Secure");
        learn("nonsense");
        assert_eq!(
            sent(&cookies, "https://a/v1").as_deref(),
            Some("lb=node1; key=x")
        );
        assert_eq!(sent(&cookies, "http://a/v1").as_deref(), Some("lb=node1"));
        assert_eq!(sent(&cookies, "https://b/v1"), None);
        learn("lb=node2");
        learn("key=; Max-Age=0");
        assert_eq!(sent(&cookies, "https://a/v1").as_deref(), Some("lb=node2"));
    }
}
