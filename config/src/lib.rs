//! Collector YAML in, typed settings out, every mistake with its file, line and column.
//!
//! ```text
//! inputs -> yaml (located tree) -> layer (merged) -> expand (${…}) -> Document
//! Document -> service (ids, pipelines) -> decode (a component's typed settings) -> validate
//! ```
//!
//! This crate must not know tokio, nor any component. It never reads the environment: it is given
//! a snapshot.

mod assignment;
mod auth;
mod component_id;
mod decode;
mod duration;
mod endpoint;
mod environment;
mod excerpt;
mod expand;
mod extended;
mod grpc_server;
mod headers;
mod http_server;
mod input;
mod layer;
mod load;
mod node;
mod opaque;
mod optional;
mod place;
mod print;
mod problem;
mod queue;
mod retry;
mod schema;
mod secret;
mod service;
mod suggest;
mod tls;
mod tls_server;
mod transport;
mod validate;
mod yaml;

pub use auth::{AuthConfig, HttpAuthConfig, MiddlewareConfig};
pub use component_id::{ComponentId, IdError};
pub use decode::{decode, decode_into, decode_valid};
pub use duration::{Duration, DurationError};
pub use endpoint::host_and_port;
pub use environment::Environment;
pub use extended::Extended;
pub use grpc_server::{
    DialerConfig, GrpcServerConfig, KeepaliveEnforcementPolicy, KeepaliveServerConfig,
    KeepaliveServerParameters,
};
pub use headers::Headers;
pub use http_server::{CorsConfig, HttpServerConfig};
pub use input::{Input, read_file};
pub use load::{Document, load};
pub use node::{Kind, Node};
pub use opaque::Opaque;
pub use optional::{Optional, off_when_null};
pub use place::{Located, Place, Source};
pub use print::{Secrets, print, print_node};
pub use problem::{Problem, Problems, Severity};
pub use queue::{PartitionConfig, QueueBatchConfig, QueueConfig, Sizer};
pub use retry::RetryConfig;
pub use service::{KnownTypes, Layout, Pipeline, PipelineId, Section, Service, Standing};
pub use suggest::nearest;
pub use tls::{TlsClientConfig, TlsVersion};
pub use tls_server::{TlsServerConfig, TpmConfig};
pub use transport::Transport;
pub use validate::{Invalid, Validate};
