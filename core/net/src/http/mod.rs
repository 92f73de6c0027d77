//! HTTP: a client that posts bytes, and a server.

mod body;
mod client;
mod connector;
mod cookies;
mod cors;
mod redirect;
mod server;

pub use body::{Body, BodyError};
pub use client::{AskHttp2, Client, ClientSettings, CookiePolicy, HttpError, Response};
pub use cors::Cors;
pub use server::{Answer, Handler, Request, ServerSettings, serve};
