//! HTTP: a client that posts bytes, and a server.

mod body;
mod client;
mod connector;
mod cookies;
mod cors;
mod from_config;
mod redirect;
mod server;

pub use body::{Body, BodyError};
pub use client::{AskHttp2, Client, ClientSettings, CookiePolicy, HttpError, Response};
pub use cors::Cors;
pub use from_config::ServerConfigError;
pub use server::{Answer, Handler, Request, ServerSettings, serve};
