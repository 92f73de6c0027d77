//! HTTP: a client that posts bytes, and a server.

mod body;
mod client;
mod cors;
mod server;

pub use body::{Body, BodyError};
pub use client::{AskHttp2, Client, ClientSettings, HttpError, Response};
pub use cors::Cors;
pub use server::{Answer, Handler, Request, ServerSettings, serve};
