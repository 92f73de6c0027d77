//! CORS: which web pages of other origins may send requests and see the answers.

use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS as ALLOW_CREDENTIALS,
        ACCESS_CONTROL_ALLOW_HEADERS as ALLOW_HEADERS,
        ACCESS_CONTROL_ALLOW_METHODS as ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN as ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS as EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE as MAX_AGE,
        ACCESS_CONTROL_REQUEST_HEADERS as REQUEST_HEADERS,
        ACCESS_CONTROL_REQUEST_METHOD as REQUEST_METHOD, ORIGIN, VARY,
    },
    request::Parts,
};

use super::server::Answer;

/// Headers that any page may send.
const SAFE_HEADERS: [&str; 5] = [
    "accept",
    "accept-language",
    "content-language",
    "content-type",
    "x-requested-with",
];

/// Methods that pages may use.
const METHODS: [&str; 3] = ["GET", "POST", "HEAD"];

/// Who may do what. Credentials are always allowed, as in the Collector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// Origins, compared without case; one `*` in each stands for any text.
    pub origins: Vec<String>,
    /// Headers that pages may send beside the safe ones; `*` allows all.
    pub headers: Vec<String>,
    /// Headers of answers that pages may see.
    pub exposed: Vec<String>,
    /// How many seconds a browser may remember this; 0 leaves it to the browser.
    pub max_age_seconds: u64,
}

impl Cors {
    /// Answers a preflight request; any other request is not for us.
    pub(super) fn preflight(&self, head: &Parts) -> Option<Answer> {
        let method = head.headers.get(REQUEST_METHOD)?;
        if head.method != Method::OPTIONS {
            return None;
        }
        let mut answer = Answer::default();
        *answer.status_mut() = StatusCode::NO_CONTENT;
        let answered = answer.headers_mut();
        for asked in [ORIGIN, REQUEST_METHOD, REQUEST_HEADERS] {
            answered.append(VARY, asked.into());
        }
        let wanted = head.headers.get(REQUEST_HEADERS);
        let is_method = METHODS.iter().any(|known| method == known);
        let is_fine = is_method && wanted.is_none_or(|wanted| self.allows_headers(wanted));
        if let Some(origin) = self.allowed_origin(&head.headers)
            && is_fine
        {
            answered.insert(ALLOW_ORIGIN, origin.clone());
            answered.insert(ALLOW_METHODS, method.clone());
            answered.insert(ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            if let Some(wanted) = wanted {
                answered.insert(ALLOW_HEADERS, wanted.clone());
            }
            if self.max_age_seconds > 0 {
                answered.insert(MAX_AGE, self.max_age_seconds.into());
            }
        }
        Some(answer)
    }

    /// Adds what lets a page see the answer to its request.
    pub(super) fn complete(&self, origin: Option<&HeaderValue>, answered: &mut HeaderMap) {
        answered.append(VARY, HeaderValue::from_name(ORIGIN));
        let Some(origin) = origin.filter(|origin| self.allows_origin(origin)) else {
            return;
        };
        answered.insert(ALLOW_ORIGIN, origin.clone());
        answered.insert(ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        if !self.exposed.is_empty()
            && let Ok(exposed) = HeaderValue::from_str(&self.exposed.join(", "))
        {
            answered.insert(EXPOSE_HEADERS, exposed);
        }
    }

    fn allowed_origin<'h>(&self, headers: &'h HeaderMap) -> Option<&'h HeaderValue> {
        headers
            .get(ORIGIN)
            .filter(|origin| self.allows_origin(origin))
    }

    fn allows_origin(&self, origin: &HeaderValue) -> bool {
        let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
        self.origins.iter().any(|allowed| {
            let allowed = allowed.to_ascii_lowercase();
            match allowed.split_once('*') {
                None => allowed == origin,
                Some((start, end)) => origin
                    .strip_prefix(start)
                    .is_some_and(|rest| rest.ends_with(end)),
            }
        })
    }

    fn allows_headers(&self, wanted: &HeaderValue) -> bool {
        let wanted = wanted.to_str().unwrap_or("*");
        let allows = |name: &str| {
            SAFE_HEADERS
                .iter()
                .any(|safe| safe.eq_ignore_ascii_case(name))
                || self
                    .headers
                    .iter()
                    .any(|known| known == "*" || known.eq_ignore_ascii_case(name))
        };
        wanted
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .all(allows)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::Cors;

    #[test]
    fn one_star_stands_for_any_text() {
        let cors = Cors {
            origins: vec![
                "https://*.example.com".to_owned(),
                "http://exact".to_owned(),
            ],
            ..Cors::default()
        };
        let allows = |origin: &'static str| cors.allows_origin(&HeaderValue::from_static(origin));
        assert!(allows("https://shop.example.com"));
        assert!(allows("HTTP://EXACT"));
        assert!(!allows("https://example.com"));
        assert!(!allows("https://shop.example.com.evil"));
    }
}
