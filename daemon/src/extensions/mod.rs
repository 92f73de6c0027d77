//! Extensions, each in its module: what shows the process, who somebody is, what lies on disk.

pub(crate) mod basic_auth;
pub(crate) mod bearer_token_auth;
pub(crate) mod file_storage;
mod followed_file;
pub(crate) mod health_check;
mod htpasswd;
mod secrecy;
mod server;
pub(crate) mod zpages;
