//! `auth`: which extension proves, or checks, who somebody is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ComponentId;

/// The authenticator of a client, or of a gRPC server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AuthConfig {
    /// The extension to ask.
    pub authenticator: ComponentId,
}

/// The authenticator of an HTTP server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HttpAuthConfig {
    /// The extension to ask.
    pub authenticator: ComponentId,
    /// Query parameters that it sees as if they were headers.
    #[serde(default)]
    pub request_params: Vec<String>,
}

/// A reference to an extension that looks at requests. None exists yet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MiddlewareConfig {
    /// The extension.
    pub id: ComponentId,
}
