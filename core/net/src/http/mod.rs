//! HTTP: a client that posts bytes. Servers come later.

mod client;

pub use client::{AskHttp2, Client, ClientSettings, HttpError, Response};
