//! Extensions that show the process itself, each in its module.

pub(crate) mod health_check;
mod server;
pub(crate) mod zpages;
