//! Collector YAML in, typed settings out, every mistake with its file, line and column.
//!
//! ```text
//! inputs -> yaml (located tree) -> paths (a::b) -> layer (merged) -> expand (${…}) -> Document
//! Document -> service (ids, pipelines) -> decode (a component's typed settings) -> validate
//! ```
//!
//! This crate must not know tokio, nor any component. It never reads the environment and opens no
//! connection: it asks through [`Retrieve`].

mod append;
mod assignment;
mod auth;
mod byte_size;
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
mod paths;
mod place;
mod print;
mod problem;
mod queue;
mod retrieve;
mod retry;
mod schema;
mod secret;
mod service;
mod suggest;
mod tls;
mod tls_server;
mod transport;
mod uri;
mod validate;
mod via;
mod yaml;

pub use auth::{AuthConfig, HttpAuthConfig, MiddlewareConfig};
pub use byte_size::ByteSize;
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
pub use input::{Input, read_file, read_text};
pub use load::{Document, Lists, LoadOptions, gather, load};
pub use node::{Kind, Node};
pub use opaque::Opaque;
pub use optional::{Optional, off_when_null};
pub use place::{Located, Place, Source};
pub use print::{Secrets, explain, print, print_node};
pub use problem::{Problem, Problems, Severity};
pub use queue::{PartitionConfig, QueueBatchConfig, QueueConfig, Sizer};
pub use retrieve::Retrieve;
pub use retry::RetryConfig;
pub use service::{KnownTypes, Layout, Pipeline, PipelineId, Section, Service, Standing};
pub use suggest::nearest;
pub use tls::{TlsClientConfig, TlsVersion};
pub use tls_server::{TlsServerConfig, TpmConfig};
pub use transport::Transport;
pub use uri::{Scheme, Uri, UriError};
pub use validate::{Invalid, Validate};
pub use via::Via;
