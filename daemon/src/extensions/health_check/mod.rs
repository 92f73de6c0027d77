//! `health_check`: whether the process is well, for load balancers and Kubernetes.
//!
//! The configured path answers as the Collector does: well once everything has started and until
//! the process is asked to stop, and components count only as far as the configuration says. Two
//! more paths tell apart what Kubernetes asks for:
//!
//! - `/live` is well unless a component failed so that the process should end;
//! - `/ready` is well while everything is started, no component needs a person, and none has been
//!   failing for `component_health::recovery_duration`.
//!
//! `?verbose` adds every component, `?pipeline=traces` asks about one pipeline only.

mod config;
mod grpc;
#[cfg(test)]
mod tests;
mod verdict;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use tapline_net::http::{Answer, Handler, Request, ServerSettings};
use tapline_pipeline::{Extension, Moment, StartError, Status, Stop, Work};
use tokio::time::Instant;

pub(crate) use self::config::{Config, Written};
pub(super) use self::verdict::nodes;
use self::{
    config::Form,
    grpc::Probes,
    verdict::{Rules, Verdict, Whole, judge},
};
use super::server;
use crate::{
    host_view::{HostView, Phase},
    timestamp,
};

const JSON: &str = "application/json";

/// Builds the extension: reads certificates. It listens when it is started.
pub(crate) fn build(config: &Config, host: &HostView) -> Result<Arc<dyn Extension>, String> {
    Ok(Arc::new(HealthCheck {
        settings: config.server.as_ref().map(server::settings).transpose()?,
        grpc: config.grpc.as_ref().map(grpc::settings).transpose()?,
        config: config.clone(),
        host: host.clone(),
    }))
}

#[derive(Clone)]
struct HealthCheck {
    config: Config,
    settings: Option<ServerSettings>,
    grpc: Option<tapline_net::grpc::ServerSettings>,
    host: HostView,
}

#[async_trait]
impl Extension for HealthCheck {
    async fn start(self: Arc<Self>, stop: Stop) -> Result<Option<Work>, StartError> {
        let mut works: Vec<Work> = Vec::new();
        if let (Some(config), Some(settings)) = (&self.config.server, self.settings.clone()) {
            let listener = server::listen(config).await?;
            let handler = Arc::<Self>::clone(&self);
            works.push(server::work(listener, settings, handler, stop.clone()));
        }
        if let (Some(config), Some(settings)) = (&self.config.grpc, self.grpc.clone()) {
            let listener = grpc::listen(config).await?;
            let probes = Arc::new(Probes(Arc::clone(&self)));
            works.push(Box::pin(async move {
                grpc::run(listener, settings, probes, stop).await;
                Ok(())
            }));
        }
        Ok(Some(Box::pin(async move {
            try_join_all(works).await.map(drop)
        })))
    }
}

#[async_trait]
impl Handler for HealthCheck {
    async fn handle(&self, request: Request) -> Answer {
        let uri = &request.head.uri;
        let query = uri.query().unwrap_or_default();
        self.answer(&request.head.method, uri.path(), query, Instant::now())
    }
}

/// What was asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    /// What the configuration means by health.
    Health,
    Live,
    Ready,
}

// === impl HealthCheck ===

impl HealthCheck {
    fn answer(&self, method: &Method, path: &str, query: &str, now: Instant) -> Answer {
        let question = match path {
            path if path == self.config.path => Question::Health,
            "/live" => Question::Live,
            "/ready" => Question::Ready,
            _ => return server::answer(StatusCode::NOT_FOUND, JSON, "{}".to_owned()),
        };
        if method != Method::GET && method != Method::HEAD {
            return server::answer(StatusCode::METHOD_NOT_ALLOWED, JSON, "{}".to_owned());
        }
        let only = server::parameter(query, "pipeline").filter(|only| !only.is_empty());
        let scene = self.host.scene();
        let Some(mut verdict) = judge(&scene, only.as_deref(), self.rules(question), now) else {
            return server::answer(StatusCode::NOT_FOUND, JSON, "{}".to_owned());
        };
        if question == Question::Live {
            verdict.is_well = verdict.status != Status::FatalError;
        }
        let is_verbose = server::parameter(query, "verbose").is_some_and(|value| value != "false");
        let body = match self.config.form {
            Form::First => self.first(&verdict, scene.phase, is_verbose, now),
            Form::Second => self.second(&verdict, is_verbose),
        };
        server::answer(self.code(&verdict), JSON, body)
    }

    fn rules(&self, question: Question) -> Rules {
        let health = self.config.component_health;
        let patience = health.recovery_duration.get();
        match question {
            Question::Live => Rules::default(),
            Question::Ready => Rules {
                permanent: true,
                recoverable: Some(patience),
            },
            Question::Health => Rules {
                permanent: health.include_permanent_errors,
                recoverable: [
                    health.include_recoverable_errors.then_some(patience),
                    self.config
                        .exporter_patience
                        .map(tapline_config::Duration::get),
                ]
                .into_iter()
                .flatten()
                .min(),
            },
        }
    }

    /// The second form calls a process that needs a person 500, anything that may pass 503.
    fn code(&self, verdict: &Verdict) -> StatusCode {
        let needs_a_person = matches!(verdict.status, Status::PermanentError | Status::FatalError);
        match (verdict.is_well, self.config.form) {
            (true, _) => StatusCode::OK,
            (false, Form::Second) if needs_a_person => StatusCode::INTERNAL_SERVER_ERROR,
            (false, _) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn first(&self, verdict: &Verdict, phase: Phase, is_verbose: bool, now: Instant) -> String {
        let text = self.config.response_body.as_ref().map(|body| {
            if verdict.is_well {
                &body.healthy
            } else {
                &body.unhealthy
            }
        });
        if let Some(text) = text.filter(|text| !text.is_empty() && !is_verbose) {
            return text.clone();
        }
        let status = if verdict.is_well {
            "Server available"
        } else {
            "Server not available"
        };
        // Go's zero time, as the Collector has it before the start.
        let (up_since, uptime) = match phase {
            Phase::Running(since) => (timestamp::nanos(since.time), uptime(since, now)),
            Phase::Starting | Phase::Stopping => ("0001-01-01T00:00:00Z".to_owned(), String::new()),
        };
        let mut body = json!({"status": status, "upSince": up_since, "uptime": uptime});
        if is_verbose {
            body["componentStatus"] = Value::from(verdict.status.name());
            body["components"] = components(&verdict.pipelines);
        }
        if !verdict.cause.is_empty() && (is_verbose || !verdict.is_well) {
            body["error"] = Value::from(verdict.cause.as_str());
        }
        body.to_string()
    }

    fn second(&self, verdict: &Verdict, is_verbose: bool) -> String {
        let mut body = state(
            verdict.is_well,
            verdict.status,
            verdict.since,
            &verdict.cause,
        );
        let started = timestamp::nanos(self.host.started().time);
        body["start_time"] = Value::from(started);
        if is_verbose {
            body["components"] = components(&verdict.pipelines);
        }
        body.to_string()
    }
}

fn uptime(since: Moment, now: Instant) -> String {
    let up = now.duration_since(since.instant);
    let millis = u64::try_from(up.as_millis()).unwrap_or(u64::MAX);
    tapline_config::Duration::from_millis(millis).to_string()
}

/// Nests the components under their pipelines.
fn components(pipelines: &[Whole]) -> Value {
    let nested = pipelines.iter().map(|whole| {
        let parts = whole.parts.iter().map(|part| {
            let health = &part.health;
            let state = state(part.is_well, health.status, health.since, &health.cause);
            (part.name.clone(), state)
        });
        let parts: Map<String, Value> = parts.collect();
        let is_well = whole.parts.iter().all(|part| part.is_well);
        let body = json!({"healthy": is_well, "components": parts});
        (format!("pipeline:{}", whole.pipeline), body)
    });
    Value::Object(nested.collect())
}

fn state(is_well: bool, status: Status, since: Option<Moment>, cause: &str) -> Value {
    let mut state = json!({"healthy": is_well, "status": status.name()});
    if let Some(since) = since {
        state["status_time"] = Value::from(timestamp::nanos(since.time));
    }
    if !cause.is_empty() {
        state["error"] = Value::from(cause);
    }
    state
}
