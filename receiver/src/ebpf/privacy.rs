//! The `privacy` block: what of a message may be told beyond what it is.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_protocols::{
    redact::Query,
    wanted::{NAMES_MAX, NOTHING, Wanted},
};

/// What may be told of messages. Bodies, rows, keys and literals of statements never are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrivacyConfig {
    /// What is told of the query of a URL.
    pub url_query: UrlQuery,
    /// Further parts of names whose values are secrets, for `url_query: scrubbed`.
    pub sensitive_parameters: Vec<String>,
    /// Headers of requests that are told as `http.request.header.NAME`.
    pub request_headers: Vec<String>,
    /// Headers of responses that are told as `http.response.header.NAME`.
    pub response_headers: Vec<String>,
    /// Keys of entries of W3C `baggage` that spans of HTTP servers and clients tell as
    /// `baggage.KEY`.
    pub baggage: Vec<String>,
    /// Whether statements are told as `db.query.text`, without their literals.
    pub query_text: QueryText,
}

/// What is told of the query of a URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UrlQuery {
    /// Nothing.
    None,
    /// Names of parameters; every value is `REDACTED`.
    #[default]
    Keys,
    /// Names and values; values of names that sound like secrets are `REDACTED`.
    Scrubbed,
    /// All of it, secrets included.
    Full,
}

/// What is told of statements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QueryText {
    /// Their summary only.
    Off,
    /// Their text too, with a placeholder for each literal.
    #[default]
    Sanitized,
}

/// The settings as they are used.
#[derive(Clone, Debug)]
pub(crate) struct Privacy {
    url_query: UrlQuery,
    sensitive: Vec<String>,
    /// The headers that may be told.
    pub(crate) wanted: &'static Wanted,
    /// The entries of baggage that may be told.
    pub(crate) baggage: Vec<String>,
    /// What is told of statements.
    pub(crate) query_text: QueryText,
}

impl Default for Privacy {
    fn default() -> Self {
        Self::new(&PrivacyConfig::default())
    }
}

impl Privacy {
    /// Prepares settings for use.
    pub(crate) fn new(config: &PrivacyConfig) -> Self {
        let lower = |names: &[String]| -> Vec<String> {
            names.iter().map(|name| name.to_ascii_lowercase()).collect()
        };
        Self {
            url_query: config.url_query,
            sensitive: lower(&config.sensitive_parameters),
            wanted: wanted(
                lower(&config.request_headers),
                lower(&config.response_headers),
            ),
            baggage: config.baggage.clone(),
            query_text: config.query_text,
        }
    }

    /// Returns what is kept of queries.
    pub(crate) fn query(&self) -> Query<'_> {
        match self.url_query {
            UrlQuery::None => Query::None,
            UrlQuery::Keys => Query::Keys,
            UrlQuery::Scrubbed => Query::Scrubbed(&self.sensitive),
            UrlQuery::Full => Query::Full,
        }
    }
}

/// Gives lists a life as long as the program's, each pair of them once: parsers that outlive a
/// reload still refer to them.
fn wanted(request: Vec<String>, response: Vec<String>) -> &'static Wanted {
    type Lists = HashMap<(Vec<String>, Vec<String>), &'static Wanted>;
    static KNOWN: Mutex<Option<Lists>> = Mutex::new(None);
    if request.is_empty() && response.is_empty() {
        return &NOTHING;
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    known
        .entry((request, response))
        .or_insert_with_key(|(request, response)| {
            Box::leak(Box::new(Wanted {
                request: request.clone(),
                response: response.clone(),
            }))
        })
}

impl PrivacyConfig {
    /// Returns what is wrong, by setting.
    pub(crate) fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let lists = [
            ("request_headers", &self.request_headers),
            ("response_headers", &self.response_headers),
            ("baggage", &self.baggage),
        ];
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        for (list, names) in lists {
            if names.len() > NAMES_MAX {
                let message = format!("has more than {NAMES_MAX} names");
                problems.push((list.to_owned(), message));
            }
            let is_name = |name: &str| !name.is_empty() && name.bytes().all(is_token);
            for (index, _) in names.iter().enumerate().filter(|(_, name)| !is_name(name)) {
                let message = "is not the name of a header".to_owned();
                problems.push((format!("{list}::{index}"), message));
            }
        }
        let empty = |(_, name): &(usize, &String)| name.is_empty();
        for (index, _) in self.sensitive_parameters.iter().enumerate().filter(empty) {
            let message = "is empty and would fit every name".to_owned();
            problems.push((format!("sensitive_parameters::{index}"), message));
        }
        problems
    }
}
