//! `zpages`: what the process is made of and how it is doing, as pages for a person.
//!
//! The Collector's pages at its paths: small HTML without scripts, or JSON with `?format=json`.
//! tapline makes no spans about itself, so `tracez` says that there are none.

mod facts;
mod page;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_config::{Extended, HttpServerConfig, Node, Problems, decode_into};
use tapline_net::http::{Answer, Handler, Request, ServerSettings};
use tapline_pipeline::{Extension, StartError, Stop, Work};

use self::facts::Facts;
use super::server;
use crate::host_view::HostView;

/// Where `zpages` listens unless told otherwise.
const ENDPOINT: &str = "localhost:55679";
/// All that may be written.
pub(crate) type Written = Extended<HttpServerConfig, Own>;

const OWN_KEYS: [&str; 1] = ["expvar"];

/// What was decided.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    server: HttpServerConfig,
    has_expvar: bool,
}

/// The extension's own keys: those of the server stand beside them.
#[derive(Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Own {
    /// Plain numbers as JSON, under `/debug/expvarz`.
    expvar: Expvar,
}

/// The page of plain numbers.
#[derive(Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Expvar {
    /// Whether the page is there.
    enabled: bool,
}

impl Config {
    /// Reads the block, adding every mistake to a list.
    pub(crate) fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let (server, own) = server::read(node, &OWN_KEYS, ENDPOINT, problems);
        let own = if own.is_null() {
            Own::default()
        } else {
            decode_into(&own, problems)?
        };
        Some(Self {
            server: server?,
            has_expvar: own.expvar.enabled,
        })
    }
}

/// Builds the extension: reads certificates. It listens when it is started.
pub(crate) fn build(config: &Config, host: &HostView) -> Result<Arc<dyn Extension>, String> {
    Ok(Arc::new(Zpages {
        settings: server::settings(&config.server)?,
        config: config.clone(),
        host: host.clone(),
    }))
}

struct Zpages {
    config: Config,
    settings: ServerSettings,
    host: HostView,
}

#[async_trait]
impl Extension for Zpages {
    async fn start(self: Arc<Self>, stop: Stop) -> Result<Option<Work>, StartError> {
        let listener = server::listen(&self.config.server).await?;
        let handler = Arc::<Self>::clone(&self);
        let settings = self.settings.clone();
        Ok(Some(server::work(listener, settings, handler, stop)))
    }
}

#[async_trait]
impl Handler for Zpages {
    async fn handle(&self, request: Request) -> Answer {
        let uri = &request.head.uri;
        let query = uri.query().unwrap_or_default();
        self.answer(&request.head.method, uri.path(), query)
    }
}

impl Zpages {
    fn answer(&self, method: &Method, path: &str, query: &str) -> Answer {
        const HTML: &str = "text/html; charset=utf-8";
        const JSON: &str = "application/json";
        if method != Method::GET && method != Method::HEAD {
            let text = "GET only\n".to_owned();
            return server::answer(StatusCode::METHOD_NOT_ALLOWED, "text/plain", text);
        }
        let facts = Facts::of(&self.host);
        let page = match path {
            "/" | "/debug" | "/debug/" | "/debug/servicez" => facts.service(),
            "/debug/pipelinez" => facts.pipelines(),
            "/debug/extensionz" => facts.extensions(),
            "/debug/featurez" => facts.features(),
            "/debug/tracez" => Facts::traces(),
            "/debug/expvarz" if self.config.has_expvar => {
                let numbers = facts.numbers().to_string();
                return server::answer(StatusCode::OK, JSON, numbers);
            }
            _ => {
                let text = "no such page: see /debug/servicez\n".to_owned();
                return server::answer(StatusCode::NOT_FOUND, "text/plain", text);
            }
        };
        if server::parameter(query, "format").as_deref() == Some("json") {
            server::answer(StatusCode::OK, JSON, page.json().to_string())
        } else {
            server::answer(StatusCode::OK, HTML, page.html())
        }
    }
}
