//! What rides on HTTP: searches, GraphQL and calls of models, known by path and proved by bodies.
//!
//! A `Watch` is made for the few requests whose head looks like one of these. It keeps the
//! beginning and the end of both bodies, within bounds, and is read when the exchange is over.
//! Whatever is not proved by then stays plain HTTP. Nothing of a body leaves here but names,
//! numbers and a text without values. It knows nothing of framing: who calls it has taken that off.

mod body;
pub mod genai;
pub mod graphql;
mod json;
pub mod search;

pub use body::{BYTES_MAX, Body};

use crate::http;

/// What an exchange was besides HTTP.
#[derive(Debug, Clone, PartialEq)]
pub enum Application {
    /// An operation on Elasticsearch or OpenSearch.
    Search(search::Operation),
    /// An operation of GraphQL.
    GraphQl(graphql::Operation),
    /// A call of a generative model.
    GenAi(genai::Call),
}

/// The floats in it are read from text and never NaN.
impl Eq for Application {}

/// What a request may turn out to be.
#[derive(Debug, Clone)]
enum Kind {
    Search(search::Endpoint),
    GraphQl,
    GenAi(genai::Api),
}

/// Follows one exchange that may be more than HTTP.
#[derive(Debug, Clone)]
pub struct Watch {
    kind: Kind,
    /// The body of the request.
    pub asked: Body,
    /// The body of the response.
    pub told: Body,
}

impl Watch {
    /// Looks at the head of a request. Costs a few comparisons for what is none of these.
    pub fn of(method: &str, target: &str, user_agent: Option<&str>) -> Option<Box<Self>> {
        let path = path(target);
        let kind = if let Some(api) = genai::Api::of(method, path) {
            Kind::GenAi(api)
        } else if graphql::may_be(method, path) {
            Kind::GraphQl
        } else {
            Kind::Search(search::Endpoint::of(method, path, user_agent)?)
        };
        Some(Box::new(Self {
            kind,
            asked: Body::default(),
            told: Body::default(),
        }))
    }

    /// Returns how many bytes are held.
    pub fn held(&self) -> usize {
        self.asked.held() + self.told.held()
    }

    /// Reads what was kept, now that the exchange is over.
    pub fn finish(mut self, exchange: &http::Exchange) -> Option<Box<Application>> {
        self.told.inflate();
        let application = match self.kind {
            Kind::Search(endpoint) => {
                Application::Search(search::read(endpoint, exchange, &self.asked, &self.told)?)
            }
            Kind::GraphQl => {
                Application::GraphQl(graphql::read(exchange, &self.asked, &self.told)?)
            }
            Kind::GenAi(api) => {
                Application::GenAi(genai::read(api, exchange, &self.asked, &self.told)?)
            }
        };
        Some(Box::new(application))
    }
}

/// Returns the path of a target in origin or absolute form.
fn path(target: &str) -> &str {
    let target = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            rest.find('/').map_or("/", |start| &rest[start..])
        }
        _ => target,
    };
    target.split('?').next().unwrap_or(target)
}
