//! `otlp`: takes OTLP over gRPC and HTTP, and hands it on undecoded.
//!
//! A request is admitted by its size before it is read, read into one buffer, checked once, and
//! that buffer is the batch. The answer to the client is the answer of the pipeline. What is in
//! memory is what is under way: the account of the process holds its bytes.
//!
//! It must not know what happens to a batch, nor what is in it.

mod answer;
mod config;
mod gate;
mod grpc;
mod http;
mod intake;
mod turns;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::{BoxFuture, join_all};
use tapline_config::Transport;
use tapline_net::{
    grpc as net_grpc, http as net_http,
    listen::{ListenError, Listener},
};
use tapline_pipeline::{BuildContext, Memory, Outlets, Receiver, StartError, Stop, Work};

pub use self::config::{Config, Paths, Protocols};
use self::{gate::Gate, grpc::GrpcIntake, http::HttpIntake, intake::Intake};

/// Where it listens unless told otherwise.
const GRPC_ENDPOINT: &str = "localhost:4317";
const HTTP_ENDPOINT: &str = "localhost:4318";

/// Makes the receiver. Reads certificates, opens nothing.
pub fn build(config: &Config, context: &BuildContext) -> Result<Box<dyn Receiver>, String> {
    let Protocols { grpc, http } = &config.protocols;
    let services = &context.shared.services;
    let grpc = grpc.as_ref().map(|config| {
        Ok::<_, String>(GrpcHalf {
            place: Place::new(config.transport, &config.endpoint, GRPC_ENDPOINT),
            gate: Gate::grpc(config, services)?,
            settings: net_grpc::ServerSettings::from_config(config).map_err(|it| it.to_string())?,
        })
    });
    let http = http.as_ref().map(|config| {
        let (base, paths) = (&config.base, &config.extra);
        Ok::<_, String>(HttpHalf {
            place: Place::new(base.transport, &base.endpoint, HTTP_ENDPOINT),
            gate: Gate::http(base, services)?,
            settings: http::settings(base).map_err(|it| it.to_string())?,
            paths: paths.clone(),
        })
    });
    Ok(Box::new(Otlp {
        grpc: grpc.transpose()?,
        http: http.transpose()?,
        memory: context.shared.memory.clone(),
    }))
}

/// The receiver before it is started.
struct Otlp {
    grpc: Option<GrpcHalf>,
    http: Option<HttpHalf>,
    memory: Memory,
}

struct GrpcHalf {
    place: Place,
    gate: Gate,
    settings: net_grpc::ServerSettings,
}

struct HttpHalf {
    place: Place,
    gate: Gate,
    settings: net_http::ServerSettings,
    paths: Paths,
}

/// Where one protocol listens.
struct Place {
    transport: Transport,
    endpoint: String,
}

impl Place {
    fn new(transport: Transport, endpoint: &str, default: &str) -> Self {
        let endpoint = if endpoint.is_empty() {
            default
        } else {
            endpoint
        };
        Self {
            transport,
            endpoint: endpoint.to_owned(),
        }
    }

    async fn listen(&self) -> Result<Listener, StartError> {
        let listener = Listener::bind(self.transport, &self.endpoint).await;
        listener.map_err(|error: ListenError| StartError(error.to_string()))
    }
}

#[async_trait]
impl Receiver for Otlp {
    async fn start(self: Box<Self>, out: Outlets, stop: Stop) -> Result<Work, StartError> {
        let mut servers: Vec<BoxFuture<'static, ()>> = Vec::new();
        if let Some(grpc) = self.grpc {
            let listener = grpc.place.listen().await?;
            let intake = Intake::new(&out, "grpc", self.memory.clone());
            let service = Arc::new(GrpcIntake::new(intake, grpc.gate));
            let stop = stop.clone();
            servers.push(Box::pin(async move {
                net_grpc::serve(listener, grpc.settings, service, stop.requested()).await;
            }));
        }
        if let Some(http) = self.http {
            let listener = http.place.listen().await?;
            let intake = Intake::new(&out, "http", self.memory);
            let handler = Arc::new(HttpIntake::new(intake, http.gate, &http.paths));
            servers.push(Box::pin(async move {
                net_http::serve(listener, http.settings, handler, stop.requested()).await;
            }));
        }
        Ok(Box::pin(async move {
            join_all(servers).await;
            Ok(())
        }))
    }
}
