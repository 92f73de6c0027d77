//! Where a redirected request goes, and what it must not take along.

use http::{
    HeaderMap, StatusCode, Uri,
    header::{AUTHORIZATION, COOKIE, LOCATION, WWW_AUTHENTICATE},
    uri::PathAndQuery,
};

/// How many requests one post may become, as in Go.
pub(super) const HOPS_MAX: usize = 10;

/// Returns where an answer sends the same request, if it does.
pub(super) fn target(from: &Uri, status: StatusCode, headers: &HeaderMap) -> Option<Uri> {
    let keeps_method = [
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    if !keeps_method.contains(&status) {
        return None;
    }
    let location = headers.get(LOCATION)?.to_str().ok()?;
    let to: Uri = if let Some(rest) = location.strip_prefix("//") {
        format!("{}://{rest}", from.scheme_str()?).parse().ok()?
    } else if location.starts_with('/') {
        let mut parts = from.clone().into_parts();
        parts.path_and_query = Some(location.parse::<PathAndQuery>().ok()?);
        Uri::from_parts(parts).ok()?
    } else {
        location.parse().ok()?
    };
    // Never from TLS to plain text, where Go goes: credentials and telemetry would be readable.
    let is_weaker = from.scheme_str() == Some("https") && to.scheme_str() != Some("https");
    let is_http = matches!(to.scheme_str(), Some("http" | "https"));
    (is_http && to.host().is_some() && !is_weaker).then_some(to)
}

/// Takes away what only the first host may see.
pub(super) fn strip_secrets(headers: &mut HeaderMap, from: &Uri, to: &Uri) {
    if from.authority() == to.authority() {
        return;
    }
    for name in [AUTHORIZATION, COOKIE, WWW_AUTHENTICATE] {
        headers.remove(name);
    }
    headers.remove(http::header::HOST);
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode, header::LOCATION};

    use super::target;

    #[test]
    fn only_redirects_that_keep_the_body_are_followed() {
        let cases = [
            (307, "http://b:2/x", Some("http://b:2/x")),
            (308, "/x?y", Some("https://a:1/x?y")),
            (307, "//b/x", Some("https://b/x")),
            (307, "https://b/x", Some("https://b/x")),
            (302, "https://b/x", None),
            (307, "ftp://b/x", None),
            (307, "x", None),
        ];
        for (status, location, expected) in cases {
            let from = if location.starts_with("http://") {
                "http://a:1/v1/traces"
            } else {
                "https://a:1/v1/traces"
            };
            let from = from.parse().expect("is a URL");
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, location.parse().expect("is a value"));
            let status = StatusCode::from_u16(status).expect("is a status");
            let to = target(&from, status, &headers).map(|to| to.to_string());
            assert_eq!(to.as_deref(), expected, "{status} {location}");
        }
    }

    #[test]
    fn tls_is_never_given_up() {
        let from = "https://a/v1/traces".parse().expect("is a URL");
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, "http://a/".parse().expect("is a value"));
        assert_eq!(
            target(&from, StatusCode::PERMANENT_REDIRECT, &headers),
            None
        );
    }
}
