//! HTTP: a client that posts bytes, and a server.

mod body;
mod client;
mod server;

pub use body::{Body, BodyError};
pub use client::{AskHttp2, Client, ClientSettings, HttpError, Response};
pub use server::{Answer, Handler, Request, ServerSettings, serve};
