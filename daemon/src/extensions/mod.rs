//! Extensions, each in its module: what shows the process itself, and who somebody is.

pub(crate) mod basic_auth;
pub(crate) mod bearer_token_auth;
mod followed_file;
pub(crate) mod health_check;
mod htpasswd;
mod secrecy;
mod server;
pub(crate) mod zpages;
