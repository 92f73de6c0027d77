//! Serves the page at `/metrics`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, StatusCode, header};
use tapline_config::Transport;
use tapline_net::{
    Limits,
    http::{Answer, Handler, Request, ServerSettings, serve},
    listen::Listener,
};
use tapline_pipeline::Stop;

use super::{
    config::PageConfig,
    page::{self, Format},
    reader::Reader,
};

/// How many scrapers there may be at a time; more wait.
const CONNECTIONS_MAX: usize = 32;
/// How long the last answers may take when tapline stops.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(1);

/// Answers scrapers.
pub(super) struct Page {
    reader: Reader,
    config: PageConfig,
    failures: AtomicU64,
}

/// Takes the port, or says why not: `cannot listen on localhost:8888: address in use`, and by whom
/// as far as that is known.
pub(super) async fn bind(config: &PageConfig) -> Result<Listener, String> {
    let is_bare_v6 = config.host.contains(':') && !config.host.starts_with('[');
    let host = if is_bare_v6 {
        format!("[{}]", config.host)
    } else {
        config.host.clone()
    };
    let endpoint = format!("{host}:{}", config.port);
    Listener::bind(Transport::Tcp, &endpoint)
        .await
        .map_err(|error| {
            if error.is_in_use() {
                format!("{error}: another process listens there, perhaps another tapline")
            } else {
                error.to_string()
            }
        })
}

/// Serves until `stop`.
pub(super) async fn run(listener: Listener, page: Arc<Page>, stop: Stop) {
    let settings = ServerSettings {
        limits: Limits {
            connections_max: Some(CONNECTIONS_MAX),
            drain_time_max: DRAIN_TIME_MAX,
        },
        ..ServerSettings::default()
    };
    serve(listener, settings, page, stop.requested()).await;
}

impl Page {
    pub(super) fn new(reader: Reader, config: PageConfig) -> Self {
        Self {
            reader,
            config,
            failures: AtomicU64::new(0),
        }
    }

    /// Answers one request. Collecting takes a moment and does not wait for anything.
    pub(super) fn answer(&self, method: &Method, path: &str, accept: &str) -> Answer {
        if path != "/metrics" {
            return text(StatusCode::NOT_FOUND, "own metrics are at /metrics\n");
        }
        if method != Method::GET && method != Method::HEAD {
            return text(StatusCode::METHOD_NOT_ALLOWED, "GET only\n");
        }
        let collected = match self.reader.read() {
            Ok(collected) => collected,
            Err(error) => {
                self.failures.fetch_add(1, Relaxed);
                return text(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error}\n"));
            }
        };
        let format = Format::accepted(accept);
        let failures = self.failures.load(Relaxed);
        let page = page::render(&collected, &self.config, format, failures);
        let mut answer = Answer::new(Bytes::from(page));
        let kind = header::HeaderValue::from_static(format.content_type());
        answer.headers_mut().insert(header::CONTENT_TYPE, kind);
        answer
    }
}

#[async_trait]
impl Handler for Page {
    async fn handle(&self, request: Request) -> Answer {
        let head = &request.head;
        let accept = head.headers.get(header::ACCEPT);
        let accept = accept.and_then(|value| value.to_str().ok()).unwrap_or("");
        self.answer(&head.method, head.uri.path(), accept)
    }
}

fn text(status: StatusCode, body: &str) -> Answer {
    let mut answer = Answer::new(Bytes::copy_from_slice(body.as_bytes()));
    *answer.status_mut() = status;
    let kind = header::HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}
